#include "report/json.h"

#include <jansson.h>
#include <stdlib.h>

#include "lib/utf8.h"

struct json_list {
	struct arena *arena;
	json_t *array;
};

static void release(void *array)
{
	json_decref(array);
}

static struct json_list *wrap(struct arena *arena, json_t *array)
{
	struct json_list *list = arena_make(arena, struct json_list);

	list->arena = arena;
	list->array = array;
	arena_on_free(arena, release, array);
	return list;
}

static void must(int result)
{
	if (result != 0)
		abort();
}

struct json_list *json_list_new(struct arena *arena)
{
	json_t *array = json_array();

	must(array == NULL);
	return wrap(arena, array);
}

void json_list_add(struct json_list *list)
{
	must(json_array_append_new(list->array, json_object()));
}

void json_list_set(struct json_list *list, const char *name, const char *text)
{
	json_t *object = json_array_get(list->array, json_array_size(list->array) - 1);

	if (text != NULL)
		must(json_object_set_new(object, name, json_string(text)));
}

static const char *dump(struct arena *arena, const json_t *value, size_t flags)
{
	char *text = json_dumps(value, JSON_COMPACT | JSON_PRESERVE_ORDER | flags);
	const char *copy;

	must(text == NULL);
	copy = arena_string(arena, text);
	free(text);
	return copy;
}

const char *json_list_text(struct json_list *list)
{
	return dump(list->arena, list->array, 0);
}

struct json_list *json_list_parse(struct arena *arena, const char *text)
{
	json_t *value = json_loads(text, 0, NULL);

	if (json_is_array(value))
		return wrap(arena, value);
	json_decref(value);
	return NULL;
}

unsigned json_list_count(const struct json_list *list)
{
	return list == NULL ? 0 : (unsigned)json_array_size(list->array);
}

const char *json_list_get(const struct json_list *list, unsigned i, const char *name)
{
	return list == NULL
		   ? NULL
		   : json_string_value(json_object_get(json_array_get(list->array, i), name));
}

const char *json_quote(struct arena *arena, const char *text)
{
	const char *quoted;
	struct buf clean;
	json_t *value;

	buf_init(&clean, arena, 0);
	utf8_clean(&clean, span_of(text));
	value = text == NULL ? json_null() : json_string(buf_text(&clean));
	must(value == NULL);
	quoted = dump(arena, value, JSON_ENCODE_ANY);
	json_decref(value);
	return quoted;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * jansson's tree, with a stack of the open objects and arrays. The tree is released by the arena.
 */
#include "lib/jsonout.h"

#include <assert.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"

enum { DEPTH_MAX = 32 };

struct jsonout {
	struct arena *arena;
	json_t *open[DEPTH_MAX];
	unsigned depth;
};

static void release_json(void *arg)
{
	json_decref(arg);
}

struct jsonout *jsonout_rest(struct arena *arena)
{
	struct jsonout *out = arena_make(arena, struct jsonout);

	out->arena = arena;
	out->open[0] = json_object();
	if (out->open[0] == NULL)
		abort();
	arena_on_free(arena, release_json, out->open[0]);
	out->depth = 1;
	return out;
}

struct jsonout *jsonout_new(struct arena *arena, const char *schema)
{
	struct jsonout *out = jsonout_rest(arena);
	char now[CLOCK_TEXT_MAX];

	jsonout_text(out, "schema", arena_printf(arena, "countersign.%s/1", schema));
	jsonout_text(out, "version", VERSION);
	jsonout_text(out, "generated", clock_utc_text(clock_wall(), now));
	return out;
}

static void add_value(struct jsonout *out, const char *key, json_t *value)
{
	json_t *in = out->open[out->depth - 1];
	int failed;

	assert(json_is_object(in) == (key != NULL));
	failed =
	    key != NULL ? json_object_set_new(in, key, value) : json_array_append_new(in, value);
	if (value == NULL || failed != 0)
		abort();
}

static void open_value(struct jsonout *out, const char *key, json_t *value)
{
	assert(out->depth < DEPTH_MAX);
	add_value(out, key, value);
	out->open[out->depth++] = value;
}

void jsonout_object(struct jsonout *out, const char *key)
{
	open_value(out, key, json_object());
}

void jsonout_array(struct jsonout *out, const char *key)
{
	open_value(out, key, json_array());
}

void jsonout_end(struct jsonout *out)
{
	assert(out->depth > 1);
	out->depth--;
}

void jsonout_end_all(struct jsonout *out)
{
	out->depth = 1;
}

/* The length of the UTF-8 character (RFC 3629) P begins with; 0: none does. */
static size_t utf8_length(const unsigned char *p, const unsigned char *end)
{
	static const struct {
		unsigned char first, last, second_min, second_max, length;
	} forms[] = {
	    {0x00, 0x7f, 0, 0, 1},       {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
	    {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
	    {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4}};
	unsigned i = 0, k;

	while (i < sizeof forms / sizeof forms[0] && (*p < forms[i].first || *p > forms[i].last))
		i++;
	if (i == sizeof forms / sizeof forms[0] || end - p < forms[i].length)
		return 0;
	if (forms[i].length > 1 && (p[1] < forms[i].second_min || p[1] > forms[i].second_max))
		return 0;
	for (k = 2; k < forms[i].length; k++) {
		if ((p[k] & 0xc0) != 0x80)
			return 0;
	}
	return forms[i].length;
}

void jsonout_text(struct jsonout *out, const char *key, const char *text)
{
	const unsigned char *p, *end;
	struct buf clean;

	if (text == NULL) {
		jsonout_null(out, key);
		return;
	}
	p = (const unsigned char *)text;
	end = p + strlen(text);
	buf_init(&clean, NULL, 0);
	while (p < end) {
		size_t n = utf8_length(p, end);

		if (n == 0)
			buf_string(&clean, "\xef\xbf\xbd");
		else
			buf_add(&clean, p, n);
		p += n == 0 ? 1 : n;
	}
	add_value(out, key, json_string(buf_text(&clean)));
	buf_free(&clean);
}

void jsonout_int(struct jsonout *out, const char *key, int64_t value)
{
	add_value(out, key, json_integer(value));
}

void jsonout_real(struct jsonout *out, const char *key, double value)
{
	add_value(out, key, json_real(value));
}

void jsonout_bool(struct jsonout *out, const char *key, bool value)
{
	add_value(out, key, json_boolean(value));
}

void jsonout_null(struct jsonout *out, const char *key)
{
	add_value(out, key, json_null());
}

void jsonout_print(struct jsonout *out, FILE *stream)
{
	json_dumpf(out->open[0], stream, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
	fputc('\n', stream);
}

void jsonout_write(struct jsonout *out, struct buf *to)
{
	char *text = json_dumps(out->open[0], JSON_INDENT(2) | JSON_PRESERVE_ORDER);

	if (text == NULL)
		abort();
	buf_string(to, text);
	buf_char(to, '\n');
	free(text);
}

void jsonout_print_rest(struct jsonout *out, FILE *stream)
{
	char *text = json_dumps(out->open[0], JSON_COMPACT | JSON_PRESERVE_ORDER);

	assert(json_object_size(out->open[0]) > 0);
	if (text == NULL)
		abort();
	fprintf(stream, ",%s\n", text + 1);
	free(text);
}

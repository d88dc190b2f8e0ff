/* SPDX-License-Identifier: BSD-2-Clause */
/* policy/bimi/record: what is accepted is a record by its own reader, its URIs are https or
 * nothing, and the same record written again means the same. Behind a form feed: a local part. */
#include <assert.h>
#include <string.h>

#include "lib/arena.h"
#include "policy/bimi/record.h"
#include "t/lib/fuzz.h"

static void check_uri(const char *uri)
{
	assert(*uri == '\0' || span_istarts(span_of(uri), "https://"));
	for (; *uri != '\0'; uri++)
		assert(*uri > ' ' && *uri <= '~' && *uri != ';');
}

static void check_local(struct arena *arena, const struct bimi_record *record, struct span local)
{
	const char *name = bimi_record_local(arena, record->prefixes, arena_span(arena, local));

	if (name == NULL)
		return;
	assert(strlen(name) >= 1 && strlen(name) <= 63 && *name != '-');
	for (; *name != '\0'; name++)
		assert((char_is_alnum((unsigned char)*name) || (*name == '-' && name[1] != '\0')) &&
		       char_lower((unsigned char)*name) == *name);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new(SIZE_MAX);
	struct span text = span_make(data, size), local = span_of("");
	const char *feed = memchr(data, '\f', size);
	struct bimi_record record, again;
	struct why why = {""};

	if (feed != NULL) {
		text.end = feed;
		local = span_make(feed + 1, size - span_len(text) - 1);
	}
	if (bimi_record_parse(arena, text, &record, &why) == -1) {
		assert(why.text[0] != '\0');
	} else {
		assert(bimi_record_is(text));
		check_uri(record.location);
		check_uri(record.authority);
		check_local(arena, &record, local);
		assert(bimi_record_parse(arena,
					 span_of(arena_printf(arena, "v=BIMI1; l=%s; a=%s",
							      record.location, record.authority)),
					 &again, &why) == 0);
		assert(strcmp(again.location, record.location) == 0 &&
		       strcmp(again.authority, record.authority) == 0 &&
		       again.declined == record.declined);
	}
	arena_free(arena);
	return 0;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* report/page/html: whatever the text, what is written has no markup, is clean UTF-8, and is
 * bounded. */
#include <assert.h>

#include "lib/utf8.h"
#include "report/page/html.h"
#include "t/lib/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new(0);
	const char *text = arena_span(arena, span_make(data, size));
	struct buf whole, cut;

	buf_init(&whole, arena, 0);
	buf_init(&cut, arena, 0);
	html_text(&whole, text);
	assert(memchr(whole.data == NULL ? "" : whole.data, '<', whole.len) == NULL);
	assert(memchr(whole.data == NULL ? "" : whole.data, '"', whole.len) == NULL);
	assert(utf8_is_clean(buf_view(&whole)));
	assert(whole.len <= 9 * size);
	html_short(&cut, text, 20);
	assert(cut.len <= 10 * 1000 + 10 * 20 + 100);
	assert(utf8_is_clean(buf_view(&cut)));
	arena_free(arena);
	return 0;
}

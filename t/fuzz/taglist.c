/* SPDX-License-Identifier: BSD-2-Clause */
/* mail/taglist: every tag lies inside the text, has a name, and is found by it. */
#include <assert.h>

#include "lib/arena.h"
#include "mail/taglist.h"
#include "t/lib/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = span_make(data, size);
	struct arena *arena = arena_new(0);
	struct taglist list;
	struct why why;

	if (taglist_parse(&list, text, &why) == 0) {
		assert(list.count > 0 && list.count <= TAGLIST_MAX);
		for (unsigned i = 0; i < list.count; i++) {
			const struct tag *tag = &list.tags[i];

			assert(tag->whole.p >= text.p && tag->whole.end <= text.end);
			assert(tag->value.p >= tag->name.end && tag->value.end <= tag->whole.end);
			assert(taglist_find(&list, arena_span(arena, tag->name)) == tag);
			(void)taglist_value_ok(tag->value, true);
		}
	}
	arena_free(arena);
	return 0;
}

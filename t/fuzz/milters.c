/* SPDX-License-Identifier: BSD-2-Clause */
/* admin/setup/milters: items lie in the text, in order and to an end; what is added is the last
 * item. */
#include "admin/setup/milters.h"

#include <assert.h>
#include <string.h>

#include "t/lib/fuzz.h"

static struct span text;

static void inside(struct span s)
{
	assert(s.p <= s.end && s.p >= text.p && s.end <= text.end);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span rest = text = span_make(data, size), value;
	struct arena *arena = arena_new(0);
	const char *before = text.p;
	struct milter_item item = {0};
	unsigned count = 0, again = 0;

	if (size > 0 && memchr(data, 0, size) != NULL) { /* no setting has one */
		arena_free(arena);
		return 0;
	}
	for (; milters_next(&rest, &item); before = rest.p, count++) {
		assert(rest.p > before && !span_empty(item.text));
		inside(item.text), inside(item.address), inside(item.settings);
		if (milters_setting(&item, "default_action", &value) ||
		    milters_path(item.address, &value))
			inside(value);
	}
	rest = span_of(milters_add(arena, text, "unix:ours", NULL, NULL));
	while (milters_next(&rest, &item))
		again++;
	assert(again >= 1 && again <= count + 1);
	arena_free(arena);
	return 0;
}

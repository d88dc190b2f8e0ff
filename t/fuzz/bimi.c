/* SPDX-License-Identifier: BSD-2-Clause */
/* policy/bimi/selector: what is accepted is one name that DNS can carry, and stays what it is when
 * it is written again. */
#include <assert.h>
#include <string.h>

#include "lib/arena.h"
#include "policy/bimi/selector.h"
#include "t/lib/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new(SIZE_MAX);
	const char *selector = bimi_selector_parse(arena, span_make(data, size)), *again;

	if (selector != NULL) {
		assert(*selector != '\0' && strlen(selector) <= BIMI_SELECTOR_MAX);
		for (const char *p = selector; *p != '\0'; p++)
			assert(char_is_alnum((unsigned char)*p) || *p == '-' ||
			       (*p == '.' && p[1] != '.' && p[1] != '\0' && p > selector));
		again = bimi_selector_parse(
		    arena, span_of(arena_printf(arena, "v=BIMI1; s=%s", selector)));
		assert(again != NULL && strcmp(selector, again) == 0);
	}
	arena_free(arena);
	return 0;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* policy/trust: the id in a List-Id field is short, lower case and without what could be a second
 * one; in angle brackets it reads as itself again. */
#include <assert.h>
#include <string.h>

#include "policy/trust.h"
#include "t/lib/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new(0);
	const char *id = trust_list_id(arena, span_make(data, size)), *again;

	if (id != NULL) {
		assert(id[0] != '\0' && strlen(id) <= 255 && strpbrk(id, " \t\r\n<>") == NULL);
		again = trust_list_id(arena, span_of(arena_printf(arena, "x <%s>", id)));
		assert(again != NULL && strcmp(again, id) == 0);
	}
	arena_free(arena);
	return 0;
}

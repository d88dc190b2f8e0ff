/* SPDX-License-Identifier: BSD-2-Clause */
/* policy/binding: a field that nobody who knows the secret has written is not bound; one that was
 * written is read back. */
#include <assert.h>
#include <string.h>

#include "policy/binding.h"
#include "t/lib/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new(0);
	struct span text = span_make(data, size);
	struct binding binding = {.secret = "x",
				  .list = "lists.example",
				  .author = "a.example",
				  .message_id = "<1@a.example>",
				  .seal = text,
				  .now = 1796000000};
	const char *results = arena_span(arena, text), *again;

	assert(binding_read(&binding, text, arena) == NULL);
	if (memchr(text.p, '\0', size) == NULL) {
		again =
		    binding_read(&binding, span_of(binding_write(&binding, results, arena)), arena);
		assert(again != NULL && strlen(again) <= 2 * size);
	}
	arena_free(arena);
	return 0;
}

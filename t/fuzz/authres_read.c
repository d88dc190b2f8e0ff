/* SPDX-License-Identifier: BSD-2-Clause */
/* mail/authres_read: what is read lies in the text, and within the bounds. */
#include <assert.h>
#include <string.h>

#include "mail/authres_read.h"
#include "t/lib/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = span_make(data, size);
	struct arena *arena = arena_new(0);
	struct authres_results results;
	unsigned instance = authres_instance(&text);

	assert(instance <= 50 && text.end == (const char *)data + size);
	if (authres_parse(arena, text, &results)) {
		assert(results.count <= 100);
		for (unsigned i = 0; i < results.count; i++) {
			const struct authres_result *one = &results.items[i];

			assert(*one->method != '\0' && *one->result != '\0');
			assert(one->property_count <= 16);
			for (unsigned k = 0; k < one->property_count; k++)
				assert(strlen(one->properties[k].value) <= size);
		}
	}
	(void)authres_is_ours(text, "mx.example");
	arena_free(arena);
	return 0;
}

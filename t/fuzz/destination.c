/* SPDX-License-Identifier: BSD-2-Clause */
/* report/destination: whatever the record says, an address is fit for SMTP commands and fields. */
#include "policy/dmarc/destination.h"

#include <assert.h>
#include <string.h>

#include "t/lib/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new(0);
	struct destination list[DESTINATION_MAX];
	unsigned count = destination_parse(arena, span_make(data, size), list);

	assert(count <= DESTINATION_MAX);
	assert(count > 0 || destination_unusable(arena, span_make(data, size)) != NULL);
	for (unsigned i = 0; i < count; i++) {
		const char *at = strchr(list[i].address, '@');

		assert(at != NULL && at > list[i].address && at + 1 == list[i].host);
		assert(strlen(list[i].host) <= 253 && at - list[i].address <= 64);
		for (const char *p = list[i].address; *p != '\0'; p++)
			assert(*p > ' ' && *p < 0x7f && strchr("<>()[]\\\",:;", *p) == NULL);
	}
	arena_free(arena);
	return 0;
}

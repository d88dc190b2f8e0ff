/* SPDX-License-Identifier: BSD-2-Clause */
/* mail/logfields: what is taken for a log line has keys and values that are texts, each key once.
 */
#include <assert.h>
#include <string.h>

#include "mail/logfields.h"
#include "t/lib/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new(0);
	struct logfields fields;

	if (logfields_parse(arena, span_make(data, size), &fields)) {
		assert(fields.count >= 1 && strcmp(fields.items[0].key, "qid") == 0);
		for (unsigned i = 0; i < fields.count; i++) {
			const char *value = fields.items[i].value;

			assert(logfields_get(&fields, fields.items[i].key) == value);
			assert(value[0] == '\0' || logfields_match(value, value));
			(void)logfields_match(value, "pass");
		}
	}
	arena_free(arena);
	return 0;
}

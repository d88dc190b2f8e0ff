/* SPDX-License-Identifier: BSD-2-Clause */
/* mail/domain: what comes out is a name that DNS can carry, and comes out of itself again. */
#include <assert.h>
#include <string.h>

#include "dns/dns.h"
#include "mail/domain.h"
#include "t/lib/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new(0);
	struct span text = span_make(data, size);
	const char *name = domain_to_ascii(arena, text), *of;
	struct domain_pattern pattern;

	if (name != NULL) {
		assert(*name != '\0' && strlen(name) <= DNS_NAME_MAX && domain_labels(name) > 0);
		for (const char *p = name; *p != '\0'; p++)
			assert(char_is_alnum((unsigned char)*p) || strchr("-_.", *p) != NULL);
		assert(strcmp(domain_to_ascii(arena, span_of(name)), name) == 0);
		assert(domain_within(name, domain_last(name, 1)) && domain_equal(name, name));
	}
	of = domain_of_address(arena, arena_span(arena, text));
	assert(of == NULL || strcmp(domain_to_ascii(arena, span_of(of)), of) == 0);
	if (domain_pattern_parse(arena, text, &pattern) && pattern.domain != NULL)
		assert(domain_pattern_matches(&pattern, pattern.domain));
	arena_free(arena);
	return 0;
}

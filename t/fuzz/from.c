/* SPDX-License-Identifier: BSD-2-Clause */
/* policy/from: what is judged has one reason to be; domains are names in their one form. */
#include <assert.h>
#include <string.h>

#include "mail/domain.h"
#include "policy/from.h"
#include "t/lib/fuzz.h"

/* Two fields, divided by a NUL: the first byte says whether their names are From. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new(0);
	struct from from;

	from_init(&from, arena);
	if (size > 0) {
		const uint8_t *nul = memchr(data + 1, '\0', size - 1);
		size_t first = nul == NULL ? size - 1 : (size_t)(nul - data) - 1;

		from_header(&from, span_of(data[0] & 1 ? "From" : "X\rFrom"),
			    span_make(data + 1, first));
		if (nul != NULL && (data[0] & 2) != 0)
			from_header(&from, span_of("from "), span_make(nul, size - 1 - first));
	}
	assert(from.count <= FROM_DOMAINS_MAX);
	for (unsigned i = 0; i < from.count; i++) {
		const char *again = domain_to_ascii(arena, span_of(from.domains[i]));

		assert(again != NULL && strcmp(again, from.domains[i]) == 0);
		for (unsigned k = 0; k < i; k++)
			assert(strcmp(from.domains[i], from.domains[k]) != 0);
	}
	if (from_fault(&from) == NULL)
		assert(from.fields == 1 && from.count > 0 && !from.hidden && !from.too_many);
	arena_free(arena);
	return 0;
}

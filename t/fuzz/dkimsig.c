/* SPDX-License-Identifier: BSD-2-Clause */
/* policy/dkim/signature: what the gate lets through has every part, and the parts agree. */
#include <assert.h>
#include <string.h>

#include "lib/arena.h"
#include "mail/domain.h"
#include "policy/dkim/signature.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span value = span_make(data, size);
	struct arena *arena = arena_new(0);
	struct dkimsig sig;
	struct why why;

	if (dkimsig_parse(arena, value, &sig, &why) == AUTH_NONE) {
		assert(size <= DKIMSIG_FIELD_MAX && sig.alg <= DKIMSIG_ED25519_SHA256);
		assert(domain_within(sig.identity_domain, sig.domain) && *sig.selector != '\0');
		assert(sig.headers.p > value.p && sig.headers.end <= value.end);
		assert(sig.header_names > sig.signatures && *sig.short_signature != '\0');
		for (size_t i = 0; i < size; i++)
			assert(data[i] != 0 && data[i] != 127);
	}
	assert(sig.domain != NULL && sig.selector != NULL && sig.algorithm != NULL);
	assert(sig.identity_domain != NULL && strlen(sig.short_signature) <= 8);
	arena_free(arena);
	return 0;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* tls/answer: requests over the socketmap protocol, and the domains that their keys name. */
#include <assert.h>
#include <string.h>

#include "t/lib/fuzz.h"
#include "tls/answer.h"

static void check_key(struct span key)
{
	struct arena *arena = arena_new(0);
	const char *reason, *domain = level_domain(arena, key, &reason);

	assert((domain == NULL) == (reason != NULL));
	if (domain != NULL)
		assert(sts_is_host_name(span_of(domain)) && strchr(domain, '.') != NULL);
	arena_free(arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = span_make(data, size);
	struct socketmap_request request;

	while (socketmap_parse(text, &request) == SOCKETMAP_COMPLETE) {
		assert(request.length <= span_len(text));
		assert(span_len(request.key) <= SOCKETMAP_REQUEST_MAX);
		assert(memchr(request.map.p, ' ', span_len(request.map)) == NULL);
		check_key(request.key);
		text.p += request.length;
	}
	return 0;
}

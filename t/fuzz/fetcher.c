/* SPDX-License-Identifier: BSD-2-Clause */
/* tls/fetcher: what the process that speaks with web servers says. */
#include <assert.h>
#include <string.h>

#include "t/lib/fuzz.h"
#include "tls/fetcher.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new(0);
	struct fetcher_reply reply;

	if (fetcher_parse_reply(arena, span_make(data, size), &reply) == 0) {
		assert(sts_is_host_name(span_of(reply.domain)));
		assert(strlen(reply.id) <= STS_ID_MAX && strlen(reply.text) <= size);
	}
	arena_free(arena);
	return 0;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* policy/trace: a field that is local says by whom it was written. */
#include <assert.h>
#include <string.h>
#include <strings.h>

#include "policy/trace.h"
#include "t/lib/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span value = span_make(data, size), helo;
	struct ip ip = {.family = 0};

	if (trace_is_local(value, "mx.example.com"))
		assert(size >= strlen("by localhost"));
	assert(!trace_is_local(value, "") || size >= strlen("by localhost"));
	if (trace_client(value, &ip, &helo) == TRACE_CLIENT) {
		assert(ip.family == 4 || ip.family == 6);
		assert(value.p <= helo.p && helo.p <= helo.end && helo.end <= value.end);
	}
	return 0;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* mail/received_spf: it ends, reads nothing outside, and a field that plainly names us is ours. */
#include <assert.h>

#include "mail/received_spf.h"
#include "t/lib/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = {"mx.example", "host.example"};
	struct span text = span_make(data, size);

	(void)received_spf_is_ours(text, names, 2);
	if (span_istarts(text, "pass receiver=mx.example ") ||
	    span_istarts(text, "pass receiver=host.example;"))
		assert(received_spf_is_ours(text, names, 2));
	return 0;
}

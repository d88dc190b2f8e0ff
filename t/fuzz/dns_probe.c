/* SPDX-License-Identifier: BSD-2-Clause */
/* dns/probe: any reply to a question, and any question. The first byte is where the two part. */
#include <assert.h>
#include <string.h>

#include "dns/probe.h"
#include "t/lib/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t length = size == 0 ? 0 : data[0] < size ? data[0] : size - 1;
	const uint8_t *question = data + (size > 0), *reply = question + length;
	size_t reply_size = size - (size > 0) - length;
	enum probe_finding finding = probe_judge(question, length, reply, reply_size);

	if (finding != PROBE_FOREIGN)
		assert(reply_size >= length && memcmp(question, reply, 2) == 0);
	return 0;
}

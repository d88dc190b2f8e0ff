/* SPDX-License-Identifier: BSD-2-Clause */
/* report/inbox/imap: what an IMAP server says about a message has a UID and a size, or is nothing.
 */
#include <assert.h>

#include "report/inbox/imap.h"
#include "t/lib/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct imap_message message = {0, -1};

	if (imap_parse_fetch(span_make(data, size), &message))
		assert(message.uid > 0 && message.size >= 0);
	else
		assert(message.uid == 0 && message.size == -1);
	return 0;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* audit/probe: what servers say. */
#include <assert.h>
#include <string.h>

#include "audit/probe/hello.h"
#include "audit/probe/reply.h"
#include "t/lib/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new(0);
	struct span text = span_make(data, size);
	struct reply_line reply;

	if (reply_parse(text, &reply))
		assert(reply.code >= 200 && reply.code < 600 && span_len(reply.text) <= size);
	assert(span_len(reply_name(text)) <= 255);
	for (const char *p = reply_clean(arena, text); *p != '\0'; p++)
		assert(*p >= ' ' && *p <= '~');
	(void)reply_offers(text, "STARTTLS");
	(void)reply_has_word(text, "STARTTLS");
	if (reply_is_ok(text, "a"))
		assert(reply_is_tagged(text, "a"));
	(void)reply_is_ok(text, NULL);
	if (hello_read(text) != PROBE_UNKNOWN)
		assert(hello_length(text) <= size);
	arena_free(arena);
	return 0;
}

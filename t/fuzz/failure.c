/* SPDX-License-Identifier: BSD-2-Clause */
/* report/failure: whatever a message holds, the report is ASCII in short lines, and with redaction
 * no delimiter of its own can be forged. */
#include <assert.h>
#include <string.h>

#include "report/failure.h"
#include "t/lib/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t half = size / 2;
	struct arena *arena = arena_new(0);
	struct dmarc_published published = {.domain = "example.com", .ruf = "mailto:a@example.com"};
	struct dkim_verdict dkim = {.result = AUTH_FAIL, .selector = "s"};
	struct verdict verdict = {.client = {.family = 4}, .dkim = &dkim, .dkim_count = 1};
	struct failure failure = {.verdict = &verdict, .authres = "x; none", .key = "k"};
	unsigned delimiters = 0;
	struct buf out;

	dkim.domain = arena_copy(arena, data, half);
	dkim.identity = arena_copy(arena, data + half, size - half);
	verdict.mail_from = verdict.spf.domain = verdict.spf.record = dkim.identity;
	verdict.dmarc.author_domain = "example.com";
	verdict.dmarc.published = &published;
	failure.header = span_make(data, half);
	failure.body = span_make(data + half, size - half);
	buf_init(&out, NULL, 0);
	failure_write(&failure, "0123456789abcdef0123456789abcdef", &out);
	for (size_t i = 0, column = 0; i < out.len; i++, column++) {
		assert(out.data[i] == '\r' || out.data[i] == '\n' || out.data[i] == '\t' ||
		       (out.data[i] >= ' ' && out.data[i] <= '~'));
		if (out.data[i] == '\n')
			column = 0;
		assert(column < 5000);
		delimiters +=
		    out.len - i > 20 && memcmp(out.data + i, "\n--=_0123456789abcdef", 20) == 0;
	}
	assert(delimiters >= 3);
	failure_wanted(&verdict);
	buf_free(&out);
	arena_free(arena);
	return 0;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* policy/spf/record: an accepted record, written again from its terms, is the same record. */
#include <assert.h>

#include "lib/buf.h"
#include "policy/spf/record.h"
#include "t/lib/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = span_make(data, size), rest, again;
	struct spf_record record, second;
	struct spf_term term, copy;
	struct buf out;
	struct why why;

	if (!spf_record_is(text) || spf_record_parse(text, &record, &why) < 0)
		return 0;
	buf_init(&out, NULL, 0);
	buf_string(&out, "v=spf1");
	for (rest = record.terms; spf_record_next(&rest, &term);) {
		buf_char(&out, ' ');
		buf_span(&out, term.text);
	}
	assert(spf_record_parse(buf_view(&out), &second, &why) == 0);
	assert(second.count == record.count && second.has_all == record.has_all);
	assert(span_same(second.redirect, record.redirect) && span_same(second.exp, record.exp));
	again = second.terms;
	for (rest = record.terms; spf_record_next(&rest, &term);) {
		assert(spf_record_next(&again, &copy) && copy.kind == term.kind);
		assert(copy.bits4 == term.bits4 && copy.bits6 == term.bits6);
		assert(ip_equal(&copy.network, &term.network) &&
		       span_same(copy.domain, term.domain));
		assert(term.bits4 <= 32 && term.bits6 <= 128);
	}
	buf_free(&out);
	return 0;
}

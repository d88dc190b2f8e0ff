/* SPDX-License-Identifier: BSD-2-Clause */
/* policy/dmarc/record: a record is complete, and its printable text reads as the same again. */
#include <assert.h>
#include <string.h>

#include "policy/dmarc/record.h"
#include "t/lib/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new(0);
	struct dmarc_record record, again;
	struct why why = {""};

	if (dmarc_record_parse(arena, span_make(data, size), &record, &why) == 0) {
		assert(record.fo != NULL && record.text != NULL && strlen(record.text) == size);
		assert(record.usable || why.text[0] != '\0');
		assert(record.has_np || record.np == record.sp);
		assert(record.has_sp || record.sp == record.p);
		assert(record.has_p || record.p == DMARC_POLICY_NONE);
		assert(record.usable || !record.has_p);
		assert(dmarc_record_parse(arena, span_of(record.text), &again, &why) == 0);
		if (memcmp(record.text, data, size) == 0)
			assert(again.p == record.p && again.np == record.np &&
			       again.psd == record.psd && again.notes == record.notes);
	}
	arena_free(arena);
	return 0;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* bimi/finding: what a reader's process may write. What is accepted is the same when it is written
 * and read again. */
#include <assert.h>
#include <string.h>

#include "bimi/finding.h"
#include "t/lib/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new(0);
	struct bimi_findings *found = arena_make(arena, struct bimi_findings),
			     *again = arena_make(arena, struct bimi_findings);
	struct buf out;

	bimi_findings_init(found, arena);
	if (bimi_findings_read(found, span_make(data, size))) {
		buf_init(&out, arena, 0);
		bimi_findings_write(found, &out);
		bimi_findings_init(again, arena);
		assert(bimi_findings_read(again, buf_view(&out)));
		assert(again->count == found->count && again->fact_count == found->fact_count);
		for (unsigned i = 0; i < found->fact_count; i++)
			assert(strlen(found->facts[i].text) <= 3 * BIMI_TEXT_MAX);
	}
	arena_free(arena);
	return 0;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* bimi/logo with lib/codec/gzip and bimi/profile: any bytes end in findings that can be read again;
 * what has no fault has a title, and no more than the limit. */
#include <assert.h>

#include "bimi/logo.h"
#include "t/lib/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new(0);
	struct bimi_findings *found = arena_make(arena, struct bimi_findings),
			     *again = arena_make(arena, struct bimi_findings);
	struct span svg;
	struct buf out;

	bimi_findings_init(found, arena);
	bimi_logo_check(found, span_make(data, size), &svg);
	assert(span_len(svg) <= BIMI_LOGO_READ_MAX);
	if (bimi_count(found, BIMI_FAULT) == 0)
		assert(span_len(svg) <= BIMI_LOGO_MAX && found->fact_count == 1);
	buf_init(&out, arena, 0);
	bimi_findings_write(found, &out);
	bimi_findings_init(again, arena);
	assert(bimi_findings_read(again, buf_view(&out)) && again->count == found->count);
	arena_free(arena);
	return 0;
}

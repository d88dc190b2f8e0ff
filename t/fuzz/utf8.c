/* SPDX-License-Identifier: BSD-2-Clause */
/* lib/utf8: what was cleaned is clean, and what is clean stays as it is. */
#include <assert.h>

#include "lib/utf8.h"
#include "t/lib/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = span_make(data, size);
	struct buf once, twice;

	buf_init(&once, NULL, 0);
	buf_init(&twice, NULL, 0);
	utf8_clean(&once, text);
	assert(utf8_is_clean(buf_view(&once)));
	assert(utf8_is_clean(text) == span_same(buf_view(&once), text));
	utf8_clean(&twice, buf_view(&once));
	assert(span_same(buf_view(&once), buf_view(&twice)));
	assert(once.len <= 3 * size);
	buf_free(&once);
	buf_free(&twice);
	return 0;
}

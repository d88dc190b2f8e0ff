/* SPDX-License-Identifier: BSD-2-Clause */
/* store/journal and store/packed: whatever a journal's file holds, what is taken for a row is one.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "store/journal.h"
#include "store/packed.h"
#include "t/lib/fuzz.h"

static void check_row(struct span bytes)
{
	struct driver_row at, again;
	char *copy;

	if (!packed_read(bytes, &at))
		return;
	assert(packed_size(&at.row) == span_len(bytes));
	copy = malloc(span_len(bytes));
	assert(copy != NULL);
	packed_write(&at.row, copy, &again);
	assert(memcmp(copy, bytes.p, span_len(bytes)) == 0);
	assert(memcmp(at.key, again.key, DRIVER_KEY_LEN) == 0);
	assert(memcmp(at.config, again.config, DRIVER_KEY_LEN) == 0);
	free(copy);
}

static bool visit(void *arg, uint64_t number, struct span data)
{
	uint64_t *before = arg;

	assert(number > *before);
	*before = number;
	check_row(data);
	return number % 16 != 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t last, before = 3;

	check_row(span_make(data, size));
	journal_scan(span_make(data, size), before, visit, &before, &last);
	return 0;
}

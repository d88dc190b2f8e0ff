/* SPDX-License-Identifier: BSD-2-Clause */
/* store/segment and store/packed: whatever a journal's file holds, what is taken for a row is one,
 * and what is taken for a record was written as one. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "store/packed.h"
#include "store/segment.h"
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

/* ---- records that were written, and then damaged ---- */

enum { RECORDS = 32, PIECE = 256, ROOM = RECORDS * (SEGMENT_HEAD + PIECE + SEGMENT_TAIL) };

struct written {
	char text[RECORDS][PIECE];
	size_t len[RECORDS];
	unsigned count;
	uint64_t seen;
};

static bool was_written(void *arg, uint64_t number, struct span data)
{
	struct written *w = arg;

	assert(number > w->seen && number <= w->count);
	w->seen = number;
	assert(span_len(data) == w->len[number - 1] &&
	       memcmp(data.p, w->text[number - 1], span_len(data)) == 0);
	return true;
}

static size_t write_records(struct segment_key key, struct span *data, struct written *w, char *to)
{
	size_t at = 0;

	for (w->count = 0; w->count < RECORDS && !span_empty(*data); w->count++) {
		size_t len = (unsigned char)*data->p++, tail_len;
		char record[SEGMENT_HEAD + PIECE], tail[SEGMENT_TAIL];

		len = len > span_len(*data) ? span_len(*data) : len;
		memcpy(record + SEGMENT_HEAD, data->p, len);
		memcpy(w->text[w->count], data->p, len);
		w->len[w->count] = len;
		data->p += len;
		len += SEGMENT_HEAD;
		segment_seal(key, w->count + 1, record, len, tail, &tail_len);
		memcpy(to + at, record, len);
		memcpy(to + at + len, tail, tail_len);
		at += len + tail_len - SEGMENT_HEAD;
	}
	return w->count == 0 ? 0 : at + SEGMENT_HEAD;
}

/* The last bytes of DATA say where a byte is changed: few enough for the sums to tell. */
static void check_damaged(struct segment_key key, struct span data)
{
	struct written w = {.count = 0};
	struct segment_found found;
	char *segment = malloc(ROOM);
	size_t len, at;

	assert(segment != NULL);
	if (span_len(data) > 3) {
		data.end -= 3;
		at = (unsigned char)data.end[0] << 8 | (unsigned char)data.end[1];
		len = write_records(key, &data, &w, segment);
		if (len > 0)
			segment[at % len] = (char)(segment[at % len] ^ data.end[2]);
		segment_scan(key, span_make(segment, len), 0, was_written, &w, &found);
		assert(found.damaged <= len && found.last == w.seen);
	}
	free(segment);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct segment_key key = segment_key((const unsigned char *)"0123456789abcdef", 16);
	struct segment_found found;
	uint64_t before = 3;

	check_row(span_make(data, size));
	segment_scan_old(span_make(data, size), before, visit, &before, &found);
	before = 3;
	if (segment_scan(key, span_make(data, size), before, visit, &before, &found))
		assert(found.damaged <= size && found.last >= found.first);
	check_damaged(key, span_make(data, size));
	return 0;
}

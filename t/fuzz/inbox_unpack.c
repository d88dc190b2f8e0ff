/* SPDX-License-Identifier: BSD-2-Clause */
/* report/inbox/unpack: gzip and zip give no more than the budget, and the same again after a
 * rewind. */
#include <assert.h>
#include <string.h>

#include "report/inbox/unpack.h"
#include "t/lib/fuzz.h"

enum { BUDGET = 1 << 20, ROOM = 1 << 16 };

static void read_twice(struct feed *feed)
{
	static char one[ROOM], two[ROOM];
	ssize_t first = feed_fill(feed, one, sizeof one), second;

	if (first < 0) {
		assert(feed->fault != NULL);
		return;
	}
	if (feed->rewind(feed) != 0)
		return;
	second = feed_fill(feed, two, sizeof two);
	assert(second == first && memcmp(one, two, (size_t)first) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new(0);
	struct feed *feed = feed_memory(arena, span_make(data, size));
	int64_t budget = BUDGET;
	struct span all;

	read_twice(unpack_gzip(arena, feed, &budget));
	feed->rewind(feed);
	for (unsigned i = 0; i < 3; i++) {
		struct feed *entry = unpack_zip(arena, feed, i, &budget);

		if (unpack_there(entry))
			read_twice(entry);
		feed->rewind(feed);
	}
	feed_all(feed_cleaned(arena, feed), arena, ROOM, &all);
	arena_free(arena);
	return 0;
}

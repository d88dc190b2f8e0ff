/* SPDX-License-Identifier: BSD-2-Clause */
/* bimi/cache: a file as another process may leave it, and a job. What is accepted is the same when
 * it is written and read again. */
#include <assert.h>
#include <string.h>

#include "bimi/cache.h"
#include "lib/buf.h"
#include "t/lib/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct bimi_offer fixed = {"a.test", "default", "https://a.test/l.svg", "",
						"a.test"};
	struct arena *arena = arena_new(0);
	struct span text = span_make(data, size);
	struct bimi_kept kept, again;
	struct bimi_offer offer, other;
	struct buf out;

	buf_init(&out, arena, 0);
	if (bimi_kept_read(text, &fixed, arena, &kept)) {
		assert(kept.known.state != BIMI_UNSEEN &&
		       strchr(kept.known.indicator, '\n') == NULL);
		bimi_kept_write(&fixed, &kept, &out);
		assert(bimi_kept_read(buf_view(&out), &fixed, arena, &again));
		assert(again.when == kept.when && again.known.until == kept.known.until &&
		       strcmp(kept.known.indicator, again.known.indicator) == 0);
	}
	buf_clear(&out);
	if (bimi_offer_read(text, arena, &offer)) {
		bimi_offer_write(&offer, &out);
		assert(bimi_offer_read(buf_view(&out), arena, &other));
		assert(strcmp(offer.location, other.location) == 0);
	}
	arena_free(arena);
	return 0;
}

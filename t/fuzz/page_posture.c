/* SPDX-License-Identifier: BSD-2-Clause */
/* report/page/posture: what a file of kept findings may have. What is read is the same when it is
 * written and read again, and has no control characters. */
#include <assert.h>
#include <string.h>

#include "report/page/posture.h"
#include "t/lib/fuzz.h"

static void check_text(const char *text)
{
	for (; text != NULL && *text != '\0'; text++)
		assert((unsigned char)*text >= ' ' && *text != 0x7f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new(0);
	struct posture first, second;
	struct why why;
	struct buf out;

	if (posture_read(arena, span_make(data, size), &first, &why) == 0) {
		assert(first.count <= POSTURE_MAX);
		buf_init(&out, arena, 0);
		posture_write(&out, &first);
		assert(posture_read(arena, buf_view(&out), &second, &why) == 0);
		assert(second.count == first.count && second.at == first.at &&
		       second.hints == first.hints);
		for (unsigned i = 0; i < first.count; i++) {
			check_text(first.items[i].level);
			check_text(first.items[i].rule);
			check_text(first.items[i].text);
			check_text(first.items[i].remedy);
			assert(strcmp(first.items[i].text, second.items[i].text) == 0);
			assert((first.items[i].remedy == NULL) == (second.items[i].remedy == NULL));
		}
	}
	arena_free(arena);
	return 0;
}

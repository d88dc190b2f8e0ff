/* SPDX-License-Identifier: BSD-2-Clause */
/* policy/dkim/key: the bits of a key that is accepted are bits of its data. */
#include <assert.h>

#include "lib/arena.h"
#include "policy/dkim/key.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new(0);
	struct dkimkey key;
	struct why why;

	if (dkimkey_parse(arena, span_make(data, size), &key, &why) == 0 && key.length > 0) {
		assert(key.bits > 0 && key.bits <= key.length * 8);
		if (key.type == DKIMKEY_ED25519)
			assert(key.length == 32 && key.bits == 256);
	}
	arena_free(arena);
	return 0;
}

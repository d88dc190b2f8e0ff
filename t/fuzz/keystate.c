/* SPDX-License-Identifier: BSD-2-Clause */
/* keys/keystate: what is accepted is printed so that it reads the same again. */
#include <assert.h>

#include "keys/keystate.h"
#include "t/lib/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct keystatus status, again;
	struct arena *arena;
	struct why why;

	if (keystate_parse(span_make(data, size), &status, &why) != 0)
		return 0;
	arena = arena_new(0);
	assert(keystate_parse(span_of(keystate_print(status, arena)), &again, &why) == 0);
	assert(again.state == status.state && (again.since == status.since || status.since <= 0));
	arena_free(arena);
	return 0;
}

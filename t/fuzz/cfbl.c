/* SPDX-License-Identifier: BSD-2-Clause */
/* policy/cfbl: an id that was written is taken, whatever the message's own is. (That no other is
 * taken cannot be tried: who sees what is compared, as the fuzzer does, learns the id.) */
#include <assert.h>
#include <string.h>

#include "policy/cfbl.h"
#include "t/lib/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new(0);
	struct span text = span_make(data, size);
	struct cfbl_message message = {"x", "a.example", "<1@a.example>"};
	int32_t day;

	(void)cfbl_check(&message, text, arena, &day);
	message.message_id = arena_span(arena, text);
	assert(cfbl_check(&message, span_of(cfbl_write(&message, 20420, arena)), arena, &day));
	arena_free(arena);
	return 0;
}

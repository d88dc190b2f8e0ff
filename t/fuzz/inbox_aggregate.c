/* SPDX-License-Identifier: BSD-2-Clause */
/* report/inbox/aggregate: whatever the document, what is told can be written and read again, and is
 * clean; a refused document leaves nothing. */
#include <assert.h>

#include "report/inbox/aggregate.h"
#include "t/lib/fuzz.h"
#include "t/lib/inbox_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new(0);
	struct inbox_check check = {.arena = arena};
	struct inbox_hint hint = {1764300000, "a!b!1!2"};
	struct inbox_writer writer;
	struct why why = {""};
	int status;

	writer_init(&writer, arena, inbox_check_visit, &check);
	status = aggregate_read(&writer, feed_memory(arena, span_make(data, size)), &hint, &why);
	assert(status == 0 ? check.heads == 1 : check.records == 0);
	assert(status == 0 || why.text[0] != '\0');
	arena_free(arena);
	return 0;
}

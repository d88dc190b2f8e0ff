/* SPDX-License-Identifier: BSD-2-Clause */
/* report/inbox/examine: a message or bare file with whatever is in it (MIME, feedback reports,
 * notifications, texts, compressed files) ends in at least one report or a reason. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "report/inbox/examine.h"
#include "report/inbox/mime.h"
#include "t/lib/fuzz.h"
#include "t/lib/inbox_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static FILE *file;
	struct arena *arena = arena_new(0);
	struct inbox_check check = {.arena = arena};
	struct inbox_hint hint = {1764300000, "file"};
	struct inbox_writer writer;

	if (file == NULL) {
		file = tmpfile();
		mime_start();
	}
	if (file == NULL || ftruncate(fileno(file), 0) != 0 ||
	    pwrite(fileno(file), data, size, 0) != (ssize_t)size)
		abort();
	writer_init(&writer, arena, inbox_check_visit, &check);
	examine(&writer, fileno(file), 0, (int64_t)size, &hint);
	assert(check.ends >= 1);
	arena_free(arena);
	return 0;
}

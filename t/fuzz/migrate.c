/* SPDX-License-Identifier: BSD-2-Clause */
/* admin/migrate/migrate: whatever the lines say, the result is a file of settings that our parser
 * takes, and every line has its comment. */
#include "admin/migrate/migrate.h"

#include <assert.h>
#include <string.h>

#include "conf/conf.h"
#include "t/lib/fuzz.h"

static int read_nothing(void *arg, const char *path, struct span *text, struct why *why)
{
	(void)path;
	(void)why;
	*text = *(struct span *)arg; /* the input, as the file of a data set */
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = span_make(data, size);
	struct arena *arena = arena_new(0);
	struct conf_errors errors;
	struct migrate *migrate;
	struct conf *conf;

	if (size > 0 && size < 4096 && memchr(data, 0, size) == NULL) {
		migrate = migrate_new(arena, "mx.example.com", read_nothing, &text);
		migrate_text(migrate, (enum migrate_source)(data[0] % MIGRATE_SOURCES), "input",
			     text);
		conf = conf_parse("result", migrate_result(migrate), &errors);
		assert(conf != NULL);
		conf_errors_free(&errors);
		conf_free(conf);
	}
	arena_free(arena);
	return 0;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* conf/, mostly conf/read, conf/types and conf/write: whatever the text is, there are settings or
 * errors; settings are written as a text that reads back to the same text. */
#include <assert.h>
#include <string.h>

#include "conf/conf.h"
#include "t/lib/fuzz.h"

static void write_and_parse(const struct conf *conf)
{
	struct conf_errors errors;
	struct buf text, again;
	struct conf *back;

	buf_init(&text, NULL, 0);
	buf_init(&again, NULL, 0);
	conf_write(conf, CONF_WRITE_VALUES, &text);
	back = conf_parse("again", buf_text(&text), &errors);
	assert(back != NULL);
	conf_write(back, CONF_WRITE_VALUES, &again);
	assert(strcmp(buf_text(&text), buf_text(&again)) == 0);
	conf_free(back);
	conf_errors_free(&errors);
	buf_free(&text);
	buf_free(&again);
}

/* libconfig forgets the text it has just read when the grammar has an error. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libconfig";
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new(0);
	struct conf_errors errors;
	struct conf *conf = conf_parse("fuzz", arena_copy(arena, data, size), &errors);

	assert((conf == NULL) == (errors.count > 0));
	for (unsigned i = 0; i < errors.count; i++)
		assert(errors.items[i].text != NULL && errors.items[i].file != NULL);
	if (conf != NULL)
		write_and_parse(conf);
	conf_free(conf);
	conf_errors_free(&errors);
	arena_free(arena);
	return 0;
}

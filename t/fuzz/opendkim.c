/* SPDX-License-Identifier: BSD-2-Clause */
/* admin/migrate/opendkim_text: every part lies in the text, and lines come in order to an end. */
#include "admin/migrate/opendkim_text.h"

#include <assert.h>

#include "t/lib/fuzz.h"

static struct span text;

static void inside(struct span s)
{
	assert(s.p <= s.end && s.p >= text.p && s.end <= text.end);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span rest = text = span_make(data, size), name, value, where;
	struct opendkim_author author;
	struct opendkim_key key;
	unsigned line = 0, before = 0;
	struct why why;

	for (; opendkim_line(&rest, &line, &name, &value); before = line) {
		assert(line > before && !span_empty(name));
		inside(rest), inside(name), inside(value);
		(void)opendkim_dataset(value, &where);
		inside(where);
		if (opendkim_key_parse(name, value, &key, &why) == 0)
			inside(key.domain), inside(key.selector), inside(key.path);
		if (opendkim_author_parse(name, OPENDKIM_REFILE, &author, &why) == 0 &&
		    opendkim_author_parse(name, OPENDKIM_FILE, &author, &why) == 0)
			inside(author.domain);
	}
	return 0;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* report/page/path: what is taken for a target has bounded values without control characters. */
#include <assert.h>
#include <string.h>

#include "lib/utf8.h"
#include "report/page/facts.h"
#include "report/page/path.h"
#include "t/lib/fuzz.h"

static void check_text(const char *text)
{
	assert(strlen(text) <= PATH_VALUE_MAX && utf8_is_clean(span_of(text)));
	for (; *text != '\0'; text++)
		assert((unsigned char)*text >= ' ' && *text != 0x7f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new(0);
	struct path_request request;
	struct why why = {""};
	unsigned status = path_parse(span_make(data, size), arena, &request, &why);

	assert(status == 200 || ((status == 400 || status == 404) && why.text[0] != '\0'));
	if (status == 200) {
		assert(request.kind < PATH_KINDS && request.root != NULL);
		assert(request.days >= 1 && request.days <= PAGE_DAYS_MAX);
		assert(request.page >= 1 && request.page <= PATH_PAGE_MAX);
		assert(request.wanted_count <= PATH_WANTED_MAX);
		check_text(request.name);
		for (unsigned i = 0; i < request.wanted_count; i++)
			check_text(request.wanted[i].value);
	}
	arena_free(arena);
	return 0;
}

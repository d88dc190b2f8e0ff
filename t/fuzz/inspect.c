/* SPDX-License-Identifier: BSD-2-Clause */
/* report/inspect: the same is found however the body is cut; texts stay printable and bounded. The
 * first byte is the size of the pieces; the header ends with an empty line. */
#include <assert.h>
#include <string.h>

#include "report/inspect.h"
#include "t/lib/fuzz.h"

static const struct inspection *look(struct arena *arena, struct span text, size_t piece)
{
	struct inspect *inspect = inspect_new(arena, 1 << 16);

	while (!span_empty(text)) {
		const char *end = memchr(text.p, '\n', span_len(text));
		struct span line = {text.p, end == NULL ? text.end : end};
		const char *colon = memchr(line.p, ':', span_len(line));

		text.p = end == NULL ? text.end : end + 1;
		if (span_empty(line))
			break;
		if (colon != NULL)
			inspect_header(inspect, (struct span){line.p, colon},
				       (struct span){colon + 1, line.end});
	}
	inspect_end_of_headers(inspect);
	while (!span_empty(text)) {
		size_t length = span_len(text) < piece ? span_len(text) : piece;

		if (!inspect_body(inspect, span_make(text.p, length)))
			break;
		text.p += length;
	}
	return inspect_result(inspect);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new(0);
	const struct inspection *one, *two;
	struct span text;

	if (size < 2 || size > 1 << 16)
		goto done;
	text = span_make(data + 1, size - 1);
	one = look(arena, text, (size_t)data[0] + 1);
	two = look(arena, text, 1 << 16);
	assert(one->report == two->report && one->bounce == two->bounce);
	assert(strcmp(one->status, two->status) == 0 && strcmp(one->text, two->text) == 0);
	for (const char *p = one->text; *p != '\0'; p++)
		assert(*p >= ' ' && *p <= '~');
done:
	arena_free(arena);
	return 0;
}

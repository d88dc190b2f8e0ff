/* SPDX-License-Identifier: BSD-2-Clause */
/* policy/spf/macro: what is accepted expands; a name that comes out is one DNS can carry. The input
 * is a local part, up to its first newline, and a domain-spec. */
#include <assert.h>
#include <string.h>

#include "lib/arena.h"
#include "policy/spf/macro.h"
#include "t/lib/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *line = size == 0 ? NULL : memchr(data, '\n', size);
	struct span local = span_make(data, line == NULL ? 0 : (size_t)(line - data));
	struct span spec = line == NULL
			       ? span_make(data, size)
			       : (struct span){(const char *)line + 1, (const char *)data + size};
	struct arena *arena = arena_new(0);
	struct spf_macro_values values = {.sender = "a.b@example.com",
					  .sender_domain = "example.com",
					  .domain = "d.example",
					  .helo = "h-1.example",
					  .client = {6, {0x20, 1}},
					  .local = arena_span(arena, local)};
	const char *at = NULL;
	struct buf out;

	buf_init(&out, NULL, 0);
	if (spf_macro_fault(spec, SPF_MACRO_TERM, &at) == NULL)
		assert(spf_macro_fault(spec, SPF_MACRO_TEXT, &at) == NULL);
	if (spf_macro_domain_fault(spec, &at) == NULL) {
		if (spf_macro_name(&out, spec, &values) == SPF_NAME_OK)
			assert(spf_macro_name_ok(buf_view(&out)) && out.len <= 253);
	} else {
		assert(at >= spec.p && at <= spec.end);
	}
	buf_clear(&out);
	(void)spf_macro_expand(&out, spec, SPF_MACRO_TEXT, &values);
	buf_free(&out);
	arena_free(arena);
	return 0;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* audit/watch: what a file of kept facts may have. What is read is the same when it is written and
 * read again, and does not differ from itself; it can be compared with anything. */
#include <assert.h>
#include <string.h>

#include "audit/watch/summary.h"
#include "t/lib/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char other[] = "countersign audit 1\nns\ta.test\tns1.a.test.\n"
				    "policy.p\ta.test\treject\nspf.all\ta.test\t-\n"
				    "sts.policy\ta.test\t1 aa\n";
	static const struct audit_settings settings = {.now = 0};
	struct arena *arena = arena_new(0);
	struct summary *first, *second, *fixed;
	struct why why;
	struct buf out;

	first = summary_read(arena, span_make(data, size), &why);
	if (first != NULL) {
		buf_init(&out, arena, 0);
		summary_write(first, &out);
		second = summary_read(arena, buf_view(&out), &why);
		assert(second != NULL && second->count == first->count);
		assert(summary_compare(&settings, first, second, arena).count == 0);
		fixed = summary_read(arena, span_of(other), &why);
		assert(fixed != NULL);
		(void)summary_compare(&settings, fixed, first, arena);
		(void)summary_compare(&settings, first, fixed, arena);
	}
	arena_free(arena);
	return 0;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * opinion/case, opinion/judge and opinion/compare: what is read as a case is written so that it
 * reads the same again, the libraries judge it, and their answer is compared.
 */
#include <assert.h>
#include <stdlib.h>

#include "opinion/case.h"
#include "opinion/compare.h"
#include "opinion/judge.h"
#include "t/lib/fuzz.h"

static struct dkimcheck_engine *engine;

static void check_written(const struct opinion_case *c, struct arena *arena)
{
	struct opinion_case again;
	struct buf out, more;
	struct why why;

	buf_init(&out, arena, 0);
	buf_init(&more, arena, 0);
	case_write(c, &out);
	assert(case_parse(buf_view(&out), arena, &again, &why) == 0);
	case_write(&again, &more);
	assert(span_same(buf_view(&out), buf_view(&more)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new(0);
	struct compare_finding finding;
	struct case_results results;
	struct opinion_case c;
	struct why why;

	if (engine == NULL)
		engine = dkimcheck_engine_new(&why);
	assert(engine != NULL);
	if (case_parse(span_make(data, size), arena, &c, &why) == 0) {
		check_written(&c, arena);
		judge_case(&c, engine, arena, &results);
		assert(results.count <= CASE_RESULTS_MAX);
		compare_results(&c.native, &results, arena, &finding);
		compare_results(&c.native, &c.library, arena, &finding);
	}
	arena_free(arena);
	return 0;
}

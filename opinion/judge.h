/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What libopendkim and libspf2 make of a case. Their rules and ours are the same
 * (policy/dkim/check.h, policy/spf/spf.h); DNS is what the native engines saw.
 */
#ifndef OPINION_JUDGE_H
#define OPINION_JUDGE_H

#include "opinion/case.h"
#include "policy/dkim/check.h"

/* Fills in OUT, in ARENA: SPF as far as C wants it, then the signatures. ENGINE: of the process. */
void judge_case(const struct opinion_case *c, struct dkimcheck_engine *engine, struct arena *arena,
		struct case_results *out);

/* VERDICT's result as a case has it; texts are borrowed from it, or in ARENA. */
struct case_result judge_spf_result(const struct spf_verdict *verdict);
struct case_result judge_dkim_result(const struct dkim_verdict *verdict, struct arena *arena);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From the findings about what a record offers (bimi/inspect.h) to what a message is told.
 */
#ifndef BIMI_JUDGE_H
#define BIMI_JUDGE_H

#include "bimi/finding.h"
#include "policy/bimi/known.h"

/* OUT lives in the findings' arena. HAS_ROOTS: mark roots were given. */
void bimi_judge(const struct bimi_findings *findings, const struct bimi_offer *offer,
		bool has_roots, struct bimi_known *out);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The case of a message that was judged.
 */
#ifndef OPINION_GATHER_H
#define OPINION_GATHER_H

#include "opinion/case.h"
#include "policy/check.h"

/* After check_finish(). BODY: as much of it as the check wanted. C borrows from CHECK, and its
 * lists are in ARENA. */
void gather_case(struct check *check, const struct check_rules *rules, const char *id,
		 struct span body, struct arena *arena, struct opinion_case *c);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The trail of an evaluation: one line for each thing that was looked up or concluded, in order,
 * for `countersign verify -v`. Plain text, no line ends.
 */
#ifndef POLICY_RESULT_STEPS_H
#define POLICY_RESULT_STEPS_H

#include "lib/arena.h"

struct steps {
	struct arena *arena; /* set by the caller; the rest starts as zero. NULL: nothing is kept */
	const char **items;
	unsigned count, cap;
};

void steps_add(struct steps *steps, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif

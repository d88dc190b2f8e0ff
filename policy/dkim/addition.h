/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fields that were added to a signed message: a second Subject above the one that is signed leaves
 * the signature good, and is what many readers show (RFC 6376 sections 5.4.2 and 8.15).
 */
#ifndef POLICY_DKIM_ADDITION_H
#define POLICY_DKIM_ADDITION_H

#include "lib/span.h"
#include "policy/dkim/signature.h"

enum { ADDITION_NAMES = 14 };

/* How often each field occurs that a message has once. Starts as zero. */
struct addition_counts {
	unsigned counts[ADDITION_NAMES];
	bool repeated; /* one of them occurs twice */
};

/* NAME: of a field, without blanks. */
void addition_note(struct addition_counts *counts, struct span name);

/* The name of a field that occurs more than once, and of which SIG does not sign each one; or NULL.
 */
const char *addition_find(const struct addition_counts *counts, const struct dkimsig *sig);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who may vouch for marks, by files of this host's administrator.
 */
#ifndef BIMI_TRUST_H
#define BIMI_TRUST_H

#include "lib/arena.h"
#include "lib/span.h"
#include "lib/why.h"

struct bimi_trust {
	struct span roots; /* mark roots in PEM; empty: none */
	struct span logs;  /* public keys of certificate logs in PEM; empty: likewise */
	/* A digest of all of it. What was found out by one basis does not count by another. */
	const char *basis;
};

enum { BIMI_TRUST_BYTES = 1024 * 1024 }; /* of a file */

/* ROOTS, LOGS: a path; "": there is none. What is kept of a file lives in ARENA. -1 with WHY: one
 * cannot be read; that counts as none. */
int bimi_trust_read(struct arena *arena, const char *roots, const char *logs,
		    struct bimi_trust *trust, struct why *why);

#endif

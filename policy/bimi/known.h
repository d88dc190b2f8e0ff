/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is known of the logo and the mark certificate that an assertion record names. Whoever
 * evaluates a message only looks it up; finding out takes web servers, and is another process's.
 */
#ifndef POLICY_BIMI_KNOWN_H
#define POLICY_BIMI_KNOWN_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/arena.h"
#include "lib/name.h"

enum {
	/* Bytes of a logo in base 64, for the largest one (32 KB). As a folded field it is below
	 * what the milter protocol takes (65,535), and what Postfix keeps of a field (102,400). */
	BIMI_INDICATOR_MAX = 43696
};

/* A record: where it is, and its l= and a=, or "". */
struct bimi_offer {
	const char *domain, *selector;
	const char *location, *authority;
	const char *organization; /* the organizational domain of DOMAIN */
};

enum bimi_state {
	BIMI_UNSEEN, /* not checked yet */
	BIMI_GOOD,
	BIMI_BAD,
	BIMI_UNAVAILABLE /* could not be fetched or checked; later, perhaps */
};

extern const struct name_code bimi_state_names[]; /* "unseen" "good" "bad" "unavailable" */

struct bimi_known {
	enum bimi_state state;
	bool certified;        /* a mark certificate vouches for the logo */
	bool refused;          /* BIMI_BAD: the mark certificate is not valid */
	const char *mark_type; /* as it says, or "" */
	const char *digest;    /* BIMI_GOOD: SHA-256 of the SVG, in hexadecimal digits */
	const char *indicator; /* BIMI_GOOD: the SVG in base 64 */
	const char *why;       /* for people; BIMI_GOOD: "" */
	int64_t until;         /* seconds since 1970: it no longer counts then; 0: no such time */
};

/* OUT lives in ARENA. Any thread; waits for nobody. */
typedef void bimi_find(void *arg, const struct bimi_offer *offer, struct arena *arena,
		       struct bimi_known *out);

#endif

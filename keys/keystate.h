/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where a signing key is in its life, kept in the file SELECTOR.state beside SELECTOR.key:
 *
 *     file = state [ 1*WSP time ] [ LF ]      e.g. "pending 2026-11-22T22:45:00Z"
 *
 * No file means active, so that a key which was copied into its place signs.
 */
#ifndef KEYS_KEYSTATE_H
#define KEYS_KEYSTATE_H

#include "lib/arena.h"
#include "lib/span.h"
#include "lib/why.h"

enum keystate {
	KEYSTATE_PENDING, /* made, its record not yet seen: does not sign */
	KEYSTATE_ACTIVE,  /* signs */
	KEYSTATE_RETIRED, /* no longer signs; its record stays for mail in transit */
	KEYSTATE_REVOKED  /* its record has an empty p=, or is gone */
};

struct keystatus {
	enum keystate state;
	int64_t since; /* wall seconds; 0: not known */
};

const char *keystate_text(enum keystate state);

/* -1 with a reason: an unknown state, an invalid time, or text after it. */
int keystate_parse(struct span text, struct keystatus *status, struct why *why);

/* The content of a file. */
const char *keystate_print(struct keystatus status, struct arena *arena);

#endif

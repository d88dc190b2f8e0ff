/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Our keys beside what the DNS shows of them: what is wrong, and what to do about it.
 */
#ifndef ADMIN_KEY_LOOK_H
#define ADMIN_KEY_LOOK_H

#include "admin/key/command.h"
#include "policy/dkim/published.h"

struct keylook {
	const struct keycmd_key *key;
	enum published published;
	const char *detail; /* or NULL */
};

/* The records of COUNT keys. NULL after the error was printed. */
struct keylook *keylook(struct admin *admin, const struct keycmd_key *keys, unsigned count);

enum keylook_finding { KEYLOOK_OK, KEYLOOK_WARN, KEYLOOK_BAD, KEYLOOK_UNKNOWN };

/* *TODO: what to do, ending in a command; or NULL. */
enum keylook_finding keylook_judge(struct admin *admin, const struct keylook *looked,
				   const char **todo);

/* Queues give up after five days (RFC 5321 section 4.5.4.1); two more for readers and forwarders.
 */
enum { KEYLOOK_SAFE_AGE = 7 * 86400 };

/* Retired so long ago that no mail it signed can be under way. */
bool keylook_is_old(struct keystatus status);

/* Parts of it; they go on with " DOMAIN SELECTOR". */
#define KEYLOOK_PUBLISH  "publish its record: countersign key show"
#define KEYLOOK_WITHDRAW "publish its empty p=: countersign key show"

#endif

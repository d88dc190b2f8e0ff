/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The signing keys of all hosts, in the shared store (store/sql/shared.h). Each change gives the
 * row the next version, in the order in which changes are committed, so that a copy
 * (store/keys/copy.h) asks for what is newer than it has.
 *
 * Which host looks for the record of a key that waits is decided for each key: it claims the key
 * for a while, shorter for a new key than for one that nobody publishes.
 */
#ifndef STORE_KEYS_VAULT_H
#define STORE_KEYS_VAULT_H

#include "store/keys/row.h"

/* The version of the newest change. */
int vault_version(struct sql *sql, int64_t *version, struct why *why);

/* Up to LIMIT rows changed after VERSION, the oldest change first, in ARENA. Returns how many, or
 * -1. */
int vault_since(struct sql *sql, int64_t version, unsigned limit, struct arena *arena,
		struct keyrow **rows, struct why *why);

/* Each key, ordered by domain and selector; DOMAIN: only its own; NULL: of all. Without SEALED the
 * private halves are left out. A value other than 0 of VISIT ends it and is returned. */
int vault_each(struct sql *sql, const char *domain, bool sealed, keyrow_visit *visit, void *arg,
	       struct why *why);

/* Puts COUNT new keys there, all of them or none. Only a revoked key is replaced by another of its
 * name: -1 with a reason. ROWS get their versions. */
int vault_put(struct sql *sql, struct keyrow *rows, unsigned count, struct why *why);

/* Another state. 1: the key does not exist. */
int vault_set_state(struct sql *sql, const char *domain, const char *selector, const char *state,
		    int64_t since, struct why *why);

/* Claims up to LIMIT keys whose record is to be looked for now, without their private halves; in
 * ARENA. Returns how many, or -1. */
int vault_claim(struct sql *sql, unsigned limit, struct arena *arena, struct keyrow **rows,
		struct why *why);

/* The DNS shows the records of ROWS. */
int vault_note_seen(struct sql *sql, const struct keyrow *rows, unsigned count, struct why *why);

#endif

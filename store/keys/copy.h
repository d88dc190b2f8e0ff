/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * This host's copy of the signing keys in the shared store, in a file beside the ledger: mail is
 * signed by it, and never waits for the store. One process brings it up to date; the others read
 * it, and note in it that the DNS has shown a record.
 */
#ifndef STORE_KEYS_COPY_H
#define STORE_KEYS_COPY_H

#include "store/keys/row.h"

struct keycopy; /* one connection, for one thread at a time */

/* Of the ledger's file LEDGER; made when it is absent, unless READ_ONLY. */
struct keycopy *keycopy_open(const char *ledger, bool read_only, struct why *why);
void keycopy_close(struct keycopy *copy); /* NULL is OK */

/* Its file was moved away or deleted: it is to be opened again. */
bool keycopy_has_moved(struct keycopy *copy);

/* 1: it has been filled, last brought up to date at *SYNCED (wall seconds); 0: not yet; -1. */
int keycopy_ready(struct keycopy *copy, int64_t *synced, struct why *why);

/* The keys of DOMAIN, ordered by selector, in ARENA; a row whose SEEN is set was seen, on this host
 * or another. Returns how many, or -1. */
int keycopy_find(struct keycopy *copy, const char *domain, struct arena *arena,
		 struct keyrow **rows, struct why *why);

/* All of them, ordered by domain and selector, as vault_each() does. */
int keycopy_each(struct keycopy *copy, keyrow_visit *visit, void *arg, struct why *why);

/* This host's DNS shows the record of a key. */
int keycopy_note_seen(struct keycopy *copy, const char *domain, const char *selector,
		      const char *record, int64_t now, struct why *why);

/* Brings it up to date with the store SHARED, a page at a time. The number of keys that came, or
 * -1: then it is as it was, or further, and complete if it was. */
int keycopy_update(struct keycopy *copy, struct sql *shared, struct why *why);

#endif

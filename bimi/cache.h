/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What was found out about assertion records: a directory beside the ledger, with a file for each
 * record, named after the digest of the record's domain, selector and URIs. A file is written under
 * another name and renamed, so any process may read at any time. Revocation lists are kept there,
 * too, by their URI.
 *
 * The socket "jobs" in it is where the process that finds out (daemon/bimi/) takes offers: one
 * datagram each. Who sends one waits for nothing, and sends it again with the next message.
 */
#ifndef BIMI_CACHE_H
#define BIMI_CACHE_H

#include <stdint.h>

#include "lib/buf.h"
#include "lib/span.h"
#include "lib/why.h"
#include "policy/bimi/known.h"

enum {
	BIMI_CACHE_FILES = 5000,   /* more are not kept */
	BIMI_CACHE_BYTES = 131072, /* of a file */
	BIMI_LIST_BYTES = 2 * 1024 * 1024,
	BIMI_OFFER_BYTES = 4096 /* of a datagram */
};

/* The directory beside the ledger's file LEDGER. */
const char *bimi_cache_directory(struct arena *arena, const char *ledger);

struct bimi_cache {
	const char *directory;
	const char *basis; /* of bimi/trust.h: results by another one count as none */
};

/* BIMI_UNSEEN: there is none, or it no longer counts. FRESH: it need not be looked at again yet. */
void bimi_cache_read(const struct bimi_cache *cache, const struct bimi_offer *offer, int64_t now,
		     struct arena *arena, struct bimi_known *known, bool *fresh);

/* Makes the directory (mode 0700) where it is absent. A good result that still counts stays where
 * KNOWN is BIMI_UNAVAILABLE. */
int bimi_cache_write(const struct bimi_cache *cache, const struct bimi_offer *offer, int64_t now,
		     const struct bimi_known *known, struct why *why);

/* The revocation list of URI; false: there is none. FRESH: it need not be fetched yet. Whether it
 * is valid, and still counts, is for those who read it. */
bool bimi_list_read(const char *directory, const char *uri, int64_t now, struct arena *arena,
		    struct span *list, bool *fresh);
int bimi_list_write(const char *directory, const char *uri, struct span list, struct why *why);

/* Removes what is too old, and the oldest of what is too much; returns how many files are left. */
unsigned bimi_cache_sweep(const char *directory, int64_t now);

struct bimi_kept {
	struct bimi_known known;
	const char *basis;
	int64_t when;  /* it was found out */
	int64_t tried; /* it was last tried to, as far as that failed */
};

/* The text of a file, and back; false: it is not one, or of another offer. */
void bimi_kept_write(const struct bimi_offer *offer, const struct bimi_kept *kept, struct buf *out);
bool bimi_kept_read(struct span text, const struct bimi_offer *offer, struct arena *arena,
		    struct bimi_kept *kept);

/* A bimi_find, ARG being a struct bimi_cache: what is not fresh is a job. */
void bimi_cache_find(void *arg, const struct bimi_offer *offer, struct arena *arena,
		     struct bimi_known *known);

/* ---- jobs ---- */

void bimi_offer_write(const struct bimi_offer *offer, struct buf *out);
bool bimi_offer_read(struct span text, struct arena *arena, struct bimi_offer *offer);

/* The socket of the process that takes them; -1 with WHY. */
int bimi_offer_listen(const char *directory, struct why *why);

#endif

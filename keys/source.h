/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Keys that a keyring does not hold but looks up when a message needs them, with their private
 * halves sealed (keys/sealing.h): a copy of the shared store's keys. A new key needs no reload.
 */
#ifndef KEYS_SOURCE_H
#define KEYS_SOURCE_H

#include "keys/keyring.h"

/* A key as the source has it. */
struct key_public {
	const char *domain, *selector, *record;
	enum crypt_type type;
	unsigned bits;
	struct keystatus status;
	int64_t created;
	bool seen; /* the DNS has shown its record */
	struct span sealed;
};

/* Copies PARTS. */
struct signing_key *signing_key_public(struct arena *arena, const struct key_public *parts);

/* What the key process is given of a key that it does not know; empty: nothing. */
struct span signing_key_sealed(const struct signing_key *key);

/* A keyring that is made key by key, without private halves. */
struct keyring_making;
struct keyring_making *keyring_begin(void);
struct arena *keyring_making_arena(struct keyring_making *making); /* for its keys */
void keyring_add(struct keyring_making *making, const struct signing_key *key);
void keyring_add_fault(struct keyring_making *making, const char *domain, const char *selector,
		       const char *text); /* copied */
struct keyring *keyring_finish(struct keyring_making *making);

struct key_source {
	/* All keys of DOMAIN itself, ordered by selector, in ARENA. Returns how many, or -1 with a
	 * reason: it cannot be told now. Any thread, as for all of these. */
	int (*find)(void *arg, const char *domain, struct arena *arena,
		    struct signing_key *const **keys, struct why *why);

	/* -1 with a reason: it has never been filled, so that an absent key means nothing. */
	int (*ready)(void *arg, struct why *why);

	/* The DNS has shown KEY's record: it signs from now on. */
	int (*note_seen)(void *arg, const struct signing_key *key, struct why *why);

	void (*release)(void *arg);
	void *arg;
};

/* Before anybody else uses KEYRING, which takes SOURCE. */
void keyring_set_source(struct keyring *keyring, const struct key_source *source);

/* NULL: all its keys are in it. */
const struct key_source *keyring_source(const struct keyring *keyring);

#endif

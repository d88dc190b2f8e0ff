/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a keyring is made of. For keys/keyring.c and keys/publickeys.c only: everybody else uses
 * keys/keyring.h.
 */
#ifndef KEYS_RING_H
#define KEYS_RING_H

#include <stdatomic.h>

#include "keys/keyring.h"
#include "keys/sign.h"
#include "keys/source.h"
#include "lib/arena.h"
#include "lib/crypto/key.h"

/* What was learnt of a key in use. */
struct seen {
	atomic_bool awake;
	atomic_int published;
};

struct signing_key {
	const char *domain;
	const char *selector;
	const char *path; /* NULL outside of a keyring */
	enum crypt_type type;
	unsigned bits;
	const char *record; /* NULL: OpenSSL cannot write it */
	uint64_t number;
	int64_t created; /* its file, wall seconds; 0: not known */
	struct keystatus status;
	struct seen *seen;
	struct crypt_key *crypt;         /* NULL: the private half is in another process, which */
	const struct key_signer *signer; /* this one asks */
	struct span sealed;              /* the private half, for that process; or empty */
};

/* The keys of one domain: a range of keyring->keys. */
struct holder {
	const char *domain;
	unsigned first, count;
};

struct keyring {
	struct arena *arena;
	const struct signing_key **keys;
	unsigned count;
	struct keyring_fault *faults;
	unsigned fault_count;
	struct holder *holders;
	unsigned holder_count;
	struct key_signer signer; /* of all keys; RELEASE is NULL where they sign here */
	struct key_source source; /* FIND is NULL where there is none */
};

/* What a keyring is made of, in any order. */
struct ring_parts {
	const struct signing_key **keys;
	unsigned count, key_room;
	struct keyring_fault *faults;
	unsigned fault_count, fault_room;
};

void ring_add_key(struct ring_parts *parts, const struct signing_key *key);
void ring_add_fault(struct ring_parts *parts, struct keyring_fault fault);
void ring_free_parts(struct ring_parts *parts);

/* Takes ARENA, in which all of PARTS live, and the lists of PARTS. */
struct keyring *ring_new(struct arena *arena, struct ring_parts *parts);

#endif

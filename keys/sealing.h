/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Private keys in a database: sealed with a key that only the hosts have, in the file .sealing-key
 * of the key directory, so that who reads the database, or carries what is in it, has no key.
 *
 *     file   = 1*( base64 of 32 bytes LF )     the first one seals, all of them open; "#": a remark
 *     sealed = "CSK1" id[8] nonce[12] ciphertext tag[16]          id: SHA-256 of the key, its start
 *     what is sealed = domain NUL selector NUL text of the PEM file
 *
 * The names are sealed together with the key, so that a row of the database cannot give one
 * domain's key to another.
 */
#ifndef KEYS_SEALING_H
#define KEYS_SEALING_H

#include "keys/keyring.h"
#include "lib/buf.h"

struct sealing;

enum { SEALED_MAX = 12288 }; /* bytes; an RSA key of 8192 bits takes 6.5 KiB */

/* The file's name, in sign.keys. */
#define SEALING_FILE ".sealing-key"

/* Of the file in the key directory PATH, which is checked as a key file is. NULL with a reason. */
struct sealing *sealing_load(const char *path, enum keyring_access access, struct why *why);
struct sealing *sealing_parse(struct span text, struct why *why);
void sealing_free(struct sealing *sealing); /* NULL is OK; wipes it */

/* Makes that file with a new key, never over an existing one. */
int sealing_make(const char *path, struct why *why);

/* Adds the private key PEM, sealed, to OUT. */
int sealing_seal(const struct sealing *sealing, const char *domain, const char *selector,
		 struct span pem, struct buf *out, struct why *why);

enum sealing_outcome {
	SEALING_OPENED,
	SEALING_FOREIGN, /* sealed with a key that this host does not have */
	SEALING_BAD      /* damaged, or not a private key */
};

/* The key, with its private half; wiped with ARENA. NULL with a reason and *OUTCOME. */
const struct signing_key *sealing_open(const struct sealing *sealing, struct span sealed,
				       struct arena *arena, enum sealing_outcome *outcome,
				       struct why *why);

#endif

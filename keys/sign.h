/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Signing with our keys, wherever their private halves are: in this process (the commands), or in
 * the key process, which a worker asks (keys/client.h). Who signs a message sees no private key.
 */
#ifndef KEYS_SIGN_H
#define KEYS_SIGN_H

#include "keys/keyring.h"

/* What a signature is for: a DKIM-Signature, or a field of an ARC set. */
enum key_purpose { KEY_FOR_DKIM, KEY_FOR_ARC };

/* One signature. */
struct key_task {
	const struct signing_key *key;
	enum key_purpose purpose;
	uint8_t digest[CRYPT_DIGEST_LEN]; /* SHA-256 */
	struct span signature;            /* in the arena */
	const char *failure;              /* in the arena: why there is none; NULL: it is made */
	bool lasting;                     /* and no later try will make it; else one may */
};

/* How the keys of one keyring sign. */
struct key_signer {
	/* Signs COUNT tasks, as many as possible at once. Any thread. */
	void (*sign)(void *arg, struct key_task *tasks, unsigned count, struct arena *arena);
	void (*release)(void *arg); /* the keyring is no longer used */
	void *arg;
};

/* Fills in signature or failure of each task. The keys are of one keyring. */
void keys_sign(struct key_task *tasks, unsigned count, struct arena *arena);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A DKIM key record (RFC 6376 section 3.6.1, RFC 8463 section 4).
 */
#ifndef POLICY_DKIM_KEY_H
#define POLICY_DKIM_KEY_H

#include "lib/arena.h"
#include "lib/span.h"
#include "lib/why.h"
#include "policy/dkim/signature.h"

enum dkimkey_type { DKIMKEY_RSA, DKIMKEY_ED25519 };

struct dkimkey {
	enum dkimkey_type type;
	const uint8_t *data; /* p= decoded */
	size_t length;       /* 0: revoked (an empty p=) */
	unsigned bits;       /* of the RSA modulus; 256 for ed25519; 0 when revoked */
	bool sha1, sha256;   /* h= lets these be used */
	bool testing;        /* t=y */
	bool strict;         /* t=s: the domain of i= must be d= */
	bool email;          /* s= includes email or * */
};

/*
 * -1 with a reason (a key record that cannot be used: permerror) for a syntax error, v= other than
 * DKIM1 or not first, no p=, an unknown k=, a p= that is not a public key of that type. An RSA key
 * may be a SubjectPublicKeyInfo (what everybody publishes) or a bare RSAPublicKey (what RFC 6376
 * says).
 */
int dkimkey_parse(struct arena *arena, struct span text, struct dkimkey *key, struct why *why);

#endif

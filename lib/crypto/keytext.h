/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a private key's file says, read without OpenSSL, whose decoders take longer than a host with
 * many keys has at its start. Only the forms that are common are read; the rest is OpenSSL's.
 */
#ifndef LIB_CRYPTO_KEYTEXT_H
#define LIB_CRYPTO_KEYTEXT_H

#include <stdbool.h>

#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/crypto/type.h"
#include "lib/span.h"

/* RFC 8017 appendix A.1.2 in its order, each positive and without leading zeros; or RFC 8410. */
enum {
	KEYTEXT_N,
	KEYTEXT_E,
	KEYTEXT_D,
	KEYTEXT_P,
	KEYTEXT_Q,
	KEYTEXT_DP,
	KEYTEXT_DQ,
	KEYTEXT_QINV,
	KEYTEXT_NUMBERS
};
struct keytext {
	enum crypt_type type;
	struct span numbers[KEYTEXT_NUMBERS]; /* RSA */
	struct span seed;                     /* Ed25519: CRYPT_ED25519_LEN bytes */
};

/* The content of the only PEM block of PEM, "PRIVATE KEY" or "RSA PRIVATE KEY", in ARENA; the
 * caller wipes it. False: there is something else. */
bool keytext_open_pem(struct arena *arena, struct span pem, struct span *der);

/* PKCS#8 (RFC 5208) with an RSA or Ed25519 key, or PKCS#1. The numbers are spans of DER. */
bool keytext_read(struct span der, struct keytext *key);

/* The public half as DER SubjectPublicKeyInfo (RFC 3279 section 2.3.1). */
void keytext_put_public(const struct keytext *rsa, struct arena *arena, struct buf *out);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Private keys. They are read and checked at the start and on a reload; OpenSSL gets one when it is
 * first to sign, and lets go of those that were not used for long.
 *
 * Keys are immutable once made and may be used by several threads at a time.
 */
#ifndef LIB_CRYPTO_KEY_H
#define LIB_CRYPTO_KEY_H

#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/crypto/type.h"
#include "lib/why.h"

struct crypt_key;

/*
 * From the text of a PEM file: PKCS#8 ("PRIVATE KEY", RSA or Ed25519) or PKCS#1 ("RSA PRIVATE
 * KEY"), not encrypted. Its public and its private half belong together. NULL with a reason,
 * also for RSA over CRYPT_RSA_MAX_BITS; how few bits are too few is the caller's to say.
 */
struct crypt_key *crypt_key_parse(struct span pem, struct why *why);
struct crypt_key *crypt_key_generate(enum crypt_type type, unsigned bits, struct why *why);
void crypt_key_free(struct crypt_key *key); /* NULL is OK; wipes it */

/* All that OpenSSL can check (RFC 8017 section 3.2: primes, exponents, coefficient). Takes some 40
 * ms for RSA-2048: for commands, not for a start with a thousand keys. */
int crypt_key_check(const struct crypt_key *key, struct why *why);

enum crypt_type crypt_key_type(const struct crypt_key *key);
unsigned crypt_key_bits(const struct crypt_key *key); /* of the modulus; 256 for Ed25519 */

/* PKCS#8 PEM text; the caller wipes it. */
int crypt_key_pem(const struct crypt_key *key, struct buf *out, struct why *why);

/* What p= of a key record carries: DER SubjectPublicKeyInfo (RSA), the 32 bytes (Ed25519). */
int crypt_key_public(const struct crypt_key *key, struct arena *arena, struct span *data,
		     struct why *why);

int crypt_key_sign(const struct crypt_key *key, const uint8_t digest[CRYPT_DIGEST_LEN],
		   struct arena *arena, struct span *signature, struct why *why);

#endif

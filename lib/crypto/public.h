/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Public keys, as the p= of a DKIM key record carries them (RFC 6376 section 3.6.1, RFC 8463
 * section 4.2): read for nearly every message, so not by OpenSSL's decoders, which take 20 to 60
 * times as long, but by a reader of the only two forms.
 *
 * Keys are immutable once made and may be used by several threads at a time.
 */
#ifndef LIB_CRYPTO_PUBLIC_H
#define LIB_CRYPTO_PUBLIC_H

#include "lib/arena.h"
#include "lib/crypto/type.h"
#include "lib/span.h"
#include "lib/why.h"

struct crypt_public;

/*
 * RSA as SubjectPublicKeyInfo or RSAPublicKey, Ed25519 as 32 bytes. NULL with a reason, also for
 * RSA over CRYPT_RSA_MAX_BITS or with an exponent that is even or over 32 bits. How few bits are
 * too few is the caller's to say.
 */
struct crypt_public *crypt_public_parse(enum crypt_type type, struct span data, struct why *why);
void crypt_public_free(struct crypt_public *key); /* NULL is OK */

/* The bits of the modulus of an RSA key in either form, however many; 0 when it is neither form, or
 * its numbers are not those of a key. Uses no cryptography. */
unsigned crypt_public_rsa_bits(struct span data);

/* Whether SIGNATURE over DIGEST was made with the private half. */
bool crypt_public_verify(const struct crypt_public *key, const uint8_t digest[CRYPT_DIGEST_LEN],
			 struct span signature);

/* The SubjectPublicKeyInfo of an RSA key given in either form; false where crypt_public_parse
 * fails. */
bool crypt_public_spki(struct span data, struct arena *arena, struct span *spki);

#endif

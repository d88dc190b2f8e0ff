/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SHA-256 (OpenSSL's), and digests that others made by SHA-1 or SHA-2.
 */
#ifndef LIB_CRYPTO_HASH_H
#define LIB_CRYPTO_HASH_H

#include "lib/arena.h"
#include "lib/crypto/type.h"
#include "lib/span.h"

/* Of a text that comes in pieces. The handle is released with ARENA. */
struct crypt_hash;
struct crypt_hash *crypt_hash_new(struct arena *arena);
void crypt_hash_add(struct crypt_hash *hash, const void *data, size_t len);

/* The digest of all that was added; the hash starts again from nothing. */
void crypt_hash_finish(struct crypt_hash *hash, uint8_t digest[CRYPT_DIGEST_LEN]);

/* The digest of all that was added with DATA after it; the hash goes on without DATA. */
void crypt_hash_peek(const struct crypt_hash *hash, const void *data, size_t len,
		     uint8_t digest[CRYPT_DIGEST_LEN]);

/* Of one piece. */
void crypt_sha256(const void *data, size_t len, uint8_t digest[CRYPT_DIGEST_LEN]);

/* The bytes of a digest by the algorithm OID (an OBJECT IDENTIFIER, the contents of its DER):
 * SHA-1, SHA-256, SHA-384 or SHA-512; 0: another one. */
size_t crypt_digest_length(struct span oid);
bool crypt_digest_matches(struct span oid, struct span digest, struct span data);

/* HMAC-SHA-256 (RFC 2104). */
void crypt_hmac(const void *key, size_t key_len, const void *data, size_t len,
		uint8_t digest[CRYPT_DIGEST_LEN]);

void crypt_wipe(void *data, size_t len); /* never optimised away */

const char *crypt_version(void); /* of OpenSSL, as it runs */

#endif

/*
 * The cryptography of DKIM (RFC 6376 section 3.3, RFC 8463): SHA-256, RSASSA-PKCS1-v1_5 and Ed25519
 * over a SHA-256 digest. OpenSSL is used here (and in lib/digest) and nowhere else.
 *
 * Keys are immutable once made and may be used by several threads at a time.
 */
#ifndef POLICY_CRYPT_H
#define POLICY_CRYPT_H

#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/why.h"

enum crypt_type { CRYPT_RSA, CRYPT_ED25519 };
enum { CRYPT_DIGEST_LEN = 32, CRYPT_RSA_MAX_BITS = 8192, CRYPT_ED25519_LEN = 32 };

/* SHA-256 of a text that comes in pieces. The handle is released with ARENA. */
struct crypt_hash;
struct crypt_hash *crypt_hash_new(struct arena *arena);
void crypt_hash_add(struct crypt_hash *hash, const void *data, size_t len);
void crypt_hash_finish(struct crypt_hash *hash,
		       uint8_t digest[CRYPT_DIGEST_LEN]); /* and begins anew */
/* Of what came so far with DATA behind it; the hash goes on without that. */
void crypt_hash_peek(const struct crypt_hash *hash, const void *data, size_t len,
		     uint8_t digest[CRYPT_DIGEST_LEN]);

/* A private key. */
struct crypt_key;

/*
 * From the text of a PEM file: PKCS#8 ("PRIVATE KEY", RSA or Ed25519) or PKCS#1 ("RSA PRIVATE
 * KEY"), not encrypted. An RSA key's numbers are checked against each other. NULL with a reason.
 */
struct crypt_key *crypt_key_parse(struct span pem, struct why *why);
struct crypt_key *crypt_key_generate(enum crypt_type type, unsigned bits, struct why *why);
void crypt_key_free(struct crypt_key *key); /* NULL is fine; wipes it */

enum crypt_type crypt_key_type(const struct crypt_key *key);
unsigned crypt_key_bits(const struct crypt_key *key); /* of the modulus; 256 for Ed25519 */

/* PKCS#8 PEM text; the caller wipes it. */
int crypt_key_pem(const struct crypt_key *key, struct buf *out, struct why *why);

/* What p= of a key record carries: DER SubjectPublicKeyInfo (RSA), the 32 bytes (Ed25519). */
int crypt_key_public(const struct crypt_key *key, struct arena *arena, struct span *data,
		     struct why *why);

int crypt_key_sign(const struct crypt_key *key, const uint8_t digest[CRYPT_DIGEST_LEN],
		   struct arena *arena, struct span *signature, struct why *why);

/* A public key. */
struct crypt_public;

/*
 * From what p= carries: RSA as SubjectPublicKeyInfo or RSAPublicKey, Ed25519 as 32 bytes. NULL with
 * a reason, also for RSA over CRYPT_RSA_MAX_BITS or with an exponent that is even or over 32 bits.
 * How few bits are too few is the caller's to say.
 */
struct crypt_public *crypt_public_parse(enum crypt_type type, struct span data, struct why *why);
void crypt_public_free(struct crypt_public *key); /* NULL is fine */

unsigned crypt_public_bits(const struct crypt_public *key);
bool crypt_public_verify(const struct crypt_public *key, const uint8_t digest[CRYPT_DIGEST_LEN],
			 struct span signature);

/* The SubjectPublicKeyInfo of an RSA key given in either form; false when it is neither. */
bool crypt_rsa_spki(struct span data, struct arena *arena, struct span *spki);

const char *crypt_version(void); /* of OpenSSL, as it runs */

void crypt_wipe(void *data, size_t len); /* not optimised away */

#endif

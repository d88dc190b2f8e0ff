/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the modules of this directory share of OpenSSL 3: its EVP interface only. Not for others.
 *
 * Setting up an operation takes a third of the time of the operation itself, so a key keeps one
 * that is ready: RSA's is lent out and put back, Ed25519's stays as it is and each use is a copy of
 * it.
 */
#ifndef LIB_CRYPTO_OPENSSL_H
#define LIB_CRYPTO_OPENSSL_H

#include <openssl/crypto.h>
#include <openssl/decoder.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "lib/crypto/type.h"
#include "lib/why.h"

/* A key of either half, with its operation. Safe for several threads at a time. */
struct openssl_key {
	enum crypt_type type;
	unsigned bits;
	EVP_PKEY *pkey;
	_Atomic(EVP_PKEY_CTX *) spare; /* RSA */
	_Atomic(EVP_MD_CTX *) pattern; /* Ed25519 */
};

const EVP_MD *openssl_sha256(void);

/* WHAT and OpenSSL's own reason; leaves its error queue empty. Returns -1. */
int openssl_failed(struct why *why, const char *what);

/* Takes PKEY. */
void openssl_key_init(struct openssl_key *key, enum crypt_type type, unsigned bits, EVP_PKEY *pkey);
void openssl_key_done(struct openssl_key *key);

/* Signs or verifies a SHA-256 digest: RFC 6376 section 3.3.1 (RSASSA-PKCS1-v1_5), RFC 8463 section
 * 3 (PureEdDSA, its message is the digest). *LENGTH: the room at SIGNATURE, then its length. */
bool openssl_key_sign(const struct openssl_key *key, const uint8_t *digest, uint8_t *signature,
		      size_t *length);
bool openssl_key_verify(const struct openssl_key *key, const uint8_t *digest,
			const uint8_t *signature, size_t length);

#endif

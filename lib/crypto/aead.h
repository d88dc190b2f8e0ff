/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Authenticated encryption: AES-256-GCM (NIST SP 800-38D) with a random nonce of 96 bits.
 *
 *     sealed = nonce[12] ciphertext tag[16]
 */
#ifndef LIB_CRYPTO_AEAD_H
#define LIB_CRYPTO_AEAD_H

#include "lib/buf.h"
#include "lib/crypto/type.h"
#include "lib/why.h"

enum { AEAD_KEY_LEN = 32, AEAD_OVERHEAD = 12 + 16 };

/* Random bytes of the system. */
int aead_make_key(uint8_t key[AEAD_KEY_LEN], struct why *why);

/* Adds PLAIN to OUT, sealed; HEADER is authenticated with it and not kept. */
int aead_seal(const uint8_t key[AEAD_KEY_LEN], struct span header, struct span plain,
	      struct buf *out, struct why *why);

/* Adds what was sealed to PLAIN, which the caller wipes. -1: not with that KEY and HEADER, or
 * changed since; PLAIN is as it was. */
int aead_open(const uint8_t key[AEAD_KEY_LEN], struct span header, struct span sealed,
	      struct buf *plain, struct why *why);

#endif

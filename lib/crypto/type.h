/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The two kinds of keys that DKIM knows (RFC 6376 section 3.3, RFC 8463 section 3), and their
 * sizes.
 */
#ifndef LIB_CRYPTO_TYPE_H
#define LIB_CRYPTO_TYPE_H

enum crypt_type { CRYPT_RSA, CRYPT_ED25519 };

enum { CRYPT_DIGEST_LEN = 32, CRYPT_RSA_MAX_BITS = 8192, CRYPT_ED25519_LEN = 32 };

#endif

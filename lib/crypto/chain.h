/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Certificates as OpenSSL has them, for the modules of this directory that read more of them than
 * certificate.h offers. Not for others.
 */
#ifndef LIB_CRYPTO_CHAIN_H
#define LIB_CRYPTO_CHAIN_H

#include "lib/crypto/certificate.h"
#include "lib/crypto/openssl.h"

struct certificates {
	struct arena *arena;
	STACK_OF(X509) * stack;
};

X509 *certificate_at(const struct certificates *list, unsigned i);

/* A store of ROOTS for the time NOW, whose callback accepts certificates that have expired or are
 * not yet valid, but for roots: their dates are the caller's to check. Keys of less than 112 bits
 * of security (RSA below 2048) and SHA-1 are refused. NULL: no memory. */
X509_STORE *certificate_store_new(const struct certificates *roots, int64_t now);
int certificate_pass_dates(int good, X509_STORE_CTX *context); /* that callback */

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a TLSA record (RFC 6698) says of a certificate.
 */
#ifndef LIB_CRYPTO_TLSA_H
#define LIB_CRYPTO_TLSA_H

#include <stdbool.h>

#include "lib/span.h"

/* Whether the certificate PEM, or its key, is what a TLSA record's DATA says: SELECTOR 0 or 1,
 * MATCHING 0, 1 or 2 (RFC 6698 sections 2.1.2 and 2.1.3). False for any other, and for a text that
 * has no certificate. */
bool crypt_certificate_matches(struct span pem, unsigned selector, unsigned matching,
			       struct span data);

#endif

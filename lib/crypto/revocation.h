/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whether certificates have been revoked, by certificate revocation lists (RFC 5280 section 6.3).
 * Nothing is fetched.
 */
#ifndef LIB_CRYPTO_REVOCATION_H
#define LIB_CRYPTO_REVOCATION_H

#include "lib/crypto/certificate.h"

enum {
	REVOCATION_URIS_MAX = 4, /* of one certificate */
	REVOCATION_LISTS_MAX = 16
};

/* Where the lists for certificate I are: the http: and https: URIs of its distribution points (RFC
 * 5280 section 4.2.1.13), in their order. Returns how many. */
unsigned revocation_uris(const struct certificates *list, unsigned i,
			 const char *uris[REVOCATION_URIS_MAX]);

/* A root has no list: nobody is above it. */
bool revocation_is_root(const struct certificates *list, unsigned i);

enum revocation {
	REVOCATION_NONE, /* no certificate of the path is revoked */
	REVOCATION_REVOKED,
	REVOCATION_UNKNOWN /* a list is missing, too old, or not signed by the issuer */
};

/* LISTS: DER or PEM; what cannot be read counts as absent. *UNTIL: when the first of the lists that
 * are current has to be replaced (nextUpdate), in seconds since 1970. WHY: but for
 * REVOCATION_NONE. */
enum revocation revocation_check(const struct certificates *list, const struct certificates *roots,
				 const struct span *lists, unsigned count, int64_t now,
				 int64_t *until, struct why *why);

#endif

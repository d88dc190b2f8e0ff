/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * X.509 certificates out of PEM files (RFC 5280, RFC 7468): what they say, and whether they lead to
 * a root. No file is opened, no system's root is trusted, nothing is fetched.
 */
#ifndef LIB_CRYPTO_CERTIFICATE_H
#define LIB_CRYPTO_CERTIFICATE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/arena.h"
#include "lib/crypto/type.h"
#include "lib/span.h"
#include "lib/why.h"

enum { CERTIFICATE_MAX = 32 /* in one file */ };

struct certificates; /* in the order of the file */

struct certificate {
	const char *subject, *issuer;  /* RFC 2253 */
	int64_t not_before, not_after; /* seconds since 1970 */
	const char **names;            /* dNSName of subjectAltName */
	unsigned name_count;
};

/* Lives in ARENA, as does all that the others return. -1 with WHY: none, more than CERTIFICATE_MAX,
 * or one of them cannot be read. What is between certificates does not matter. */
int certificate_read(struct arena *arena, struct span pem, struct certificates **out,
		     struct why *why);
unsigned certificate_count(const struct certificates *list);

void certificate_describe(const struct certificates *list, unsigned i, struct certificate *out);

void certificate_sha256(const struct certificates *list, unsigned i,
			uint8_t digest[CRYPT_DIGEST_LEN]); /* of its DER */

/* OID: "1.3.6.1.5.5.7.3.31". */
bool certificate_has_purpose(const struct certificates *list, unsigned i, const char *oid);
const char *certificate_subject_value(const struct certificates *list, unsigned i,
				      const char *oid); /* UTF-8; NULL: there is none */
/* The DER inside of an extension; false: there is none, or there are several. */
bool certificate_extension(const struct certificates *list, unsigned i, const char *oid,
			   struct span *der);

/* Whether certificate BY of the list has the name and the key that I was signed with. */
bool certificate_is_issued(const struct certificates *list, unsigned i, unsigned by);

/* Whether the first certificate leads, by the others, to one of ROOTS, at the time NOW. That it or
 * its issuers in the list expire is not looked at: see certificate_describe(). -1 with WHY. */
int certificate_verify(const struct certificates *list, const struct certificates *roots,
		       int64_t now, struct why *why);

/* Whether HOST is among its DNS names (RFC 6125); a wildcard stands for a whole label. */
bool certificate_has_name(const struct certificates *list, unsigned i, const char *host);

/* Whether clients of HOST that trust the roots in CA_FILE (NULL: the system's) accept the first
 * certificate at NOW, with the others as its path. -1 with WHY. */
int certificate_serves(const struct certificates *list, const char *ca_file, const char *host,
		       int64_t now, struct why *why);

/* Whether the certificate, or its key, is what a TLSA record's DATA says: SELECTOR 0 or 1, MATCHING
 * 0, 1 or 2 (RFC 6698 sections 2.1.2 and 2.1.3); false for any other. */
bool certificate_matches_tlsa(const struct certificates *list, unsigned i, unsigned selector,
			      unsigned matching, struct span data);

/* The DATA that such a record would have, in ARENA of the list; false as above. */
bool certificate_tlsa_data(const struct certificates *list, unsigned i, unsigned selector,
			   unsigned matching, struct span *data);

#endif

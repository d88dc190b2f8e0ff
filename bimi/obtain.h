/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Files from web servers that strangers choose (tls/fetch.h): logos and mark certificates, over
 * HTTPS; and revocation lists, which issuers of mark certificates publish over HTTP, too.
 */
#ifndef BIMI_OBTAIN_H
#define BIMI_OBTAIN_H

#include "dns/dns.h"
#include "lib/arena.h"
#include "lib/span.h"
#include "lib/why.h"

enum obtain_kind { OBTAIN_LOGO, OBTAIN_CERTIFICATE, OBTAIN_LIST };

size_t bimi_obtain_max(enum obtain_kind kind); /* bytes; what is larger is refused */

enum obtain_outcome {
	OBTAINED,
	OBTAIN_REFUSED, /* it is not there, or not as it must be */
	OBTAIN_FAILED   /* another time may be better */
};

struct obtain_web {
	struct dns_scope *scope; /* 2 lookups for each host */
	const char *ca_file;     /* roots of web servers; NULL: the system's */
};

/* Blocks, at most 10 seconds beside DNS; transfer_init() comes first. BYTES live in ARENA. */
enum obtain_outcome bimi_obtain(const struct obtain_web *web, enum obtain_kind kind,
				const char *uri, struct arena *arena, struct span *bytes,
				struct why *why);

#endif

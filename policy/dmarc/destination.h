/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where a report goes: the addresses in rua (RFC 9989 section 4.7, RFC 9990 sections 3.5 and 4).
 */
#ifndef POLICY_DMARC_DESTINATION_H
#define POLICY_DMARC_DESTINATION_H

#include "dns/dns.h"
#include "lib/arena.h"
#include "policy/dmarc/dmarc.h"

enum { DESTINATION_MAX = 10 }; /* of one report */

struct destination {
	const char *address; /* local@host, printable ASCII that needs no quoting in SMTP */
	const char *host;    /* A-labels, lower case; the end of ADDRESS */
};

/* Those that RUA names and we can serve, in its order, each once. What is malformed, has another
 * scheme or comes after the first DESTINATION_MAX is left out. Their number. */
unsigned destination_parse(struct arena *arena, struct span rua,
			   struct destination list[DESTINATION_MAX]);

/* The parts of RUA that are malformed or have another scheme, between blanks, with "?" for what is
 * not printable ASCII; NULL: there are none.
 */
const char *destination_unusable(struct arena *arena, struct span rua);

enum destination_answer {
	DESTINATION_YES,
	DESTINATION_NO,   /* WHY says why */
	DESTINATION_LATER /* a temporary failure of DNS; WHY says which */
};

/* Which tag asks: rua (RFC 9990 section 4) or ruf (RFC 9991 section 5). */
enum destination_tag { DESTINATION_RUA, DESTINATION_RUF };

/*
 * May a report about POLICY_DOMAIN go to TO? Yes if both have one organizational domain, or if TO's
 * host says so (section 4). TO's address may be replaced by one that the host names instead.
 */
enum destination_answer destination_check(struct dns_scope *scope, const struct dmarc_rules *rules,
					  struct arena *arena, enum destination_tag tag,
					  const char *policy_domain, struct destination *to,
					  struct why *why);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who may hand on mail that then fails DMARC: the forwarders, mailing lists and ARC sealers that
 * the operator names (RFC 9989 section 7.4). What a stranger can write, a List-Id field above all,
 * is never enough: each entry rests on an address or on something that was authenticated.
 */
#ifndef POLICY_TRUST_H
#define POLICY_TRUST_H

#include "lib/arena.h"
#include "mail/domain.h"
#include "mail/peer.h"
#include "policy/result/verdict.h"

/*
 * A forwarder is trusted by its network; by its domain, when DKIM, SPF for MAIL FROM or SPF for
 * HELO passed for it; or by its host name, when iprev verified it.
 */
struct trust_rules {
	const struct peer *forwarders;
	unsigned forwarder_count;
	const struct peer *lists; /* all PEER_DOMAIN: the id of a list, or the end of ids */
	unsigned list_count;
	const struct domain_pattern *sealers; /* policy/arc/trust.h */
	unsigned sealer_count;
};

/* The list's id in a List-Id field (RFC 2919), lower case; NULL: it has none. */
const char *trust_list_id(struct arena *arena, struct span value);

enum trust_answer {
	TRUST_NO,
	TRUST_MAYBE, /* DNS did not answer: the entry in RULE could hold */
	TRUST_YES
};

struct trust {
	enum trust_answer answer;
	enum override_type type; /* for the report */
	const char *rule; /* "trusted forwarder 192.0.2.0/24": nothing of the message in it but,
			     for sealers, what RFC 8617 section 7.2.2 wants told */
	const char *why;  /* the same with what it rests on; for people */
};

/* The first entry that holds, forwarders before lists before sealers. Texts live in ARENA. */
void trust_find(const struct trust_rules *rules, const struct verdict *verdict,
		const char *const *list_ids, unsigned list_id_count, struct arena *arena,
		struct trust *out);

#endif

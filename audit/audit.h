/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A domain's posture: its facts are gathered with one budget and one deadline, then judged by the
 * rules (audit/rules.h). Nothing but DNS is asked, unless probes are wished (audit/probe/).
 */
#ifndef AUDIT_AUDIT_H
#define AUDIT_AUDIT_H

#include "audit/facts.h"
#include "keys/keyring.h"
#include "lib/arena.h"
#include "policy/dmarc/dmarc.h"

enum audit_profile {
	AUDIT_PROFILE_DEFAULT,
	AUDIT_PROFILE_PARKED, /* a domain that neither sends nor takes mail */
	AUDIT_PROFILE_BULK,   /* one that sends much (audit/bulk/) */
	AUDIT_PROFILE_WARM_UP /* one that has begun to send */
};

/* A selector with which messages passed DKIM, by received reports. */
struct audit_seen {
	const char *domain, *selector;
	int64_t messages;
	int32_t last_day; /* clock_day() */
};

struct audit_change;

/* What the operator has set; borrowed, and shared by all audits of a run. */
struct audit_settings {
	enum audit_profile profile;
	const struct dmarc_rules *dmarc;
	const struct keyring *keyring; /* or NULL */
	const struct audit_seen *seen;
	unsigned seen_count;
	const struct ip *addresses; /* that own mail leaves from */
	unsigned address_count;
	const char *helo;               /* their name in HELO, or NULL */
	const char *const *block_lists; /* zones, RFC 5782 */
	unsigned block_list_count;
	unsigned key_days; /* older keys are told; 0: none is */
	bool name_servers; /* each name server of the zone is asked, not only the resolver */
	const struct audit_change *change; /* only this is judged (audit/change/); or NULL */
	bool policy;                       /* the MTA-STS policy is fetched, even without probes */
	bool probe;                        /* servers are connected to, too */
	const char *ca_file;               /* of root certificates; NULL: the system's */
	struct span mark_roots, mark_logs; /* as struct bimi_evidence has them; empty: none */
	bool validates;                    /* answers are validated by DNSSEC */
	const struct dns_settings *resolver; /* whom it asks, where it validates */
	unsigned budget;                     /* lookups for one domain */
	int64_t timeout;                     /* nanoseconds for one domain */
	int64_t now;                         /* wall seconds */
};

/* Gathers all facts of DOMAIN (A-labels, lower case). The result lives in ARENA. */
const struct audit_facts *audit_look(const struct audit_settings *settings, struct dns *dns,
				     struct arena *arena, const char *domain);

/* A record as a zone file has it: "10 mx.example.com.", "\"v=spf1 -all\"". */
const char *audit_record_text(struct arena *arena, enum dns_type type,
			      const struct dns_record *record);

#endif

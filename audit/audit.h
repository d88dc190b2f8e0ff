/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A domain's posture: its facts are gathered with one budget and one deadline, then judged by the
 * rules (audit/rules.h). Nothing but DNS is asked.
 */
#ifndef AUDIT_AUDIT_H
#define AUDIT_AUDIT_H

#include "audit/facts.h"
#include "keys/keyring.h"
#include "lib/arena.h"
#include "policy/dmarc/dmarc.h"

enum audit_profile {
	AUDIT_PROFILE_DEFAULT,
	AUDIT_PROFILE_PARKED /* a domain that neither sends nor takes mail */
};

/* What the operator has set; borrowed, and shared by all audits of a run. */
struct audit_settings {
	enum audit_profile profile;
	const struct dmarc_rules *dmarc;
	const struct keyring *keyring; /* or NULL */
	const struct ip *addresses;    /* that own mail leaves from */
	unsigned address_count;
	const char *helo;               /* their name in HELO, or NULL */
	const char *const *block_lists; /* zones, RFC 5782 */
	unsigned block_list_count;
	unsigned key_days; /* older keys are told; 0: none is */
	bool name_servers; /* each name server of the zone is asked, not only the resolver */
	bool validates;    /* answers are validated by DNSSEC */
	unsigned budget;   /* lookups for one domain */
	int64_t timeout;   /* nanoseconds for one domain */
	int64_t now;       /* wall seconds */
};

/* Gathers all facts of DOMAIN (A-labels, lower case). The result lives in ARENA. */
const struct audit_facts *audit_look(const struct audit_settings *settings, struct dns *dns,
				     struct arena *arena, const char *domain);

/* A record as a zone file has it: "10 mx.example.com.", "\"v=spf1 -all\"". */
const char *audit_record_text(struct arena *arena, enum dns_type type,
			      const struct dns_record *record);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * THE table of rules. An id is for ever: it is what people silence, search for and compare.
 */
#ifndef AUDIT_RULES_H
#define AUDIT_RULES_H

#include "audit/audit.h"
#include "lib/span.h"

/* SKIP: the DNS did not say. */
enum audit_level { AUDIT_INFO, AUDIT_SKIP, AUDIT_WARN, AUDIT_ERROR };
extern const struct name_code audit_level_names[]; /* "info" "skip" "warn" "error" */

/* clang-format off */
#define AUDIT_RULES(RULE) \
	RULE(MX_NONE, "mx.none", ERROR, "RFC 5321 section 5.1", "mail to the domain has nowhere to go") \
	RULE(MX_IMPLICIT, "mx.implicit", WARN, "RFC 5321 section 5.1", "without MX, mail goes to the domain's own address") \
	RULE(MX_NULL_WITH_OTHERS, "mx.null-with-others", ERROR, "RFC 7505 section 3", "a null MX must be the only MX") \
	RULE(MX_NULL_BUT_SENDS, "mx.null-but-sends", WARN, "RFC 7505 section 4.2", "a domain that takes no mail should not be used as a sender") \
	RULE(MX_CNAME, "mx.cname", ERROR, "RFC 2181 section 10.3", "an MX must not name an alias") \
	RULE(MX_NO_ADDRESS, "mx.no-address", ERROR, "RFC 5321 section 5.1", "an MX host has no address") \
	RULE(MX_DANGLING, "mx.dangling", ERROR, "RFC 5321 section 5.1", "an MX names a host that does not exist; if its domain is free, whoever registers it gets the mail") \
	RULE(MX_PRIVATE, "mx.private-address", ERROR, "RFC 6890 section 2.2", "an MX host has an address that the Internet cannot reach") \
	RULE(MX_LOOPBACK, "mx.loopback", ERROR, "RFC 6890 section 2.2", "an MX host has a loopback address") \
	RULE(MX_SAME_HOST, "mx.same-host-twice", WARN, "RFC 5321 section 5.1", "two MX records name one host") \
	RULE(MX_ONE_ONLY, "mx.one-only", INFO, "RFC 5321 section 5.1", "there is one MX host") \
	RULE(MX_NO_V6, "mx.v6-missing", INFO, "RFC 5321 section 5.2", "no MX host has an IPv6 address") \
	RULE(MX_DIFFERS, "mx.differs-between-ns", ERROR, "RFC 1034 section 4.3.5", "where mail goes depends on which name server is asked") \
	RULE(PTR_NONE, "ptr.none", ERROR, "RFC 8601 section 3", "an address that mail leaves from has no name") \
	RULE(PTR_UNCONFIRMED, "ptr.not-forward-confirmed", ERROR, "RFC 8601 section 3", "the name of an address does not have the address") \
	RULE(PTR_GENERIC, "ptr.generic-looking", WARN, "RFC 8601 section 3", "the name of an address looks like one of a dial-up pool") \
	RULE(PTR_SEVERAL, "ptr.several", INFO, "RFC 8601 section 3", "an address has several names") \
	RULE(HELO_NOT_FQDN, "helo.not-fqdn", ERROR, "RFC 5321 section 4.1.1.1", "the HELO name is not a host name with a domain") \
	RULE(HELO_NOT_RESOLVING, "helo.not-resolving", ERROR, "RFC 5321 section 4.1.4", "the HELO name has no address") \
	RULE(HELO_DIFFERS, "helo.differs-from-ptr", INFO, "RFC 8601 section 3", "the HELO name is not the name of a sending address") \
	RULE(PARKED_MX, "parked.mx", ERROR, "RFC 7505 section 3", "a domain without mail should have a null MX and nothing else") \
	RULE(PARKED_SPF, "parked.spf", ERROR, "RFC 7208 section 10.1.2", "a domain without mail should let nobody send") \
	RULE(PARKED_DMARC, "parked.dmarc", ERROR, "RFC 9989 section 4.7", "a domain without mail should ask for its forged mail to be refused") \
	RULE(PARKED_DKIM, "parked.dkim", WARN, "RFC 6376 section 3.6.1", "a domain without mail should have no key that verifies") \
	RULE(SPF_NONE, "spf.none", WARN, "RFC 7208 section 3", "the domain does not say who sends for it") \
	RULE(SPF_SEVERAL, "spf.several", ERROR, "RFC 7208 section 4.5", "of several SPF records none counts") \
	RULE(SPF_SYNTAX, "spf.syntax", ERROR, "RFC 7208 section 4.6", "the SPF record is not valid") \
	RULE(SPF_SPLIT, "spf.string-split", ERROR, "RFC 7208 section 3.3", "the strings of the SPF record are joined without a blank") \
	RULE(SPF_BLANK, "spf.leading-blank", ERROR, "RFC 7208 section 4.5", "a record with a blank in front is not an SPF record") \
	RULE(SPF_LOOKUPS, "spf.lookups", ERROR, "RFC 7208 section 4.6.4", "the record needs more than 10 lookups") \
	RULE(SPF_VOID, "spf.void", WARN, "RFC 7208 section 4.6.4", "a term asks for what does not exist") \
	RULE(SPF_PLUS_ALL, "spf.plus-all", ERROR, "RFC 7208 section 5.1", "everybody may send for the domain") \
	RULE(SPF_NEUTRAL_ALL, "spf.neutral-all", WARN, "RFC 7208 section 8.2", "the record says nothing of those that it does not name") \
	RULE(SPF_NO_ALL, "spf.no-all", WARN, "RFC 7208 section 4.7", "the record has no \"all\"") \
	RULE(SPF_WIDE, "spf.wide", WARN, "RFC 7208 section 11.4", "the record lets very many addresses send") \
	RULE(SPF_PTR, "spf.ptr-used", WARN, "RFC 7208 section 5.5", "ptr should not be used") \
	RULE(SPF_INCLUDES_NOTHING, "spf.includes-nothing", ERROR, "RFC 7208 section 5.2", "an include or redirect does not lead to a valid record") \
	RULE(SPF_LOOP, "spf.loop", ERROR, "RFC 7208 section 4.6.4", "the record includes itself") \
	RULE(SPF_LONG, "spf.too-long", INFO, "RFC 7208 section 3.4", "the record is longer than 450 octets") \
	RULE(SPF_TYPE99, "spf.type99", INFO, "RFC 7208 section 3.1", "there is a record of type SPF, which nobody asks for") \
	RULE(SPF_HELO, "spf.helo-missing", WARN, "RFC 7208 section 2.3", "the HELO name has no SPF record") \
	RULE(SPF_NOT_NULL, "spf.not-null-for-non-sender", WARN, "RFC 7208 section 10.1.2", "a domain that sends no mail should say so") \
	RULE(DKIM_NO_KEY, "dkim.no-key", INFO, "RFC 6376 section 3.6", "there is no signing key of this domain here") \
	RULE(DKIM_MISSING, "dkim.key-missing", ERROR, "RFC 6376 section 3.6.2", "the record of a signing key is missing") \
	RULE(DKIM_MISMATCH, "dkim.mismatch", ERROR, "RFC 6376 section 3.6.2", "the published key is not the one that signs") \
	RULE(DKIM_REVOKED, "dkim.revoked-in-use", ERROR, "RFC 6376 section 3.6.1", "a key that signs is published as revoked") \
	RULE(DKIM_SEVERAL, "dkim.several-txt", ERROR, "RFC 6376 section 3.6.2.2", "a selector has several TXT records") \
	RULE(DKIM_INVALID, "dkim.v-wrong", ERROR, "RFC 6376 section 3.6.1", "a key record is not valid") \
	RULE(DKIM_SHORT, "dkim.short", WARN, "RFC 8301 section 3.2", "an RSA key is shorter than 2048 bits") \
	RULE(DKIM_SHA1, "dkim.sha1-only", ERROR, "RFC 8301 section 3.1", "a key record allows only sha1") \
	RULE(DKIM_TESTING, "dkim.testing", WARN, "RFC 6376 section 3.6.1", "a key record says t=y: signatures may be treated as none") \
	RULE(DKIM_NOT_TLSRPT, "dkim.not-tlsrpt-service", INFO, "RFC 8460 section 3", "a key record is not for TLS reports") \
	RULE(DKIM_AGE, "dkim.age", WARN, "RFC 6376 section 3.1", "a key has been signing for long") \
	RULE(DKIM_ONE_ALGORITHM, "dkim.only-one-algorithm", INFO, "RFC 8463 section 5", "all keys have one algorithm") \
	RULE(DKIM_WILDCARD, "dkim.wildcard", WARN, "RFC 6376 section 3.6.2.1", "every selector has a TXT record") \
	RULE(DMARC_NONE, "dmarc.none", WARN, "RFC 9989 section 4.10", "no DMARC record applies to the domain") \
	RULE(DMARC_SEVERAL, "dmarc.several", ERROR, "RFC 9989 section 4.10", "of several DMARC records none counts") \
	RULE(DMARC_SYNTAX, "dmarc.syntax", ERROR, "RFC 9989 section 4.8", "the DMARC record has a fault") \
	RULE(DMARC_NO_P, "dmarc.p-missing", WARN, "RFC 9989 section 4.7", "a record without p= counts as p=none") \
	RULE(DMARC_P_NONE, "dmarc.p-none", INFO, "RFC 9989 section 4.7", "failing mail is only reported") \
	RULE(DMARC_SP_WEAKER, "dmarc.sp-weaker", WARN, "RFC 9989 section 4.7", "subdomains are less protected than the domain") \
	RULE(DMARC_NO_NP, "dmarc.np-missing", INFO, "RFC 9989 section 4.7", "nothing is said of names that do not exist") \
	RULE(DMARC_REMOVED, "dmarc.removed-tags", INFO, "RFC 9989 section 4.7", "the record has tags that RFC 9989 removed") \
	RULE(DMARC_SIZE, "dmarc.size-suffix", INFO, "RFC 9989 section 4.7", "an address of rua= or ruf= has a size, which RFC 9989 removed") \
	RULE(DMARC_TESTING, "dmarc.t", WARN, "RFC 9989 section 4.7", "t=y: the policy is not to be applied") \
	RULE(DMARC_PSD, "dmarc.psd", WARN, "RFC 9989 section 4.7", "psd=y is for public suffixes") \
	RULE(DMARC_NO_RUA, "dmarc.rua-none", WARN, "RFC 9989 section 4.7", "nobody gets the aggregate reports") \
	RULE(DMARC_RUA_INVALID, "dmarc.rua-invalid", WARN, "RFC 9989 section 4.7", "rua= has what cannot be an address for reports") \
	RULE(DMARC_RUA_UNREACHABLE, "dmarc.rua-unreachable", ERROR, "RFC 9990 section 3.5", "mail to an address of rua= cannot be delivered") \
	RULE(DMARC_RUA_EXTERNAL, "dmarc.rua-external-not-authorized", ERROR, "RFC 9990 section 4", "another domain gets the reports but has not agreed to it") \
	RULE(DMARC_RUF, "dmarc.ruf-set", INFO, "RFC 9991 section 7", "failure reports are asked for; they have parts of messages in them") \
	RULE(DMARC_APEX, "dmarc.wrong-place", ERROR, "RFC 9989 section 4.10", "a DMARC record is at the domain itself, where nobody looks for it") \
	RULE(DMARC_DEEP, "dmarc.tree-walk", INFO, "RFC 9989 section 4.10", "the domain has more than 8 labels: some parents are not asked") \
	RULE(STS_NONE, "sts.none", INFO, "RFC 8461 section 3.1", "the domain has no MTA-STS policy") \
	RULE(STS_SEVERAL, "sts.several", ERROR, "RFC 8461 section 3.1", "of several MTA-STS records none counts") \
	RULE(STS_ID, "sts.id-bad", ERROR, "RFC 8461 section 3.1", "the MTA-STS record is not valid") \
	RULE(STS_HOST, "sts.no-host", ERROR, "RFC 8461 section 3.3", "the host that should have the MTA-STS policy has no address") \
	RULE(RPT_NONE, "tlsrpt.none", INFO, "RFC 8460 section 3", "nobody gets reports about TLS") \
	RULE(RPT_SEVERAL, "tlsrpt.several", ERROR, "RFC 8460 section 3", "of several TLS-RPT records none counts") \
	RULE(RPT_SYNTAX, "tlsrpt.syntax", ERROR, "RFC 8460 section 3", "the TLS-RPT record is not valid") \
	RULE(RPT_UNREACHABLE, "tlsrpt.rua-unreachable", ERROR, "RFC 8460 section 3", "mail to an address of the TLS-RPT record cannot be delivered") \
	RULE(DANE_UNSIGNED, "dane.zone-unsigned", INFO, "RFC 7672 section 2.2", "the zone is not signed, so that there is no DANE") \
	RULE(DANE_BOGUS, "dane.bogus", ERROR, "RFC 4035 section 4.3", "answers of the zone do not pass validation: to validating resolvers the domain does not work") \
	RULE(DANE_NONE, "dane.none", INFO, "RFC 7672 section 2.2", "the zone is signed, but no MX host has a TLSA record") \
	RULE(DANE_INSECURE, "dane.mx-insecure", WARN, "RFC 7672 section 2.2.1", "a TLSA record is not in a signed zone") \
	RULE(DANE_UNUSABLE, "dane.unusable", ERROR, "RFC 7671 section 4", "a TLSA record cannot be used") \
	RULE(DANE_USAGE, "dane.usage", WARN, "RFC 7672 section 3.1.3", "TLSA usages 0 and 1 are not for SMTP") \
	RULE(DANE_MIXED, "dane.mixed-mx", WARN, "RFC 7672 section 2.2", "only some MX hosts have TLSA records") \
	RULE(DANE_NO_NEXT, "dane.no-next-record", INFO, "RFC 7671 section 8.1", "there is no TLSA record for the next key") \
	RULE(BIMI_SEVERAL, "bimi.several", ERROR, "BIMI draft section 4.2", "of several BIMI records none counts") \
	RULE(BIMI_SYNTAX, "bimi.syntax", ERROR, "BIMI draft section 4.2", "the BIMI record is not valid") \
	RULE(BIMI_GATE, "bimi.gate", WARN, "BIMI draft section 7.1", "the DMARC policy does not allow BIMI") \
	RULE(BIMI_NO_CERTIFICATE, "bimi.no-certificate", INFO, "BIMI draft section 4.2", "the BIMI record has no mark certificate, which most mailboxes want") \
	RULE(DNSBL_LISTED, "dnsbl.listed", ERROR, "RFC 5782 section 2.1", "an address is in a block list") \
	RULE(DNSBL_UNUSABLE, "dnsbl.zone-unusable", INFO, "RFC 5782 section 5", "a block list does not answer as it should, and is not asked") \
	RULE(NS_ONE_ONLY, "ns.one-only", WARN, "RFC 2182 section 5", "the zone has one name server") \
	RULE(NS_NO_ADDRESS, "ns.no-address", ERROR, "RFC 1034 section 4.2.2", "a name server has no address") \
	RULE(NS_CNAME, "ns.cname", ERROR, "RFC 2181 section 10.3", "a name server is an alias") \
	RULE(NS_LAME, "ns.lame", ERROR, "RFC 1912 section 2.8", "a name server does not serve the zone that is delegated to it") \
	RULE(SOA_DIFFERS, "soa.differs", WARN, "RFC 1034 section 4.3.5", "name servers have different versions of the zone; a transfer fails, or is not complete yet") \
	RULE(DNSSEC_EXPIRING, "dnssec.expiring", WARN, "RFC 6781 section 4.4.2", "signatures of the zone end soon; after that, the domain does not work for validating resolvers") \
	RULE(SRV_CNAME, "srv.cname", ERROR, "RFC 2782", "an SRV record names an alias") \
	RULE(SRV_NO_ADDRESS, "srv.no-address", ERROR, "RFC 2782", "the host of a service has no address") \
	RULE(SRV_PLAIN_ONLY, "srv.implicit-tls-missing", WARN, "RFC 8314 section 5.1", "a service is published without its form with implicit TLS") \
	RULE(SRV_PORT, "srv.port", WARN, "RFC 8314 section 3.3", "a service has a port that many networks block")
/* clang-format on */

#define AUDIT_RULE_ID(name, id, level, section, text) AUDIT_##name,
enum audit_rule { AUDIT_RULES(AUDIT_RULE_ID) AUDIT_RULES_COUNT };
#undef AUDIT_RULE_ID

struct audit_rule_info {
	const char *id;
	enum audit_level level; /* of its findings, unless they say otherwise */
	const char *section;
	const char *text;
};
extern const struct audit_rule_info audit_rules[AUDIT_RULES_COUNT];

/* AUDIT_RULES_COUNT: there is none with that id. */
enum audit_rule audit_rule_find(struct span id);
int audit_check_rule(struct span id, struct why *why); /* for the settings */

struct audit_finding {
	enum audit_rule rule;
	enum audit_level level;
	const char *subject; /* the name, host, selector or address that it is about */
	const char *text;    /* what was found */
	const char *remedy;  /* the record to publish, as a line of a zone file; or NULL */
};

struct audit_findings {
	unsigned count, room;
	struct audit_finding *items; /* in the order of the rules */
};

/* Judges FACTS; pure. The result lives in ARENA. */
struct audit_findings audit_judge(const struct audit_settings *settings,
				  const struct audit_facts *facts, struct arena *arena);

#endif

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
	RULE(MX_NO_SERVER, "mx.unresolvable-ns", ERROR, "RFC 2182 section 5", "a name server of an MX host's zone does not exist; if its domain is free, whoever registers it gets the mail") \
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
	RULE(DKIM_UNKNOWN, "dkim.unknown-selector", WARN, "RFC 6376 section 3.1", "reports name a selector that neither the keyring nor the DNS explains") \
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
	RULE(STS_POLICY, "sts.policy-unfetchable", ERROR, "RFC 8461 section 3.3", "senders cannot get the MTA-STS policy, or must not use it") \
	RULE(STS_MODE, "sts.mode", INFO, "RFC 8461 section 5", "the MTA-STS policy does not protect mail") \
	RULE(STS_AGE, "sts.max-age", INFO, "RFC 8461 section 3.2", "an attacker need not block the MTA-STS policy for long") \
	RULE(STS_MX, "sts.mx-not-covered", ERROR, "RFC 8461 section 4.1", "senders that apply the policy do not deliver to an MX host") \
	RULE(STS_PATTERN, "sts.pattern-unused", WARN, "RFC 8461 section 4.1", "an mx line of the policy matches no MX host") \
	RULE(STS_CERTIFICATE, "sts.cert-of-mx-fails", ERROR, "RFC 8461 section 4.2", "senders that apply the policy do not deliver to an MX host") \
	RULE(STS_ID_SAME, "sts.id-not-changed", ERROR, "RFC 8461 section 3.1", "senders do not fetch the new MTA-STS policy, since the id is the old one") \
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
	RULE(DANE_TTL, "dane.ttl", INFO, "RFC 7671 section 8.1", "a TLSA record is kept by caches for long") \
	RULE(DANE_MISMATCH, "dane.mismatch", ERROR, "RFC 7672 section 2.2", "senders with DANE do not deliver to an MX host") \
	RULE(SMTP_UNREACHABLE, "smtp.unreachable", WARN, "RFC 5321 section 5.1", "an address of an MX host does not take mail") \
	RULE(SMTP_NAME, "smtp.ehlo-name", WARN, "RFC 5321 section 4.1.1.1", "an MX host does not say its full name") \
	RULE(SMTP_INJECTION, "smtp.starttls-injection", ERROR, "RFC 3207 section 4.2", "an attacker can put commands in front of a protected session") \
	RULE(SMTP_SMUGGLING, "smtp.smuggling", ERROR, "RFC 5321 section 2.3.8", "a message can have another one inside, which nobody has checked") \
	RULE(TLS_NONE, "tls.no-starttls", ERROR, "RFC 3207 section 4", "mail to an MX host is not protected on its way") \
	RULE(TLS_OLD, "tls.old-version", WARN, "RFC 8996 section 1", "TLS before version 1.2 must not be used") \
	RULE(TLS_EXPIRING, "tls.cert-expiring", WARN, "RFC 5280 section 4.1.2.5", "a certificate ends soon, or has ended") \
	RULE(TLS_CHAIN, "tls.chain", WARN, "RFC 5280 section 6.1", "senders that verify certificates do not accept one") \
	RULE(TLS_NAME, "tls.name", WARN, "RFC 8461 section 4.2", "senders that verify certificates do not accept one") \
	RULE(TLS_HYBRID, "tls.pq-kex", INFO, "draft-ietf-tls-ecdhe-mlkem section 4", "mail that is recorded now can be read once there are quantum computers") \
	RULE(TLS_REQUIRETLS, "tls.requiretls", INFO, "RFC 8689 section 4.2", "senders cannot demand that a message stays protected on its whole way") \
	RULE(BIMI_SEVERAL, "bimi.several", ERROR, "BIMI draft section 4.2", "of several BIMI records none counts") \
	RULE(BIMI_SYNTAX, "bimi.syntax", ERROR, "BIMI draft section 4.2", "the BIMI record is not valid") \
	RULE(BIMI_GATE, "bimi.gate", WARN, "BIMI draft section 7.1", "the DMARC policy does not allow BIMI") \
	RULE(BIMI_NO_CERTIFICATE, "bimi.no-certificate", INFO, "BIMI draft section 4.2", "the BIMI record has no mark certificate, which most mailboxes want") \
	RULE(BIMI_UNFETCHABLE, "bimi.unfetchable", ERROR, "BIMI draft section 4.2", "a file that the BIMI record names cannot be had") \
	RULE(BIMI_LOGO, "bimi.logo", ERROR, "SVG Tiny PS draft section 2", "the logo is not as receivers want it") \
	RULE(BIMI_CERTIFICATE, "bimi.certificate", ERROR, "VMC draft section 4", "the mark certificate is not as receivers want it") \
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
	RULE(SRV_PORT, "srv.port", WARN, "RFC 8314 section 3.3", "a service has a port that many networks block") \
	RULE(CLIENT_UNREACHABLE, "client.unreachable", ERROR, "RFC 6186 section 4", "a mail program finds no server where the records say") \
	RULE(CLIENT_PLAIN, "client.no-tls", ERROR, "RFC 8314 section 3", "a mail program cannot protect a password") \
	RULE(CLIENT_CERTIFICATE, "client.certificate", ERROR, "RFC 8314 section 4.1", "a mail program does not accept a certificate") \
	RULE(CLIENT_AUTOCONFIG, "client.autoconfig", WARN, "RFC 6186 section 1", "the host for automatic settings has none") \
	RULE(CHANGE_TLSA, "change.tlsa", ERROR, "RFC 7671 section 8.1", "after the change, senders with DANE do not deliver to an MX host") \
	RULE(CHANGE_WAIT, "change.wait", ERROR, "RFC 7671 section 8.1", "caches may still have the TLSA records without that of the new certificate") \
	RULE(CHANGE_OLD, "change.tlsa-old", INFO, "RFC 7671 section 8.1", "a TLSA record is of no use after the change") \
	RULE(CHANGE_STS, "change.sts", ERROR, "RFC 8461 section 4.2", "after the change, senders that apply the MTA-STS policy do not deliver, or cannot get it") \
	RULE(CHANGE_CLIENT, "change.client", ERROR, "RFC 8314 section 4.1", "after the change, mail programs do not accept the certificate") \
	RULE(CHANGE_DATES, "change.dates", ERROR, "RFC 5280 section 4.1.2.5", "the new certificate is not valid now") \
	RULE(CHANGE_HOST, "change.host", WARN, "RFC 6125 section 6.4", "the new certificate is for no server of the domain") \
	RULE(CHANGE_BIMI, "change.bimi", ERROR, "VMC draft section 4", "receivers do not show a logo with the new mark certificate") \
	RULE(CHANGE_DKIM, "change.dkim", ERROR, "RFC 6376 section 3.6.2", "signatures with the new key do not verify") \
	RULE(WATCH_GONE, "watch.record-gone", ERROR, "RFC 1034 section 3.6", "a record that was there is there no longer") \
	RULE(WATCH_NS, "watch.ns-changed", WARN, "RFC 1034 section 4.2.2", "whoever has the name servers has the domain's mail") \
	RULE(WATCH_WIDER, "watch.spf-wider", WARN, "RFC 7208 section 11.4", "more addresses may send for the domain than before") \
	RULE(WATCH_WEAKER, "watch.policy-weaker", WARN, "RFC 9989 section 4.7", "a policy protects less than before") \
	RULE(WATCH_LISTED, "watch.listed", ERROR, "RFC 5782 section 2.1", "an address has come into a block list") \
	RULE(WATCH_ENDS, "watch.ends-soon", WARN, "RFC 5280 section 4.1.2.5", "a certificate or a key has to be renewed soon") \
	RULE(WATCH_CHANGED, "watch.record-changed", INFO, "RFC 1034 section 3.6", "a record is another one than before") \
	RULE(BULK_SPF, "bulk.spf", ERROR, "RFC 7208 section 3", "large receivers refuse mail of a domain without SPF") \
	RULE(BULK_DMARC, "bulk.dmarc", ERROR, "RFC 9989 section 4.10", "large receivers refuse mail of a domain without DMARC") \
	RULE(BULK_PTR, "bulk.ptr", ERROR, "RFC 8601 section 3", "large receivers refuse mail from an address without a name that has it") \
	RULE(BULK_UNSIGNED, "bulk.unsigned", ERROR, "RFC 6376 section 1", "large receivers refuse mail without a DKIM signature") \
	RULE(BULK_ALIGNMENT, "bulk.alignment", ERROR, "RFC 9989 section 4.4", "large receivers refuse mail that no aligned identifier vouches for") \
	RULE(BULK_TLS, "bulk.tls", WARN, "RFC 3207 section 4", "large receivers ask for mail over TLS") \
	RULE(BULK_COMPLAINTS, "bulk.complaints", WARN, "RFC 6449 section 2", "receivers want fewer than 0.1 % complaints, and act at 0.3 %") \
	RULE(BULK_UNSUBSCRIBE, "bulk.unsubscribe", ERROR, "RFC 8058 section 3", "mail of a list needs a signed link to unsubscribe with one click") \
	RULE(BULK_VOLUME, "bulk.volume", INFO, "RFC 8058 section 1", "with 5,000 messages a day, the rules for bulk senders apply")
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

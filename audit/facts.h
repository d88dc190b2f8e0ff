/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is known about a domain, before anybody judges it. Facts are the same for the same answers
 * of the DNS: nothing that is printed of them is a time, a TTL or the order in which something
 * came. Everything lives in the audit's arena; texts are never NULL unless it says so.
 */
#ifndef AUDIT_FACTS_H
#define AUDIT_FACTS_H

#include "audit/change/facts.h"
#include "audit/probe/facts.h"
#include "dns/dns.h"
#include "keys/keystate.h"
#include "lib/ip.h"
#include "policy/bimi/record.h"
#include "policy/dkim/published.h"
#include "policy/dmarc/record.h"
#include "policy/spf/record.h"
#include "tls/sts.h"

enum {
	AUDIT_HOSTS_MAX = 16,     /* MX hosts and name servers that are looked at */
	AUDIT_ADDRESSES_MAX = 32, /* of MX hosts, and our own */
	AUDIT_SERVERS_MAX = 16,   /* addresses of name servers that are asked directly */
	AUDIT_TARGETS_MAX = 4,    /* targets of a service that are looked at */
	AUDIT_TERMS_MAX = 200,    /* of SPF records, those included too */
	AUDIT_STRANGERS_MAX = 32, /* selectors of received reports */
	AUDIT_REPORTS_MAX = 10,   /* addresses of a rua= */
	AUDIT_LISTS_MAX = 16      /* block lists */
};

/* An answer as it came, its records sorted. */
struct audit_answer {
	const char *name; /* NULL: it was not asked */
	enum dns_type type;
	enum dns_status status;
	const char *reason; /* DNS_TEMPFAIL; else NULL */
	bool secure;
	uint32_t ttl; /* seconds, as far as a cache goes; not a fact, and not printed */
	unsigned count;
	const struct dns_record *records;
};

/* A host that a record names. */
struct audit_host {
	const char *name;
	uint16_t preference; /* of an MX */
	bool repeated;       /* the records name it more than once */
	struct audit_answer cname, a, aaaa, tlsa;
	struct audit_answer ns;         /* of the zone of an MX host that is not ours */
	struct audit_answer unresolved; /* A of one of those servers that does not exist */
};

struct audit_listing {
	const char *list;
	struct audit_answer answer; /* A */
};

struct audit_address {
	struct ip ip;
	const char *host; /* whose it is, or NULL: one of those in audit.addresses */
	bool sends;       /* own mail leaves from it */
	struct audit_answer ptr;
	bool confirmed; /* a name of PTR has the address */
	bool unknown;   /* the DNS did not say whether */
	unsigned listing_count;
	struct audit_listing listings[AUDIT_LISTS_MAX];
};

struct audit_mail {
	struct audit_answer mx, a, aaaa; /* of the domain */
	bool null;                       /* one MX, "." (RFC 7505) */
	unsigned host_count;
	struct audit_host hosts[AUDIT_HOSTS_MAX];
	unsigned address_count;
	struct audit_address addresses[AUDIT_ADDRESSES_MAX];
	const char *helo;                      /* audit.helo, or NULL */
	struct audit_answer helo_a, helo_aaaa; /* of it */
};

struct audit_block_list {
	const char *zone;
	struct audit_answer must, must_not; /* 2.0.0.127 and 1.0.0.127 (RFC 5782 section 5) */
};

struct audit_term {
	const char *domain; /* whose record has it */
	const char *text;
	enum spf_kind kind;
	char qualifier;
	unsigned depth, lookups, bits4;
	bool is_void, void6; /* to a client with IPv4, with IPv6 */
	bool varies, loops, temporary;
	const char *fault; /* or NULL */
};

struct audit_spf {
	struct audit_answer txt; /* all of the name's */
	struct audit_answer type99;
	unsigned count;         /* SPF records among them */
	bool blank_first;       /* there is one with a blank in front */
	const char *record;     /* the one record, or NULL */
	const char *syntax;     /* its error, or NULL */
	bool split;             /* a blank between its strings would make it right */
	unsigned lookups;       /* of the whole record */
	unsigned voids, voids6; /* without those that depend on the message */
	char all;               /* the qualifier of "all", or '\0' */
	uint64_t own, included; /* IPv4 addresses authorised by name */
	bool unknown;           /* a part of it could not be looked at */
	unsigned term_count;
	struct audit_term terms[AUDIT_TERMS_MAX];
};

struct audit_key {
	const char *selector;
	const char *type; /* "rsa", "ed25519" */
	unsigned bits;
	struct keystatus status;
	struct audit_answer txt;
	enum published published;
	const char *detail; /* or NULL */
	const char *record; /* to publish */
	const char *fault;  /* why verifiers refuse what is published, or NULL */
	bool parsed, testing, sha256, tlsrpt;
	unsigned published_bits;
};

/* A selector that received reports have and the keyring has not: of a provider, or of nobody. */
struct audit_stranger {
	const char *selector;
	int64_t messages;
	int32_t last_day;
	struct audit_answer txt;
	bool revoked;      /* p= is empty */
	const char *fault; /* of the record, or NULL */
	const char *type;  /* "rsa", "ed25519"; NULL: without a key */
	unsigned bits;
};

struct audit_dkim {
	struct audit_answer wildcard; /* TXT of a selector that nobody has made */
	bool revoked;                 /* it is a key with an empty p=: nothing verifies */
	unsigned count;
	struct audit_key *keys;
	unsigned stranger_count;
	struct audit_stranger strangers[AUDIT_STRANGERS_MAX];
};

/* Where reports go. */
struct audit_report {
	const char *address, *host;
	bool reachable, authorised;
	bool unknown; /* the DNS did not say */
	const char *why;
};

struct audit_dmarc {
	struct audit_answer txt;     /* of _dmarc.DOMAIN */
	struct audit_answer *others; /* on the way up, in order */
	unsigned other_count;
	unsigned count;                    /* DMARC records in TXT */
	bool unknown;                      /* the DNS did not say which record applies */
	const char *found_at;              /* the domain with the record that applies, or NULL */
	const struct dmarc_record *record; /* or NULL */
	const char *fault;                 /* why none can be used although one is there, or NULL */
	bool at_apex;                      /* a DMARC record at the domain itself */
	unsigned labels;
	unsigned report_count, failure_count;
	struct audit_report reports[AUDIT_REPORTS_MAX];
	bool bad_uri; /* rua= has what cannot be an address */
};

struct audit_tls {
	struct audit_answer sts, sts_a, sts_aaaa, rpt, bimi;
	unsigned sts_count, rpt_count, bimi_count;
	const char *sts_id, *sts_fault; /* or NULL */
	const char *rua, *rpt_fault;    /* or NULL */
	unsigned report_count;
	struct audit_report reports[AUDIT_REPORTS_MAX];
	const char *bimi_fault; /* or NULL */
	struct bimi_record mark;
};

/* What one address of a name server says itself. */
struct audit_server {
	const char *host;
	struct ip ip;
	struct audit_answer soa, mx; /* of the zone; of the domain */
	struct audit_answer rrsig;   /* of the zone's apex; not asked where there is no DS */
};

struct audit_zone {
	const char *apex; /* NULL: not known */
	struct audit_answer ns, soa, ds;
	bool bogus;    /* an answer did not pass validation */
	bool unproven; /* an answer could not be validated: a key was not had */
	const char
	    *keyless; /* the zone at or above the domain that has a DS and no DNSKEY, or NULL */
	unsigned host_count;
	struct audit_host hosts[AUDIT_HOSTS_MAX];
	unsigned server_count; /* 0 unless audit_settings.name_servers */
	struct audit_server servers[AUDIT_SERVERS_MAX];
};

struct audit_service {
	const char *label; /* "_imaps" */
	struct audit_answer srv;
	unsigned target_count;
	struct audit_host targets[AUDIT_TARGETS_MAX];
};
enum { AUDIT_SERVICES = 6 };

struct audit_facts {
	const char *domain;
	unsigned lookups; /* that were asked for */
	struct audit_mail mail;
	unsigned list_count;
	struct audit_block_list lists[AUDIT_LISTS_MAX];
	struct audit_spf spf, helo_spf;
	struct audit_dkim dkim;
	struct audit_dmarc dmarc;
	struct audit_tls tls;
	struct audit_zone zone;
	struct audit_service services[AUDIT_SERVICES];
	struct audit_answer autoconfig; /* A of autoconfig.DOMAIN */
	bool probed;                    /* audit_settings.probe */
	struct probe_facts probe;
	struct change_facts change;
};

#endif

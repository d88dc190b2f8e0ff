/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * DNS: start a lookup now, wait for it later.
 *
 * struct dns is the resolver of the process: shared by all threads, with one cache. struct
 * dns_scope is one unit of work, normally one message: its lookups, their one budget and their one
 * deadline. A lookup lives as long as its scope; asking a scope twice for the same (name, type)
 * gives the same lookup. Identical lookups of different scopes share one question to the network.
 *
 * An answer is one of four, and they are never folded: data, no data (the name exists), no name,
 * temporary failure. Everything that keeps us from knowing (SERVFAIL, REFUSED, time, budget, a
 * bogus signature, a malformed packet) is a temporary failure with its reason.
 */
#ifndef DNS_DNS_H
#define DNS_DNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/why.h"

enum dns_type {
	DNS_TYPE_A = 1,
	DNS_TYPE_NS = 2,
	DNS_TYPE_CNAME = 5,
	DNS_TYPE_SOA = 6,
	DNS_TYPE_PTR = 12,
	DNS_TYPE_MX = 15,
	DNS_TYPE_TXT = 16,
	DNS_TYPE_AAAA = 28,
	DNS_TYPE_SRV = 33,
	DNS_TYPE_DS = 43,
	DNS_TYPE_RRSIG = 46,
	DNS_TYPE_DNSKEY = 48,
	DNS_TYPE_TLSA = 52,
	DNS_TYPE_SPF = 99 /* as TXT; RFC 7208 section 3.1 ended it */
};
const char *dns_type_text(enum dns_type type);

enum dns_status { DNS_DATA, DNS_NODATA, DNS_NXDOMAIN, DNS_TEMPFAIL };
const char *dns_status_text(enum dns_status status);

/* What an answer can hold at most; a larger one is a temporary failure ("answer too large"). */
enum {
	DNS_NAME_MAX = 253,      /* characters, without a final dot */
	DNS_RECORDS_MAX = 128,   /* records of the type asked for */
	DNS_ANSWER_BYTES = 65536 /* all their data together */
};

/*
 * One record in the shape its type has. Text of TXT: its strings joined without a separator (RFC
 * 7208 section 3.3, RFC 9989 section 4.7), any bytes, NUL added. Names: lower case, no final dot,
 * "." for the root; a name with a byte outside printable ASCII has it as \DDD. Text of DS,
 * DNSKEY and TLSA: the digest, the key or the certificate data, any bytes.
 */
struct dns_record {
	uint16_t
	    preference; /* MX; SRV: priority; DS: key tag; RRSIG: type covered; DNSKEY: flags */
	uint16_t weight, port; /* SRV */
	uint8_t numbers[3];    /* TLSA: usage, selector, matching type; DS: algorithm, digest type;
				  DNSKEY: protocol, algorithm */
	uint32_t serial;       /* SOA; RRSIG: the TTL of what it signs, as published */
	uint32_t begins, ends; /* RRSIG: seconds since 1970, modulo 2^32 (RFC 4034 section 3.1.5) */
	uint8_t address[16];   /* A: 4 bytes, AAAA: 16 */
	const char *text; /* TXT; the name in PTR, MX, NS, CNAME, SRV; SOA: the first name; RRSIG:
			     the signer */
	size_t length;    /* of text */
};

/* Immutable, shared; lives at least as long as the lookup it came from. */
struct dns_answer {
	enum dns_status status;
	const char *reason; /* DNS_TEMPFAIL: "SERVFAIL", "bogus: ...", "bogus, or its key
			       was lost: ...", "no answer in time from
			       192.0.2.53", "unreachable: no answer from 192.0.2.53"; else NULL */
	bool bogus;         /* DNS_TEMPFAIL: an answer came that DNSSEC does not let us believe */
	bool unproven;  /* DNS_TEMPFAIL: a DNSKEY or DS that the answer is validated with was not
			   had; whether it is missing or its answer was lost is not known */
	uint32_t ttl;   /* seconds it may be used for, already limited to the cache's bounds */
	bool secure;    /* validated by DNSSEC */
	unsigned count; /* > 0 exactly for DNS_DATA */
	const struct dns_record *records;
};

struct dns;
struct dns_scope;
struct dns_lookup;

/* ---- the resolver (a program makes one, after fork) ---- */

/*
 * Random case in the names we ask for (draft-vixie-dnsext-dns0x20), which an answer must repeat.
 * AUTO: on, unless a server changes the case of one question that it is asked at the start; this
 * can take 0.3 s. Where a server does so later, the question is asked again in lower case.
 */
enum dns_caps { DNS_CAPS_AUTO, DNS_CAPS_ON, DNS_CAPS_OFF };

struct dns_settings {
	const char *const *servers; /* "192.0.2.53", "192.0.2.53@5353", "2001:db8::53@5353" */
	unsigned server_count;      /* 0: those of RESOLV_CONF */
	const char *resolv_conf;    /* NULL: /etc/resolv.conf */
	const char *trust_anchor;   /* file with the root's DS or DNSKEY; NULL: no validation */
	const char *zone;      /* this zone is not asked for, but read from ZONE_FILE; or NULL */
	const char *zone_file; /* RFC 1035 section 5; no answer from it is secure */
	enum dns_caps caps;
	unsigned cache_entries;    /* bound of our cache, and 1024 bytes for each; 0: 65536 */
	uint32_t max_ttl;          /* seconds; 0: 86400 */
	uint32_t max_negative_ttl; /* seconds; 0: 900 */
	void (*on_wait)(void); /* called by a thread that is about to wait; must not call back */
	void (*on_answer)(enum dns_type type, enum dns_status status, int64_t nanoseconds);
	/* an answer of the back end, and how long it took; likewise */
};

struct dns *dns_new_unbound(const struct dns_settings *settings, struct why *why);

/* Whether that would succeed; no thread is started and nobody is asked. */
int dns_check_unbound(const struct dns_settings *settings, struct why *why);

void dns_free(struct dns *dns); /* NULL is OK; no scope or other holder may be left */

/* Another holder beside the owner; an open scope is one, too. The owner frees a resolver that it
 * has replaced when it is idle: nobody holds it, and no question is under way. */
struct dns *dns_take(struct dns *dns);
void dns_drop(struct dns *dns);
bool dns_is_idle(struct dns *dns);

/* Whom it asks, for the log: "192.0.2.53, 2001:db8::53@5353". */
const char *dns_servers(const struct dns *dns);
bool dns_caps(const struct dns *dns); /* whether the names have random case */

/* Counters since the start, for metrics and tests. */
struct dns_stats {
	uint64_t lookups;  /* asked by scopes */
	uint64_t hits;     /* answered by our cache */
	uint64_t shared;   /* joined to a question already under way */
	uint64_t queries;  /* given to the back end */
	uint64_t failures; /* temporary failures */
	uint64_t entries;  /* in the cache now */
};
void dns_stats(struct dns *dns, struct dns_stats *stats);
void dns_flush(struct dns *dns); /* empties the cache */

/* ---- a back end that answers from a fixed table ---- */

struct dns_fixed {
	const char *name; /* lower case, no final dot */
	const char *text; /* of its one TXT record */
};

/* Every other name does not exist. RECORDS are borrowed until dns_free(). */
struct dns *dns_new_fixed(const struct dns_fixed *records, unsigned count);

/* ---- a back end that answers as another resolver did ---- */

struct dns_seen {
	const char *name; /* lower case, no final dot */
	enum dns_type type;
	struct dns_answer answer;
};

/* Whatever else is asked fails temporarily, with the reason UNSEEN. Everything is borrowed until
 * dns_free(). */
struct dns *dns_new_seen(const struct dns_seen *answers, unsigned count, const char *unseen);

/* ---- one unit of work ---- */

/*
 * BUDGET: how many lookups this scope may start (cached ones count too: the bound must not depend
 * on the cache); lookups beyond it fail at once with "too many lookups for one message".
 * MAX_WAIT: nanoseconds; a wait without a deadline set ends this long after it began.
 */
struct dns_scope *dns_scope_new(struct dns *dns, unsigned budget, int64_t max_wait);

/* Lookups under way go on for the cache; nothing is called back after this returns. NULL is OK.
 */
void dns_scope_free(struct dns_scope *scope);

/* From now on every wait ends at DEADLINE (clock_mono()). */
void dns_scope_deadline(struct dns_scope *scope, int64_t deadline);

/*
 * Starts a lookup; never blocks, never returns NULL. NAME is in ASCII, with or without the final
 * dot; one that DNS cannot carry (empty label, label over 63, over 253 in all) is answered at once
 * as DNS_NXDOMAIN without a query, and does not count.
 */
struct dns_lookup *dns_start(struct dns_scope *scope, const char *name, enum dns_type type);

/*
 * Like dns_start, and when the answer arrives FOLLOW(scope, lookup, arg) is called once so that it
 * can start the lookups which the answer names. It may run in another thread, at once or later,
 * but never after dns_scope_free() and never two at a time for one scope; it may only use ARG,
 * which the caller keeps unchanged as long as the scope lives, dns_start*() and dns_lookup_answer()
 * of LOOKUP. If the scope already has the lookup, FOLLOW still runs once for this call.
 */
typedef void dns_follow(struct dns_scope *scope, struct dns_lookup *lookup, const void *arg);
struct dns_lookup *dns_start_follow(struct dns_scope *scope, const char *name, enum dns_type type,
				    dns_follow *follow, const void *arg);

/* Waits until the answer is there or the deadline has passed. Never NULL. Once it has returned
 * for a lookup, every later call returns the same answer. */
const struct dns_answer *dns_wait(struct dns_lookup *lookup);

/* The answer if it is there, else NULL; does not wait. */
const struct dns_answer *dns_lookup_answer(struct dns_lookup *lookup);

const char *dns_lookup_name(const struct dns_lookup *lookup); /* lower case, no final dot */

/* For the explanation: every lookup of the scope in the order in which it was started. ANSWER may
 * be NULL (not there yet); START and END are clock_mono(), END 0 while it is under way. */
typedef void dns_visit(void *arg, const char *name, enum dns_type type,
		       const struct dns_answer *answer, bool cached, int64_t start, int64_t end);
void dns_scope_each(struct dns_scope *scope, dns_visit *visit, void *arg);
unsigned dns_scope_lookups(struct dns_scope *scope); /* started */

#endif

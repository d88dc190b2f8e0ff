/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Judges one inbound message: iprev, SPF, DKIM, ARC, DMARC, and what the operator makes of it. Fed
 * in the order of SMTP; lookups start as soon as their name is known; only check_finish() waits.
 * The milter and `countersign verify` both run this.
 */
#ifndef POLICY_CHECK_H
#define POLICY_CHECK_H

#include "dns/dns.h"
#include "lib/arena.h"
#include "policy/bimi/check.h"
#include "policy/arc/seal.h"
#include "policy/decide.h"
#include "policy/dkim/check.h"
#include "policy/dmarc/dmarc.h"
#include "policy/relay.h"
#include "policy/result/verdict.h"
#include "policy/spf/spf.h"

/* Immutable while any message uses it. */
struct check_rules {
	struct dkimcheck_engine *dkim_engine;
	struct dkimcheck_rules dkim;
	struct arc_rules arc;
	struct dmarc_rules dmarc;
	struct decide_rules decide;
	enum spf_engine spf_engine;
	struct relay_rules relays;
	struct bimi_rules bimi;
};

struct check_client {
	struct ip ip;
	bool address_unknown; /* without IP: there is a client, but the MTA does not know where */
	const struct relay *relay; /* IP is of this one, which does not skip: the message is judged
				      by the client that its Received field names. NULL: none */
	const char *helo;          /* as given; "" when there was none */
	const char *mail_from;     /* without <>; "" for the null sender */
	const char *receiver;      /* our host name */
	bool explain;              /* keep the steps of SPF, DKIM and DMARC */
};

/* What the message may ask of DNS. */
struct check_dns {
	struct dns *dns;
	unsigned budget;  /* lookups in all */
	int64_t max_wait; /* nanoseconds; see dns_scope_new */
};

struct check;

/*
 * CLIENT is copied into ARENA; everything is released with it. Starts iprev and SPF lookups. NOW:
 * wall seconds.
 *
 * The budget has three parts, for the envelope (iprev, SPF), for signatures' keys, and for DMARC:
 * the sender decides what the first two cost, and must not be able to keep the author's policy
 * from being read. BIMI, where it is evaluated, has its own few lookups beside them.
 */
struct check *check_new(const struct check_rules *rules, const struct check_client *client,
			const struct check_dns *dns, struct arena *arena, int64_t now);

/* Each recipient's domain, as domain_of_address (NULL: it has none), while that can make a
 * difference. DOMAIN is copied. */
bool check_wants_recipients(const struct check *check);
void check_recipient(struct check *check, const char *domain);

/* NAME and VALUE as in policy/dkim/check.h. */
void check_header(struct check *check, struct span name, struct span value);
/* Before the end of the header: the key that seals the message (policy/arc/seal.h). */
void check_seal_with(struct check *check, const struct signing_key *key);
void check_end_of_headers(struct check *check);
void check_body(struct check *check, struct span chunk);
bool check_body_done(const struct check *check);

/* Before check_finish: JUDGE is called with the results of SPF and DKIM and may change them, before
 * anything is decided by them. */
typedef void check_judge(void *arg, struct verdict *verdict);
void check_judge_with(struct check *check, check_judge *judge, void *arg);

/* Waits until DEADLINE (clock_mono()) at most; never fails: what could not be found out is
 * temperror. */
const struct verdict *check_finish(struct check *check, int64_t deadline);
const struct verdict *check_verdict(const struct check *check); /* after check_finish */

enum check_sealing {
	CHECK_SEALED,
	CHECK_UNSEALED,  /* it is not to be sealed, or cannot be */
	CHECK_SEAL_LATER /* it is to be sealed, and a later try may do it */
};

/* After check_finish: the ARC set with RESULTS, what we say of the message. If there is none, WHY
 * has the reason or is empty. */
enum check_sealing check_seal(struct check *check, const char *results, struct arcseal_fields *out,
			      struct why *why);

/* The value of the newest seal that the message came with; empty: there is none. */
struct span check_newest_seal(const struct check *check);

/* The lookups of the message, for its explanation. */
void check_each_lookup(struct check *check, dns_visit *visit, void *arg);
unsigned check_lookups(struct check *check);

/* ---- for judging the same message again ---- */

struct check_evidence {
	const struct spf_request *spf[2];      /* by enum spf_scope; NULL: was not evaluated */
	const struct dkimengine_field *fields; /* the header, from the top */
	const char *author;                    /* the From domain, or NULL */
	int64_t now;                           /* wall seconds */
};

/* After check_finish; borrowed from CHECK. */
void check_evidence(const struct check *check, struct check_evidence *out);

/* The lookups that SPF had, or those for signatures' keys. */
void check_each_spf_lookup(struct check *check, dns_visit *visit, void *arg);
void check_each_key_lookup(struct check *check, dns_visit *visit, void *arg);

#endif

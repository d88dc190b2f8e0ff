/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the page shows, as plain structs: filled from the ledger by page_gather() and
 * page_gather_inbound(), and by the caller where it says so. The page (report/page/page.h) and its
 * JSON (report/page/json.h) are made of the same structs, so that they say the same.
 */
#ifndef REPORT_PAGE_FACTS_H
#define REPORT_PAGE_FACTS_H

#include "report/page/posture.h"
#include "report/sources/advise.h"
#include "report/sources/gather.h"

enum {
	PAGE_DAYS_MAX = 400,
	PAGE_DOMAINS_MAX = 1000,
	PAGE_REPORTERS_MAX = 50,
	PAGE_TLS_MAX = 50,
	PAGE_LENIENT_MAX = 20,
	PAGE_CHANGE_DAYS = 7
};

/* Classes of sources, as the charts have them. */
enum page_group {
	PAGE_OWN,       /* own hosts, and what is forwarded intact */
	PAGE_DOUBT,     /* modified on the way, partners, hosts of the SPF record */
	PAGE_STRANGERS, /* old keys, unknown sources, what the operator ignores */
	PAGE_GROUPS
};
extern const struct name_code page_group_names[];
enum page_group page_group_of(const struct flow *flow);

struct page_domain {
	const char *name;
	struct coverage coverage;
	struct advice advices[ADVICE_SUBJECTS];
	struct flow **flows; /* those with most messages first */
	unsigned flow_count;
	int64_t messages, passed, withheld; /* of all reports */
	int64_t *groups[PAGE_GROUPS];       /* by day */
	int64_t sent;                       /* messages that were sent from here */
	int64_t sessions, failed_sessions;  /* TLS, of all reports */
	int64_t complaints, failures; /* by the caller: stored reports about single messages */
};

struct page_reporter {
	const char *org, *mail_from; /* MAIL_FROM NULL: not known */
	int64_t reports, unverified; /* UNVERIFIED: of them, not in authenticated mail */
	int64_t messages;
	int32_t last_day;
};

struct page_tls_failure {
	const char *domain, *result_type, *mx_host; /* the last two: NULL if not told */
	int64_t failed;
};

/* Sessions from here to the servers of another domain, as tls.reports counts them. */
struct page_tls_out {
	const char *domain;
	int64_t sessions, failed;
};

/* What was received here, by day. */
enum page_fate { PAGE_PASSED, PAGE_LET_IN, PAGE_QUARANTINED, PAGE_REJECTED, PAGE_FATES };
extern const struct name_code page_fate_names[];

/* Failing messages that stricter enforcement would not have let in. */
struct page_lenient {
	const char *domain;  /* of the policy */
	int64_t refused;     /* p=reject asks for it, "strict" would do it */
	int64_t quarantined; /* the same for quarantine */
};

struct page_key {
	const char *domain, *selector, *type, *state;
	int64_t since; /* wall seconds of its state; 0: not known */
};

struct page_facts {
	int64_t generated; /* wall seconds */
	const char *host, *version;
	const char *only; /* the domain that was chosen, and those below it; NULL: all */
	const char *root; /* where links lead to: "", "../" ...; NULL: there are no other pages */
	int32_t first_day;
	unsigned days;
	int32_t changed_day; /* what began then or later is told as a change */
	bool since_last_page;
	bool without_dns; /* not every source could be looked up in time */

	struct page_domain *domains;
	unsigned domain_count;
	struct page_reporter *reporters;
	unsigned reporter_count;
	bool more_reporters;
	struct page_tls_failure *tls;
	unsigned tls_count;

	/* on a page of all domains only */
	struct page_tls_out *tls_out; /* those with most failures first */
	unsigned tls_out_count;
	unsigned tls_out_domains;             /* of them all */
	int64_t *tls_out_done, *tls_out_fail; /* by day, of all */

	int64_t *received[PAGE_FATES];
	int64_t received_sums[PAGE_FATES];
	struct page_lenient *lenient;
	unsigned lenient_count;
	int64_t would_refuse, would_quarantine; /* of all domains */

	/* by the caller */
	struct page_key *keys;
	unsigned key_count;
	struct posture *postures; /* of the domains that were audited */
	unsigned posture_count;
	int64_t unreadable; /* mails that could not be read as reports */
	struct {
		bool known;
		int64_t up_since, messages, not_counted;
		int64_t connections;                /* open now */
		int64_t answered;                   /* ends of messages */
		int64_t average;                    /* microseconds until the reply */
		int64_t within_100_ms, over_second; /* of ANSWERED */
		int64_t due;                        /* reports that wait to be sent */
	} daemon;
};

/* Reports about FACTS->first_day and later, FACTS->days days. RULES: whose reports count. 0, or -1
 * with WHY. All texts live in ARENA. NAMES: further domains to show, which may lack reports. */
int page_gather(struct page_facts *facts, struct sql *sql, const struct source_facts *sources,
		const struct reporter_rules *rules, const char *const *names, unsigned name_count,
		struct arena *arena, struct why *why);

/* TLS sessions, as they were counted in the ledger's file SQL. */
int page_gather_tls(struct page_facts *facts, struct sql *sql, struct arena *arena,
		    struct why *why);

/* What was counted in SQL, a ledger's file or a shared store. */
int page_gather_inbound(struct page_facts *facts, struct sql *sql, struct arena *arena,
			struct why *why);

#endif

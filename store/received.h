/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reports that others sent, in the ledger's file: which there are, their rows, and the sum of their
 * rows for each day. Rows and reports are deleted after a while (received_expire), the sums of days
 * stay.
 *
 * A report is known by what is in it, not by its identifier: its key is made of its kind, domain,
 * organization, time range and the digest of its rows. The same report that comes again, under the
 * same identifier or another, is stored and counted once. Texts are clean (report/inbox/record.h).
 */
#ifndef STORE_RECEIVED_H
#define STORE_RECEIVED_H

#include "store/sql/sql.h"

struct received_report {
	unsigned char key[DRIVER_KEY_LEN];
	const char *kind; /* "aggregate" "tls" */
	const char *domain;
	const char *org;
	const char *report_id;
	int64_t begins, ends; /* wall seconds; 0: not known */
	int64_t received;
	const char *trust;     /* DMARC result of the mail that brought it, or "unverified" */
	const char *mail_from; /* the domain of that mail, or NULL */
	const char *email;     /* these and the next ones as the report says, or NULL */
	const char *p, *sp, *np, *adkim, *aspf, *testing;
	int64_t rows, messages, passed; /* TLS: policies, sessions, successful ones */
	int64_t refused;                /* rows that could not be used */
	int64_t repaired;
	int64_t overlaps;    /* reports of the same organization for a part of the same time, when
			      * this one came */
	const char *remarks; /* JSON list of {"text"} */
};

struct received_row {
	const char *source_ip; /* or NULL */
	int64_t messages;
	const char *disposition, *dkim_aligned, *spf_aligned;
	const char *header_from, *envelope_from, *envelope_to; /* or NULL */
	const char *reasons; /* JSON lists, as store/row.h has them */
	const char *dkim;
	const char *spf;
};

struct received_tls {
	const char *policy_type, *policy_domain, *mx_host; /* or NULL */
	int64_t successful, failed;
	int64_t n; /* 0 for the first policy of its report */
};

struct received_tls_failure {
	const char *result_type, *sending_ip, *mx_hostname, *receiving_ip, *reason_code;
	const char *information; /* each may be NULL */
	int64_t failed;
};

/* ---- writing ---- */

/* REPORT, and what BODY adds, in one transaction; BODY may be called again. 0: stored; 1: it was
 * there already, and BODY was not called; -1. OVERLAPS is set here. */
int received_add(struct sql *sql, const struct received_report *report, sql_body *body, void *arg,
		 struct why *why);

/* For BODY. N: 0 for the first row (failure) of its report; POLICY: the N of its policy. */
int received_put_row(struct sql *sql, const unsigned char key[DRIVER_KEY_LEN], int64_t n,
		     const struct received_row *row, struct why *why);
int received_put_tls(struct sql *sql, const unsigned char key[DRIVER_KEY_LEN],
		     const struct received_tls *tls, struct why *why);
int received_put_tls_failure(struct sql *sql, const unsigned char key[DRIVER_KEY_LEN], int64_t n,
			     int64_t policy, const struct received_tls_failure *failure,
			     struct why *why);
int received_count_day(struct sql *sql, const struct received_report *report, int32_t day,
		       const struct received_row *row, int64_t messages, struct why *why);

/*
 * How MESSAGES of a report about the time BEGINS to ENDS are shared among its days, the first of
 * which is *FIRST: a day or less counts for the day on which most of it lies, a longer time is
 * shared in proportion to what of it lies on each day. The number of SHARES, whose sum is MESSAGES.
 */
enum { RECEIVED_DAYS_MAX = 40 };
unsigned received_split(int64_t begins, int64_t ends, int64_t messages, int32_t *first,
			int64_t shares[RECEIVED_DAYS_MAX]);

/* Deletes reports and rows that came before BEFORE (wall seconds); how many reports, or -1. */
int64_t received_expire(struct sql *sql, int64_t before, struct why *why);

/* ---- reading; texts live during the call ---- */

struct received_query {
	const char *kind;   /* NULL: any, as for the next one */
	const char *domain; /* and those below it */
	int64_t since;      /* received then or later */
	bool failing;       /* only reports in which something did not pass */
};

/* The newest first. A value other than 0 ends the reading and is returned. */
typedef int received_visit(void *arg, const struct received_report *report);
int received_list(struct sql *sql, const struct received_query *query, received_visit *visit,
		  void *arg, struct why *why);

/* The report whose key begins with the hexadecimal digits ID. 0; 1: there is none; 2: there are
 * several; -1. Texts live in ARENA. */
int received_find(struct sql *sql, const char *id, struct arena *arena,
		  struct received_report *report, struct why *why);

typedef int received_row_visit(void *arg, const struct received_row *row);
int received_rows(struct sql *sql, const unsigned char key[DRIVER_KEY_LEN],
		  received_row_visit *visit, void *arg, struct why *why);

/* Each failure with its policy; a policy without one once, with FAILURE NULL. */
typedef int received_tls_visit(void *arg, const struct received_tls *tls,
			       const struct received_tls_failure *failure);
int received_tls_rows(struct sql *sql, const unsigned char key[DRIVER_KEY_LEN],
		      received_tls_visit *visit, void *arg, struct why *why);

/* ---- sums over many reports ---- */

/* Rows of aggregate reports that look alike, with the sum of their messages. */
struct received_sum {
	const char *domain; /* the policy domain */
	const char *trust;  /* "pass": of reports that came in authenticated mail; or "" */
	struct received_row row;
	int32_t first_day, last_day; /* on which the times of the reports begin */
};

/* DOMAIN: and those below it; NULL: any. Reports whose time begins on FROM_DAY or later. */
typedef int received_sum_visit(void *arg, const struct received_sum *sum);
int received_sums(struct sql *sql, const char *domain, int32_t from_day, received_sum_visit *visit,
		  void *arg, struct why *why);

/* How good the authenticated reports about DOMAIN are. */
struct received_coverage {
	int64_t reporters, days, reports; /* different domains of the mail; days with a report */
	int64_t messages;
	int32_t first_day, last_day;
};
int received_cover(struct sql *sql, const char *domain, int32_t from_day,
		   struct received_coverage *coverage, struct why *why);

/* ---- what the operator decided about a flow (report/sources/classify.h) ---- */

struct received_decision {
	const char *flow, *decision, *note;
	int64_t decided;
};
int received_decide(struct sql *sql, const struct received_decision *decision, struct why *why);
int received_undecide(struct sql *sql, const char *flow, struct why *why); /* 1: there was none */
typedef int received_decision_visit(void *arg, const struct received_decision *decision);
int received_decisions(struct sql *sql, received_decision_visit *visit, void *arg, struct why *why);

#endif

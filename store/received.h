/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reports that others sent, in the ledger's file: which there are, their rows, and the sum of their
 * rows for each day. Rows and reports are deleted after a while (received_expire), the sums of days
 * stay.
 *
 * A report is known by what is in it, not by its identifier: its key is made of its kind, domain,
 * organization, time range and the digest of its rows. The same report that comes again, under the
 * same identifier or another, is stored and counted once, with the best of the trust in its copies.
 * Texts are clean (report/inbox/record.h).
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
 * there already, and BODY was not called; 2: likewise, but only a copy was there that less vouches
 * for (a forgery can come first), whose head and trust are now those of REPORT; -1. OVERLAPS is set
 * here. */
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
/* Adds the row to the sums of the days that its report is about. */
int received_count_row(struct sql *sql, const struct received_report *report,
		       const struct received_row *row, struct why *why);

/* Deletes reports and rows that came before BEFORE (wall seconds); how many reports, or -1. */
int64_t received_expire(struct sql *sql, int64_t before, struct why *why);

/* ---- reading; texts live during the call ---- */

/* A part of a list: COUNT of it, without the first SKIP; COUNT 0: all. */
struct received_part {
	int64_t skip, count;
};

struct received_query {
	const char *kind;   /* NULL: any, as for the next one */
	const char *domain; /* and those below it */
	int64_t since;      /* received then or later */
	bool failing;       /* only reports in which something did not pass */
	struct received_part part;
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
		  const struct received_part *part, received_row_visit *visit, void *arg,
		  struct why *why);

/* Each failure with its policy; a policy without one once, with FAILURE NULL. */
typedef int received_tls_visit(void *arg, const struct received_tls *tls,
			       const struct received_tls_failure *failure);
int received_tls_rows(struct sql *sql, const unsigned char key[DRIVER_KEY_LEN],
		      const struct received_part *part, received_tls_visit *visit, void *arg,
		      struct why *why);

/* ---- sums over many reports ---- */

/* Rows of aggregate reports, each with the day of its report; those that look alike may come one
 * by one. */
struct received_sum {
	const char *domain;    /* the policy domain */
	const char *trust;     /* "pass": of reports that came in authenticated mail; or "" */
	const char *mail_from; /* the domain of that mail, or NULL */
	struct received_row row;
	int32_t day; /* on which the times of the reports begin */
};

/* DOMAIN: and those below it; NULL: any. Reports whose time begins on FROM_DAY or later. */
typedef int received_sum_visit(void *arg, const struct received_sum *sum);
int received_sums(struct sql *sql, const char *domain, int32_t from_day, received_sum_visit *visit,
		  void *arg, struct why *why);

/* Organizations whose reports about DOMAIN begin on FROM_DAY or later, of any kind, those with most
 * messages first. */
struct received_reporter {
	const char *org, *mail_from; /* MAIL_FROM: NULL if not known */
	int64_t reports, unverified; /* UNVERIFIED: of them, not in authenticated mail */
	int64_t messages;
	int32_t last_day;
};
typedef int received_reporter_visit(void *arg, const struct received_reporter *reporter);
int received_reporters(struct sql *sql, const char *domain, int32_t from_day,
		       received_reporter_visit *visit, void *arg, struct why *why);

/* Sessions by TLS reports that begin on FROM_DAY or later, of each policy domain. */
typedef int received_tls_sum_visit(void *arg, const char *domain, int64_t sessions,
				   int64_t successful);
int received_tls_sums(struct sql *sql, const char *domain, int32_t from_day,
		      received_tls_sum_visit *visit, void *arg, struct why *why);

/* Failures of TLS reports by domain, kind and MX, the most frequent first; of FAILURE only
 * result_type, mx_hostname and failed are set. */
typedef int received_failure_visit(void *arg, const char *domain,
				   const struct received_tls_failure *failure);
int received_tls_failures(struct sql *sql, const char *domain, int32_t from_day,
			  received_failure_visit *visit, void *arg, struct why *why);

/* The policy domains of aggregate reports that begin on FROM_DAY or later, those with most messages
 * first. */
typedef int received_domain_visit(void *arg, const char *domain, int64_t messages);
int received_domains(struct sql *sql, const char *domain, int32_t from_day,
		     received_domain_visit *visit, void *arg, struct why *why);

/* Domains whose authenticated mail brought reports about DOMAIN, of any kind, that begin on
 * FROM_DAY or later, those with most messages first. */
struct received_sender {
	const char *domain; /* the policy domain */
	const char *mail_from;
	int64_t reports; /* aggregate ones, with messages */
};
typedef int received_sender_visit(void *arg, const struct received_sender *sender);
int received_senders(struct sql *sql, const char *domain, int32_t from_day,
		     received_sender_visit *visit, void *arg, struct why *why);

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

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The sums of a day in the ledger's file: sessions by domain, policy, and what became of them.
 * Beyond SESSIONS_ROWS_MAX rows of a domain and day, further details lose their hosts and further
 * policies their texts, so that nobody else's records make the file grow.
 */
#ifndef REPORT_TLS_SESSIONS_H
#define REPORT_TLS_SESSIONS_H

#include "report/tls/session.h"
#include "store/sql/sql.h"

enum { SESSIONS_ROWS_MAX = 500, SESSIONS_KEEP_DAYS = 40 };

int sessions_add(struct sql *sql, int32_t day, const struct session *session, struct why *why);

/* Of DOMAIN and DAY, in the order of policies; the sums of one policy first. */
typedef int sessions_visit(void *arg, const struct session *session);
int sessions_each(struct sql *sql, const char *domain, int32_t day, sessions_visit *visit,
		  void *arg, struct why *why);

/* Domains with sessions, in the order of days and domains. DOMAIN NULL: any. */
struct sessions_day {
	const char *domain;
	int32_t day;
	int64_t successful, failed;
};
typedef int sessions_day_visit(void *arg, const struct sessions_day *day);
int sessions_days(struct sql *sql, const char *domain, int32_t from, int32_t to,
		  sessions_day_visit *visit, void *arg, struct why *why);

/* Each domain once, those with most failures first; the day is the last one. */
int sessions_sums(struct sql *sql, int32_t from, int32_t to, sessions_day_visit *visit, void *arg,
		  struct why *why);

/* Removes what is older than BEFORE. */
int sessions_expire(struct sql *sql, int32_t before, struct why *why);

#endif

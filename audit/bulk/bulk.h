/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What large receivers (Gmail, Yahoo, Microsoft, Apple) ask of those who send much, judged by the
 * facts of the domain and by what was sent: the outbound tally, complaints, and a message as it
 * leaves. That all of it is met promises nothing.
 */
#ifndef AUDIT_BULK_BULK_H
#define AUDIT_BULK_BULK_H

#include "audit/rules.h"

enum { BULK_RECEIVERS_MAX = 50, BULK_DAYS_MAX = 60 };

struct bulk_receiver {
	const char *domain;
	int64_t messages;                 /* in all days */
	int64_t days[BULK_DAYS_MAX];      /* the first one is FIRST_DAY */
	int64_t deferrals[BULK_DAYS_MAX]; /* that the MTA's log shows */
	int64_t sessions,
	    failed_sessions; /* with TLS, of this host, whatever the sender's domain */
};

struct bulk_traffic {
	bool known; /* false: what was sent is not known; WHY says why */
	const char *why;
	bool counts_complaints; /* else COMPLAINTS says nothing */
	bool counts_sessions;   /* likewise of TLS */
	int32_t first_day;
	unsigned day_count;
	int64_t messages, unsigned_messages, unaligned, complaints;
	unsigned receiver_count; /* the largest first */
	struct bulk_receiver receivers[BULK_RECEIVERS_MAX];
};

/* What a message of a newsletter has of RFC 8058; FAULT NULL: all. */
struct bulk_message {
	bool given;
	const char *fault;
};

/* Looks at the header in TEXT, as it leaves for the network. */
struct bulk_message bulk_read_message(struct span text, const char *domain, struct arena *arena);

/* FINDINGS, those of audit_judge(), and the rules bulk.*; in ARENA. */
struct audit_findings bulk_judge(const struct audit_settings *settings,
				 const struct audit_facts *facts,
				 const struct bulk_traffic *traffic,
				 const struct bulk_message *message,
				 const struct audit_findings *findings, struct arena *arena);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From the ledger to the mail server: builds the reports that are due, keeps them in the outbox,
 * sends them and notes what became of them.
 *
 * Killed at any moment it loses nothing: a report and its deliveries are stored in one step. What
 * the mail server answered is noted on this host at once, so a lost store or a death sends nothing
 * again; a delivery whose outcome nobody knows is, with the same identifier (RFC 9990 section
 * 3.5.4). To annoy nobody, there are daily budgets, an address that refused several reports in a
 * row is sent none for a while, and a domain gets reports only if it sent more than reports.
 */
#ifndef REPORT_SENDER_H
#define REPORT_SENDER_H

#include "dns/dns.h"
#include "policy/dmarc/dmarc.h"
#include "report/aggregate.h"
#include "report/send.h"
#include "store/outbox.h"
#include "store/sql/sql.h"

enum {
	SENDER_BUILD_DAYS = 3, /* days before today whose missing reports are built */
	SENDER_HOLD = 3600,    /* seconds that other hosts leave a mail alone which one of
				  them was sending: it may know the outcome */
	SENDER_KEEP_DAYS = 5,  /* days after which sending is given up */
	SENDER_LATE_DAYS = 30  /* days before today whose late rows are reported */
};

/* A domain is reported to if at least one of its messages was... */
enum sender_domains { SENDER_ALL, SENDER_ACCEPTED, SENDER_PASSED };

struct sender_settings {
	struct aggregate_reporter reporter;
	struct send_server server;
	bool verp;              /* else the null sender */
	const char *const *bcc; /* addresses that get a copy of each aggregate report */
	unsigned bcc_count;
	const char *const *suppress_lists; /* DNS lists of domains that get none */
	unsigned suppress_list_count;
	unsigned max_per_day;         /* mails, 0: no limit */
	unsigned max_per_destination; /* of them to one host */
	unsigned max_addresses;       /* of one report; 0: as many as there can be */
	int64_t max_size;             /* bytes of a mail; 0: any */
	enum sender_domains domains;
	int64_t suppress; /* seconds; see report/suppress.h */
	int64_t grace;    /* seconds, for hosts that have not brought a day */
	const struct dmarc_rules *dmarc;
	unsigned dns_budget; /* for one destination */
	int64_t dns_timeout;
};

/* Is a report about DAY to be made? If not, why. */
enum sender_wish {
	SENDER_WANTED,
	SENDER_NO_ADDRESS, /* the domain names none that can be used */
	SENDER_QUIET,      /* none of its messages is worth a report */
	SENDER_LEFT_OUT    /* by the setting DOMAINS */
};
enum sender_wish sender_wish(const struct sender_settings *settings, const struct ledger_day *day);

/* An event, told as it happens. A dry run tells what would be done. */
struct sender_event {
	enum {
		SENDER_BUILT,
		SENDER_DELIVERY,
		SENDER_COPY /* of a report that was delivered (BCC): sent or failed */
	} what;
	enum outbox_kind kind;
	const char *domain;
	int32_t day;
	const char *id;          /* of a report that was built */
	int64_t messages;        /* in it */
	const char *address;     /* of a delivery or copy */
	enum outbox_state state; /* its new one */
	const char *reply;       /* or NULL */
};

struct sender {
	const struct sender_settings *settings;
	struct ledger *ledger;
	struct outbox *outbox; /* OUTBOX_SEND; a dry run: OUTBOX_READ */
	struct outbox *own;    /* of this host, for failure reports; NULL: it is OUTBOX */
	struct sql *sessions;  /* with TLS sessions (report/tls/sessions.h), or NULL */
	const char *host;      /* names this host in TLS reports */
	struct dns *dns;       /* a dry run: NULL */
	bool dry_run;
	void (*tell)(void *arg, const struct sender_event *event);
	bool (*go_on)(void *arg, unsigned left); /* before each mail; may wait. NULL: at once */
	/* while reports are built: how many of how many days' policies are done. NULL: not told */
	bool (*look)(void *arg, int64_t done, int64_t all);
	void *arg;

	/* counted by the functions below */
	unsigned built, sent, deferred, failed, suppressed;
	bool stopped; /* the rest is left for later: STOP_REASON */
	struct why stop_reason;
	unsigned incomplete; /* reports that wait for other hosts: WAITING_FOR */
	struct why waiting_for;
	unsigned damaged; /* reports that are not made, because the ledger is damaged: DAMAGE */
	struct why damage;
	unsigned unreachable; /* tries in a row in which there was no server */
};

/* Stores what became of the mail that an earlier run on this host had under way, if its note is
 * still there. To be called before anything is sent; OUTBOX may be OUTBOX_CHANGE here. */
int sender_resume(struct sender *sender, struct why *why);

/* Builds the reports of DOMAIN (NULL: all) for the days FROM_DAY to TO_DAY, as far as they are
 * over. 0, or -1 when the store fails. */
int sender_build(struct sender *sender, const char *domain, int32_t from_day, int32_t to_day,
		 struct why *why);
/* Reports what hosts shipped to a shared store after the days that sender_build() looks at. */
int sender_build_late(struct sender *sender, const char *domain, struct why *why);
int sender_deliver(struct sender *sender, const char *domain, int32_t from_day, int32_t to_day,
		   struct why *why);

/* Sends the failure reports that wait, without pauses between them. */
int sender_failures(struct sender *sender, const char *domain, struct why *why);

/* Sends the notices that are due (report/notice.h). */
int sender_notices(struct sender *sender, struct why *why);

/* Sends the TLS reports that are due (report/tls/build.h). */
int sender_tls(struct sender *sender, const char *domain, int32_t to_day, struct why *why);

/* Sends the reports of these days to ADDRESS and nobody else; nothing is stored. */
int sender_copy(struct sender *sender, const char *domain, int32_t from_day, int32_t to_day,
		const char *address, struct why *why);

#endif

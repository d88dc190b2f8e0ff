/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The outbox: reports that were built, with their deliveries and the state of each. It is in the
 * ledger's file, or in the store that several hosts share: then any one of them sends a report.
 * This module knows nothing of mail: an address is a text.
 *
 * Each change is complete or not there at all, even if the process is killed. The outcome of a
 * delivery that is "sending" without a sender is known to the note of its host at most.
 *
 * One process at a time sends: OUTBOX_SEND takes a lock that ends with its holder (in a shared
 * store: some time later). An outbox belongs to one thread.
 */
#ifndef STORE_OUTBOX_H
#define STORE_OUTBOX_H

#include <stdio.h>

#include "lib/arena.h"
#include "store/ledger.h"

enum outbox_mode {
	OUTBOX_READ,
	OUTBOX_CHANGE, /* for the administrator's changes, also while others send */
	OUTBOX_SEND
};

enum outbox_state {
	OUTBOX_BUILT, /* waits for its first try */
	OUTBOX_SENDING,
	OUTBOX_SENT,
	OUTBOX_DEFERRED,
	OUTBOX_FAILED,
	OUTBOX_SUPPRESSED
};
const char *outbox_state_text(enum outbox_state state);

/* A report about a day, or about one message (its CONFIG is then a unique name), or about the TLS
 * sessions of a day; or a notice to the people who run this site (report/notice.h). */
enum outbox_kind { OUTBOX_AGGREGATE, OUTBOX_FAILURE, OUTBOX_TLS, OUTBOX_NOTICE };
const char *outbox_kind_text(enum outbox_kind kind); /* "aggregate" */

/* Texts that are read live in the given arena. */
struct outbox_report {
	const char *domain; /* these three name it, as in struct ledger_day */
	int32_t day;
	const char *config;
	const char *id;
	const char *file_name;
	int64_t records, messages;
	enum outbox_kind kind;
};

struct outbox_delivery {
	const char *domain;
	int32_t day;
	const char *config;
	enum outbox_kind kind;
	const char *address; /* from the domain's record: of mail, or an https URL */
	const char *sent_to; /* where it was sent instead, or NULL */
	enum outbox_state state;
	unsigned tries;
	int64_t next;      /* wall seconds: when it is due; 0: never again */
	int64_t tried;     /* the last try, or 0 */
	const char *reply; /* of the server, or another reason; or NULL */
};

struct outbox;

/* NULL with the reason. *BUSY: another process sends. READ: the ledger's schema must be up to
 * date. */
struct outbox *outbox_open(const struct ledger_settings *settings, enum outbox_mode mode,
			   bool *busy, struct why *why);
void outbox_close(struct outbox *outbox); /* NULL is OK */

/* ---- in a store that several hosts share: settings->shared, settings->lease ---- */

/* Renews the lease of OUTBOX_SEND; to be called now and then while it waits. -1: another host has
 * taken over. */
int outbox_keep(struct outbox *outbox, struct why *why);

/* Has every host shipped its rows of DAY, or have GRACE seconds passed since its end? 1, 0 (WHO:
 * the hosts that have not), -1. Always 1 for a host's own outbox. */
int outbox_is_complete(struct outbox *outbox, int32_t day, int64_t grace, struct arena *arena,
		       const char **who, struct why *why);

/* To be called before the rows of a report are read: they no longer change, and what other hosts
 * ship later becomes another report. */
int outbox_begin(struct outbox *outbox, const struct ledger_key *key, struct why *why);

/* ---- reports. 0 or more, -1: failed ---- */

/* The host of an address, in ARENA: its domain, or the name in the URL. */
const char *outbox_host(struct arena *arena, const char *address);

/* Stores REPORT, the content of GZ from its beginning, and a delivery for each address, due NOW. 1:
 * the report exists already; nothing was changed. */
int outbox_put(struct outbox *outbox, const struct outbox_report *report, FILE *gz,
	       const char *const *addresses, unsigned count, int64_t now, struct why *why);

/* Finds the report of KEY: 1 found, 0 not. */
int outbox_find(struct outbox *outbox, const struct ledger_key *key, struct arena *arena,
		struct outbox_report *report, struct why *why);

/* Counts the reports of KIND about DOMAIN (NULL: all) that were stored at SINCE or later. */
int outbox_stored(struct outbox *outbox, enum outbox_kind kind, const char *domain, int64_t since,
		  int64_t *count, struct why *why);

/* Writes its content to GZ. 0: it is no longer kept (every delivery was sent or, for a failure
 * report, none will be tried again). */
int outbox_read(struct outbox *outbox, const struct outbox_report *report, FILE *gz,
		struct why *why);

/* ---- deliveries ---- */

/* Lists those of a report, ordered by address. Returns their number. */
int outbox_deliveries(struct outbox *outbox, const struct ledger_key *key, struct arena *arena,
		      struct outbox_delivery **list, struct why *why);

/* Which deliveries. */
struct outbox_query {
	enum outbox_kind kind;
	const char *domain; /* NULL: all */
	int32_t from_day, to_day;
	int64_t now;  /* wall seconds: those that are due by then */
	unsigned max; /* at most so many */
};

/* Lists those that are due, the longest due first. Returns their number. */
int outbox_due(struct outbox *outbox, const struct outbox_query *query, struct arena *arena,
	       struct outbox_delivery **list, struct why *why);

/* Counts them, without MAX. */
int outbox_due_count(struct outbox *outbox, const struct outbox_query *query, int64_t *count,
		     struct why *why);

/* Lists all of DOMAIN (NULL: all) and those days, of any kind and state. Returns their number. */
int outbox_range(struct outbox *outbox, const char *domain, int32_t from_day, int32_t to_day,
		 struct arena *arena, struct outbox_delivery **list, struct why *why);

/* Stores the new state of DELIVERY (all members after ADDRESS). When every delivery of a report was
 * sent, its content is deleted. */
int outbox_mark(struct outbox *outbox, const struct outbox_delivery *delivery, struct why *why);

/* The same for what became of a mail: holds only if the delivery is still "sending" with as many
 * TRIES, and needs no turn at sending, since it is a fact. 1: it held, 0: not. */
int outbox_settle(struct outbox *outbox, const struct outbox_delivery *delivery, struct why *why);

/* Counts the tries at addresses of HOST (NULL: all) at SINCE or later. */
int outbox_tries(struct outbox *outbox, const char *host, int64_t since, int64_t *tries,
		 struct why *why);

/* ---- the mail under way: a note on this host (store/attempt.h), which is there when the store
 * cannot be reached. OUTBOX is a host's own, and OUTBOX_SEND ---- */

struct outbox_attempt {
	const char *domain; /* these four name the delivery */
	int32_t day;
	const char *config;
	const char *address;
	unsigned tries;
	const char *outcome; /* a word of the caller's; NULL: not known yet */
	const char *reply;   /* or NULL */
};

/* Replaces the last one; NULL: removes it. */
int outbox_attempt_put(struct outbox *outbox, const struct outbox_attempt *attempt,
		       struct why *why);
/* 1: there is one, 0: not. */
int outbox_attempt_read(struct outbox *outbox, struct arena *arena, struct outbox_attempt *attempt,
			struct why *why);

/* ---- names that nobody can guess ---- */

/* A name that is nobody's address: the secret of this host. */
#define OUTBOX_HOST_SECRET " redaction"

/* The token of NAME: 16 random letters and digits, created when it is first needed. */
int outbox_token(struct outbox *outbox, const char *name, struct arena *arena, const char **token,
		 struct why *why);
/* Whether NAME has one: 1, 0, -1. */
int outbox_has_token(struct outbox *outbox, const char *name, struct why *why);
/* The name that has this token: 1 found, 0 not. */
int outbox_token_name(struct outbox *outbox, const char *token, struct arena *arena,
		      const char **name, struct why *why);

/* ---- addresses that are sent nothing for a while ---- */

#define OUTBOX_FOR_EVER INT64_MAX

struct outbox_suppression {
	const char *address;
	unsigned failures; /* in a row */
	int64_t until;     /* wall seconds; 0: not suppressed */
	const char *reason;
};

/* 1 found, 0 not. */
int outbox_suppression(struct outbox *outbox, const char *address, struct arena *arena,
		       struct outbox_suppression *found, struct why *why);
/* Stores it; FAILURES and UNTIL 0: deletes it, 1 if there was one. */
int outbox_suppress(struct outbox *outbox, const struct outbox_suppression *suppression,
		    struct why *why);
/* Lists all of them, ordered by address. Returns their number. */
int outbox_suppressions(struct outbox *outbox, struct arena *arena,
			struct outbox_suppression **list, struct why *why);

#endif

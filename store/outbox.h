/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The outbox: reports that were built, each with the places it goes to and what became of it there.
 * It is in the same file as the ledger, or in the store that several hosts share: then a report is
 * sent by one of them, whichever comes first. This room knows nothing of mail: an address is a
 * text.
 *
 * Whatever happens, killing included, each change is there as a whole or not at all. A delivery
 * that is "sending" and has no sender has an unknown outcome: it is due again.
 *
 * One process at a time sends: OUTBOX_SEND takes a lock that ends with its holder (in a shared
 * store: some time after). An outbox
 * belongs to one thread.
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

/* What a report is: a day's, or one about one message (its CONFIG is then a name of its own). */
enum outbox_kind { OUTBOX_AGGREGATE, OUTBOX_FAILURE };

/* Texts that come out live in the arena given. */
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
	const char *address; /* as the domain asks for it */
	const char *sent_to; /* where it was sent instead, or NULL */
	enum outbox_state state;
	unsigned tries;
	int64_t next;      /* wall seconds: when it is due; 0: never again */
	int64_t tried;     /* the last try, or 0 */
	const char *reply; /* of the server, or what else there is to say; or NULL */
};

struct outbox;

/* NULL with the reason. *BUSY: another process sends. READ: the ledger's schema must be up to
 * date. */
struct outbox *outbox_open(const struct ledger_settings *settings, enum outbox_mode mode,
			   bool *busy, struct why *why);
void outbox_close(struct outbox *outbox); /* NULL is fine */

/* ---- in a store that several hosts share: settings->shared, settings->lease ---- */

bool outbox_is_shared(const struct outbox *outbox);

/* Says that SEND is still at work; to be called now and then while it waits. -1: another host has
 * taken over. */
int outbox_keep(struct outbox *outbox, struct why *why);

/* Whether every host's rows of DAY are there, or GRACE seconds have passed since its end: 1, 0 (WHO
 * is waited for), -1. Of a host's own outbox always 1. */
int outbox_is_complete(struct outbox *outbox, int32_t day, int64_t grace, struct arena *arena,
		       const char **who, struct why *why);

/* Before the rows of a report are read: from now on they stay as they are; what other hosts bring
 * later becomes a report of its own. */
int outbox_begin(struct outbox *outbox, const char *domain, int32_t day, const char *config,
		 struct why *why);

/* ---- reports. 0 or more, -1: failed ---- */

/* Stores REPORT, the content of GZ from its beginning, and a delivery for each address, due NOW. 1:
 * it is there already; nothing was changed. */
int outbox_put(struct outbox *outbox, const struct outbox_report *report, FILE *gz,
	       const char *const *addresses, unsigned count, int64_t now, struct why *why);

/* The report named by DOMAIN, DAY and CONFIG: 1 found, 0 not. */
int outbox_find(struct outbox *outbox, const char *domain, int32_t day, const char *config,
		struct arena *arena, struct outbox_report *report, struct why *why);

/* How many of KIND were stored since a time, about DOMAIN (NULL: all). */
int outbox_stored(struct outbox *outbox, enum outbox_kind kind, const char *domain, int64_t since,
		  int64_t *count, struct why *why);

/* Its content, into GZ. 0: it is not kept any more (every delivery was sent; of a failure report
 * also: none will be tried again). */
int outbox_read(struct outbox *outbox, const struct outbox_report *report, FILE *gz,
		struct why *why);

/* ---- deliveries ---- */

/* Those of a report, by address; their number. */
int outbox_deliveries(struct outbox *outbox, const char *domain, int32_t day, const char *config,
		      struct arena *arena, struct outbox_delivery **list, struct why *why);

/* Which deliveries. */
struct outbox_query {
	enum outbox_kind kind;
	const char *domain; /* NULL: all */
	int32_t from_day, to_day;
	int64_t now;  /* wall seconds: those that are due by then */
	unsigned max; /* at most so many */
};

/* Those that are due, the longest due first; their number. */
int outbox_due(struct outbox *outbox, const struct outbox_query *query, struct arena *arena,
	       struct outbox_delivery **list, struct why *why);

/* How many there are, whatever MAX is. */
int outbox_due_count(struct outbox *outbox, const struct outbox_query *query, int64_t *count,
		     struct why *why);

/* All of DOMAIN and those days, whatever their kind and state; their number. */
int outbox_range(struct outbox *outbox, const char *domain, int32_t from_day, int32_t to_day,
		 struct arena *arena, struct outbox_delivery **list, struct why *why);

/* DELIVERY has a new state (all that follows ADDRESS is stored). When every delivery of a report is
 * sent, its content goes. */
int outbox_mark(struct outbox *outbox, const struct outbox_delivery *delivery, struct why *why);

/* Tries at addresses of HOST (NULL: all) since a time. */
int outbox_tries(struct outbox *outbox, const char *host, int64_t since, int64_t *tries,
		 struct why *why);

/* ---- names that nobody can guess ---- */

/* The token of NAME (16 letters and digits), made at random when it is first asked for. */
int outbox_token(struct outbox *outbox, const char *name, struct arena *arena, const char **token,
		 struct why *why);
/* Whose token that is: 1 found, 0 nobody's. */
int outbox_token_name(struct outbox *outbox, const char *token, struct arena *arena,
		      const char **name, struct why *why);

/* ---- addresses that get nothing for a while ---- */

#define OUTBOX_FOR_EVER INT64_MAX

struct outbox_suppression {
	const char *address;
	unsigned failures; /* in a row */
	int64_t until;     /* wall seconds; 0: not suppressed */
	const char *reason;
};

/* 1: there is one; 0: none. */
int outbox_suppression(struct outbox *outbox, const char *address, struct arena *arena,
		       struct outbox_suppression *found, struct why *why);
/* FAILURES and UNTIL 0: forgets it; 1: there was one. */
int outbox_suppress(struct outbox *outbox, const struct outbox_suppression *suppression,
		    struct why *why);
/* All of them, by address; their number. */
int outbox_suppressions(struct outbox *outbox, struct arena *arena,
			struct outbox_suppression **list, struct why *why);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How many messages of each day are where: in the ledger's file, on their way to the shared store,
 * in it, and in reports. Only sums: report/account.h says why they differ.
 */
#ifndef STORE_SHIP_BALANCE_H
#define STORE_SHIP_BALANCE_H

#include "store/outbox.h"
#include "store/sql/sql.h"

/* What is in reports. */
struct balance_reports {
	int64_t built; /* in all that were made */
	int64_t sent;  /* of these: in those that a mail server accepted for at least one address */
	int64_t waiting; /* of the others: in those that are tried again */
};

/* A host's share of a day, in the shared store. */
struct balance_host {
	struct balance_host *next;      /* by name */
	const char *name;               /* NULL: not known there */
	bool own;                       /* this host: its sums are those of its ledger */
	int64_t counted, kept, shipped; /* as below, of that host */
	int64_t stored;                 /* what the store has taken from it */
	int64_t told;                   /* when it told these sums: wall seconds, 0: not yet */
	int64_t seen;                   /* when it was heard of: wall seconds */
};

struct balance_day {
	struct balance_day *next; /* the next later one */
	int32_t day;
	int64_t counted;                  /* in this host's ledger, by its table of totals */
	int64_t kept;                     /* the same, by its rows */
	int64_t shipped;                  /* of KEPT: the shared store has acknowledged them */
	int64_t stored;                   /* in the shared store, from all hosts */
	struct balance_host *hosts;       /* only with a shared store */
	struct balance_reports aggregate; /* messages */
	struct balance_reports failure;   /* reports, each of which is about one message */
};

struct balance {
	struct arena *arena;      /* the days live there */
	struct balance_day *days; /* in order; those that have something */
	int32_t from_day;         /* older ones are not looked at */
	int64_t now;              /* of the shared store's clock: wall seconds */
};

/* Each adds what it reads. 0, or -1. SQL is a ledger's file, or for reports the one or the other.
 * The shared store is read after the file LOCAL: what is shipped in between is not missing. */
int balance_add_shared(struct balance *balance, struct sql *local, struct sql *shared,
		       struct why *why);
int balance_add_file(struct balance *balance, struct sql *sql, struct why *why);
int balance_add_reports(struct balance *balance, struct sql *sql, enum outbox_kind kind,
			struct why *why);

/* How many messages more the shared store has acknowledged to this host than it has of it (less:
 * negative); 0 also while a batch is under way. */
int balance_of_host(struct sql *local, struct sql *shared, int64_t *lacking, struct why *why);

#endif

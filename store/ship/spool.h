/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The shipper's state: one row of the ledger's file.
 */
#ifndef STORE_SHIP_SPOOL_H
#define STORE_SHIP_SPOOL_H

#include <sys/stat.h>

#include "store/ship/ship.h"
#include "store/sql/driver.h"

/* The key of a row; batches are in this order. */
#define SHIP_KEY "domain, day, config, source_ip, row_key"

struct ship_spool {
	unsigned char host[DRIVER_KEY_LEN];  /* who this host is */
	unsigned char store[DRIVER_KEY_LEN]; /* the store it ships to */
	bool has_store, joined;
	int64_t joined_at; /* wall seconds */
	int64_t sequence;  /* number of the last batch */
	int64_t applied;   /* number of the last one that is in the store: SEQUENCE, or one less */
	int64_t base;      /* batches up to this number went to another store */
	int64_t sent;      /* messages in the store; -1: not known yet */
	int64_t through;   /* the day through which everything is shipped once that batch is */
};

struct ship {
	struct sql *local, *shared; /* SHARED: NULL while not connected */
	char *path, *url, *name;
	void (*notice)(const char *text);
	bool resends;     /* batches that the store had once */
	bool in_step;     /* the store had all that was shipped, since the file was opened */
	struct stat file; /* LOCAL */
	int lock;
	struct ship_spool spool;
	int64_t told_at, told_through;
	int64_t sums_at, sums_all_at; /* when sums were told last (store/ship/sums.h); 0: not yet */
	int32_t sums_through;
	struct {
		int64_t changed;
		char domain[256];
	} policy; /* how far the shared store's policies were read (store/ship/policies.c) */
};

int ship_spool_read(struct sql *local, struct ship_spool *spool, struct why *why);

/* Updates this host's row in the shared store: a sign of life, and the counts of a batch. A
 * SEQUENCE lower than the one there changes nothing. */
int ship_spool_tell(const struct ship *ship, int64_t sequence, int64_t rows, int64_t messages,
		    struct sql *sql, struct why *why);

#endif

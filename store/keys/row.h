/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A signing key as a database has it: its private half sealed (keys/sealing.h). What state and type
 * mean is known to those who use the keys.
 */
#ifndef STORE_KEYS_ROW_H
#define STORE_KEYS_ROW_H

#include "store/sql/sql.h"

struct keyrow {
	const char *domain, *selector;
	const char *type; /* "rsa", "ed25519" */
	int64_t bits;
	const char *record; /* "v=DKIM1; ..." */
	const char *state;  /* "active" ... */
	int64_t since;      /* wall seconds: when it came into that state */
	int64_t created;
	int64_t seen; /* when the DNS was first seen to show its record; 0: not yet */
	int64_t
	    version; /* of the store, when the row was last changed: no two rows have the same */
	const void *sealed; /* NULL: was not asked for */
	size_t sealed_len;
};

enum { KEYROW_COLUMNS = 11 };

/* The names of the columns, in the order of keyrow_read() and keyrow_values(). */
#define KEYROW_NAMES                                                                               \
	"domain, selector, type, bits, record, state, since, created, seen, version, sealed"

/* The current row of ROWS, whose first columns are those; ROW lives in ARENA. */
void keyrow_read(struct sql_rows *rows, struct arena *arena, struct keyrow *row);

/* $1 to $11 of a statement. */
void keyrow_values(const struct keyrow *row, struct sql_value values[KEYROW_COLUMNS]);

/* Returns 0 to go on. */
typedef int keyrow_visit(void *arg, const struct keyrow *row, struct why *why);

/* VISIT gets each of ROWS, which are then closed. Returns 0, what VISIT returned when it ended
 * them, or -1. */
int keyrow_each(struct sql_rows *rows, keyrow_visit *visit, void *arg, struct why *why);

#endif

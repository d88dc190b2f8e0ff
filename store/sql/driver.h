/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a place to keep rows in must be able to do: one table of functions, one file for each
 * (store/sql/sqlite.c). The ledger (store/ledger.c) owns queue, threads, retries and keys, and
 * knows no SQL; a driver owns connection and statements, and knows no threads: each of its handles
 * is used by one thread at a time.
 */
#ifndef STORE_SQL_DRIVER_H
#define STORE_SQL_DRIVER_H

#include "lib/arena.h"
#include "store/ledger.h"

enum { DRIVER_KEY_LEN = 16 };

/* A row with its keys: the first 16 bytes of SHA-256 over what makes the identity. */
struct driver_row {
	struct ledger_row row; /* no NULL but in the policy */
	unsigned char config[DRIVER_KEY_LEN];
	unsigned char key[DRIVER_KEY_LEN];
};

/* What is committed together. */
struct driver_batch {
	const struct driver_row **rows; /* sorted by (domain, day, config, source, key), each key
					 * once */
	unsigned count;
	const unsigned char *journal; /* DRIVER_KEY_LEN bytes: where the rows come from, or NULL */
	const struct messages_line *lines; /* for the log of messages, or NULL */
	uint64_t folded;                   /* up to this number of that journal; DRIVER_GONE: the
					    * journal is no more */
};

#define DRIVER_GONE UINT64_MAX

enum driver_outcome {
	DRIVER_DONE,
	DRIVER_RETRY,  /* nothing was changed; the same again may succeed */
	DRIVER_REOPEN, /* nothing was changed; it may succeed with a new handle */
	DRIVER_BROKEN  /* nothing was changed, and trying again is of no use */
};

struct driver_handle;

/* What to read: the days, or the rows of one day, that come after the one read last. */
struct driver_days_query {
	const char *domain; /* NULL: all */
	int32_t from_day, to_day;
	int64_t since;                   /* only those whose first row came then or later */
	const struct ledger_day *behind; /* NULL: from the beginning */
};
struct driver_rows_query {
	const char *domain;
	int32_t day;
	unsigned char config[DRIVER_KEY_LEN];
	const struct driver_row *behind; /* NULL: from the beginning */
};

struct driver {
	/* Creates and migrates unless settings->read_only. */
	struct driver_handle *(*open)(const struct ledger_settings *settings, struct why *why);
	void (*close)(struct driver_handle *handle); /* NULL is fine */

	/* All of it, or nothing. */
	enum driver_outcome (*commit)(struct driver_handle *handle,
				      const struct driver_batch *batch, struct why *why);

	/* Up to which number the rows of a journal are in; 0: unknown journal. */
	enum driver_outcome (*folded)(struct driver_handle *handle, const unsigned char *journal,
				      uint64_t *number, struct why *why);

	/* What was committed so far survives a lost power. (With LEDGER_POWER it does anyway.) */
	void (*sync)(struct driver_handle *handle);

	/* Deletes about MAX rows of days before BEFORE_DAY at most. *MORE: there are others. */
	enum driver_outcome (*expire)(struct driver_handle *handle, int32_t before_day,
				      unsigned max, unsigned *deleted, bool *more, struct why *why);

	/* The next ones, at most MAX: their number (0: no more), or -1. They live in ARENA, which
	 * is emptied after the query was read: its BEHIND may lie there. */
	int (*days)(struct driver_handle *handle, const struct driver_days_query *query,
		    struct arena *arena, struct ledger_day *days, unsigned max, struct why *why);
	int (*rows)(struct driver_handle *handle, const struct driver_rows_query *query,
		    struct arena *arena, struct driver_row *rows, unsigned max, struct why *why);
};

/* CONFIG as hexadecimal digits, and back. False: TEXT is not 32 of them. */
void driver_config_text(const unsigned char config[DRIVER_KEY_LEN], char text[LEDGER_CONFIG_MAX]);
bool driver_config_parse(const char *text, unsigned char config[DRIVER_KEY_LEN]);

extern const struct driver driver_sqlite;
extern const struct driver driver_shared; /* settings->shared; read only but for expire */
const char *driver_sqlite_version(void);  /* "3.40.1" */

/* A connection of its own that speaks SQL (store/sql/sql.h), opened like the driver's handle. */
struct sql;
struct sql *sqlite_sql(const struct ledger_settings *settings, struct why *why);

/* Why the file that SETTINGS name cannot be opened: what is to be done differs by it. */
enum driver_cause {
	DRIVER_CAUSE_NONE, /* it can be opened */
	DRIVER_CAUSE_OLD,  /* an older schema, or an empty file: opening it to write migrates it */
	DRIVER_CAUSE_NEW,  /* a newer countersign wrote it */
	DRIVER_CAUSE_FOREIGN, /* another program's database */
	DRIVER_CAUSE_DAMAGED, /* not a database, or its pages do not hang together */
	DRIVER_CAUSE_OTHER    /* it is absent, locked, not permitted, on a disk that fails ... */
};
enum driver_cause sqlite_cause(const struct ledger_settings *settings, struct why *why);

/* The same to a PostgreSQL server, or what is like it. NULL with the reason, which holds no secret
 * of CONNINFO. Its schema is not looked at (store/sql/shared.h). */
struct sql *pg_sql(const char *conninfo, bool read_only, struct why *why);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a place to keep rows in must be able to do: one table of functions, one file for each
 * (store/sql/sqlite_write.c). The ledger (store/ledger.c) owns queue, threads, retries and keys,
 * and knows no SQL; a driver owns connection and statements, and knows no threads: each connection
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
	int64_t since; /* of its policy, when it is read: wall seconds, when its first row came */
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
	DRIVER_REOPEN, /* nothing was changed; it may succeed with a new connection */
	DRIVER_BROKEN  /* nothing was changed, and trying again is of no use */
};

/* A connection (store/sql/sql.h): opened by a driver, read by store/sql/page.h. */
struct sql;

struct driver {
	/* Creates and migrates unless settings->read_only. */
	struct sql *(*open)(const struct ledger_settings *settings, struct why *why);

	/* All of it, or nothing. */
	enum driver_outcome (*commit)(struct sql *sql, const struct driver_batch *batch,
				      struct why *why);

	/* Up to which number the rows of a journal are in; 0: unknown journal. */
	enum driver_outcome (*folded)(struct sql *sql, const unsigned char *journal,
				      uint64_t *number, struct why *why);

	/* What was committed so far survives a lost power. (With LEDGER_POWER it does anyway.) */
	void (*sync)(struct sql *sql);

	/* Deletes about MAX rows of days before BEFORE_DAY at most. *MORE: there are others. */
	enum driver_outcome (*expire)(struct sql *sql, int32_t before_day, unsigned max,
				      unsigned *deleted, bool *more, struct why *why);
};

/* CONFIG as hexadecimal digits, and back. False: TEXT is not 32 of them. */
void driver_config_text(const unsigned char config[DRIVER_KEY_LEN], char text[LEDGER_CONFIG_MAX]);
bool driver_config_parse(const char *text, unsigned char config[DRIVER_KEY_LEN]);

extern const struct driver driver_sqlite;
extern const struct driver driver_shared; /* settings->shared; read only but for expire */
const char *driver_sqlite_version(void);  /* "3.40.1" */

/* What driver_sqlite.open is, for those who only speak SQL. */
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

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A back end that keeps rows: a table of functions. The ledger (store/ledger.c) has the queue,
 * threads, retries and keys, and no SQL; a driver has the connection and its statements, and no
 * threads: each connection is used by one thread at a time.
 */
#ifndef STORE_SQL_DRIVER_H
#define STORE_SQL_DRIVER_H

#include "lib/arena.h"
#include "store/ledger.h"

enum { DRIVER_KEY_LEN = 16 };

/* A row with its keys: the first 16 bytes of the SHA-256 of its identity. */
struct driver_row {
	struct ledger_row row; /* only the policy has NULLs */
	unsigned char config[DRIVER_KEY_LEN];
	unsigned char key[DRIVER_KEY_LEN];
	int64_t since; /* of its policy, when it is read: wall seconds, when its first row came */
};

/* Rows that are committed together. */
struct driver_batch {
	const struct driver_row **rows; /* sorted by (domain, day, config, source, key), each key
					 * once */
	unsigned count;
	const unsigned char
	    *journal;    /* the ID of the journal they come from (DRIVER_KEY_LEN bytes), or NULL */
	uint64_t folded; /* up to this number of that journal; DRIVER_GONE: the
			  * journal has been removed */
};

#define DRIVER_GONE UINT64_MAX

enum driver_outcome {
	DRIVER_DONE,
	DRIVER_RETRY,  /* nothing was changed; the same again may succeed */
	DRIVER_REOPEN, /* nothing was changed; it may succeed with a new connection */
	DRIVER_BROKEN  /* nothing was changed, and trying again does not help */
};

/* A connection (store/sql/sql.h): opened by a driver, read by store/sql/page.h. */
struct sql;

struct driver {
	/* Creates and migrates unless settings->read_only. */
	struct sql *(*open)(const struct ledger_settings *settings, struct why *why);

	/* Commits all of BATCH or nothing. */
	enum driver_outcome (*commit)(struct sql *sql, const struct driver_batch *batch,
				      struct why *why);

	/* The number up to which the rows of a journal are stored; 0: unknown journal. */
	enum driver_outcome (*folded)(struct sql *sql, const unsigned char *journal,
				      uint64_t *number, struct why *why);

	/* Makes what was committed so far survive a power failure (with LEDGER_POWER it always
	 * does). False: it may not. */
	bool (*sync)(struct sql *sql);

	/* Deletes about MAX rows of days before BEFORE_DAY at most. *MORE: some are left. */
	enum driver_outcome (*expire)(struct sql *sql, int32_t before_day, unsigned max,
				      unsigned *deleted, bool *more, struct why *why);
};

/* CONFIG as hexadecimal digits, and back. False: TEXT is not 32 hexadecimal digits. */
void driver_config_text(const unsigned char config[DRIVER_KEY_LEN], char text[LEDGER_CONFIG_MAX]);
bool driver_config_parse(const char *text, unsigned char config[DRIVER_KEY_LEN]);

extern const struct driver driver_sqlite;
extern const struct driver driver_shared; /* settings->shared; read only but for expire */
const char *driver_sqlite_version(void);  /* "3.40.1" */

/* The same as driver_sqlite.open. */
struct sql *sqlite_sql(const struct ledger_settings *settings, struct why *why);

/* What another file than the ledger holds: the statements of each version of its schema. */
struct driver_schema {
	int application_id; /* tells it from other programs' files */
	unsigned mode;      /* of a new file */
	bool shrinks;       /* its free pages can be given back: PRAGMA incremental_vacuum */
	const char *const *steps;
	int count;
};

/* The file SETTINGS->path with that schema instead of the ledger's; of SETTINGS only read_only,
 * durability, busy_wait and max_bytes count. Created when absent, unless read-only. */
struct sql *sqlite_sql_as(const struct driver_schema *schema,
			  const struct ledger_settings *settings, struct why *why);

/* Why the file that SETTINGS name cannot be opened. */
enum driver_cause {
	DRIVER_CAUSE_NONE, /* it can be opened */
	DRIVER_CAUSE_OLD,  /* an older schema, or an empty file: opening it to write migrates it */
	DRIVER_CAUSE_NEW,  /* a newer countersign wrote it */
	DRIVER_CAUSE_FOREIGN, /* another program's database */
	DRIVER_CAUSE_DAMAGED, /* not a database, or an inconsistent one */
	DRIVER_CAUSE_OTHER    /* it is absent, locked, not permitted, on a disk that fails ... */
};
enum driver_cause sqlite_cause(const struct ledger_settings *settings, struct why *why);
enum driver_cause sqlite_cause_as(const struct driver_schema *schema,
				  const struct ledger_settings *settings, struct why *why);

/* A connection to a PostgreSQL or compatible server. NULL with the reason, which never holds
 * CONNINFO's password. Does not check the schema (store/sql/shared.h does). */
struct sql *pg_sql(const char *conninfo, bool read_only, struct why *why);

#endif

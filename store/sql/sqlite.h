/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A connection as store/sql/sqlite.c opens it, for store/sql/sqlite_sql.c.
 */
#ifndef STORE_SQL_SQLITE_H
#define STORE_SQL_SQLITE_H

#include <sqlite3.h>

#include "store/sql/driver.h"

sqlite3 *sqlite_db(struct driver_handle *handle);

/* BEGIN IMMEDIATE. Then, with the code of what was done: COMMIT, or ROLLBACK where CODE is not
 * SQLITE_OK; the code of all together. */
int sqlite_begin(struct driver_handle *handle);
int sqlite_end(struct driver_handle *handle, int code);

/* Sets WHY to what CODE means for a person. */
enum driver_outcome sqlite_explain(struct driver_handle *handle, int code, struct why *why);

#endif

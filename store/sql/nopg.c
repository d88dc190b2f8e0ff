/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * In place of store/sql/pg.c where the program is built without PostgreSQL.
 */
#include "store/sql/sql.h"

struct sql *pg_sql(const char *conninfo, bool read_only, struct why *why)
{
	(void)conninfo;
	(void)read_only;
	why_set(why, "store.shared is set, but this countersign was built without PostgreSQL:"
		     " configure it with libpq (Debian libpq-dev, Fedora libpq-devel)");
	return NULL;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Enumerations and their names, as tables that end with a NULL name.
 */
#ifndef LIB_NAME_H
#define LIB_NAME_H

#include "lib/span.h"

struct name_code {
	const char *name;
	int code;
};

int name_code(const struct name_code *table, struct span name, int otherwise); /* either case */
const char *name_text(const struct name_code *table, int code);                /* "?" if absent */

/* The name in the table that NAME was most likely meant to be, or NULL when none is near. */
const char *name_nearest(const struct name_code *table, struct span name);

#endif

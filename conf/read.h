/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The grammar's parser: a text becomes a tree of named values, which knows where they were written.
 */
#ifndef CONF_READ_H
#define CONF_READ_H

#include "conf/source.h"

enum conf_kind {
	CONF_KIND_GROUP, /* { ... }; its children have names */
	CONF_KIND_LIST,  /* [ ... ] or ( ... ) */
	CONF_KIND_STRING,
	CONF_KIND_INTEGER,
	CONF_KIND_REAL,
	CONF_KIND_BOOL
};

struct conf_node {
	enum conf_kind kind;
	const char *name; /* NULL in a list */
	struct conf_line at;
	const char *text; /* STRING */
	int64_t integer;  /* INTEGER; BOOL: 0 or 1 */
	double real;      /* REAL */
	struct conf_node *children;
	unsigned count;
};

/* NULL after an error was added to the source's errors. Lives as long as the source's arena. */
const struct conf_node *conf_read(const struct conf_source *source);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The text of OpenDKIM's configuration, as far as it says which key signs for whom: opendkim.conf,
 * KeyTable and SigningTable. Pure parsing; nothing is opened.
 */
#ifndef ADMIN_MIGRATE_OPENDKIM_TEXT_H
#define ADMIN_MIGRATE_OPENDKIM_TEXT_H

#include <stdbool.h>

#include "lib/span.h"
#include "lib/why.h"

/* The next line of *REST that says something: its first word, and the rest of it (may be empty),
 * without the comment that # begins. False at the end. *LINE counts from 1; begin with 0. */
bool opendkim_line(struct span *rest, unsigned *line, struct span *name, struct span *value);

/* A data set: where the lines of a table are. */
enum opendkim_kind {
	OPENDKIM_FILE,   /* "file:/x" or "/x": a name is matched as it is */
	OPENDKIM_REFILE, /* "refile:/x": a name may have * in it */
	OPENDKIM_LIST,   /* "csl:a,b" or "a,b" */
	OPENDKIM_OTHER   /* a database, a directory, a script */
};
enum opendkim_kind opendkim_dataset(struct span value, struct span *where);

/* A line of KeyTable. DOMAIN "%" is the author's; "%" in PATH stands for the domain. */
struct opendkim_key {
	struct span name, domain, selector, path;
};
/* key = name 1*WSP domain ":" selector ":" path [ ":" algorithm ] */
int opendkim_key_parse(struct span name, struct span value, struct opendkim_key *key,
		       struct why *why);

void opendkim_keys_sort(struct opendkim_key *keys, unsigned count); /* by name */

/* Whom a line of SigningTable is about. */
struct opendkim_author {
	struct span domain; /* empty: any */
	bool below;         /* what is below DOMAIN, not DOMAIN itself */
	bool some;          /* only some of its users */
};
/* -1 with a reason for a pattern that cannot be said in these terms. */
int opendkim_author_parse(struct span text, enum opendkim_kind kind, struct opendkim_author *author,
			  struct why *why);

/* The value of such a line: value = key-name [ ":" signer ]; "%" is the author's domain. The key of
 * that name among sorted KEYS, or NULL. SIGNER, what i= said (empty: nothing), may be NULL. */
const struct opendkim_key *opendkim_key_find(const struct opendkim_key *keys, unsigned count,
					     const struct opendkim_author *author,
					     struct span value, struct span *signer);

#endif

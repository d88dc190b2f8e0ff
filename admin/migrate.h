/*
 * The settings of OpenDKIM, OpenDMARC and policyd-spf as settings of ours. Each line of theirs is
 * answered by one comment: what it became, or why it has no counterpart. Pure: files are read by
 * the caller.
 */
#ifndef ADMIN_MIGRATE_H
#define ADMIN_MIGRATE_H

#include <stdbool.h>

#include "lib/arena.h"
#include "lib/span.h"
#include "lib/why.h"

enum migrate_source { MIGRATE_OPENDKIM, MIGRATE_OPENDMARC, MIGRATE_SPF };

/* The text of a file that a setting names. -1 with the reason. */
typedef int migrate_read(void *arg, const char *path, struct span *text, struct why *why);

struct migrate;
struct migrate *migrate_new(struct arena *arena, migrate_read *read, void *arg);

/* Takes over what TEXT says; NAME is its file's, for comments. */
void migrate_text(struct migrate *migrate, enum migrate_source source, const char *name,
		  struct span text);

/* The file of settings; `config check` accepts it. */
const char *migrate_result(struct migrate *migrate);

unsigned migrate_dropped(const struct migrate *migrate); /* lines without a counterpart */
unsigned migrate_unknown(const struct migrate *migrate); /* of options that nobody knows */
bool migrate_has_keys(const struct migrate *migrate);    /* keys are to be imported */

/* The name of SOURCE's I-th option, and what becomes of it; NULL at the end. */
const char *migrate_option(enum migrate_source source, unsigned i, const char **what);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The settings of OpenDKIM (or dkimpy-milter), OpenDMARC, policyd-spf (or pyspf-milter), OpenARC
 * and parsedmarc as settings of countersign. The result never trusts more than the original did:
 * what cannot be said exactly is left out on the safe side, and is a warning. Each line is answered
 * by a comment. Pure: the caller reads the files.
 */
#ifndef ADMIN_MIGRATE_MIGRATE_H
#define ADMIN_MIGRATE_MIGRATE_H

#include <stdbool.h>

#include "lib/arena.h"
#include "lib/span.h"
#include "lib/why.h"

/* One of OpenDKIM and dkimpy-milter signs, not both. */
enum migrate_source {
	MIGRATE_OPENDKIM,
	MIGRATE_OPENDMARC,
	MIGRATE_SPF, /* policyd-spf or pyspf-milter */
	MIGRATE_OPENARC,
	MIGRATE_DKIMPY,
	MIGRATE_PARSEDMARC,
	MIGRATE_SOURCES
};

/* The text of a file that a setting names. -1 with the reason. */
typedef int migrate_read(void *arg, const char *path, struct span *text, struct why *why);

/* HOSTNAME is what gethostname(3) says where the original runs: it wrote that for "HOSTNAME". All
 * strings that come back live as long as ARENA. */
struct migrate;
struct migrate *migrate_new(struct arena *arena, const char *hostname, migrate_read *read,
			    void *arg);

/* Takes over what TEXT says; NAME is its file's. Each source once. */
void migrate_text(struct migrate *migrate, enum migrate_source source, const char *name,
		  struct span text);

/* What the operator states: the value of sign.sender, as OpenDKIM's settings cannot prove it.
 * Without it the result has the default, by which a login signs for its own domain only. */
void migrate_state_sender(struct migrate *migrate, const char *sender);

/* The file of settings, which `config check` accepts. After the last migrate_text, once. */
const char *migrate_result(struct migrate *migrate);

/* After migrate_result. */
unsigned migrate_left_out(const struct migrate *migrate); /* number of warnings */
const char *migrate_warning(const struct migrate *migrate,
			    unsigned i);                 /* "FILE:LINE: OPTION: ..." */
unsigned migrate_unknown(const struct migrate *migrate); /* options that nobody knows */
bool migrate_has_keys(const struct migrate *migrate);    /* keys are to be imported */

/* One documented option of a program. */
struct migrate_answer {
	const char *name;
	const char *theirs; /* what it means to the original */
	const char *ours;   /* the setting that it becomes, or "none" */
	const char *reason; /* why none, or what differs; "" where the two are the same */
};
/* The I-th of SOURCE; false at the end. */
bool migrate_option(enum migrate_source source, unsigned i, struct migrate_answer *answer);

#endif

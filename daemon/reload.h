/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A change of settings while the daemon runs: all of it, in every worker, or nothing.
 */
#ifndef DAEMON_RELOAD_H
#define DAEMON_RELOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "conf/conf.h"
#include "daemon/keys/manager.h"
#include "daemon/workers.h"
#include "lib/buf.h"

/* What became of the last reload. */
struct reload_outcome {
	unsigned round; /* its number, from 1; 0: there was none */
	bool accepted;
	int64_t at;      /* wall seconds */
	struct buf text; /* on the heap: why it was refused, one line or more, each with its LF */
};

struct reload {
	struct workers *workers;
	const char *path;  /* of the settings */
	struct conf *conf; /* what is voted on; NULL: no reload is under way */
	char *text;        /* the same, as workers get it */
	struct keymanager *keys;
	struct keyprocess *process; /* with the keys of CONF; NULL: it uses none */
	bool asked;                 /* the workers */
	int64_t deadline;
	unsigned round; /* how many were begun */
	struct reload_outcome outcome;
};

void reload_init(struct reload *reload, struct workers *workers, struct keymanager *keys,
		 const char *path);

char *reload_text(const struct conf *conf); /* settings as text, to be freed */

/* Reads the file and has the keys loaded; when they are, the workers are asked to prepare both. On
 * failure the reason is logged, and no reload is under way. */
void reload_begin(struct reload *reload);

/* The key process of this reload has loaded its keys, or cannot use what OPTION says. */
void reload_ask(struct reload *reload);
void reload_refuse_keys(struct reload *reload, const char *option, const char *reason);

/* A worker's answer; NO has a reason. */
void reload_answer(struct reload *reload, struct member *member, bool yes, const char *reason);

/* Did all agree? When their time is over, the reload is refused. */
bool reload_agreed(struct reload *reload);

/* All workers begin to use the new settings; the old ones are freed, and *CONF and *TEXT are the
 * new ones. */
void reload_commit(struct reload *reload, struct conf **conf, char **text);

/* Takes back a reload that is under way, if any, and logs the reason. */
void reload_refuse(struct reload *reload, const char *reason);

void reload_drop(struct reload *reload); /* the daemon ends anyway */
void reload_free(struct reload *reload);

#endif

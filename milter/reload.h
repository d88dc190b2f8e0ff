/*
 * A change of settings while the daemon runs: all of it, in every worker, or nothing.
 */
#ifndef MILTER_RELOAD_H
#define MILTER_RELOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "conf/conf.h"
#include "milter/crew.h"

struct reload {
	struct crew *crew;
	const char *path;  /* of the settings */
	struct conf *conf; /* what is voted on; NULL: no reload is under way */
	char *text;        /* the same, as workers get it */
	int64_t deadline;
};

char *reload_text(const struct conf *conf); /* settings as text, to be freed */

/* Reads the file and puts it to the vote. When that fails, it says why, and nothing is under way.
 */
void reload_begin(struct reload *reload);

/* A worker's answer; NO has a reason. */
void reload_answer(struct reload *reload, struct member *member, bool yes, const char *reason);

/* Did all agree? When their time is over, the reload is refused. */
bool reload_agreed(struct reload *reload);

/* All begin to use it; the old settings are freed, and CONF and TEXT are the new ones. */
void reload_commit(struct reload *reload, struct conf **conf, char **text);

/* What was begun is taken back; the reason is logged. Nothing when no reload is under way. */
void reload_refuse(struct reload *reload, const char *reason);

void reload_drop(struct reload *reload); /* the daemon ends anyway */

#endif

/*
 * The process that serves http.listen, as the supervisor sees it. It reads the shared counters and
 * nothing else: no settings but its addresses, no key, no ledger.
 */
#ifndef MILTER_EXPORTER_H
#define MILTER_EXPORTER_H

#include <stdint.h>
#include <sys/types.h>

#include "conf/conf.h"
#include "milter/crew.h"

struct exporter {
	pid_t pid;       /* 0: there is none */
	int64_t next_at; /* clock_mono(): when the next one may start */
	int64_t kill_at; /* 0: not planned */
	unsigned tries;  /* in a row, that ended soon */
};

/* Starts one when CONF wants it and there is none. When to look again (clock_mono()), or 0. */
int64_t exporter_start(struct exporter *exporter, const struct conf *conf, const struct crew *crew);

/* It is to end; after a reload the next one has the new addresses. */
void exporter_stop(struct exporter *exporter);

/* Buries it if it has ended, kills it if its time is over. The next such time, or 0. */
int64_t exporter_look_after(struct exporter *exporter);

#endif

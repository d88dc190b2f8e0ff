/*
 * The process that sends reports, as the supervisor sees it: one at a time, some seconds after the
 * start and then every half hour. The first after 00:10 UTC builds the reports of the day before
 * and sends them spread over reports.spread; the others try again what is due.
 */
#ifndef MILTER_POSTMAN_H
#define MILTER_POSTMAN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "conf/conf.h"
#include "milter/crew.h"

struct postman {
	pid_t pid;       /* 0: there is none */
	int64_t next_at; /* clock_mono(): when the next one starts; 0: soon */
	int64_t kill_at; /* 0: not planned */
};

/* Starts one if it is due and CONF wants it. When to look again (clock_mono()), or 0: only when
 * this one has ended. CREW is what it must not keep open. */
int64_t postman_start(struct postman *postman, const struct conf *conf, const struct crew *crew);

/* It is to end: at once between two mails, else when this mail is done or PATIENCE is over. */
void postman_stop(struct postman *postman, int64_t patience);

/* Buries it if it has ended, kills it if its time is over. The next such time, or 0. */
int64_t postman_look_after(struct postman *postman);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The process of the second opinion as the supervisor sees it: libopendkim and libspf2 judge there
 * what workers hand over (opinion/link.h). It has no keys, no network and no files. The supervisor
 * keeps both ends of the link, so that neither a new process nor a new worker has to be told to
 * others.
 */
#ifndef DAEMON_OPINION_SERVICE_H
#define DAEMON_OPINION_SERVICE_H

#include "daemon/helper.h"

struct opinion_service {
	int link[2]; /* by enum link_end; -1: not open */
	struct helper helper;
	int64_t started;       /* clock_mono() */
	unsigned quick_deaths; /* in a row */
};

void opinion_open(struct opinion_service *service);

/* Starts the process if CONF wants it and there is none. Returns when to call again, or 0. */
int64_t opinion_start(struct opinion_service *service, const struct conf *conf,
		      struct workers *workers);

/* A process that CONF does not want ends. */
void opinion_follow(struct opinion_service *service, const struct conf *conf);

/* It ends when it has judged what it is at. */
void opinion_stop(struct opinion_service *service);
int64_t opinion_look_after(struct opinion_service *service);

/* In a newly forked process that is another one; a worker keeps its end. NULL is OK. */
void opinion_close_files(const struct opinion_service *service, bool worker);
int opinion_worker_end(const struct opinion_service *service); /* -1: none */

#endif

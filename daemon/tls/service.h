/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The policy service for Postfix (tls/serve.h) as the supervisor sees it: its listening sockets,
 * which the supervisor keeps, so that a question waits in their queue while the process is
 * replaced; the process that answers; and the process that fetches policies, which has neither
 * those sockets nor the ledger.
 */
#ifndef DAEMON_TLS_SERVICE_H
#define DAEMON_TLS_SERVICE_H

#include "daemon/helper.h"
#include "daemon/tls/counter.h"
#include "milter/protocol/socket.h"
#include "tls/serve.h"

struct tls_service {
	struct socket_listener listeners[SERVE_LISTENERS_MAX];
	char *addresses[SERVE_LISTENERS_MAX]; /* as the settings have them */
	unsigned count;
	int fetch[2];      /* the two ends between both processes; -1: not open */
	int keep[2];       /* the connections that outlive the server (tls/keep.h); -1: not open */
	void *shared;      /* answers that outlive the server (tls/known.h); or NULL */
	uint32_t settings; /* a hash of those that the answers depend on */
	struct helper server, fetcher;
	struct tls_counter counter;
	int64_t started;       /* the server, clock_mono() */
	unsigned quick_deaths; /* of it, in a row */
};

void tls_service_init(struct tls_service *service);

/* Opens the sockets that the settings name and closes the others. -1: one of them cannot be opened;
 * the rest is. */
int tls_service_open(struct tls_service *service, const struct conf *conf, struct why *why);

/* Starts the processes that are wanted and not there. Returns when to call again, or 0. */
int64_t tls_service_start(struct tls_service *service, const struct conf *conf,
			  struct workers *workers);

/* Both processes end; questions that are being answered are. */
void tls_service_stop(struct tls_service *service);
int64_t tls_service_look_after(struct tls_service *service);
bool tls_service_has_ended(const struct tls_service *service);

/* In a newly forked process that is another one: closes the sockets. */
void tls_service_close_files(const struct tls_service *service);

/* At the end: takes the sockets away. */
void tls_service_close(struct tls_service *service);

#endif

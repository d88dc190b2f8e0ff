/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a worker process speaks the milter protocol with, chosen by milter.engine: the native
 * one (native/loop.c, native/wire.c) or libmilter (libmilter.c, callbacks.c). Both call
 * milter/session.h.
 */
#ifndef MILTER_ENGINE_H
#define MILTER_ENGINE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/why.h"
#include "milter/protocol/socket.h"

struct service;

struct engine_start {
	struct service *service;
	const struct socket_listener
	    *listener;       /* the supervisor's; the fd is the engine's from now on */
	int64_t mta_silence; /* nanoseconds that an MTA may be silent in the middle of a packet */
	void (*ended)(void); /* called from a thread of the engine, should it end by itself */
};

/* Once for a process. */
struct engine {
	int (*start)(const struct engine_start *start,
		     struct why *why); /* serves, in threads of its own */
	void (*drain)(void); /* no new connections, nor messages; what is under way is finished */
	bool (*busy)(void);  /* an answer is on its way out: the process must not end yet */

	/* Called by a thread that serves: it is about to wait for DNS or for the ledger; it waits
	 * longer for the key process than a signature takes. NULL: it does not matter to this
	 * engine. They never block. */
	void (*waits_for_dns)(void);
	void (*waits_for_ledger)(void);
	void (*waits_for_keys)(void);
};

extern const struct engine engine_libmilter;
extern const struct engine engine_native; /* where HAVE_EPOLL_CREATE1 */

#endif

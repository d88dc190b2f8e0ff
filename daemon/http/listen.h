/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Listeners of libmicrohttpd, within limits on connections, silence and the size of a head; what is
 * hostile in requests is the library's to bound. Only for the files of this directory that serve
 * something.
 */
#ifndef DAEMON_HTTP_LISTEN_H
#define DAEMON_HTTP_LISTEN_H

#include <microhttpd.h>

#include "lib/buf.h"
#include "lib/why.h"

typedef void *listen_keep(void *arg, const char *target, struct MHD_Connection *connection);

struct listen_service {
	const char
	    *path; /* these two are for the log: "metrics on http://127.0.0.1:9817/metrics" */
	const char *what;
	MHD_AccessHandlerCallback serve;
	void *arg;                        /* for SERVE */
	MHD_RequestCompletedCallback end; /* or NULL */
	listen_keep
	    *keep; /* gets the target as it came, and returns the request's state; or NULL */
};

/* Serves on ADDRESS ("127.0.0.1:9817", "[::1]:9817"; port 0: any) in a thread, until the process
 * ends. The URL goes to the log. -1: why not. */
int listen_start(const char *address, const struct listen_service *service, struct why *why);

/* The same in two steps. ADDRESS may also be "unix:/path": a socket for GROUP, or for the process's
 * own if that is NULL or "". -1, or the descriptor. */
int listen_open(const char *address, const struct listen_service *service, const char *group,
		struct why *why);
int listen_run(int fd, const struct listen_service *service, struct why *why);

/* Frees BODY. Fields end with {NULL, NULL}; one whose value is NULL is left out. */
enum MHD_Result listen_reply_with(struct MHD_Connection *connection, unsigned code,
				  const char *const (*fields)[2], const char *const (*more)[2],
				  struct buf *body);
enum MHD_Result listen_reply(struct MHD_Connection *connection, unsigned code, const char *type,
			     struct buf *body);
enum MHD_Result listen_text(struct MHD_Connection *connection, unsigned code, const char *text);
enum MHD_Result listen_refuse_method(struct MHD_Connection *connection, const char *allowed);

#endif

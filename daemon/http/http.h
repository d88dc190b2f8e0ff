/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The HTTP listeners: /metrics, /healthz and MTA-STS policies, the one that takes reports, and
 * pages. Included by exporter.c, receiver.c and pages.c, which run them in processes of their own.
 */
#ifndef DAEMON_HTTP_HTTP_H
#define DAEMON_HTTP_HTTP_H

#include "lib/buf.h"
#include "lib/why.h"
#include "report/spool.h"
#include "tls/served.h"

/* Serves on ADDRESS ("127.0.0.1:9817", "[::1]:9817"; port 0: any) in a thread, until the process
 * ends. The URL goes to the log. -1: why not. May be called for several addresses. POLICIES, which
 * must live on, are served at /.well-known/mta-sts.txt (RFC 8461 section 3.3) by Host, for a web
 * server that speaks TLS. */
int http_start(const char *address, const struct served *policies, struct why *why);

/*
 * Likewise, takes TLS reports by POST to /tlsrpt (RFC 8460 sections 3 and 5.4) for a web server
 * that passes them on: a report is answered with 201 when it is in the spool DIRECTORY, on the
 * disk. DIRECTORY and LIMITS stay the caller's.
 */
int http_start_posts(const char *address, const char *directory, const struct spool_limits *limits,
		     struct why *why);

/* ---- pages, for this host only ---- */

struct http_request {
	const char *target; /* path and query as they came: hostile, not decoded */
	const char *accept; /* NULL: there is none */
};

struct http_reply {
	unsigned code; /* 200 */
	const char *type;
	struct buf link; /* of a Link field (RFC 8288); empty: none. Both on the heap */
	struct buf body;
};

struct http_pages {
	void (*serve)(void *arg, const struct http_request *request, struct http_reply *reply);
	void *arg;
	const char *const (*fields)[2]; /* of each reply; ends with {NULL, NULL} */
};

/*
 * Opens ADDRESS, which may also be "unix:/path", for GROUP ("": the process's own). Then, with what
 * that returned, serves PAGES in a thread, until the process ends: GET and HEAD alone. A Host field
 * (RFC 9110 section 7.2) that does not name this host is refused: a page of another site would
 * bring it, whose name points here. -1: why not. PAGES must live on.
 */
int http_open_pages(const char *address, const char *group, struct why *why);
int http_start_pages(int fd, const struct http_pages *pages, struct why *why);

#endif

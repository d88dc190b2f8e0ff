/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * URLs of mail servers, read by libcurl, which is also what connects to them; and where the ledger
 * is kept.
 */
#ifndef LIB_URL_H
#define LIB_URL_H

#include <stdbool.h>

#include "lib/buf.h"
#include "lib/span.h"
#include "lib/why.h"

struct url_server {
	bool tls;       /* "smtps://", "imaps://" */
	bool this_host; /* a loopback address, or "localhost" */
};

/* "smtp://" or "smtps://", a host, a port or none: RFC 3986 without user, path, query and fragment.
 * -1 with the reason for anything else. */
int url_parse_server(struct span text, struct url_server *server, struct why *why);

/* The same for "imap://" and "imaps://". */
int url_parse_imap(struct span text, struct url_server *server, struct why *why);

struct url_web {
	bool tls;       /* "https://" */
	char host[254]; /* letters, digits, "-", "_" and dots; not an address */
};

/* What a stranger has us fetch: "https://" or "http://", a host name, its usual port or none, and
 * any path and query; no user. TEXT is what libcurl can then be given. -1 with the reason. */
int url_parse_web(const char *text, struct url_web *web, struct why *why);

/* TEXT as a part of a URL's path: "%2F" for a slash. */
void url_escape(struct buf *url, const char *text);

/* "sqlite:" and an absolute path, which is a part of TEXT. */
int url_parse_sqlite(struct span text, struct span *path, struct why *why);

/* The path in a store.url; NULL with the reason for anything else. */
const char *url_sqlite_path(const char *url, struct why *why);

#endif

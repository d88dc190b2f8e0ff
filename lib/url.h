/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * URLs of mail servers, read by libcurl, which is also what connects to them.
 */
#ifndef LIB_URL_H
#define LIB_URL_H

#include <stdbool.h>

#include "lib/span.h"
#include "lib/why.h"

struct url_server {
	bool tls;       /* "smtps://" */
	bool this_host; /* a loopback address, or "localhost" */
};

/* "smtp://" or "smtps://", a host, a port or none: RFC 3986 without user, path, query and fragment.
 * -1 with the reason for anything else. */
int url_parse_server(struct span text, struct url_server *server, struct why *why);

#endif

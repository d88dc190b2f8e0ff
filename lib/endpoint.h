/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where a daemon listens, as a setting or a command line writes it. Checking a setting and opening
 * the socket go through the same parser.
 */
#ifndef LIB_ENDPOINT_H
#define LIB_ENDPOINT_H

#include <sys/socket.h>

#include "lib/span.h"
#include "lib/why.h"

struct endpoint {
	int family;       /* AF_UNIX, AF_INET, AF_INET6 */
	struct span path; /* of a local socket: absolute, short enough for the system */
	struct span host; /* else: a name or an address without brackets; empty: every address */
	unsigned port;    /* 0: any that is free */
};

/* "local:" PATH / "unix:" PATH / ( "inet:" / "inet6:" ) PORT [ "@" HOST ] as in Sendmail, or HOST
 * ":" PORT as in Postfix. An address may be in brackets, and an IPv6 address before ":" must be;
 * with one, "inet:" is "inet6:". The spans are parts of TEXT. */
int endpoint_parse(struct span text, struct endpoint *endpoint, struct why *why);

/* IPv4 ":" PORT / "[" IPv6 "]" ":" PORT */
int endpoint_parse_http(struct span text, struct endpoint *endpoint, struct why *why);

#endif

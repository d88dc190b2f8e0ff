/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The certificate of an MX host, as a sender that applies MTA-STS sees it (RFC 8461 section 4.2):
 * port 25, STARTTLS, the host's name as server name. No mail is sent.
 */
#ifndef TLS_PROBE_H
#define TLS_PROBE_H

#include "lib/arena.h"
#include "tls/dial.h"

enum { PROBE_PORT = 25, PROBE_CHAIN_MAX = 16 };

enum probe_outcome {
	PROBE_VERIFIED,
	PROBE_REFUSED,    /* the certificate does not verify */
	PROBE_PLAIN,      /* no STARTTLS, or no TLS that can be used */
	PROBE_UNREACHABLE /* not known: no connection, or no SMTP on it */
};

struct probe {
	enum probe_outcome outcome;
	const char *reason; /* NULL: PROBE_VERIFIED */
	unsigned count;     /* certificates of the chain that the host sends, its own first */
	struct span chain[PROBE_CHAIN_MAX]; /* PEM */
};

/* TARGET: port PROBE_PORT. Blocks. Strings live in ARENA. */
void probe_host(const struct dial_target *target, struct arena *arena, struct probe *probe);

#endif

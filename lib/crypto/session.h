/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TLS as a client that looks at a server: the handshake succeeds whatever the certificate is, and
 * its faults are said. It protects nothing: never send over it what others must not see.
 */
#ifndef LIB_CRYPTO_SESSION_H
#define LIB_CRYPTO_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/arena.h"
#include "lib/span.h"
#include "lib/why.h"

struct session_settings {
	const char *host;    /* the server name that is asked for, and that the certificate needs */
	const char *ca_file; /* of root certificates; NULL: the system's */
	bool old;            /* TLS 1.0 and 1.1, and nothing newer */
};

struct session;

/* FD: a connected socket that does not block; it stays the caller's. Ends at DEADLINE
 * (clock_mono()). NULL with WHY. */
struct session *session_open(int fd, const struct session_settings *settings, int64_t deadline,
			     struct why *why);
void session_close(struct session *session); /* NULL is OK */

/* Bytes, 0 at the end, -1 on an error or at DEADLINE. */
int session_read(struct session *session, void *data, size_t room, int64_t deadline);
bool session_write(struct session *session, struct span bytes, int64_t deadline);

const char *session_version(const struct session *session); /* "TLSv1.3" */
bool session_is_old(const struct session *session);         /* before TLS 1.2 */

/* The certificates that the server sent, its own first, as PEM in ARENA; empty: none. */
struct span session_chain(const struct session *session, struct arena *arena);

/* NULL: the chain leads to a root and is valid now. */
const char *session_chain_fault(const struct session *session);

/* The host is among the DNS names of the certificate, as crypto_require_host() has it. */
bool session_has_name(const struct session *session);

#endif

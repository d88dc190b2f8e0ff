/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whether a TLS server knows a group that our own library need not know: a ClientHello that offers
 * only X25519MLKEM768 and no key for it (RFC 8446 section 4.2.8). A server that knows the group
 * asks for the key (HelloRetryRequest), another one ends the handshake.
 */
#ifndef AUDIT_PROBE_HELLO_H
#define AUDIT_PROBE_HELLO_H

#include "audit/probe/facts.h"
#include "audit/probe/talk.h"

/* How many bytes the first record of ANSWER has in all; 0: more are needed to know. */
size_t hello_length(struct span answer);

/* What the first record says. */
enum probe_answer hello_read(struct span answer);

/* On a connection where TLS would begin now. */
enum probe_answer hello_try(struct talk *talk, const char *host);

#endif

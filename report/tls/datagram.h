/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What Postfix 3.10 and later tells about each TLS session over libtlsrpt: one JSON text in one
 * datagram, version 1. The policy service tells its own failures in the same form.
 */
#ifndef REPORT_TLS_DATAGRAM_H
#define REPORT_TLS_DATAGRAM_H

#include "lib/buf.h"
#include "lib/why.h"
#include "report/tls/session.h"

enum { DATAGRAM_BYTES_MAX = 65536, DATAGRAM_POLICIES_MAX = 16, DATAGRAM_LIST_MAX = 64 };

/* Gives the sessions of TEXT, from any process of this host, to TAKE. -1: it is not such a
 * datagram; nothing was given then. */
int datagram_parse(struct arena *arena, struct span text, enum session_source source,
		   session_take *take, void *arg, struct why *why);

/* One failed session to DOMAIN. */
void datagram_write(struct buf *out, struct arena *arena, const char *domain,
		    enum session_policy type, const struct session_detail *detail);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What probes of servers of any protocol share.
 */
#ifndef AUDIT_PROBE_SERVER_H
#define AUDIT_PROBE_SERVER_H

#include "audit/probe/facts.h"
#include "audit/probe/talk.h"

/* Where a probe goes. */
struct probe_target {
	const char *host; /* the name that its certificate needs */
	struct ip ip;
	unsigned port;
	const char *ca_file;
	const char *helo;   /* our own name */
	const char *domain; /* whose mail it is */
};

/* TLS on TALK, and what it shows. False: it failed, and TLS->fault says why. */
bool server_secure(struct talk *talk, const struct probe_target *target, bool old,
		   struct arena *arena, struct probe_tls *tls);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The process that fetches policies, seen from both ends of its socket (SOCK_SEQPACKET): a request
 * and a reply are one packet each, of lines. It speaks with web servers that strangers choose, so
 * it holds nothing, and what it says is checked like what a stranger says.
 */
#ifndef TLS_FETCHER_H
#define TLS_FETCHER_H

#include "lib/buf.h"
#include "tls/fetch.h"
#include "tls/sts.h"

enum { FETCHER_PACKET_MAX = STS_POLICY_MAX + 2048 };

/* DOMAIN LF ID LF ADDRESS SP ADDRESS ... LF */
void fetcher_write_request(struct buf *out, const char *domain, const char *id,
			   const struct ip *addresses, unsigned count);

struct fetcher_reply {
	const char *domain, *id;
	enum fetch_outcome outcome;
	const char *text; /* FETCH_DONE: the policy; else the reason */
};

/* DOMAIN LF ID LF OUTCOME LF TEXT. -1: PACKET is not one. Strings live in ARENA. */
int fetcher_parse_reply(struct arena *arena, struct span packet, struct fetcher_reply *reply);

/* In the process: answers requests on FD, several at a time, until GO_ON is false. CA_FILE as in
 * struct fetch_request. */
void fetcher_run(int fd, const char *ca_file, bool (*go_on)(void));

#endif

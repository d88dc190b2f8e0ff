/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Questions of our own to the servers, beside libunbound: whether any answers at all, and whether
 * they keep the case of a question (draft-vixie-dnsext-dns0x20). Where they do, the random case of
 * each name is one more thing that a forged answer has to guess.
 */
#ifndef DNS_PROBE_H
#define DNS_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dns/forward.h"

enum probe_finding {
	PROBE_FOREIGN, /* not an answer to the question, so it tells nothing */
	PROBE_KEPT,
	PROBE_CHANGED
};

/* What REPLY, SIZE octets from outside, says about QUESTION, a packet without additional records.
 */
enum probe_finding probe_judge(const uint8_t *question, size_t length, const uint8_t *reply,
			       size_t size);

/* Asks every server once, over UDP, and waits at most PROBE_MS for all of them. False: one has
 * changed the case. A server that does not answer counts as one that keeps it. */
enum { PROBE_MS = 300 };
bool probe_keeps_case(const struct forward_servers *servers);

/* Asks in the same way, and waits REACH_MS at most. False: no server has answered. */
enum { REACH_MS = 1000 };
bool probe_is_answered(const struct forward_servers *servers);

#endif

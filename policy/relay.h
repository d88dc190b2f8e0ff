/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Relays: hosts that hand on mail for us, such as a backup MX or a gateway in front. They are
 * neither ours (nothing of theirs is signed) nor strangers (their address says nothing about the
 * message). Their mail is judged by the client that they had it from, which the Received field says
 * that the relay itself wrote; or it is left alone.
 *
 * What is believed are the fields at the top of the header, down to the Received field that names a
 * client which is not a relay: all below it was that client's to write.
 */
#ifndef POLICY_RELAY_H
#define POLICY_RELAY_H

#include "lib/arena.h"
#include "lib/ip.h"
#include "policy/result/verdict.h"

struct relay {
	const struct ip_network *from;
	unsigned from_count;
	bool skip;              /* its mail is neither judged nor signed */
	const char *results_of; /* the authserv-id under which it writes SPF results; NULL: none is
				   taken */
};

struct relay_rules {
	const struct relay *items;
	unsigned count;
};

/* The first that CLIENT is of, or NULL. */
const struct relay *relay_find(const struct relay_rules *rules, const struct ip *client);

enum { RELAY_HOPS_MAX = 8 /* Received fields that are read */ };

struct relay_reader;

/* For a message from CLIENT, which is of RELAY and gave HELO. RULES, RELAY and HELO stay. */
struct relay_reader *relay_reader_new(const struct relay_rules *rules, const struct relay *relay,
				      const struct ip *client, const char *helo,
				      struct arena *arena);

/* Each field, from the top. */
void relay_header(struct relay_reader *reader, struct span name, struct span value);

/* Whom the message came from; NULL: not known (yet), or it cannot be found out. A
 * relay on which it began is its client. */
struct relay_origin {
	struct ip client;
	const char *helo;
};
const struct relay_origin *relay_origin(const struct relay_reader *reader);

/* What the relay found for the domain of MAIL_FROM (without <>; "" for the null sender, for which
 * HELO stands). False: nothing that can be used, since there is no result, one for another domain,
 * or a temporary error, which would not go away. */
bool relay_spf(const struct relay_reader *reader, const char *mail_from, struct spf_verdict *out);

#endif

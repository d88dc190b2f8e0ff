/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whose message is it: decided once for each message.
 */
#ifndef POLICY_ORIGIN_H
#define POLICY_ORIGIN_H

#include "lib/ip.h"
#include "lib/name.h"

enum origin {
	ORIGIN_AUTH,       /* the MTA says that the client logged in ({auth_type}) */
	ORIGIN_SUBMISSION, /* it came in through a submission service ({daemon_name}) */
	ORIGIN_LOCAL,      /* a trusted network, of which loopback is one by default */
	ORIGIN_INBOUND,
	ORIGIN_UNKNOWN, /* the MTA does not know the client's address: judged, too */
	ORIGIN_RELAY,   /* from a relay (policy/relay.h): never signed */
	ORIGINS
};
extern const struct name_code origin_names[];

/* What the operator says of the socket through which the MTA asks. */
enum origin_role { ORIGIN_ROLE_AUTO, ORIGIN_ROLE_SUBMISSION, ORIGIN_ROLE_INBOUND };

struct origin_facts {
	enum origin_role role;   /* goes before what the service is called */
	const char *auth_type;   /* or NULL */
	const char *daemon_name; /* or NULL */
	struct ip client;        /* family 0: not TCP/IP */
	bool on_socket; /* the client is on a local socket (AF_UNIX): it counts as loopback */
	bool relay;     /* the client is one of the operator's relays */
	const char *const *submission; /* names of services: origin_is_service() */
	unsigned submission_count;
	const char *const *inbound; /* through these a trusted network is not trusted */
	unsigned inbound_count;
	const struct ip_network *trusted;
	unsigned trusted_count;
};

/* The {daemon_name} of a message that only asks whether this daemon works (`countersign doctor`):
 * it is judged or signed as any other, but nothing of it is counted, recorded or logged. */
#define ORIGIN_PROBE "COUNTERSIGN-PROBE"

/* A relay is one whatever else holds: who logs in from there may be anybody that it serves.
 * A login and a submission service go before an inbound service. Nothing but the trusted
 * networks makes a client local, loopback included: a proxy may be in front of the MTA. */
enum origin origin_decide(const struct origin_facts *facts);

/* Is NAME ({daemon_name}, or NULL) one of PATTERNS: in either case, and with "*" at its end all
 * names that begin so? */
bool origin_is_service(const char *name, const char *const *patterns, unsigned count);

/* Is mail of this origin judged? The other is signed. */
bool origin_is_judged(enum origin origin);

/* Is the client in one of NETWORKS? One on a local socket is where loopback is: either address of
 * that will do. */
bool origin_is_from(const struct ip *client, bool on_socket, const struct ip_network *networks,
		    unsigned count);

#endif

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
	ORIGIN_LOCAL,      /* loopback, a local pipe, or a trusted network */
	ORIGIN_INBOUND
};
extern const struct name_code origin_names[];

struct origin_facts {
	const char *auth_type;   /* or NULL */
	const char *daemon_name; /* or NULL */
	struct ip client;        /* family 0: not TCP/IP */
	const struct ip_network *trusted;
	unsigned trusted_count;
};

/* The {daemon_name} of a message that only asks whether this daemon works (`countersign doctor`):
 * it is judged or signed as any other, but nothing of it is counted, recorded or logged. */
#define ORIGIN_PROBE "COUNTERSIGN-PROBE"

/* ORIGINATING, MSA and names that begin with MSP are submission services. */
enum origin origin_decide(const struct origin_facts *facts);

#endif

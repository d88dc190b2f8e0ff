/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Mail systems as a setting names them: by the client's address, by a domain that was
 * authenticated, or by the client's verified name.
 */
#ifndef MAIL_PEER_H
#define MAIL_PEER_H

#include "lib/arena.h"
#include "lib/ip.h"
#include "lib/why.h"
#include "mail/domain.h"

enum peer_kind { PEER_NETWORK, PEER_DOMAIN, PEER_HOST };

struct peer {
	const char *text; /* as in the setting, in the arena */
	enum peer_kind kind;
	struct ip_network network;    /* of PEER_NETWORK */
	struct domain_pattern domain; /* of the others; never every domain */
};

/* "192.0.2.0/24", "forwarder.example", "host:mx.forwarder.example"; "*." in front of a domain: it
 * and what is below. A network of all addresses is refused. 0, or -1 with the reason. */
int peer_parse(struct arena *arena, struct span text, struct peer *peer, struct why *why);

/* One domain, as PEER_DOMAIN. */
int peer_parse_domain(struct arena *arena, struct span text, struct peer *peer, struct why *why);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
#include "mail/peer.h"

#include <string.h>

static const char host_prefix[] = "host:";

/* Only an address has ":" or "/", or nothing but digits and dots. */
static bool looks_like_address(struct span text)
{
	bool digits = true;

	for (const char *p = text.p; p < text.end; p++) {
		if (*p == ':' || *p == '/')
			return true;
		digits = digits && (char_is_digit((unsigned char)*p) || *p == '.');
	}
	return digits;
}

static bool parse_name(struct arena *arena, struct span text, struct peer *peer)
{
	return !looks_like_address(text) && domain_pattern_parse(arena, text, &peer->domain) &&
	       peer->domain.domain != NULL;
}

int peer_parse(struct arena *arena, struct span text, struct peer *peer, struct why *why)
{
	struct span name = text;

	*peer = (struct peer){.text = arena_span(arena, text), .kind = PEER_DOMAIN};
	if (ip_network_parse(text, &peer->network)) {
		peer->kind = PEER_NETWORK;
		return peer->network.bits > 0
			   ? 0
			   : why_set(why, "\"%s\" matches everybody", peer->text);
	}
	if (span_istarts(text, host_prefix)) {
		peer->kind = PEER_HOST;
		name.p += strlen(host_prefix);
	}
	if (parse_name(arena, name, peer))
		return 0;
	return why_set(why,
		       "\"%s\" is not a valid forwarder; use a network (192.0.2.0/24), a domain "
		       "(forwarder.example, *.forwarder.example) or the name of a client "
		       "(host:mx.forwarder.example)",
		       peer->text);
}

int peer_parse_domain(struct arena *arena, struct span text, struct peer *peer, struct why *why)
{
	*peer = (struct peer){.text = arena_span(arena, text), .kind = PEER_DOMAIN};
	peer->domain.domain = domain_parse(arena, text, why);
	return peer->domain.domain != NULL ? 0 : -1;
}

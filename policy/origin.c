/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The first fact that holds decides: what the MTA vouches for goes before what the address says,
 * but a relay vouches for nobody.
 */
#include "policy/origin.h"

#include <stddef.h>

#include "lib/span.h"

const struct name_code origin_names[] = {
    {"auth", ORIGIN_AUTH},
    {"submission", ORIGIN_SUBMISSION},
    {"local", ORIGIN_LOCAL},
    {"inbound", ORIGIN_INBOUND},
    {"unknown", ORIGIN_UNKNOWN},
    {"relay", ORIGIN_RELAY},
    {NULL, 0},
};

bool origin_is_service(const char *name, const char *const *patterns, unsigned count)
{
	struct span have = span_of(name);

	for (unsigned i = 0; i < count && name != NULL; i++) {
		struct span pattern = span_of(patterns[i]);
		bool begins = !span_empty(pattern) && pattern.end[-1] == '*';

		pattern.end -= begins;
		if (begins && span_len(have) >= span_len(pattern) &&
		    span_isame(span_make(have.p, span_len(pattern)), pattern))
			return true;
		if (!begins && span_isame(have, pattern))
			return true;
	}
	return false;
}

bool origin_is_judged(enum origin origin)
{
	return origin == ORIGIN_INBOUND || origin == ORIGIN_UNKNOWN || origin == ORIGIN_RELAY;
}

bool origin_is_from(const struct ip *client, bool on_socket, const struct ip_network *networks,
		    unsigned count)
{
	static const uint8_t four[4] = {127, 0, 0, 1}, six[16] = {[15] = 1};
	const struct ip loopback4 = ip_from_bytes(four, sizeof four);
	const struct ip loopback6 = ip_from_bytes(six, sizeof six);

	if (!on_socket)
		return ip_in_any(client, networks, count);
	return ip_in_any(&loopback4, networks, count) || ip_in_any(&loopback6, networks, count);
}

enum origin origin_decide(const struct origin_facts *facts)
{
	if (facts->relay)
		return ORIGIN_RELAY;
	if (facts->auth_type != NULL && facts->auth_type[0] != '\0')
		return ORIGIN_AUTH;
	if (facts->role == ORIGIN_ROLE_SUBMISSION ||
	    (facts->role == ORIGIN_ROLE_AUTO &&
	     origin_is_service(facts->daemon_name, facts->submission, facts->submission_count)))
		return ORIGIN_SUBMISSION;
	if (facts->role != ORIGIN_ROLE_INBOUND &&
	    !origin_is_service(facts->daemon_name, facts->inbound, facts->inbound_count) &&
	    origin_is_from(&facts->client, facts->on_socket, facts->trusted, facts->trusted_count))
		return ORIGIN_LOCAL;
	return facts->client.family == 0 ? ORIGIN_UNKNOWN : ORIGIN_INBOUND;
}

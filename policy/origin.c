/*
 * The first fact that holds decides: what the MTA vouches for goes before what the address says.
 */
#include "policy/origin.h"

#include <stddef.h>

#include "lib/span.h"

const struct name_code origin_names[] = {
    {"auth", ORIGIN_AUTH},
    {"submission", ORIGIN_SUBMISSION},
    {"local", ORIGIN_LOCAL},
    {"inbound", ORIGIN_INBOUND},
    {NULL, 0},
};

static bool is_submission(const char *daemon)
{
	struct span name = span_of(daemon);

	return span_ieq(name, "ORIGINATING") || span_ieq(name, "MSA") || span_istarts(name, "MSP");
}

static bool is_loopback(const struct ip *ip)
{
	static const uint8_t six[16] = {[15] = 1};
	const struct ip loopback6 = ip_from_bytes(six, sizeof six);

	return (ip->family == 4 && ip->bytes[0] == 127) || ip_equal(ip, &loopback6);
}

enum origin origin_decide(const struct origin_facts *facts)
{
	if (facts->auth_type != NULL && facts->auth_type[0] != '\0')
		return ORIGIN_AUTH;
	if (is_submission(facts->daemon_name))
		return ORIGIN_SUBMISSION;
	if (facts->client.family == 0 || is_loopback(&facts->client) ||
	    ip_in_any(&facts->client, facts->trusted, facts->trusted_count))
		return ORIGIN_LOCAL;
	return ORIGIN_INBOUND;
}

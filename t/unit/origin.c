/* SPDX-License-Identifier: BSD-2-Clause */
/* policy/origin: whose message it is. */
#include <string.h>

#include "policy/origin.h"
#include "t/lib/tap.h"

static const struct {
	const char *auth, *daemon, *client;
	enum origin want;
} cases[] = {
    {NULL, NULL, "198.51.100.1", ORIGIN_INBOUND},
    {"", "", "198.51.100.1", ORIGIN_INBOUND},
    {"plain", NULL, "198.51.100.1", ORIGIN_AUTH},
    {"plain", "ORIGINATING", "127.0.0.1", ORIGIN_AUTH},
    {NULL, "ORIGINATING", "198.51.100.1", ORIGIN_SUBMISSION},
    {NULL, "originating", "198.51.100.1", ORIGIN_SUBMISSION},
    {NULL, "MSA", "198.51.100.1", ORIGIN_SUBMISSION},
    {NULL, "MSP", "198.51.100.1", ORIGIN_SUBMISSION},
    {NULL, "MSP-v6", "127.0.0.1", ORIGIN_SUBMISSION},
    {NULL, "MSAX", "198.51.100.1", ORIGIN_INBOUND},
    {NULL, "MTA", "198.51.100.1", ORIGIN_INBOUND},
    {NULL, "MS", "198.51.100.1", ORIGIN_INBOUND},
    {NULL, "VERIFYING", "192.0.2.1", ORIGIN_INBOUND},
    {NULL, "verifying", "", ORIGIN_UNKNOWN},
    {"plain", "VERIFYING", "192.0.2.1", ORIGIN_AUTH},
    {NULL, "smtpd", "198.51.100.1", ORIGIN_INBOUND},
    {NULL, NULL, "127.0.0.1", ORIGIN_INBOUND},
    {NULL, NULL, "::1", ORIGIN_INBOUND},
    {NULL, NULL, "::2", ORIGIN_INBOUND},
    {NULL, NULL, "", ORIGIN_UNKNOWN},
    {NULL, NULL, "socket", ORIGIN_UNKNOWN},
    {NULL, NULL, "192.0.2.63", ORIGIN_LOCAL},
    {NULL, NULL, "192.0.2.64", ORIGIN_INBOUND},
    {NULL, NULL, "2001:db8::9", ORIGIN_LOCAL},
    {NULL, NULL, "2001:db9::9", ORIGIN_INBOUND},
};

static const char *const services[] = {"ORIGINATING", "MSA", "MSP*"};
static const char *const inbound[] = {"VERIFYING"};

/* What the default of trusted_networks makes local. */
static void test_loopback(void)
{
	static const char *const networks[][2] = {
	    {"127.0.0.0/8", NULL}, {"::1", NULL}, {"127.0.0.0/8", "::1"}};
	static const struct {
		const char *client;
		enum origin want[3];
	} clients[] = {
	    {"127.0.0.1", {ORIGIN_LOCAL, ORIGIN_INBOUND, ORIGIN_LOCAL}},
	    {"127.255.0.9", {ORIGIN_LOCAL, ORIGIN_INBOUND, ORIGIN_LOCAL}},
	    {"::ffff:127.0.0.1", {ORIGIN_LOCAL, ORIGIN_INBOUND, ORIGIN_LOCAL}},
	    {"::1", {ORIGIN_INBOUND, ORIGIN_LOCAL, ORIGIN_LOCAL}},
	    {"socket", {ORIGIN_LOCAL, ORIGIN_LOCAL, ORIGIN_LOCAL}},
	    {"", {ORIGIN_UNKNOWN, ORIGIN_UNKNOWN, ORIGIN_UNKNOWN}},
	    {"198.51.100.1", {ORIGIN_INBOUND, ORIGIN_INBOUND, ORIGIN_INBOUND}},
	};

	for (unsigned i = 0; i < sizeof clients / sizeof clients[0]; i++) {
		for (unsigned n = 0; n < 3; n++) {
			struct ip_network trusted[2];
			struct origin_facts facts = {.trusted = trusted};

			for (unsigned k = 0; k < 2 && networks[n][k] != NULL; k++)
				ip_network_parse(span_of(networks[n][k]),
						 &trusted[facts.trusted_count++]);
			facts.on_socket = strcmp(clients[i].client, "socket") == 0;
			ip_parse(span_of(clients[i].client), &facts.client);
			is_text(name_text(origin_names, (int)origin_decide(&facts)),
				name_text(origin_names, (int)clients[i].want[n]), "%s with %s",
				clients[i].client, networks[n][0]);
		}
	}
}

/* Nothing makes a relay's mail ours. */
static void test_relay(void)
{
	struct ip_network trusted = {.ip = {.family = 4}};
	struct origin_facts facts = {.auth_type = "PLAIN",
				     .daemon_name = "ORIGINATING",
				     .relay = true,
				     .trusted = &trusted,
				     .trusted_count = 1};

	ip_parse(span_of("192.0.2.53"), &facts.client);
	is_int(origin_decide(&facts), ORIGIN_RELAY, "a relay that logs in is a relay");
	ok(origin_is_judged(ORIGIN_RELAY), "whose mail is judged");
}

static void test_roles(void)
{
	static const struct {
		enum origin_role role;
		const char *auth, *daemon, *client;
		enum origin want;
	} roles[] = {
	    {ORIGIN_ROLE_SUBMISSION, NULL, "smtpd", "198.51.100.1", ORIGIN_SUBMISSION},
	    {ORIGIN_ROLE_SUBMISSION, "plain", NULL, "198.51.100.1", ORIGIN_AUTH},
	    {ORIGIN_ROLE_INBOUND, NULL, "ORIGINATING", "198.51.100.1", ORIGIN_INBOUND},
	    {ORIGIN_ROLE_INBOUND, NULL, NULL, "192.0.2.1", ORIGIN_INBOUND},
	    {ORIGIN_ROLE_INBOUND, "plain", NULL, "192.0.2.1", ORIGIN_AUTH},
	    {ORIGIN_ROLE_AUTO, NULL, NULL, "192.0.2.1", ORIGIN_LOCAL},
	};
	struct ip_network trusted;

	ip_network_parse(span_of("192.0.2.0/24"), &trusted);
	for (unsigned i = 0; i < sizeof roles / sizeof roles[0]; i++) {
		struct origin_facts facts = {.role = roles[i].role,
					     .auth_type = roles[i].auth,
					     .daemon_name = roles[i].daemon,
					     .submission = services,
					     .submission_count = 3,
					     .trusted = &trusted,
					     .trusted_count = 1};

		ip_parse(span_of(roles[i].client), &facts.client);
		is_int(origin_decide(&facts), roles[i].want, "role %d, line %u", roles[i].role, i);
		facts.relay = true;
		is_int(origin_decide(&facts), ORIGIN_RELAY, "a relay is one in every role");
	}
}

int main(void)
{
	struct ip_network trusted[2];

	test_loopback();
	test_relay();
	ok(ip_network_parse(span_of("192.0.2.0/26"), &trusted[0]) &&
	       ip_network_parse(span_of("2001:db8::/32"), &trusted[1]),
	   "trusted networks");
	for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct origin_facts facts = {.submission = services,
					     .submission_count = 3,
					     .inbound = inbound,
					     .inbound_count = 1,
					     .auth_type = cases[i].auth,
					     .daemon_name = cases[i].daemon,
					     .trusted = trusted,
					     .trusted_count = 2};

		facts.on_socket = strcmp(cases[i].client, "socket") == 0;
		if (cases[i].client[0] != '\0')
			ip_parse(span_of(cases[i].client), &facts.client);
		is_text(name_text(origin_names, (int)origin_decide(&facts)),
			name_text(origin_names, (int)cases[i].want), "case %u: %s %s %s", i,
			cases[i].auth == NULL ? "-" : cases[i].auth,
			cases[i].daemon == NULL ? "-" : cases[i].daemon, cases[i].client);
	}
	test_roles();
	return tap_done();
}

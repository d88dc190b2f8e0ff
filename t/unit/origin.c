/* policy/origin: whose message it is. */
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
    {NULL, "smtpd", "198.51.100.1", ORIGIN_INBOUND},
    {NULL, NULL, "127.0.0.1", ORIGIN_LOCAL},
    {NULL, NULL, "127.255.0.9", ORIGIN_LOCAL},
    {NULL, NULL, "::1", ORIGIN_LOCAL},
    {NULL, NULL, "::ffff:127.0.0.1", ORIGIN_LOCAL},
    {NULL, NULL, "::2", ORIGIN_INBOUND},
    {NULL, NULL, "", ORIGIN_LOCAL},
    {NULL, NULL, "192.0.2.63", ORIGIN_LOCAL},
    {NULL, NULL, "192.0.2.64", ORIGIN_INBOUND},
    {NULL, NULL, "2001:db8::9", ORIGIN_LOCAL},
    {NULL, NULL, "2001:db9::9", ORIGIN_INBOUND},
};

int main(void)
{
	struct ip_network trusted[2];

	ok(ip_network_parse(span_of("192.0.2.0/26"), &trusted[0]) &&
	       ip_network_parse(span_of("2001:db8::/32"), &trusted[1]),
	   "trusted networks");
	for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct origin_facts facts = {.auth_type = cases[i].auth,
					     .daemon_name = cases[i].daemon,
					     .trusted = trusted,
					     .trusted_count = 2};

		if (cases[i].client[0] != '\0')
			ip_parse(span_of(cases[i].client), &facts.client);
		is_text(name_text(origin_names, (int)origin_decide(&facts)),
			name_text(origin_names, (int)cases[i].want), "case %u: %s %s %s", i,
			cases[i].auth == NULL ? "-" : cases[i].auth,
			cases[i].daemon == NULL ? "-" : cases[i].daemon, cases[i].client);
	}
	return tap_done();
}

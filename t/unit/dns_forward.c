/* SPDX-License-Identifier: BSD-2-Clause */
/* dns/forward: whom we ask, and what libunbound is told. */
#include <string.h>

#include "dns/forward.h"
#include "t/lib/tap.h"

static const struct {
	const char *server;
	bool good;
} server_cases[] = {
    {"192.0.2.53", true},
    {"192.0.2.53@5353", true},
    {"2001:db8::53", true},
    {"2001:db8::53@53", true},
    {"fe80::1%eth0", true},
    {"fe80::1%eth0.7@53", true},
    {"", false},
    {"ns.example", false},
    {"192.0.2.53:53", false},
    {"192.0.2.53@", false},
    {"192.0.2.53@0", false},
    {"192.0.2.53@65536", false},
    {"192.0.2.53 ", false},
    {"192.0.2.53@53@53", false},
    {"fe80::1%", false},
    {"fe80::1%a b", false},
    {"192.0.2.53\n forward-first: yes", false},
    {"192.0.2.53@53 #", false},
    {"fe80::1%e\"", false},
};

static void test_servers(void)
{
	for (size_t i = 0; i < sizeof server_cases / sizeof *server_cases; i++) {
		const char *const list[] = {"192.0.2.1", server_cases[i].server};
		struct dns_settings settings = {.servers = list, .server_count = 2};
		struct forward_servers servers = {0};
		struct why why = {""};
		int result = forward_servers(&servers, &settings, &why);

		is_int(result, server_cases[i].good ? 0 : -1, "server \"%s\"",
		       server_cases[i].server);
		ok(result == 0 || strstr(why.text, "must be an address") != NULL,
		   "with its reason");
		buf_free(&servers.text);
	}
}

static void test_config(void)
{
	const char *const list[] = {"192.0.2.1@5353", "2001:db8::53"};
	struct dns_settings settings = {.servers = list, .server_count = 1};
	struct forward_servers servers = {0};
	struct buf config;

	forward_servers(&servers, &settings, NULL);
	buf_init(&config, NULL, 0);
	forward_config(&config, &servers, false, false);
	ok(strstr(buf_text(&config), " use-caps-for-id: no\n") != NULL, "names as they are");
	ok(strstr(buf_text(&config), "infra-host-ttl: 1\n") != NULL,
	   "one server is asked again soon");
	ok(strstr(buf_text(&config), "\"iterator\"") != NULL, "no validation");
	buf_free(&config);
	buf_free(&servers.text);

	memset(&servers, 0, sizeof servers);
	settings.server_count = 2;
	forward_servers(&servers, &settings, NULL);
	is_text(buf_text(&servers.text), "192.0.2.1@5353, 2001:db8::53", "servers as text");
	forward_config(&config, &servers, true, true);
	ok(strstr(buf_text(&config), " use-caps-for-id: yes\n") != NULL, "names in random case");
	ok(strstr(buf_text(&config),
		  " forward-addr: 192.0.2.1@5353\n forward-addr: 2001:db8::53\n"),
	   "each has its line");
	ok(strstr(buf_text(&config), "infra-host-ttl: 5\n") != NULL,
	   "a dead one of two is left out");
	ok(strstr(buf_text(&config), "\"validator iterator\"") != NULL, "validation");
	buf_free(&config);
	buf_free(&servers.text);
}

static void test_system(void)
{
	const struct dns_settings settings = {0};
	struct forward_servers servers = {0};

	is_int(forward_servers(&servers, &settings, NULL), 0, "the system's servers");
	ok(servers.count > 0, "there is always one: %s", buf_text(&servers.text));
	buf_free(&servers.text);
}

int main(void)
{
	test_servers();
	test_config();
	test_system();
	return tap_done();
}

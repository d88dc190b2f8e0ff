/* SPDX-License-Identifier: BSD-2-Clause */
/* dns/forward: whom we ask, and what libunbound is told. */
#include <string.h>

#include "dns/forward.h"
#include "t/lib/tap.h"

static void test_config(void)
{
	const char *const list[] = {"192.0.2.1@5353", "2001:db8::53"};
	struct dns_settings settings = {.servers = list, .server_count = 1};
	struct forward_servers servers = {0};
	struct buf config;

	forward_servers(&servers, &settings, NULL);
	buf_init(&config, NULL, 0);
	forward_config(&config, &servers, false, false, NULL, NULL);
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
	forward_config(&config, &servers, true, true, NULL, NULL);
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
	test_config();
	test_system();
	return tap_done();
}

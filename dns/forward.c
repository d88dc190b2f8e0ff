/* SPDX-License-Identifier: BSD-2-Clause */
#include "dns/forward.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "lib/ip.h"

enum {
	PORTS_MAX = 4096, /* questions on the network at one time; each takes a descriptor */
	PORTS_MIN = 32,
	SERVERS_MAX = 8,
	/* How long a server that does not answer is left out, seconds. With one server there is
	 * nothing to gain: when it is back it is to be asked. */
	HOST_TTL = 1,
	HOST_TTL_OF_MANY = 5
};

/* ---- the servers ---- */

static int add_server(struct forward_servers *servers, const char *server, struct why *why)
{
	if (ip_check_server(span_of(server), why) != 0)
		return -1;
	buf_printf(&servers->text, "%s%s", servers->count++ > 0 ? ", " : "", server);
	return 0;
}

/* As for the C library, a file without servers means the local host; so does no file. */
static int add_system_servers(struct forward_servers *servers, const char *path, struct why *why)
{
	FILE *file = fopen(path == NULL ? "/etc/resolv.conf" : path, "re");
	char line[512], server[128];

	while (file != NULL && fgets(line, sizeof line, file) != NULL) {
		if (servers->count < SERVERS_MAX && sscanf(line, " nameserver %127s", server) == 1)
			(void)add_server(servers, server, NULL);
	}
	if (file != NULL)
		fclose(file);
	return servers->count > 0 ? 0 : add_server(servers, "127.0.0.1", why);
}

int forward_servers(struct forward_servers *servers, const struct dns_settings *settings,
		    struct why *why)
{
	buf_init(&servers->text, NULL, 0);
	if (settings->server_count == 0)
		return add_system_servers(servers, settings->resolv_conf, why);
	for (unsigned i = 0; i < settings->server_count; i++) {
		if (add_server(servers, settings->servers[i], why) == -1)
			return -1;
	}
	return 0;
}

/* ---- the text ---- */

static const char fixed[] =
    "server:\n"
    " use-syslog: no\n"
    " verbosity: 0\n"
    " do-not-query-localhost: no\n"
    " qname-minimisation: no\n"
    " edns-buffer-size: 1232\n"
    " outgoing-num-tcp: 64\n"
    " serve-expired: no\n"
    " prefetch: no\n"
    " rrset-roundrobin: no\n"
    " msg-cache-size: 256k\n"
    " rrset-cache-size: 1m\n"
    /* the reverse zones of private and documentation addresses are for the server to answer */
    " unblock-lan-zones: yes\n"
    " insecure-lan-zones: yes\n"
    /* give a question up after 3 s, when hardly anybody still waits for it */
    " infra-keep-probing: yes\n"
    " infra-cache-max-rtt: 2000\n";

/* The other zones that libunbound would answer by itself; unknown ones do no harm. */
static const char *const built_in_zones[] = {
    "localhost.",
    "127.in-addr.arpa.",
    "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa.",
    "home.arpa.",
    "resolver.arpa.",
    "service.arpa.",
    "ipv4only.arpa.",
    "onion.",
    "test.",
    "invalid.",
};

/* A quarter of the descriptors at most: the others are for the mail. */
static unsigned port_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == -1 || limit.rlim_cur == RLIM_INFINITY ||
	    limit.rlim_cur / 4 > PORTS_MAX)
		return PORTS_MAX;
	return limit.rlim_cur / 4 < PORTS_MIN ? PORTS_MIN : (unsigned)limit.rlim_cur / 4;
}

/* Without forward-no-cache libunbound would remember a SERVFAIL for 5 seconds, and all that it
 * heard past dns_flush(). */
void forward_config(struct buf *config, const struct forward_servers *servers, bool validate,
		    bool caps, const char *zone, const char *zone_file)
{
	struct span rest = buf_view(&servers->text), server;
	bool more = true;

	buf_string(config, fixed);
	buf_printf(config, " outgoing-range: %u\n num-queries-per-thread: %u\n", port_limit(),
		   port_limit());
	buf_printf(config, " infra-host-ttl: %u\n",
		   servers->count > 1 ? HOST_TTL_OF_MANY : HOST_TTL);
	buf_printf(config, " use-caps-for-id: %s\n", caps ? "yes" : "no");
	buf_printf(config, " module-config: \"%s\"\n",
		   validate ? "validator iterator" : "iterator");
	for (size_t i = 0; i < sizeof built_in_zones / sizeof *built_in_zones; i++)
		buf_printf(config, " local-zone: \"%s\" nodefault\n", built_in_zones[i]);
	if (zone != NULL)
		buf_printf(config,
			   "auth-zone:\n name: \"%s\"\n zonefile: \"%s\"\n for-downstream: yes\n"
			   " for-upstream: yes\n fallback-enabled: no\n",
			   zone, zone_file);
	buf_string(config, "forward-zone:\n name: \".\"\n forward-no-cache: yes\n");
	while (span_split(&rest, &more, ',', &server)) {
		server = span_trim(server);
		buf_printf(config, " forward-addr: %.*s\n", (int)span_len(server), server.p);
	}
}

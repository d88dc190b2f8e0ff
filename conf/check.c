/*
 * The syntax of values that have one of their own: sockets and DNS servers. Whether a socket can be
 * made or a server answers is found out by whoever uses it.
 */
#include "conf/conf.h"

#include <string.h>
#include <sys/un.h>

static int port_check(struct span port, struct why *why)
{
	uint64_t n;

	if (!span_number(port, 65535, &n) || n == 0)
		return why_set(why, "\"%.*s\" is no port (1 .. 65535)", (int)span_len(port),
			       port.p);
	return 0;
}

/* IP [ "@" PORT ] */
int conf_check_server(struct span text, struct why *why)
{
	struct span rest = text, address = text;
	bool more = true;
	struct ip ip;

	(void)span_split(&rest, &more, '@', &address);
	if (!ip_parse(address, &ip))
		return why_set(why,
			       "\"%.*s\" is no DNS server: write its address (192.0.2.53, "
			       "2001:db8::53), with a port as 192.0.2.53@5353",
			       (int)span_len(text), text.p);
	return more ? port_check(rest, why) : 0;
}

static int path_check(struct span path, struct why *why)
{
	struct sockaddr_un address;

	if (span_empty(path) || *path.p != '/')
		return why_set(why, "the path of a local socket begins with \"/\"");
	if (span_len(path) >= sizeof address.sun_path)
		return why_set(why, "the path of a local socket has at most %zu characters",
			       sizeof address.sun_path - 1);
	return 0;
}

/* PORT [ "@" HOST ]; HOST is a name or an address, which the system resolves. */
static int inet_check(struct span text, struct why *why)
{
	struct span port = text, host = text;
	bool more = true;

	(void)span_split(&host, &more, '@', &port);
	if (port_check(port, why) < 0)
		return -1;
	if (!more)
		return 0;
	if (span_empty(host))
		return why_set(why, "the host after \"@\" is missing");
	for (const char *p = host.p; p < host.end; p++) {
		if (!char_is_alnum((unsigned char)*p) && strchr(".:-_", *p) == NULL)
			return why_set(why, "\"%.*s\" is no host", (int)span_len(host), host.p);
	}
	return 0;
}

/* "local:" PATH / "unix:" PATH / "inet:" PORT [ "@" HOST ] / "inet6:" PORT [ "@" HOST ] */
int conf_check_socket(struct span text, struct why *why)
{
	struct span scheme = text, rest = text;
	bool more = true;

	(void)span_split(&rest, &more, ':', &scheme);
	if (more && (span_eq(scheme, "local") || span_eq(scheme, "unix")))
		return path_check(rest, why);
	if (more && (span_eq(scheme, "inet") || span_eq(scheme, "inet6")))
		return inet_check(rest, why);
	return why_set(why,
		       "\"%.*s\" is no socket: write local:/path, unix:/path or "
		       "inet:PORT@HOST (inet:8891@127.0.0.1)",
		       (int)span_len(text), text.p);
}

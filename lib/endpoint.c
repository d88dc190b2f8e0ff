/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/endpoint.h"

#include <string.h>
#include <sys/un.h>

#include "lib/ip.h"

enum { HOST_MAX = 255, PORT_MAX = 65535 };

static int read_path(struct span path, struct endpoint *endpoint, struct why *why)
{
	struct sockaddr_un address;

	if (span_empty(path) || *path.p != '/')
		return why_set(why, "the path of a local socket begins with \"/\"");
	if (path.end[-1] == '/')
		return why_set(why, "\"%.*s\" is a directory; a local socket needs a file name",
			       (int)span_len(path), path.p);
	if (span_len(path) >= sizeof address.sun_path)
		return why_set(why, "the path of a local socket has at most %zu characters",
			       sizeof address.sun_path - 1);
	endpoint->path = path;
	return 0;
}

/* Takes the brackets off HOST; false when there are none. */
static bool strip_brackets(struct span *host)
{
	if (span_len(*host) < 2 || *host->p != '[' || host->end[-1] != ']')
		return false;
	*host = (struct span){host->p + 1, host->end - 1};
	return true;
}

static bool is_host_text(struct span host)
{
	for (const char *p = host.p; p < host.end; p++) {
		if (!char_is_alnum((unsigned char)*p) && memchr(".:-_", *p, 4) == NULL)
			return false;
	}
	return true;
}

/* HOST is a name or an address, which the system resolves. */
static int read_host(struct span host, struct endpoint *endpoint, struct why *why)
{
	struct span inside = host;
	struct ip ip;

	if (span_empty(host))
		return why_set(why, "the host after \"@\" is missing");
	if (strip_brackets(&inside) && !ip_parse(inside, &ip))
		return why_set(why, "\"%.*s\": only an address may be in brackets",
			       (int)span_len(host), host.p);
	if (span_len(inside) > HOST_MAX || !is_host_text(inside))
		return why_set(why, "\"%.*s\" is not a valid host", (int)span_len(host), host.p);
	endpoint->host = inside;
	if (ip_parse(inside, &ip) && memchr(inside.p, ':', span_len(inside)) != NULL)
		endpoint->family = AF_INET6;
	return 0;
}

/* HOST ":" PORT; the colon is the last one. False: TEXT has another form. */
static bool split_host_first(struct span text, struct span *host, struct span *port)
{
	const char *colon = text.end;

	if (span_empty(text) || memchr(text.p, '@', span_len(text)) != NULL)
		return false;
	while (colon > text.p && colon[-1] != ':')
		colon--;
	if (colon == text.p || text.end[-1] == ']' ||
	    (*text.p != '[' && memchr(text.p, ':', (size_t)(colon - 1 - text.p)) != NULL))
		return false;
	*port = (struct span){colon, text.end};
	*host = (struct span){text.p, colon - 1};
	return true;
}

/* PORT [ "@" HOST ] / HOST ":" PORT */
static int read_inet(struct span text, struct endpoint *endpoint, struct why *why)
{
	struct span port = text, host = text;
	bool more = true;
	uint64_t number;

	if (!split_host_first(text, &host, &port))
		(void)span_split(&host, &more, '@', &port);
	if (!span_number(port, PORT_MAX, &number))
		return why_set(why, "\"%.*s\" is not a valid port (0 .. %d)", (int)span_len(port),
			       port.p, PORT_MAX);
	endpoint->port = (unsigned)number;
	return more ? read_host(host, endpoint, why) : 0;
}

int endpoint_parse(struct span text, struct endpoint *endpoint, struct why *why)
{
	static const struct {
		const char *name;
		int family;
		int (*read)(struct span rest, struct endpoint *endpoint, struct why *why);
	} schemes[] = {
	    {"local", AF_UNIX, read_path},
	    {"unix", AF_UNIX, read_path},
	    {"inet", AF_INET, read_inet},
	    {"inet6", AF_INET6, read_inet},
	};
	struct span scheme = text, rest = text;
	bool more = true;

	(void)span_split(&rest, &more, ':', &scheme);
	for (size_t i = 0; more && i < sizeof schemes / sizeof *schemes; i++) {
		if (!span_eq(scheme, schemes[i].name))
			continue;
		*endpoint = (struct endpoint){.family = schemes[i].family};
		return schemes[i].read(rest, endpoint, why);
	}
	return why_set(why,
		       "\"%.*s\" is not a valid socket; use local:/path, unix:/path or "
		       "inet:PORT@HOST (inet:8891@127.0.0.1)",
		       (int)span_len(text), text.p);
}

int endpoint_parse_http(struct span text, struct endpoint *endpoint, struct why *why)
{
	const char *colon = text.end;
	struct span host;
	bool brackets;
	uint64_t port;
	struct ip ip;

	while (colon > text.p && *colon != ':')
		colon--;
	host = (struct span){text.p, colon};
	brackets = strip_brackets(&host);
	if (colon == text.end || !ip_parse(host, &ip) || brackets != (ip.family == 6) ||
	    !span_number((struct span){colon + 1, text.end}, PORT_MAX, &port))
		return why_set(
		    why, "\"%.*s\" is not an address with a port; use 127.0.0.1:9817 or [::1]:9817",
		    (int)span_len(text), text.p);
	*endpoint = (struct endpoint){
	    .family = brackets ? AF_INET6 : AF_INET, .host = host, .port = (unsigned)port};
	return 0;
}

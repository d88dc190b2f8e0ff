/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One table: a filter, the word in a path that tells it, and the files in which its socket is set.
 * Sockets are compared as the MTA and the filter mean them: a path of Postfix is below its queue
 * directory, and every name of the own host is the same host.
 */
#include "admin/setup/otherfilters.h"

#include <string.h>

#include "admin/migrate/opendkim_text.h"
#include "admin/setup/milters.h"
#include "lib/system/readfile.h"
#include "milter/protocol/client.h"

enum { FILES_MAX = 2, SETTINGS_MAX = 1 << 20 };

static const struct {
	const char *name, *word; /* WORD: in the path of its socket */
	const char *files[FILES_MAX];
	const char *setting; /* "Socket local:/path", 'SOCKET="inet:8891@localhost"' */
	bool replaced;
} filters[] = {
    {"OpenDKIM", "opendkim", {"/etc/opendkim.conf", "/etc/default/opendkim"}, "Socket", true},
    {"OpenDMARC", "opendmarc", {"/etc/opendmarc.conf", "/etc/default/opendmarc"}, "Socket", true},
    {"OpenARC", "openarc", {"/etc/openarc.conf", "/etc/default/openarc"}, "Socket", true},
    {"dkimpy-milter", "dkimpy", {"/etc/dkimpy-milter/dkimpy-milter.conf"}, "Socket", true},
    {"pyspf-milter", "pyspf", {"/etc/pyspf-milter/pyspf-milter.conf"}, "Socket", true},
    {"ClamAV", "clamav", {"/etc/clamav/clamav-milter.conf"}, "MilterSocket", false},
    {"SpamAssassin", "spamass", {"/etc/default/spamass-milter"}, "SOCKET", false},
    {"Rspamd", "rspamd", {NULL}, "", false},
};

/* ---- sockets ---- */

struct endpoint {
	struct span path; /* or, empty, PORT of HOST */
	struct span host, port;
};

static struct span text_before(struct span *rest, char divider)
{
	const char *found = memchr(rest->p, divider, span_len(*rest));
	struct span part = span_make(rest->p, found == NULL ? 0 : (size_t)(found - rest->p));

	if (found != NULL)
		rest->p = found + 1;
	return part;
}

/* "inet:" host ":" port of Postfix, "inet:" port [ "@" host ] of libmilter (smfi_setconn(3)). */
static bool read_endpoint(struct span text, struct endpoint *endpoint)
{
	*endpoint = (struct endpoint){.path = span_of(""), .host = span_of("")};
	if (!span_istarts(text, "inet:") && !span_istarts(text, "inet6:"))
		return milters_path(text, &endpoint->path);
	text_before(&text, ':');
	endpoint->port = text;
	if (!span_empty(text) && memchr(text.p, '@', span_len(text)) != NULL) {
		endpoint->port = text_before(&text, '@');
		endpoint->host = text;
	} else {
		for (const char *p = text.end; p > text.p; p--) {
			if (p[-1] != ':')
				continue;
			endpoint->host = span_make(text.p, (size_t)(p - 1 - text.p));
			endpoint->port = span_make(p, (size_t)(text.end - p));
			break;
		}
	}
	return !span_empty(endpoint->port);
}

static bool is_own_host(struct span host)
{
	static const char *const names[] = {"localhost", "127.0.0.1",    "[127.0.0.1]",
					    "::1",       "[::1]",        "0.0.0.0",
					    "::",        "ip6-localhost"};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		if (span_ieq(host, names[i]))
			return true;
	}
	return span_empty(host);
}

/* ASKED as Postfix says it, SET as the filter does. */
static bool is_same(const struct place *place, struct arena *arena, struct span asked,
		    struct span set)
{
	struct endpoint a, b;
	const char *queue = place->mta == PLACE_POSTFIX ? place->postfix.queue : "";

	if (!read_endpoint(asked, &a) || !read_endpoint(set, &b))
		return false;
	if (span_empty(a.path) != span_empty(b.path))
		return false;
	if (!span_empty(a.path) && *a.path.p != '/')
		a.path = span_of(arena_printf(arena, "%s/%s", queue, arena_span(arena, a.path)));
	if (!span_empty(a.path))
		return span_eq(a.path, arena_span(arena, b.path)) ||
		       span_eq(a.path,
			       arena_printf(arena, "%s%s", queue, arena_span(arena, b.path)));
	return span_eq(a.port, arena_span(arena, b.port)) &&
	       (span_ieq(a.host, arena_span(arena, b.host)) ||
		(is_own_host(a.host) && is_own_host(b.host)));
}

/* ---- settings ---- */

/* NULL: there are none that can be read. */
static const char *read_settings(struct arena *arena, const char *path)
{
	struct span text;

	return readfile(arena, path, SETTINGS_MAX, &text, NULL) == 0 ? arena_span(arena, text)
								     : NULL;
}

/* NAME value / NAME="value" */
static bool find_setting(struct span *rest, const char *wanted, struct span *value)
{
	struct span name;
	unsigned line = 0;

	while (opendkim_line(rest, &line, &name, value)) {
		const char *equals = memchr(name.p, '=', span_len(name));

		if (equals != NULL) {
			*value = span_make(equals + 1, (size_t)(name.end - equals - 1));
			name.end = equals;
		}
		if (!span_ieq(name, wanted))
			continue;
		while (!span_empty(*value) && (*value->p == '"' || *value->p == '\''))
			value->p++;
		while (!span_empty(*value) && (value->end[-1] == '"' || value->end[-1] == '\''))
			value->end--;
		return true;
	}
	return false;
}

static bool file_names(const struct place *place, struct arena *arena, const char *path,
		       const char *setting, struct span address)
{
	const char *text = read_settings(arena, path);
	struct span rest = span_of(text == NULL ? "" : text), value;

	while (find_setting(&rest, setting, &value)) {
		if (is_same(place, arena, address, value))
			return true;
	}
	return false;
}

static bool has_word(struct span path, const char *word)
{
	for (; span_len(path) >= strlen(word); path.p++) {
		if (span_istarts(path, word))
			return true;
	}
	return false;
}

struct otherfilter otherfilter_at(const struct place *place, struct arena *arena, const char *root,
				  struct span address)
{
	for (size_t i = 0; i < sizeof filters / sizeof *filters; i++) {
		struct otherfilter found = {filters[i].name, NULL, filters[i].replaced};

		for (size_t k = 0; k < FILES_MAX && filters[i].files[k] != NULL; k++) {
			found.source = filters[i].files[k];
			if (file_names(place, arena,
				       arena_printf(arena, "%s%s", root, found.source),
				       filters[i].setting, address))
				return found;
		}
		found.source = NULL;
		if (has_word(address, filters[i].word))
			return found;
	}
	return (struct otherfilter){.name = NULL};
}

bool otherfilter_answers(const struct place *place, struct arena *arena, struct span address)
{
	struct endpoint endpoint;
	struct milter_client m;
	const char *text;
	bool answers;
	struct why why;

	if (!read_endpoint(address, &endpoint))
		return true;
	if (span_empty(endpoint.path))
		text = arena_printf(arena, "inet:%s@%s", arena_span(arena, endpoint.port),
				    span_empty(endpoint.host) ? "127.0.0.1"
							      : arena_span(arena, endpoint.host));
	else
		text = arena_printf(
		    arena, "unix:%s%s%s", *endpoint.path.p == '/' ? "" : place->postfix.queue,
		    *endpoint.path.p == '/' ? "" : "/", arena_span(arena, endpoint.path));
	answers = milter_client_open(&m, text, &why) == 0;
	milter_client_close(&m);
	return answers;
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/url.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

enum { URL_MAX = 1024 };

/* Calls CHECK with a part of the URL; false where there is no such part. */
static bool part_is(CURLU *url, CURLUPart which, bool (*check)(const char *))
{
	char *part = NULL;
	bool result = curl_url_get(url, which, &part, 0) == CURLUE_OK && check(part);

	curl_free(part);
	return result;
}

static bool is_any(const char *part)
{
	(void)part;
	return true;
}

/* What a server's URL may begin with, and how to write one. */
struct server_kind {
	const char *plain, *tls;
	const char *what, *example;
};

static bool is_more_than_slash(const char *path)
{
	return strcmp(path, "/") != 0;
}

static bool is_this_host(const char *host)
{
	return span_ieq(span_of(host), "localhost") || strcmp(host, "127.0.0.1") == 0 ||
	       strcmp(host, "[::1]") == 0;
}

static bool has_more_than_server(CURLU *url)
{
	static const CURLUPart parts[] = {CURLUPART_USER, CURLUPART_PASSWORD, CURLUPART_OPTIONS,
					  CURLUPART_QUERY, CURLUPART_FRAGMENT};

	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
		if (part_is(url, parts[i], is_any))
			return true;
	}
	return part_is(url, CURLUPART_PATH, is_more_than_slash);
}

static bool read_server(CURLU *url, const char *text, const struct server_kind *kind,
			struct url_server *server)
{
	char *scheme = NULL;
	bool plain;

	if (curl_url_set(url, CURLUPART_URL, text, CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK ||
	    has_more_than_server(url) ||
	    curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK)
		return false;
	server->tls = strcmp(scheme, kind->tls) == 0;
	plain = strcmp(scheme, kind->plain) == 0;
	curl_free(scheme);
	server->this_host = part_is(url, CURLUPART_HOST, is_this_host);
	return server->tls || plain;
}

static int parse_server(struct span text, const struct server_kind *kind, struct url_server *server,
			struct why *why)
{
	char copy[URL_MAX + 1];
	CURLU *url = curl_url();
	bool good = false;

	if (url == NULL)
		abort();
	*server = (struct url_server){false, false};
	if (span_len(text) <= URL_MAX && memchr(text.p, '\0', span_len(text)) == NULL) {
		memcpy(copy, text.p, span_len(text));
		copy[span_len(text)] = '\0';
		good = read_server(url, copy, kind, server);
	}
	curl_url_cleanup(url);
	if (good)
		return 0;
	return why_set(why, "\"%.*s\" is not a valid %s; use %s", (int)span_len(text), text.p,
		       kind->what, kind->example);
}

int url_parse_server(struct span text, struct url_server *server, struct why *why)
{
	static const struct server_kind kind = {"smtp", "smtps", "mail server",
						"smtp://127.0.0.1:25"};

	return parse_server(text, &kind, server, why);
}

int url_parse_imap(struct span text, struct url_server *server, struct why *why)
{
	static const struct server_kind kind = {"imap", "imaps", "IMAP server",
						"imaps://imap.example.com"};

	return parse_server(text, &kind, server, why);
}

static bool is_https(const char *scheme)
{
	return strcmp(scheme, "https") == 0;
}

static bool is_http(const char *scheme)
{
	return strcmp(scheme, "http") == 0;
}

static bool is_https_port(const char *port)
{
	return strcmp(port, "443") == 0;
}

static bool is_http_port(const char *port)
{
	return strcmp(port, "80") == 0;
}

/* Not an address: its last label has a letter. */
static bool is_host_name(const char *host)
{
	bool letter = false;

	for (const char *p = host; *p != '\0'; p++) {
		if (*p == '.' && p[1] != '\0')
			letter = false;
		else if (char_is_alpha((unsigned char)*p))
			letter = true;
		else if (!char_is_alnum((unsigned char)*p) && strchr("-_.", *p) == NULL)
			return false;
	}
	return letter && strlen(host) < sizeof((struct url_web *)NULL)->host;
}

static const char *find_web_fault(CURLU *url, const char *text, struct url_web *web)
{
	char *host = NULL;

	if (strlen(text) > URL_MAX || curl_url_set(url, CURLUPART_URL, text, 0) != CURLUE_OK)
		return "is not a valid URI";
	web->tls = part_is(url, CURLUPART_SCHEME, is_https);
	if (!web->tls && !part_is(url, CURLUPART_SCHEME, is_http))
		return "is not an https URI";
	if (part_is(url, CURLUPART_USER, is_any) || part_is(url, CURLUPART_PASSWORD, is_any))
		return "has a user name";
	if (part_is(url, CURLUPART_PORT, is_any) &&
	    !part_is(url, CURLUPART_PORT, web->tls ? is_https_port : is_http_port))
		return "has a port of its own";
	if (!part_is(url, CURLUPART_HOST, is_host_name) ||
	    curl_url_get(url, CURLUPART_HOST, &host, 0) != CURLUE_OK)
		return "has no host name";
	memcpy(web->host, host, strlen(host) + 1);
	curl_free(host);
	return NULL;
}

int url_parse_web(const char *text, struct url_web *web, struct why *why)
{
	CURLU *url = curl_url();
	const char *fault;

	if (url == NULL)
		abort();
	*web = (struct url_web){.tls = false};
	fault = find_web_fault(url, text, web);
	curl_url_cleanup(url);
	return fault == NULL ? 0 : why_set(why, "%.200s %s", text, fault);
}

void url_escape(struct buf *url, const char *text)
{
	char *escaped = curl_easy_escape(NULL, text, 0);

	if (escaped == NULL)
		abort();
	buf_string(url, escaped);
	curl_free(escaped);
}

int url_parse_sqlite(struct span text, struct span *path, struct why *why)
{
	struct span scheme = text;
	bool more = true;

	*path = text;
	(void)span_split(path, &more, ':', &scheme);
	if (!more || !span_eq(scheme, "sqlite"))
		return why_set(why, "\"%.*s\" is not a valid store; use sqlite:/path",
			       (int)span_len(text), text.p);
	if (span_empty(*path) || *path->p != '/')
		return why_set(why, "the path after sqlite: begins with \"/\"");
	return 0;
}

const char *url_sqlite_path(const char *url, struct why *why)
{
	struct span path;

	return url_parse_sqlite(span_of(url), &path, why) == 0 ? path.p : NULL;
}

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

static bool is_smtp(const char *scheme)
{
	return strcmp(scheme, "smtp") == 0;
}

static bool is_smtps(const char *scheme)
{
	return strcmp(scheme, "smtps") == 0;
}

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

static bool read_server(CURLU *url, const char *text, struct url_server *server)
{
	if (curl_url_set(url, CURLUPART_URL, text, 0) != CURLUE_OK || has_more_than_server(url))
		return false;
	server->tls = part_is(url, CURLUPART_SCHEME, is_smtps);
	server->this_host = part_is(url, CURLUPART_HOST, is_this_host);
	return server->tls || part_is(url, CURLUPART_SCHEME, is_smtp);
}

int url_parse_server(struct span text, struct url_server *server, struct why *why)
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
		good = read_server(url, copy, server);
	}
	curl_url_cleanup(url);
	if (good)
		return 0;
	return why_set(why, "\"%.*s\" is not a valid mail server; use smtp://127.0.0.1:25",
		       (int)span_len(text), text.p);
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

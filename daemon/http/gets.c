/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Nothing a client sends is used but the method, the target, Host and Accept. The target is handed
 * on as it came, so that one parser decodes it, once.
 */
#include <stdlib.h>
#include <string.h>

#include "daemon/http/http.h"
#include "daemon/http/listen.h"
#include "lib/heap.h"
#include "lib/ip.h"
#include "lib/span.h"

/* What is kept of a request until it is answered. */
struct get {
	char *target;
	bool seen;
};

/* A name or an address of this host, with or without a port; or none. */
static bool is_this_host(const char *field)
{
	struct span rest = span_of(field), host = rest;
	struct ip ip;

	if (field == NULL)
		return true;
	if (!span_empty(rest) && *rest.p == '[') {
		const char *end = memchr(rest.p, ']', span_len(rest));

		if (end == NULL)
			return false;
		host = (struct span){rest.p + 1, end};
	} else {
		bool more = true;

		span_split(&rest, &more, ':', &host);
	}
	return span_ieq(host, "localhost") || (ip_parse(host, &ip) && ip_is_loopback(&ip));
}

static const char *find_field(struct MHD_Connection *connection, const char *name)
{
	return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

static enum MHD_Result send_get(struct MHD_Connection *connection, const struct http_pages *pages,
				struct http_reply *reply)
{
	const char *const fields[][2] = {
	    {MHD_HTTP_HEADER_CONTENT_TYPE, reply->type},
	    {"Link", reply->link.len == 0 ? NULL : buf_text(&reply->link)},
	    {NULL, NULL}};

	return listen_reply_with(connection, reply->code, fields, pages->fields, &reply->body);
}

static enum MHD_Result answer_get(const struct http_pages *pages, struct MHD_Connection *connection,
				  const char *target)
{
	const struct http_request request = {target,
					     find_field(connection, MHD_HTTP_HEADER_ACCEPT)};
	struct http_reply reply = {.code = MHD_HTTP_OK, .type = "text/plain; charset=utf-8"};

	enum MHD_Result result;

	buf_init(&reply.body, NULL, 0);
	buf_init(&reply.link, NULL, 0);
	if (is_this_host(find_field(connection, MHD_HTTP_HEADER_HOST))) {
		pages->serve(pages->arg, &request, &reply);
	} else {
		reply.code = MHD_HTTP_MISDIRECTED_REQUEST;
		buf_string(&reply.body, "Host is not this host\n");
	}
	result = send_get(connection, pages, &reply);
	buf_free(&reply.link);
	return result;
}

/* Called for the head of a request, for each piece of a body, and at its end: then we answer. */
static enum MHD_Result serve_get(void *arg, struct MHD_Connection *connection, const char *url,
				 const char *method, const char *version, const char *upload,
				 size_t *upload_size, void **state)
{
	struct get *get = *state;

	(void)url, (void)version, (void)upload;
	if (get == NULL)
		return MHD_NO;
	if (!get->seen) {
		get->seen = true;
		return MHD_YES;
	}
	if (*upload_size > 0) {
		*upload_size = 0;
		return MHD_YES;
	}
	if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
		return listen_refuse_method(connection, "GET, HEAD");
	return answer_get(arg, connection, get->target);
}

static void *keep_target(void *arg, const char *target, struct MHD_Connection *connection)
{
	struct get *get = heap_zero(sizeof *get);

	(void)arg, (void)connection;
	get->target = heap_strdup(target);
	return get;
}

/* Also of a connection that ended early. */
static void end_get(void *arg, struct MHD_Connection *connection, void **state,
		    enum MHD_RequestTerminationCode code)
{
	struct get *get = *state;

	(void)arg, (void)connection, (void)code;
	if (get != NULL)
		free(get->target);
	free(get);
	*state = NULL;
}

static const struct listen_service service = {
    .path = "/", .what = "pages on", .serve = serve_get, .end = end_get, .keep = keep_target};

int http_open_pages(const char *address, const char *group, struct why *why)
{
	return listen_open(address, &service, group, why);
}

int http_start_pages(int fd, const struct http_pages *pages, struct why *why)
{
	struct listen_service own = service;

	own.arg = (void *)(uintptr_t)pages;
	return listen_run(fd, &own, why);
}

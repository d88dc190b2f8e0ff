/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * libmicrohttpd reads the requests; what is hostile in them is its to bound, within the limits
 * given here. Nothing a client sends is used but the method, the path and Accept. What is served is
 * made for each request from counters in memory.
 */
#include "daemon/http/http.h"

#include <inttypes.h>
#include <microhttpd.h>
#include <string.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/endpoint.h"
#include "lib/log.h"
#include "lib/span.h"
#include "metrics/counters.h"
#include "metrics/exposition.h"
#include "milter/protocol/socket.h"

enum {
	CONNECTIONS = 32,
	CONNECTIONS_OF_ONE = 16,
	SILENCE = 10, /* seconds */
	REQUEST_BYTES = 16384
};

/* ---- answers ---- */

static enum MHD_Result send_reply(struct MHD_Connection *connection, unsigned code,
				  const char *type, struct buf *body)
{
	struct MHD_Response *response =
	    MHD_create_response_from_buffer(body->len, body->data, MHD_RESPMEM_MUST_COPY);
	enum MHD_Result result = MHD_NO;

	buf_free(body);
	if (response == NULL)
		return MHD_NO;
	if (MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type) == MHD_YES &&
	    MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store") ==
		MHD_YES &&
	    (code != MHD_HTTP_METHOD_NOT_ALLOWED ||
	     MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD") == MHD_YES))
		result = MHD_queue_response(connection, code, response);
	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result send_text(struct MHD_Connection *connection, unsigned code, const char *text)
{
	struct buf body;

	buf_init(&body, NULL, 0);
	buf_string(&body, text);
	return send_reply(connection, code, "text/plain; charset=utf-8", &body);
}

static enum MHD_Result serve_metrics(struct MHD_Connection *connection)
{
	const char *accept =
	    MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_ACCEPT);
	enum exposition_format format = exposition_wanted(accept);
	struct buf body;

	buf_init(&body, NULL, 0);
	exposition_write(&body, format);
	return send_reply(connection, MHD_HTTP_OK, exposition_media_type(format), &body);
}

static enum MHD_Result serve_health(struct MHD_Connection *connection)
{
	if (counters_sum(METRIC_WORKERS) > 0)
		return send_text(connection, MHD_HTTP_OK, "ok\n");
	return send_text(connection, MHD_HTTP_SERVICE_UNAVAILABLE, "no worker is ready\n");
}

static const struct {
	const char *path;
	enum MHD_Result (*serve)(struct MHD_Connection *connection);
} pages[] = {
    {"/metrics", serve_metrics},
    {"/healthz", serve_health},
};

/* Called for the head of a request, for each piece of a body, and at its end: then we answer. */
static enum MHD_Result serve_request(void *arg, struct MHD_Connection *connection, const char *url,
				     const char *method, const char *version, const char *upload,
				     size_t *upload_size, void **state)
{
	static int seen;

	(void)arg;
	(void)version;
	(void)upload;
	if (*state == NULL) {
		*state = &seen;
		return MHD_YES;
	}
	if (*upload_size > 0) {
		*upload_size = 0;
		return MHD_YES;
	}
	if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
		return send_text(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET and HEAD\n");
	for (unsigned i = 0; i < sizeof pages / sizeof pages[0]; i++) {
		if (strcmp(url, pages[i].path) == 0)
			return pages[i].serve(connection);
	}
	return send_text(connection, MHD_HTTP_NOT_FOUND, "not found; try /metrics or /healthz\n");
}

/* ---- the listener ---- */

static void say_url(const struct socket_listener *listener, const char *address)
{
	struct span rest = span_of(listener->name), scheme, port;
	bool more = true;

	span_split(&rest, &more, ':', &scheme);
	span_split(&rest, &more, '@', &port);
	log_info("metrics on http://%.*s:%.*s/metrics", (int)(strrchr(address, ':') - address),
		 address, (int)span_len(port), port.p);
}

int http_start(const char *address, struct why *why)
{
	struct socket_listener listener;
	struct MHD_Daemon *daemon;
	struct endpoint endpoint;
	struct buf text;
	int opened;

	if (endpoint_parse_http(span_of(address), &endpoint, why) != 0)
		return -1;
	buf_init(&text, NULL, 0);
	buf_printf(&text, "%s:%u@%.*s", endpoint.family == AF_INET6 ? "inet6" : "inet",
		   endpoint.port, (int)span_len(endpoint.host), endpoint.host.p);
	opened = socket_open(&listener, buf_text(&text), 0, why);
	buf_free(&text);
	if (opened != 0)
		return -1;
	daemon = MHD_start_daemon(
	    MHD_USE_POLL_INTERNAL_THREAD, 0, NULL, NULL, serve_request, NULL,
	    MHD_OPTION_LISTEN_SOCKET, listener.fd, MHD_OPTION_CONNECTION_LIMIT,
	    (unsigned)CONNECTIONS, MHD_OPTION_PER_IP_CONNECTION_LIMIT, (unsigned)CONNECTIONS_OF_ONE,
	    MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)SILENCE, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
	    (size_t)REQUEST_BYTES, MHD_OPTION_END);
	if (daemon == NULL) {
		socket_close(&listener);
		return why_set(why, "%s: libmicrohttpd could not start", address);
	}
	say_url(&listener, address);
	return 0;
}

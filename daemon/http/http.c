/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is served is made for each request from counters in memory, or is there. Nothing a client
 * sends is used but the method, the path, Accept and Host.
 */
#include "daemon/http/http.h"

#include <string.h>

#include "daemon/http/listen.h"
#include "metrics/counters.h"
#include "metrics/exposition.h"

static enum MHD_Result serve_metrics(struct MHD_Connection *connection,
				     const struct served *policies)
{
	const char *accept =
	    MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_ACCEPT);
	enum exposition_format format = exposition_wanted(accept);
	struct buf body;

	(void)policies;
	buf_init(&body, NULL, 0);
	exposition_write(&body, format);
	return listen_reply(connection, MHD_HTTP_OK, exposition_media_type(format), &body);
}

static enum MHD_Result serve_health(struct MHD_Connection *connection,
				    const struct served *policies)
{
	(void)policies;
	if (counters_sum(METRIC_WORKERS) > 0)
		return listen_text(connection, MHD_HTTP_OK, "ok\n");
	return listen_text(connection, MHD_HTTP_SERVICE_UNAVAILABLE, "no worker is ready\n");
}

static enum MHD_Result serve_policy(struct MHD_Connection *connection,
				    const struct served *policies)
{
	const char *host =
	    MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_HOST);
	const char *text = served_find(policies, span_of(host == NULL ? "" : host));
	struct buf body;

	if (text == NULL)
		return listen_text(connection, MHD_HTTP_NOT_FOUND, "no policy for this host\n");
	buf_init(&body, NULL, 0);
	buf_string(&body, text);
	return listen_reply(connection, MHD_HTTP_OK, "text/plain", &body);
}

static const struct {
	const char *path;
	enum MHD_Result (*serve)(struct MHD_Connection *connection, const struct served *policies);
} pages[] = {
    {"/metrics", serve_metrics},
    {"/healthz", serve_health},
    {"/.well-known/mta-sts.txt", serve_policy},
};

/* Called for the head of a request, for each piece of a body, and at its end: then we answer. */
static enum MHD_Result serve_request(void *arg, struct MHD_Connection *connection, const char *url,
				     const char *method, const char *version, const char *upload,
				     size_t *upload_size, void **state)
{
	static int seen;

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
		return listen_refuse_method(connection, "GET, HEAD");
	for (unsigned i = 0; i < sizeof pages / sizeof pages[0]; i++) {
		if (strcmp(url, pages[i].path) == 0)
			return pages[i].serve(connection, arg);
	}
	return listen_text(connection, MHD_HTTP_NOT_FOUND, "not found; try /metrics or /healthz\n");
}

int http_start(const char *address, const struct served *policies, struct why *why)
{
	const struct listen_service service = {.path = "/metrics",
					       .what = "metrics on",
					       .serve = serve_request,
					       .arg = (void *)(uintptr_t)policies};

	return listen_start(address, &service, why);
}

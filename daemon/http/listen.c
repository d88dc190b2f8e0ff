/* SPDX-License-Identifier: BSD-2-Clause */
#include "daemon/http/listen.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/endpoint.h"
#include "lib/log.h"
#include "lib/span.h"
#include "lib/system/group.h"
#include "milter/protocol/socket.h"

enum {
	CONNECTIONS = 32,
	CONNECTIONS_OF_ONE = 16,
	SILENCE = 10, /* seconds */
	REQUEST_BYTES = 16384,
	SOCKET_MODE = 0660
};

/* ---- answers ---- */

static bool add_fields(struct MHD_Response *response, const char *const (*fields)[2])
{
	for (unsigned i = 0; fields != NULL && fields[i][0] != NULL; i++)
		if (fields[i][1] != NULL &&
		    MHD_add_response_header(response, fields[i][0], fields[i][1]) != MHD_YES)
			return false;
	return true;
}

enum MHD_Result listen_reply_with(struct MHD_Connection *connection, unsigned code,
				  const char *const (*fields)[2], const char *const (*more)[2],
				  struct buf *body)
{
	struct MHD_Response *response =
	    MHD_create_response_from_buffer(body->len, body->data, MHD_RESPMEM_MUST_COPY);
	enum MHD_Result result = MHD_NO;

	buf_free(body);
	if (response == NULL)
		return MHD_NO;
	if (MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store") ==
		MHD_YES &&
	    add_fields(response, fields) && add_fields(response, more))
		result = MHD_queue_response(connection, code, response);
	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result send_body(struct MHD_Connection *connection, unsigned code, const char *type,
				 const char *allowed, struct buf *body)
{
	const char *const fields[][2] = {
	    {MHD_HTTP_HEADER_CONTENT_TYPE, type}, {MHD_HTTP_HEADER_ALLOW, allowed}, {NULL, NULL}};

	return listen_reply_with(connection, code, fields, NULL, body);
}

enum MHD_Result listen_reply(struct MHD_Connection *connection, unsigned code, const char *type,
			     struct buf *body)
{
	return send_body(connection, code, type, NULL, body);
}

enum MHD_Result listen_text(struct MHD_Connection *connection, unsigned code, const char *text)
{
	struct buf body;

	buf_init(&body, NULL, 0);
	buf_string(&body, text);
	return send_body(connection, code, "text/plain; charset=utf-8", NULL, &body);
}

enum MHD_Result listen_refuse_method(struct MHD_Connection *connection, const char *allowed)
{
	struct buf body;

	buf_init(&body, NULL, 0);
	buf_printf(&body, "only %s\n", allowed);
	return send_body(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "text/plain; charset=utf-8",
			 allowed, &body);
}

/* ---- the listener ---- */

static void say_url(const struct socket_listener *listener, const char *address,
		    const struct listen_service *service)
{
	struct span rest = span_of(listener->name), scheme, port;
	bool more = true;

	if (listener->path != NULL) {
		log_info("%s unix:%s", service->what, listener->path);
		return;
	}
	span_split(&rest, &more, ':', &scheme);
	span_split(&rest, &more, '@', &port);
	log_info("%s http://%.*s:%.*s%s", service->what, (int)(strrchr(address, ':') - address),
		 address, (int)span_len(port), port.p, service->path);
}

/* ADDRESS as endpoint_parse() has it. */
static int name_endpoint(const char *address, struct buf *text, struct why *why)
{
	struct endpoint endpoint;

	if (strncmp(address, "unix:", 5) == 0) {
		buf_string(text, address);
		return 0;
	}
	if (endpoint_parse_http(span_of(address), &endpoint, why) != 0)
		return -1;
	buf_printf(text, "%s:%u@%.*s", endpoint.family == AF_INET6 ? "inet6" : "inet",
		   endpoint.port, (int)span_len(endpoint.host), endpoint.host.p);
	return 0;
}

static int give_to_group(const char *path, const char *name, struct why *why)
{
	gid_t gid;

	if (path == NULL || name == NULL)
		return 0;
	return group_find(name, &gid, why) == 0 ? group_give(path, gid, name, why) : -1;
}

int listen_open(const char *address, const struct listen_service *service, const char *group,
		struct why *why)
{
	struct socket_listener listener;
	struct buf text;
	int status;

	buf_init(&text, NULL, 0);
	status = name_endpoint(address, &text, why);
	if (status == 0)
		status = socket_open(&listener, buf_text(&text), SOCKET_MODE, why);
	buf_free(&text);
	if (status != 0)
		return -1;
	if (give_to_group(listener.path, group, why) != 0) {
		socket_remove(&listener);
		socket_close(&listener);
		return -1;
	}
	say_url(&listener, address, service);
	free(listener.name);
	free(listener.path);
	return listener.fd;
}

static bool is_local_socket(int fd)
{
	struct sockaddr_storage address = {.ss_family = AF_UNSPEC};
	socklen_t length = sizeof address;

	return getsockname(fd, (struct sockaddr *)&address, &length) == 0 &&
	       address.ss_family == AF_UNIX;
}

int listen_run(int fd, const struct listen_service *service, struct why *why)
{
	unsigned of_one = is_local_socket(fd) ? 0 : CONNECTIONS_OF_ONE;
	struct MHD_Daemon *daemon = MHD_start_daemon(
	    MHD_USE_POLL_INTERNAL_THREAD, 0, NULL, NULL, service->serve, service->arg,
	    MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS,
	    MHD_OPTION_PER_IP_CONNECTION_LIMIT, of_one, MHD_OPTION_CONNECTION_TIMEOUT,
	    (unsigned)SILENCE, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)REQUEST_BYTES,
	    MHD_OPTION_URI_LOG_CALLBACK, service->keep, NULL, MHD_OPTION_NOTIFY_COMPLETED,
	    service->end, NULL, MHD_OPTION_END);

	return daemon != NULL ? 0 : why_set(why, "libmicrohttpd could not start");
}

int listen_start(const char *address, const struct listen_service *service, struct why *why)
{
	int fd = listen_open(address, service, NULL, why);

	if (fd < 0)
		return -1;
	if (listen_run(fd, service, why) == 0)
		return 0;
	close(fd);
	return why_prefix(why, "%s: ", address);
}

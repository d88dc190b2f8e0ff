/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * nothing_native SOCKET: a filter that does nothing on the native engine, the floor under
 * countersignd on that engine: the same sockets, threads and protocol, and sessions that only
 * insert a field. On libmilter that is nothing.c.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/log.h"
#include "milter/engine.h"
#include "milter/session.h"

struct session {
	int unused;
};

struct session *session_new(struct service *service)
{
	(void)service;
	return calloc(1, sizeof(struct session));
}

void session_free(struct session *session)
{
	free(session);
}

void session_connect(struct session *session, const char *name, const struct sockaddr *address,
		     const struct session_facts *facts)
{
	(void)session;
	(void)name;
	(void)address;
	(void)facts;
}

void session_helo(struct session *session, const char *helo)
{
	(void)session;
	(void)helo;
}

void session_mail(struct session *session, const char *address, const struct session_facts *facts)
{
	(void)session;
	(void)address;
	(void)facts;
}

void session_rcpt(struct session *session, const char *address)
{
	(void)session;
	(void)address;
}

void session_header(struct session *session, struct span name, struct span value)
{
	(void)session;
	(void)name;
	(void)value;
}

void session_end_of_headers(struct session *session)
{
	(void)session;
}

bool session_body(struct session *session, struct span chunk)
{
	(void)session;
	(void)chunk;
	return true;
}

void session_end(struct session *session, const char *queue_id, struct answer *answer)
{
	static const struct header_change change = {
	    .name = "Authentication-Results",
	    .value = " mx.bench; none",
	};

	(void)session;
	(void)queue_id;
	*answer = (struct answer){.action = ACTION_ACCEPT, .changes = &change, .change_count = 1};
}

void session_abort(struct session *session)
{
	(void)session;
}

int main(int argc, char **argv)
{
	static struct socket_listener listener;
	struct engine_start with = {.listener = &listener, .mta_silence = INT64_C(600000000000)};
	struct why why;

	if (argc != 2) {
		fputs("usage: nothing_native SOCKET\n", stderr);
		return 64;
	}
	log_open("nothing", LOG_TARGET_STDERR, LOG_FORMAT_TEXT, log_journal_socket);
	if (socket_open(&listener, argv[1], 0600, &why) != 0 ||
	    engine_native.start(&with, &why) != 0) {
		fprintf(stderr, "nothing_native: %s\n", why.text);
		return 1;
	}
	for (;;)
		pause();
}

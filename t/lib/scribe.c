/* SPDX-License-Identifier: BSD-2-Clause */
#include "t/lib/scribe.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <time.h>

#include "lib/clock.h"

struct scribe scribe;

struct session {
	bool message;
};

#define WRITE(...)                                                                                 \
	do {                                                                                       \
		if (scribe.said != NULL)                                                           \
			buf_printf(scribe.said, __VA_ARGS__);                                      \
	} while (0)

struct session *session_new(struct service *service)
{
	(void)service;
	return calloc(1, sizeof(struct session));
}

void session_free(struct session *session)
{
	if (session == NULL)
		return;
	session_abort(session);
	WRITE("end\n");
	free(session);
}

static const char *or_none(const char *text)
{
	return text == NULL ? "-" : text;
}

void session_connect(struct session *session, const char *name, const struct sockaddr *address,
		     const struct session_facts *facts)
{
	char text[INET6_ADDRSTRLEN] = "-";

	(void)session;
	if (address != NULL && address->sa_family == AF_INET)
		inet_ntop(AF_INET, &((const struct sockaddr_in *)(const void *)address)->sin_addr,
			  text, sizeof text);
	if (address != NULL && address->sa_family == AF_INET6)
		inet_ntop(AF_INET6,
			  &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr, text,
			  sizeof text);
	WRITE("connect %s %s j=%s daemon=%s\n", name, text, or_none(facts->mta_name),
	      or_none(facts->daemon_name));
}

void session_helo(struct session *session, const char *helo)
{
	(void)session;
	WRITE("helo %s\n", helo);
}

void session_mail(struct session *session, const char *address, const struct session_facts *facts)
{
	session->message = true;
	WRITE("mail %s j=%s daemon=%s auth=%s %s\n", address, or_none(facts->mta_name),
	      or_none(facts->daemon_name), or_none(facts->auth_type), or_none(facts->auth_login));
}

void session_rcpt(struct session *session, const char *address)
{
	(void)session;
	WRITE("rcpt %s\n", address);
}

void session_header(struct session *session, struct span name, struct span value)
{
	(void)session;
	WRITE("header %.*s:%.*s\n", (int)span_len(name), name.p, (int)span_len(value), value.p);
}

void session_end_of_headers(struct session *session)
{
	(void)session;
	WRITE("eoh\n");
}

bool session_body(struct session *session, struct span chunk)
{
	(void)session;
	WRITE("body %zu\n", span_len(chunk));
	return !scribe.enough;
}

void session_end(struct session *session, const char *queue_id, struct answer *answer)
{
	struct timespec wait = {.tv_sec = scribe.wait / CLOCK_SECOND,
				.tv_nsec = scribe.wait % CLOCK_SECOND};

	(void)session;
	WRITE("eom i=%s\n", or_none(queue_id));
	if (scribe.before_wait != NULL)
		scribe.before_wait();
	if (scribe.wait > 0)
		nanosleep(&wait, NULL);
	*answer = scribe.answer;
}

void session_abort(struct session *session)
{
	if (session->message)
		WRITE("forget\n");
	session->message = false;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One SMTP connection as the milter sees it, in plain types: only callbacks.c knows libmilter.
 * A session is used by one thread at a time (libmilter serialises its callbacks), so it has no
 * lock.
 */
#ifndef MILTER_SESSION_H
#define MILTER_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#include "lib/span.h"
#include "milter/service.h"
#include "mail/smtp_reply.h"
#include "policy/decide.h"

struct session;

/* What the MTA says about itself and the client, through macros. All borrowed; NULL: not said. */
struct session_facts {
	const char *mta_name;    /* {j} */
	const char *daemon_name; /* {daemon_name} */
	const char *auth_type;   /* {auth_type} */
	const char *auth_login;  /* {auth_authen} */
	const char *queue_id;    /* {i} */
};

/* A change of the header, in the order in which it is to be made. */
struct header_change {
	const char *name;
	unsigned remove;   /* its REMOVE-th occurrence (from 1) goes; 0: insert at the top */
	const char *value; /* of an insertion: with the first blank, folds as LF */
};

struct answer {
	enum action action;      /* ACTION_QUARANTINE: accept and hold */
	const char *hold;        /* reason for the hold */
	bool discard;            /* accepted mail is not delivered */
	struct smtp_reply reply; /* for reject and tempfail */
	const struct header_change *changes;
	unsigned change_count;
};

struct session *session_new(struct service *service);
void session_free(struct session *session); /* NULL is allowed */

/* ADDRESS NULL: not a TCP/IP client. NAME: as the MTA has it. */
void session_connect(struct session *session, const char *name, const struct sockaddr *address,
		     const struct session_facts *facts);
void session_helo(struct session *session, const char *helo);

/* Begins a message; one that is still open is forgotten. ADDRESS as the MTA gives it, with <>. */
void session_mail(struct session *session, const char *address, const struct session_facts *facts);
void session_rcpt(struct session *session, const char *address);
void session_header(struct session *session, struct span name, struct span value);
void session_end_of_headers(struct session *session);

/* False: the rest of the body makes no difference. */
bool session_body(struct session *session, struct span chunk);

/* Waits for what is still under way, records, logs, and says what the MTA is to do. ANSWER lives
 * until the next session_mail, session_abort or session_free. */
void session_end(struct session *session, const char *queue_id, struct answer *answer);
void session_abort(struct session *session); /* the message is given up; no message: no effect */

#endif

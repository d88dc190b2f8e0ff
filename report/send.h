/*
 * One mail given to an SMTP server, normally the MTA of this host. libcurl is used here and nowhere
 * else.
 */
#ifndef REPORT_SEND_H
#define REPORT_SEND_H

#include <stdint.h>
#include <stdio.h>

#include "lib/why.h"

enum send_outcome {
	SEND_DONE,   /* the server has taken it */
	SEND_LATER,  /* not now: 4xx, no connection, or a refusal that is not about the recipient */
	SEND_REFUSED /* the server refused the recipient or the mail for ever */
};

struct send_server {
	const char *url;  /* "smtp://127.0.0.1:25" (TLS if it is offered), "smtps://host" */
	const char *helo; /* or NULL */
	int64_t timeout;  /* nanoseconds for a whole mail; 0: 5 minutes */
};

/* Once for a process, before threads. */
int send_init(struct why *why);

/* SENDER "": the null sender. MESSAGE is sent from its beginning. REPLY gets the server's last
 * words
 * ("250 2.0.0 Ok: queued as 4cX"), or why there are none. */
enum send_outcome send_mail(const struct send_server *server, const char *sender,
			    const char *recipient, FILE *message, struct why *reply);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One mail given to an SMTP server, normally the MTA of this host. transfer_init() comes first.
 */
#ifndef REPORT_SEND_H
#define REPORT_SEND_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "lib/arena.h"
#include "lib/why.h"

enum send_outcome {
	SEND_DONE,  /* the server has accepted it */
	SEND_LATER, /* not now: 4xx about this mail, or a refusal that is not about the recipient */
	SEND_AWAY,  /* the server cannot be used: no connection, no TLS or no login */
	SEND_REFUSED, /* the server refused the recipient or the mail for ever */
	SEND_STOPPED  /* GO_ON was false: the server may have taken it, or not */
};

/* What a connection to smtp:// must have. smtps:// is always TLS with a valid certificate. */
enum send_tls {
	SEND_TLS_OFFERED,  /* STARTTLS if the server offers it, whatever its certificate */
	SEND_TLS_REQUIRED, /* STARTTLS, whatever the certificate */
	SEND_TLS_VERIFIED  /* STARTTLS, and a valid certificate with the host's name */
};

struct send_server {
	const char *url;  /* "smtp://127.0.0.1:25", "smtps://host" */
	const char *helo; /* or NULL */
	enum send_tls tls;
	const char *ca_file;  /* certificates to trust; NULL: the system's */
	const char *user;     /* for AUTH; NULL: none */
	const char *password; /* never in a log or a reply */
	int64_t timeout;      /* nanoseconds for a whole mail; 0: 5 minutes */
	bool (*go_on)(void);  /* asked about once a second; a mail that was sent as a whole has
			       * three seconds more for its answer. NULL: always */
};

/* Reads the password from the file's first line, into ARENA; NULL with the reason. Refuses a file
 * that everybody can read. */
const char *send_password(struct arena *arena, const char *path, struct why *why);

/* Hears the outcome and REPLY at once, before the connection is closed. */
typedef void send_answer(void *arg, enum send_outcome outcome, const char *reply);

/* SENDER "": the null sender. MESSAGE is sent from its beginning. REPLY gets the server's last
 * words ("250 2.0.0 Ok: queued as 4cX"), or why there are none. ANSWER: or NULL. */
enum send_outcome send_mail(const struct send_server *server, const char *sender,
			    const char *recipient, FILE *message, send_answer *answer, void *arg,
			    struct why *reply);

#endif

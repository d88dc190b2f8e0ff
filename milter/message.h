/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The message under way and the connection it came on, as session.c, inbound_mail.c and
 * outbound_mail.c share them. For these files only: everybody else uses milter/session.h.
 */
#ifndef MILTER_MESSAGE_H
#define MILTER_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/log.h"
#include "milter/session.h"
#include "policy/forged.h"
#include "report/inspect.h"
#include "report/spool.h"

/* Fields of one name that may be forged. */
struct suspects {
	unsigned seen;
	unsigned *forged;   /* which of them are, from 1, in the order of the header */
	const char **names; /* FORGED_DISGUISED: theirs; they are counted by name */
	unsigned count, capacity;
};

/* What a message is answered that is beyond a bound. */
struct refusal {
	enum action action;
	struct smtp_reply reply;
};

enum { MESSAGE_DOMAINS = 32 };

/* One message. All of it is in its arena. */
struct message {
	struct arena *arena;
	struct context *context;
	enum origin origin;
	const struct relay *relay; /* the client is of this one, or NULL */
	struct check *check;       /* it is judged */
	struct outbound *outbound; /* to be signed; neither: its relay is skipped */
	const char *mail_from;
	const char *login;
	const char *authserv_id;
	const char *id;          /* of the first Message-ID field, or NULL */
	struct buf rcpt_list;    /* those that are logged; empty unless the settings want it */
	const char *rcpt_domain; /* the one domain of all recipients so far, or NULL */
	bool rcpt_mixed;
	struct list_hosts lists; /* that its recipients are */
	bool rcpt_quiet,
	    rcpt_normal;          /* there is a recipient that gets reports; there is another one */
	struct inspect *inspect;  /* looks for bounces and reports; NULL: not needed */
	const char *bounce_token; /* of a recipient to whom bounces of our reports go, or NULL */
	bool keeps_header;        /* for a failure report, in HEADER and BODY */
	struct buf header, body;
	const char **rcpt_domains; /* of outbound mail, each once; MESSAGE_DOMAINS at most */
	unsigned rcpt_domain_count;
	bool rcpt_domains_cut;
	int64_t taken_recipients; /* of RECIPIENTS: those of inbox.addresses */
	bool taking_begun;
	struct spool_file *taking; /* its copy for the report reader, or NULL */
	uint64_t size, header_bytes;
	int64_t header_fields, recipients;
	int64_t held; /* bytes, as the service knows them */
	struct suspects suspects[FORGED_KINDS];
	bool sampled;          /* for a second opinion: milter/sampling.h */
	const char *sample_id; /* its queue ID, once it is answered; or NULL */
	struct buf sample_body;
	struct message *next_sample;
	const struct refusal *refusal; /* NULL: it is within all bounds */
	bool probe;                    /* see ORIGIN_PROBE */
};

struct session {
	struct service *service;
	struct ip client;
	bool on_socket; /* the client is on a local socket */
	char *client_name;
	char *helo;
	char *mta_name;
	char *daemon_name;
	struct message *message;
};

void message_free(struct service *service, struct message *message);

/* ADDRESS is LISTED, or that with an extension: name+anything@domain. */
bool message_is_mailbox(const char *address, const char *listed);

/* How many changes message_remove() makes at most, over all kinds. */
unsigned message_count_forged(const struct message *message);

/* Both write the next changes into CHANGES, which has place for them. */
void message_remove(const struct message *message, enum forged_kind kind, struct answer *answer,
		    struct header_change *changes);
void message_insert(const struct message *message, struct answer *answer,
		    struct header_change *changes, const char *name, const char *value);

/* The three fields of an ARC set; counted. */
void message_insert_set(const struct message *message, struct answer *answer,
			struct header_change *changes, const struct arcseal_fields *fields);

/* What a message is told that must wait for its signature (sign.on_failure). */
#define MESSAGE_UNSIGNED "this message cannot be signed now, try again later"

/* 451 with TEXT, and no change of the message. */
void message_tempfail(struct answer *answer, const char *text);

/* The line of the message under way: for the log, and for `countersign trace`. */
void message_log(struct session *session, const struct log_record *record);

#endif

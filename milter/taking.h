/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Mail to inbox.addresses is written to the spool (report/spool.h) while it passes, where another
 * process reads it. Nothing is parsed here, and a spool that is full or cannot be written never
 * keeps a message from being delivered.
 */
#ifndef MILTER_TAKING_H
#define MILTER_TAKING_H

#include "milter/message.h"

/* A recipient, without <>. */
void taking_recipient(struct message *message, const char *address);

void taking_header(struct message *message, struct span name, struct span value);
void taking_end_of_headers(struct message *message);
void taking_body(struct message *message, struct span chunk);

/* The message is answered with ANSWER, which is changed where inbox.deliver is false. VERDICT: of
 * inbound mail, or NULL. */
void taking_end(struct message *message, const struct verdict *verdict, const char *queue_id,
		struct answer *answer);

#endif

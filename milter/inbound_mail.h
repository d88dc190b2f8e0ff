/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a session does with a message that is judged. Used by session.c.
 */
#ifndef MILTER_INBOUND_MAIL_H
#define MILTER_INBOUND_MAIL_H

#include "milter/logline.h"
#include "milter/message.h"

/* At MAIL: MESSAGE has its sender, origin and authserv-id. */
void inbound_mail_begin(struct session *session, struct message *message);

/* Each goes to the check, and is kept as far as a failure report may need it. */
void inbound_mail_header(struct message *message, struct span name, struct span value);
void inbound_mail_end_of_headers(struct message *message);
void inbound_mail_body(struct message *message, struct span chunk);

/* The verdict, the changes it makes and the row in the ledger, which is written before the answer.
 */
void inbound_mail_end(struct session *session, struct answer *answer, struct header_change *changes,
		      struct logline_facts *facts);

/* Once the answer is known: failure report, log, counters. Not for a probe. */
void inbound_mail_close(struct session *session, const struct answer *answer,
			const struct logline_facts *facts);

#endif

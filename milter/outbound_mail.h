/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a session does with a message that is signed. Used by session.c.
 */
#ifndef MILTER_OUTBOUND_MAIL_H
#define MILTER_OUTBOUND_MAIL_H

#include "milter/logline.h"
#include "milter/message.h"

/* At MAIL: MESSAGE has its sender, origin and login. ROUTED: its address has a source route. */
void outbound_mail_begin(const struct session *session, struct message *message, bool routed);

/* Signs; RESULT lives in the message's arena. */
/* The domain of a recipient, for the outbound tally. */
void outbound_mail_recipient(struct message *message, const char *domain);

void outbound_mail_end(struct session *session, struct answer *answer,
		       struct header_change *changes, struct outbound_result *result);

/* Once the answer is known: log and counters. Not for a probe. */
void outbound_mail_close(struct session *session, const struct answer *answer,
			 const struct logline_facts *facts, const struct outbound_result *result);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
#include "milter/skipped_mail.h"

#include <assert.h>

#include "metrics/count.h"

/* ARC sets stay: without a verdict nobody knows whether a removal would break a chain that holds
 * (RFC 8617 section 5.2). */
void skipped_mail_end(struct session *session, struct answer *answer, struct header_change *changes)
{
	const struct message *message = session->message;

	assert(message->relay != NULL && message->check == NULL && message->outbound == NULL);
	answer->action = ACTION_ACCEPT;
	for (enum forged_kind kind = 0; kind < FORGED_KINDS; kind++)
		if (kind != FORGED_ARC_RESULTS)
			message_remove(message, kind, answer, changes);
}

void skipped_mail_close(struct session *session, const struct answer *answer,
			const struct logline_facts *facts)
{
	message_log(session, logline_skipped(session->message->arena, facts, answer->action));
	count_skipped(session->message->origin, answer->action, facts->nanoseconds);
}

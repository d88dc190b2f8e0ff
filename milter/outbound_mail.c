/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Mail of our own users: it is signed (policy/outbound), and loses fields that only a verifier may
 * add.
 */
#include "milter/outbound_mail.h"

#include <assert.h>

#include "lib/clock.h"
#include "metrics/count.h"
#include "milter/keywatch.h"
#include "milter/outbox_writer.h"

void outbound_mail_begin(const struct session *session, struct message *message, bool routed)
{
	struct outbound_sender sender = {
	    .origin = message->origin,
	    .client = session->client,
	    .on_socket = session->on_socket,
	    .loopback = session->on_socket || origin_is_loopback(&session->client),
	    .login = message->login,
	    .mail_from = message->mail_from,
	    .has_route = routed,
	    .list_secret = message->context->outbound.lists.count == 0 ? NULL : outbox_writer_key(),
	    .host = session->mta_name == NULL ? message->authserv_id : session->mta_name,
	};

	message->outbound =
	    outbound_new(&message->context->outbound, &sender, message->arena, clock_wall());
}

void outbound_mail_end(struct session *session, struct answer *answer,
		       struct header_change *changes, struct outbound_result *result)
{
	struct message *message = session->message;

	assert(message->outbound != NULL && message->check == NULL);
	outbound_finish(message->outbound, result);
	if (result->reason == OUTBOUND_KEY_PENDING)
		keywatch_hint(result->author_domain);
	if (result->reason == OUTBOUND_LATER &&
	    message->context->conf->sign.on_failure == CONF_FAILURE_TEMPFAIL) {
		message_tempfail(answer, MESSAGE_UNSIGNED);
		result->field_count = 0;
		return;
	}
	if (message->origin != ORIGIN_LOCAL || result->from_list)
		message_remove(message, FORGED_AUTHRES, answer, changes);
	if (result->arc != NULL)
		message_insert_set(message, answer, changes, result->arc);
	for (unsigned i = 0; i < result->field_count; i++)
		message_insert(message, answer, changes, "DKIM-Signature", result->fields[i]);
}

void outbound_mail_close(struct session *session, const struct answer *answer,
			 const struct logline_facts *facts, const struct outbound_result *result)
{
	const struct message *message = session->message;

	message_log(session, logline_outbound(message->arena, facts, result, answer->action));
	count_outbound(message->origin, result, answer->action, facts->nanoseconds);
}

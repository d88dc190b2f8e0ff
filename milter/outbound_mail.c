/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Mail of our own users: it is signed (policy/outbound), and loses fields that only a verifier may
 * add.
 */
#include "milter/outbound_mail.h"

#include <assert.h>

#include "lib/clock.h"
#include "lib/log.h"
#include "metrics/count.h"
#include "mail/domain.h"
#include "milter/keywatch.h"
#include "report/sent.h"
#include "milter/outbox_writer.h"

void outbound_mail_begin(const struct session *session, struct message *message, bool routed)
{
	struct outbound_sender sender = {
	    .origin = message->origin,
	    .client = session->client,
	    .on_socket = session->on_socket,
	    .loopback = session->on_socket || ip_is_loopback(&session->client),
	    .login = message->login,
	    .mail_from = message->mail_from,
	    .has_route = routed,
	    .secret = message->context->outbound.lists.count == 0 &&
			      message->context->outbound.cfbl_address == NULL
			  ? NULL
			  : outbox_writer_key(),
	    .host = session->mta_name == NULL ? message->authserv_id : session->mta_name,
	};

	message->outbound =
	    outbound_new(&message->context->outbound, &sender, message->arena, clock_wall());
}

void outbound_mail_recipient(struct message *message, const char *domain)
{
	if (message->rcpt_domains == NULL)
		message->rcpt_domains =
		    arena_array(message->arena, MESSAGE_DOMAINS, sizeof *message->rcpt_domains);
	for (unsigned i = 0; i < message->rcpt_domain_count; i++)
		if (domain_equal(message->rcpt_domains[i], domain))
			return;
	if (message->rcpt_domain_count < MESSAGE_DOMAINS)
		message->rcpt_domains[message->rcpt_domain_count++] =
		    arena_string(message->arena, domain);
	else
		message->rcpt_domains_cut = true;
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
	if (result->cfbl_address != NULL)
		message_insert(message, answer, changes, "CFBL-Address", result->cfbl_address);
	if (result->cfbl_feedback_id != NULL)
		message_insert(message, answer, changes, "CFBL-Feedback-ID",
			       result->cfbl_feedback_id);
	if (result->bimi_selector != NULL)
		message_insert(message, answer, changes, "BIMI-Selector", result->bimi_selector);
	for (unsigned i = 0; i < result->field_count; i++)
		message_insert(message, answer, changes, "DKIM-Signature", result->fields[i]);
}

/* The signatures of one message, as it goes to one domain. NULL, or what went wrong. */
static const char *count_sent(struct session *session, const struct outbound_result *result,
			      const char *rcpt_domain)
{
	const struct message *message = session->message;
	struct sent sent = {.day = clock_day(clock_wall()),
			    .header_from = result->author_domain,
			    .domain = "",
			    .selector = "",
			    .mail_from = domain_of_address(message->arena, message->mail_from),
			    .rcpt_domain = rcpt_domain};
	int64_t deadline = clock_mono() + message->context->conf->store.wait;
	unsigned i = 0;
	struct why why;

	if (sent.mail_from == NULL)
		sent.mail_from = "";
	do {
		if (i < result->field_count) {
			sent.domain = result->made[i].domain;
			sent.selector = result->made[i].selector;
		}
		if (sent_add(service_ledger(session->service), &sent, i > 0, deadline, &why) < 0)
			return arena_printf(message->arena, "not in the outbound tally: %s",
					    why.text);
	} while (++i < result->field_count);
	return NULL;
}

/* The outbound tally (report/sent.h). Mail goes out also when it cannot be counted. */
static const char *count_message(struct session *session, const struct outbound_result *result)
{
	const struct message *message = session->message;
	const char *fault = NULL;

	if (service_ledger(session->service) == NULL || result->author_domain[0] == '\0')
		return NULL;
	for (unsigned i = 0; i < message->rcpt_domain_count && fault == NULL; i++)
		fault = count_sent(session, result, message->rcpt_domains[i]);
	if (fault == NULL && (message->rcpt_domains_cut || message->rcpt_domain_count == 0))
		fault = count_sent(session, result, "");
	return fault;
}

void outbound_mail_close(struct session *session, const struct answer *answer,
			 const struct logline_facts *facts, const struct outbound_result *result)
{
	const struct message *message = session->message;
	const char *fault =
	    answer->action == ACTION_TEMPFAIL ? NULL : count_message(session, result);

	if (fault != NULL)
		log_warning("%s: %s", facts->queue_id == NULL ? "NOQUEUE" : facts->queue_id, fault);
	message_log(session, logline_outbound(message->arena, facts, result, answer->action));
	count_outbound(message->origin, result, answer->action, facts->nanoseconds);
}

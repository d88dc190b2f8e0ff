/* SPDX-License-Identifier: BSD-2-Clause */
#include "milter/message.h"

#include <assert.h>
#include <string.h>

#include "lib/clock.h"
#include "metrics/counters.h"

enum { LOG_LINE_MAX = 24 * 1024 /* of a message's line in the ledger, escapes and all */ };

void message_free(struct service *service, struct message *message)
{
	service_memory(service, -message->held);
	buf_free(&message->header);
	buf_free(&message->body);
	buf_free(&message->sample_body);
	spool_abandon(message->taking);
	arena_free(message->arena);
}

bool message_is_mailbox(const char *address, const char *listed)
{
	const char *at = strrchr(address, '@'), *listed_at = strrchr(listed, '@');
	size_t local;

	if (at == NULL || listed_at == NULL || !span_ieq(span_of(at), listed_at))
		return false;
	local = (size_t)(listed_at - listed);
	return (size_t)(at - address) >= local &&
	       (address + local == at || address[local] == '+') &&
	       span_isame(span_make(address, local), span_make(listed, local));
}

unsigned message_count_forged(const struct message *message)
{
	unsigned count = 0;

	for (enum forged_kind kind = 0; kind < FORGED_KINDS; kind++)
		count += message->suspects[kind].count;
	return count;
}

static struct header_change *add_change(struct answer *answer, struct header_change *changes)
{
	assert(answer->changes == changes);
	return &changes[answer->change_count++];
}

/* Highest first: an index counts from the top and moves with what is removed above it. */
void message_remove(const struct message *message, enum forged_kind kind, struct answer *answer,
		    struct header_change *changes)
{
	const struct suspects *suspects = &message->suspects[kind];

	for (unsigned i = suspects->count; i > 0; i--) {
		struct header_change *change = add_change(answer, changes);

		change->name =
		    kind == FORGED_DISGUISED ? suspects->names[i - 1] : forged_name(kind);
		change->remove = suspects->forged[i - 1];
	}
}

/* MTAs take the value with the blank that follows the colon, and LF alone at folds. */
void message_insert(const struct message *message, struct answer *answer,
		    struct header_change *changes, const char *name, const char *value)
{
	struct header_change *change = add_change(answer, changes);
	char *out = arena_printf(message->arena, " %s", value);

	change->name = name;
	change->value = out;
	for (const char *in = out; *in != '\0'; in++) {
		if (*in != '\r')
			*out++ = *in;
	}
	*out = '\0';
}

void message_insert_set(const struct message *message, struct answer *answer,
			struct header_change *changes, const struct arcseal_fields *fields)
{
	message_insert(message, answer, changes, "ARC-Authentication-Results", fields->results);
	message_insert(message, answer, changes, "ARC-Message-Signature", fields->message);
	message_insert(message, answer, changes, "ARC-Seal", fields->seal);
	counters_count(METRIC_ARC_SEALED, 0, 0, 0);
}

void message_tempfail(struct answer *answer, const char *text)
{
	answer->action = ACTION_TEMPFAIL;
	answer->hold = NULL;
	answer->change_count = 0;
	answer->reply = (struct smtp_reply){"451", "4.3.0", text};
}

void message_log(struct session *session, const struct log_record *record)
{
	struct ledger *ledger = service_ledger(session->service);
	struct buf line;

	log_record(LOG_LEVEL_INFO, record);
	if (ledger == NULL || session->message->context->conf->messages.keep == 0)
		return;
	buf_init(&line, session->message->arena, LOG_LINE_MAX);
	log_record_text(&line, record);
	ledger_log(ledger, clock_wall(), buf_text(&line));
}

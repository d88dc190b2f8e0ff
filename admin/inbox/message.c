/* SPDX-License-Identifier: BSD-2-Clause */
#include "admin/inbox/message.h"

#include <string.h>

#include "admin/inbox/stored.h"
#include "mail/logfields.h"
#include "lib/clock.h"
#include "policy/cfbl.h"
#include "store/messages.h"
#include "store/outbox.h"

enum { DAYS_BEFORE = 7, SECONDS_OF_DAY = 86400 };

struct inbox_messages {
	struct admin *admin;
	struct ledger_settings settings;
	bool has_settings;
	const char *secret; /* NULL: there is none */
	unsigned sought;
};

static void read_secret(struct inbox_messages *messages)
{
	struct why why = {""};
	bool busy;
	struct outbox *outbox = outbox_open(&messages->settings, OUTBOX_READ, &busy, &why);

	if (outbox == NULL)
		return;
	if (outbox_token(outbox, OUTBOX_HOST_SECRET, messages->admin->arena, &messages->secret,
			 &why) != 0)
		messages->secret = NULL;
	outbox_close(outbox);
}

struct inbox_messages *inbox_messages_open(struct admin *admin)
{
	struct inbox_messages *messages = arena_make(admin->arena, struct inbox_messages);
	struct why why = {""};

	messages->admin = admin;
	messages->has_settings = inbox_settings(admin, &messages->settings, &why) == ADMIN_DONE;
	if (messages->has_settings)
		read_secret(messages);
	return messages;
}

/* ---- the log ---- */

struct search {
	struct arena *arena; /* of the line */
	struct arena *kept;
	const char *message_id;
	const char *queue_id;
};

static struct span without_brackets(const char *id)
{
	struct span text = span_trim(span_of(id));

	if (span_len(text) >= 2 && *text.p == '<' && text.end[-1] == '>')
		text = (struct span){text.p + 1, text.end - 1};
	return text;
}

static bool look_at_line(void *arg, int64_t at, const char *line)
{
	struct search *search = arg;
	struct logfields fields;
	const char *id, *queue_id;

	(void)at;
	if (strstr(line, search->message_id) == NULL)
		return true;
	arena_reset(search->arena);
	if (!logfields_parse(search->arena, span_of(line), &fields))
		return true;
	id = logfields_get(&fields, "msgid");
	queue_id = logfields_get(&fields, "qid");
	if (id == NULL || queue_id == NULL || !span_eq(without_brackets(id), search->message_id))
		return true;
	search->queue_id = arena_string(search->kept, queue_id);
	return false;
}

static const char *search_log(struct inbox_messages *messages, const char *message_id,
			      int64_t since, int64_t until)
{
	struct search search = {
	    .arena = arena_new(0),
	    .kept = messages->admin->arena,
	    .message_id = arena_span(messages->admin->arena, without_brackets(message_id))};
	struct why why;

	if (search.message_id[0] != '\0')
		messages_each(&messages->settings, since, until, look_at_line, &search, &why);
	arena_free(search.arena);
	return search.queue_id;
}

void inbox_messages_find(struct inbox_messages *messages, const struct personal_feedback *f,
			 struct inbox_message *message)
{
	const struct cfbl_message wanted = {messages->secret, f->domain, f->message_id};
	int64_t about = f->arrived == 0 ? f->received : f->arrived;
	int32_t day = clock_day(about);

	*message = (struct inbox_message){.confirmed = false};
	if (messages->secret != NULL && f->domain != NULL && f->feedback_id != NULL)
		message->confirmed =
		    cfbl_check(&wanted, span_of(f->feedback_id), messages->admin->arena, &day);
	if (!messages->has_settings || f->message_id == NULL ||
	    messages->sought++ >= INBOX_MESSAGES_SOUGHT)
		return;
	message->queue_id = search_log(messages, f->message_id,
				       clock_day_begin(day) -
					   (message->confirmed ? 1 : DAYS_BEFORE) * SECONDS_OF_DAY,
				       clock_day_begin(day) + 2 * SECONDS_OF_DAY);
}

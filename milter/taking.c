/* SPDX-License-Identifier: BSD-2-Clause */
#include "milter/taking.h"

#include <stdatomic.h>

#include "lib/clock.h"
#include "lib/log.h"
#include "metrics/counters.h"

static const int64_t pause_of_warnings = 60 * CLOCK_SECOND;

/* A full spool would fill the log, too: one line a minute, the metric has the number. */
static void warn_of_failure(const char *queue_id, const struct why *why)
{
	static _Atomic int64_t next_at;
	int64_t now = clock_mono(), due = atomic_load(&next_at);

	counters_count(METRIC_INBOX_TAKEN, COUNT_NOT_TAKEN, 0, 0);
	if (now >= due && atomic_compare_exchange_strong(&next_at, &due, now + pause_of_warnings))
		log_warning("%s: a mail to inbox.addresses is not taken, but delivered: %s",
			    queue_id == NULL ? "NOQUEUE" : queue_id, why->text);
}

void taking_recipient(struct message *message, const char *address)
{
	const struct context *context = message->context;
	bool found = false;

	for (unsigned i = 0; i < context->inbox_count && !found; i++)
		found = message_is_mailbox(address, context->inbox[i]);
	message->taken_recipients += found;
}

static void begin_file(struct message *message)
{
	const struct conf *conf = message->context->conf;
	const struct spool_limits limits = {conf->inbox.max_spool, conf->inbox.max_files,
					    conf->inbox.max_message};
	struct why why;

	message->taking_begun = true;
	message->taking = spool_begin(message->context->inbox_spool, &limits, &why);
	if (message->taking == NULL)
		warn_of_failure(NULL, &why);
}

void taking_header(struct message *message, struct span name, struct span value)
{
	if (message->taken_recipients == 0 || message->probe)
		return;
	if (!message->taking_begun)
		begin_file(message);
	if (message->taking == NULL)
		return;
	spool_write(message->taking, name);
	spool_write(message->taking, span_of(":"));
	spool_write(message->taking, value);
	spool_write(message->taking, span_of("\r\n"));
}

void taking_end_of_headers(struct message *message)
{
	if (message->taking != NULL)
		spool_write(message->taking, span_of("\r\n"));
}

void taking_body(struct message *message, struct span chunk)
{
	if (message->taking != NULL)
		spool_write(message->taking, chunk);
}

void taking_end(struct message *message, const struct verdict *verdict, const char *queue_id,
		struct answer *answer)
{
	struct spool_file *file = message->taking;
	const char *trust = "unverified";
	struct why why;

	message->taking = NULL;
	if (file == NULL)
		return;
	if (answer->action == ACTION_REJECT || answer->action == ACTION_TEMPFAIL) {
		spool_abandon(file);
		return;
	}
	if (verdict != NULL)
		trust = auth_text(verdict->dmarc.result);
	if (spool_finish(file, trust, &why) != 0) {
		warn_of_failure(queue_id, &why);
		return;
	}
	counters_count(METRIC_INBOX_TAKEN, COUNT_TAKEN, 0, 0);
	answer->discard = !message->context->conf->inbox.deliver &&
			  message->taken_recipients == message->recipients;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Mail from outside: it is judged by policy/check, its results are added to the header, counted in
 * the ledger and logged, and a failure report is made where one is asked for.
 */
#include "milter/inbound_mail.h"

#include <assert.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/log.h"
#include "metrics/count.h"
#include "metrics/counters.h"
#include "milter/outbox_writer.h"
#include "milter/sampling.h"
#include "policy/authres.h"
#include "policy/binding.h"
#include "policy/reply.h"
#include "report/failure.h"
#include "report/tally.h"

enum {
	HOLD_REASON_MAX = 90,      /* what MTAs keep of a reason for quarantine */
	INDICATOR_LINE = 72,       /* bytes of a folded line */
	FAILURE_HEADER = 64 * 1024 /* of a message's header, in a failure report */
};

/* ---- the message comes ---- */

/* Of an inbound message, as far as a failure report may need it. */
static void start_copies(struct message *message)
{
	const struct conf *conf = message->context->conf;

	message->keeps_header = conf->failures.send;
	buf_init(&message->header, NULL, FAILURE_HEADER);
	buf_init(&message->body, NULL, (size_t)conf->failures.body);
}

void inbound_mail_begin(struct session *session, struct message *message)
{
	const struct conf *conf = message->context->conf;
	struct check_client client = {
	    .ip = session->client,
	    .address_unknown = message->origin == ORIGIN_UNKNOWN,
	    .relay = message->relay,
	    .helo = session->helo == NULL ? "" : session->helo,
	    .mail_from = message->mail_from,
	    .receiver = message->authserv_id,
	};
	struct check_dns dns = {
	    .dns = service_dns(session->service),
	    .budget = (unsigned)conf->dns.budget,
	    .max_wait = conf->dns.timeout,
	};

	message->check =
	    check_new(&message->context->check, &client, &dns, message->arena, clock_wall());
	dns_drop(dns.dns);
	start_copies(message);
	sampling_begin(message);
}

static void copy_header(struct message *message, struct span name, struct span value)
{
	if (!message->keeps_header ||
	    message->header.len + span_len(name) + span_len(value) + 3 > FAILURE_HEADER)
		return;
	buf_span(&message->header, name);
	buf_char(&message->header, ':');
	buf_span(&message->header, value);
	buf_string(&message->header, "\r\n");
}

static void copy_body(struct message *message, struct span chunk)
{
	size_t room = (size_t)message->context->conf->failures.body - message->body.len;

	if (!message->keeps_header)
		return;
	if (span_len(chunk) > room)
		chunk.end = chunk.p + room;
	if (!span_empty(chunk))
		buf_span(&message->body, chunk);
}

void inbound_mail_header(struct message *message, struct span name, struct span value)
{
	copy_header(message, name, value);
	check_header(message->check, name, value);
}

/* All recipients are known. */
void inbound_mail_end_of_headers(struct message *message)
{
	check_seal_with(message->check,
			context_seal_key(message->context, message->rcpt_domain, message->arena));
	check_end_of_headers(message->check);
}

void inbound_mail_body(struct message *message, struct span chunk)
{
	copy_body(message, chunk);
	sampling_body(message, chunk);
	check_body(message->check, chunk);
}

/* ---- changes of the header ---- */

/* ARC: the verdict on the message's chain. */
static void remove_forged(const struct message *message, const struct arc_verdict *arc,
			  struct answer *answer, struct header_change *changes)
{
	for (enum forged_kind kind = 0; kind < FORGED_KINDS; kind++)
		if (!forged_stays(kind, arc))
			message_remove(message, kind, answer, changes);
}

static void hold_or_mark(const struct message *message, const struct verdict *verdict,
			 struct answer *answer, struct header_change *changes)
{
	const struct conf *conf = message->context->conf;

	if (verdict->decision.action != ACTION_QUARANTINE)
		return;
	if (conf->dmarc.quarantine == CONF_QUARANTINE_HOLD) {
		answer->hold =
		    arena_printf(message->arena, "%.*s", HOLD_REASON_MAX, verdict->decision.why);
		return;
	}
	answer->action = ACTION_ACCEPT;
	message_insert(message, answer, changes, QUARANTINE_FIELD, QUARANTINE_VALUE);
}

/* RFC 8617 section 5.1: an ARC set with RESULTS. Returns a note for the log, or NULL. *NEWEST: the
 * value of the newest seal, once it is there. */
static const char *add_arc_set(const struct message *message, const char *results,
			       struct answer *answer, struct header_change *changes,
			       struct span *newest)
{
	enum conf_failure on_failure = message->context->conf->sign.on_failure;
	struct arcseal_fields fields;
	enum check_sealing sealing;
	struct why why;

	*newest = check_newest_seal(message->check);
	sealing = check_seal(message->check, results, &fields, &why);
	if (sealing == CHECK_SEAL_LATER && on_failure == CONF_FAILURE_TEMPFAIL)
		message_tempfail(answer, MESSAGE_UNSIGNED);
	if (sealing != CHECK_SEALED)
		return why.text[0] == '\0'
			   ? NULL
			   : arena_printf(message->arena, "not sealed: %s", why.text);
	message_insert_set(message, answer, changes, &fields);
	*newest = span_of(fields.seal);
	return NULL;
}

/* RESULTS, bound to the message for each list of this host that it goes to; not where the chain's
 * status is not yet known. */
static const char *bind_results(const struct message *message, const struct verdict *verdict,
				const char *results, struct span newest_seal)
{
	struct binding binding = {
	    .secret = message->lists.count == 0 ? NULL : outbox_writer_key(),
	    .author = verdict->dmarc.author_domain,
	    .message_id = message->id,
	    .seal = newest_seal,
	    .now = clock_wall(),
	};

	if (binding.secret == NULL || binding.message_id == NULL || *binding.author == '\0' ||
	    verdict->arc.temporary)
		return results;
	for (unsigned i = 0; i < message->lists.count; i++) {
		binding.list = message->lists.items[i]->id;
		results = binding_write(&binding, results, message->arena);
	}
	return results;
}

/* Folds TEXT, which has no blanks. */
static const char *fold_text(struct arena *arena, const char *text)
{
	struct buf out;

	buf_init(&out, arena, 0);
	for (size_t at = 0, length = strlen(text); at < length; at += INDICATOR_LINE)
		buf_printf(&out, "%s%.*s", at == 0 ? "" : "\n\t", INDICATOR_LINE, text + at);
	return buf_text(&out);
}

/* The fields that mail programs show a logo by. The URIs are printable ASCII. */
static void show_indicator(const struct message *message, const struct bimi_verdict *bimi,
			   struct answer *answer, struct header_change *changes)
{
	if (!bimi->evaluated || bimi->result != BIMI_PASS)
		return;
	message_insert(message, answer, changes, "BIMI-Location",
		       arena_printf(message->arena, "v=BIMI1;\n\tl=%s;%s%s%s", bimi->location,
				    bimi->certified ? "\n\ta=" : "",
				    bimi->certified ? bimi->authority : "",
				    bimi->certified ? ";" : ""));
	if (*bimi->preference != '\0')
		message_insert(message, answer, changes, "BIMI-Logo-Preference",
			       arena_printf(message->arena, "avp=%s;", bimi->preference));
	if (*bimi->indicator != '\0')
		message_insert(message, answer, changes, "BIMI-Indicator",
			       fold_text(message->arena, bimi->indicator));
}

/* Returns a note for the log, or NULL. */
static const char *change_inbound(const struct message *message, const struct verdict *verdict,
				  struct answer *answer, struct header_change *changes)
{
	const char *results = authres_write(message->arena, message->authserv_id, verdict);
	struct span newest_seal;
	const char *note;

	remove_forged(message, &verdict->arc, answer, changes);
	hold_or_mark(message, verdict, answer, changes);
	note = add_arc_set(message, results, answer, changes, &newest_seal);
	if (answer->action != ACTION_TEMPFAIL)
		message_insert(message, answer, changes, "Authentication-Results",
			       bind_results(message, verdict, results, newest_seal));
	if (answer->action != ACTION_TEMPFAIL)
		show_indicator(message, &verdict->bimi, answer, changes);
	return note;
}

/* ---- failure reports ---- */

static bool is_report(const struct message *message)
{
	return message->inspect != NULL && inspect_result(message->inspect)->report;
}

/* No report is due: the message went only to addresses that get reports, or has the form of one.
 * That form does not count where a policy was applied, since a forger could choose it. */
static bool is_quiet(const struct message *message, const struct verdict *verdict)
{
	return (message->rcpt_quiet && !message->rcpt_normal) ||
	       (verdict->decision.disposition == DMARC_POLICY_NONE && is_report(message));
}

/* RFC 9991. What takes time is left to the outbox writer. */
static void report_failure(const struct message *message, const struct verdict *verdict,
			   const char *queue_id)
{
	const struct conf *conf = message->context->conf;
	const struct outbox_writer_limits limits = {
	    (unsigned)conf->failures.max_per_hour, (unsigned)conf->failures.max_per_day,
	    (unsigned)conf->failures.max_per_domain, (unsigned)conf->reports.max_addresses};
	struct failure failure = {.verdict = verdict,
				  .queue_id = queue_id,
				  .arrived = clock_wall(),
				  .header = buf_view(&message->header),
				  .body = buf_view(&message->body)};
	char id[FAILURE_ID_MAX];
	struct buf parts;

	if (!message->keeps_header || message->rcpt_quiet || is_report(message) ||
	    !failure_wanted(verdict))
		return;
	if (!outbox_writer_wants_failures()) {
		outbox_writer_skip(COUNTERS_SKIP_LIMIT); /* the log said so when it was reached */
		return;
	}
	failure.key = conf->failures.redact ? outbox_writer_key() : NULL;
	if (conf->failures.redact && failure.key == NULL) {
		outbox_writer_skip(COUNTERS_SKIP_KEY);
		log_warning("%s: no failure report for %s: the key for redaction is not available",
			    queue_id, verdict->dmarc.published->domain);
		return;
	}
	failure.authres = authres_write(message->arena, message->authserv_id, verdict);
	failure_id(&failure, clock_mono(), id);
	buf_init(&parts, NULL, 0);
	failure_write(&failure, id, &parts);
	outbox_writer_failure(verdict->dmarc.published->domain, verdict->dmarc.published->ruf, id,
			      buf_view(&parts), &limits);
	buf_free(&parts);
}

/* ---- the end ---- */

/* Writes the row before the answer, so that what was answered is in the ledger. Returns NULL or
 * what went wrong; *FAILED: the row may be missing. */
static const char *record_verdict(struct session *session, const struct verdict *verdict,
				  bool *failed)
{
	const struct message *message = session->message;
	struct ledger *ledger = service_ledger(session->service);
	int64_t wait = message->context->conf->store.wait;
	struct ledger_row row;
	struct why why;
	int outcome;

	if (message->probe || (ledger == NULL && service_lacks_ledger(session->service) == NULL) ||
	    !tally_row(verdict, message->rcpt_mixed ? NULL : message->rcpt_domain, clock_wall(),
		       message->arena, &row))
		return NULL;
	if (ledger == NULL) {
		service_miss_row(session->service);
		*failed = true;
		return "not recorded: cannot open the ledger";
	}
	row.quiet = is_quiet(message, verdict) ? row.count : 0;
	outcome = ledger_add(ledger, &row, clock_mono() + wait, &why);
	if (outcome == 0 && why.text[0] != '\0')
		return arena_printf(message->arena, "recorded, but: %s", why.text);
	if (outcome == 0)
		return NULL;
	*failed = true;
	if (outcome > 0)
		return arena_printf(message->arena, "not yet recorded: %s",
				    why.text[0] == '\0' ? "the ledger is slow" : why.text);
	return arena_printf(message->arena, "not recorded: %s", why.text);
}

void inbound_mail_end(struct session *session, struct answer *answer, struct header_change *changes,
		      struct logline_facts *facts)
{
	struct message *message = session->message;
	const struct conf *conf = message->context->conf;
	const struct verdict *verdict;
	const char *note = NULL;
	bool failed = false;

	assert(message->check != NULL && message->outbound == NULL);
	sampling_end(message, facts->queue_id);
	verdict = check_finish(message->check, clock_mono() + conf->dns.timeout);
	answer->action = verdict->decision.action;
	if (answer->action == ACTION_REJECT || answer->action == ACTION_TEMPFAIL)
		reply_write(conf->dmarc.reject_text, verdict, message->arena, &answer->reply);
	else
		note = change_inbound(message, verdict, answer, changes);
	if (answer->action != ACTION_TEMPFAIL || verdict->decision.action == ACTION_TEMPFAIL)
		facts->note = record_verdict(session, verdict, &failed);
	if (failed && conf->store.on_failure == CONF_FAILURE_TEMPFAIL)
		message_tempfail(answer, "cannot record this message now, try again later");
	if (facts->note == NULL)
		facts->note = note;
	facts->lookups = check_lookups(message->check);
}

static void log_inbound(struct session *session, const struct logline_facts *facts)
{
	const struct message *message = session->message;
	const struct verdict *verdict = check_verdict(message->check);

	message_log(session, logline_inbound(message->arena, facts, verdict));
	for (unsigned i = 0; i < verdict->disagreement_count; i++)
		log_warning("%s: %s", facts->queue_id == NULL ? "NOQUEUE" : facts->queue_id,
			    verdict->disagreements[i]);
}

/* The rest, once the answer is known. */
void inbound_mail_close(struct session *session, const struct answer *answer,
			const struct logline_facts *facts)
{
	const struct message *message = session->message;
	const struct verdict *verdict = check_verdict(message->check);

	if (answer->action != ACTION_TEMPFAIL)
		report_failure(message, verdict, facts->queue_id);
	log_inbound(session, facts);
	count_inbound(message->origin, verdict, answer->action, facts->nanoseconds);
}

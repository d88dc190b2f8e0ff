/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One message at a time: its origin is decided at MAIL, then it is either judged (policy/check) or
 * signed (policy/outbound), never both. session_end() is the table of contents of the end of a
 * message: verdict, header changes, ledger, log, answer.
 */
#include "milter/session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/heap.h"
#include "lib/log.h"
#include "mail/domain.h"
#include "metrics/counters.h"
#include "milter/inbound_mail.h"
#include "milter/logline.h"
#include "milter/message.h"
#include "milter/outbound_mail.h"
#include "milter/outbox_writer.h"
#include "milter/sampling.h"
#include "milter/skipped_mail.h"
#include "milter/taking.h"
#include "policy/spf/iprev.h"
#include "report/mail.h"

enum {
	ENVELOPE_ROOM = 64 * 1024, /* of a message's arena, beside its header */
	FIELD_COST = 256,          /* of a field in the arena, beside its text */
	MESSAGE_ID_MAX = 256,      /* of a Message-ID, in the log */
	RECIPIENTS_MAX = 1000,     /* bytes of recipients, in the log */
	LOOK_INTO = 16 * 1024,     /* of a body, for the form of a report */
	LOOK_INTO_BOUNCE = 1 << 20
};

/* Answers to messages beyond a bound. */
static const struct refusal header_too_large = {ACTION_REJECT,
						{"552", "5.3.4", "message header too large"}};
static const struct refusal too_many_fields = {
    ACTION_REJECT, {"552", "5.3.4", "message header has too many fields"}};
static const struct refusal too_many_recipients = {ACTION_REJECT,
						   {"552", "5.5.3", "too many recipients"}};
static const struct refusal too_much_at_once = {
    ACTION_TEMPFAIL, {"451", "4.3.2", "too much mail at once, try again later"}};

static void replace_text(char **text, const char *with)
{
	free(*text);
	*text = heap_strdup(with);
}

struct session *session_new(struct service *service)
{
	struct session *session = heap_zero(sizeof *session);

	session->service = service;
	counters_count(METRIC_CONNECTIONS, 0, 0, 0);
	counters_change(METRIC_CONNECTIONS_NOW, 1);
	return session;
}

void session_free(struct session *session)
{
	if (session == NULL)
		return;
	session_abort(session);
	counters_change(METRIC_CONNECTIONS_NOW, -1);
	free(session->client_name);
	free(session->helo);
	free(session->mta_name);
	free(session->daemon_name);
	free(session);
}

/* ---- connection ---- */

/* Starts the reverse lookup as early as possible; the answer waits in the cache. */
static void warm_reverse_name(struct session *session)
{
	struct dns_scope *scope;
	struct dns *dns;

	if (session->client.family == 0)
		return;
	dns = service_dns(session->service);
	scope = dns_scope_new(dns, 1, CLOCK_SECOND);
	dns_drop(dns);
	iprev_start(scope, &session->client);
	dns_scope_free(scope);
}

static bool is_trusted(const struct context *context, const struct ip *ip)
{
	const struct conf_networks *trusted = &context->conf->trusted_networks;

	return ip_in_any(ip, trusted->items, trusted->count);
}

void session_connect(struct session *session, const char *name, const struct sockaddr *address,
		     const struct session_facts *facts)
{
	struct context *context = service_context(session->service);

	ip_from_sockaddr(address, &session->client);
	session->on_socket = address != NULL && address->sa_family == AF_UNIX;
	replace_text(&session->client_name, name == NULL ? "unknown" : name);
	replace_text(&session->mta_name, facts->mta_name);
	replace_text(&session->daemon_name, facts->daemon_name);
	if (!is_trusted(context, &session->client) &&
	    relay_find(&context->check.relays, &session->client) == NULL)
		warm_reverse_name(session);
	context_drop(context);
}

void session_helo(struct session *session, const char *helo)
{
	replace_text(&session->helo, helo);
}

/* ---- a message begins ---- */

static struct span without_angles(const char *address)
{
	struct span s = span_trim(span_of(address));

	if (!span_empty(s) && *s.p == '<')
		s.p++;
	if (!span_empty(s) && s.end[-1] == '>')
		s.end--;
	return span_trim(s);
}

/* A source route: "@a,@b:c@d" (RFC 5321 appendix C). */
static bool has_route(const char *address)
{
	struct span s = without_angles(address);

	return !span_empty(s) && *s.p == '@';
}

/* Without <>, blanks and a route. */
static const char *bare_address(struct arena *arena, const char *address)
{
	struct span s = without_angles(address);
	const char *colon;

	if (has_route(address)) {
		colon = memchr(s.p, ':', span_len(s));
		if (colon != NULL)
			s.p = colon + 1;
	}
	return arena_span(arena, s);
}

static const char *authserv_id(const struct session *session, const struct message *message)
{
	const char *set = message->context->conf->authserv_id;
	char host[256];

	if (strcmp(set, "auto") != 0)
		return set;
	if (session->mta_name != NULL)
		return arena_string(message->arena, session->mta_name);
	if (gethostname(host, sizeof host) != 0)
		return "localhost";
	host[sizeof host - 1] = '\0';
	return arena_string(message->arena, host);
}

static enum origin decide_origin(const struct session *session, const struct message *message,
				 const struct session_facts *facts)
{
	const struct conf *conf = message->context->conf;
	struct origin_facts origin = {
	    .role = service_role(session->service, conf),
	    .auth_type = facts->auth_type,
	    .daemon_name = session->daemon_name,
	    .client = session->client,
	    .on_socket = session->on_socket,
	    .relay = message->relay != NULL,
	    .submission = conf->submission_services.items,
	    .submission_count = conf->submission_services.count,
	    .inbound = conf->inbound_services.items,
	    .inbound_count = conf->inbound_services.count,
	    .trusted = conf->trusted_networks.items,
	    .trusted_count = conf->trusted_networks.count,
	};

	return origin_decide(&origin);
}

/* Keeps only what the answer needs, and frees the rest, which may be what is too large. */
static void give_up(struct session *session, const struct refusal *refusal)
{
	struct message *old = session->message;
	struct arena *arena = arena_new(0);
	struct message *message = arena_make(arena, struct message);

	message->arena = arena;
	message->context = old->context;
	message->origin = old->origin;
	message->probe = old->probe;
	message->refusal = refusal;
	session->message = message;
	message_free(session->service, old);
}

/* After each step: what the message holds now, and whether all of them hold too much. */
static void count_memory(struct session *session)
{
	struct message *message = session->message;
	int64_t now = (int64_t)(arena_used(message->arena) + message->header.cap +
				message->body.cap + message->sample_body.cap);
	int64_t all = service_memory(session->service, now - message->held);

	message->held = now;
	if (all > message->context->conf->max_memory && message->refusal == NULL)
		give_up(session, &too_much_at_once);
}

/* The message under way, unless it is refused already. */
static struct message *open_message(const struct session *session)
{
	struct message *message = session->message;

	return message == NULL || message->refusal != NULL ? NULL : message;
}

static void begin_by_origin(struct session *session, struct message *message, bool routed)
{
	if (message->relay != NULL && message->relay->skip)
		return; /* milter/skipped_mail.h */
	if (origin_is_judged(message->origin))
		inbound_mail_begin(session, message);
	else
		outbound_mail_begin(session, message, routed);
}

void session_mail(struct session *session, const char *address, const struct session_facts *facts)
{
	struct context *context = service_context(session->service);
	struct arena *arena =
	    arena_new(2 * (size_t)context->conf->max_header_bytes + ENVELOPE_ROOM);
	struct message *message = arena_make(arena, struct message);

	session_abort(session);
	if (facts->mta_name != NULL)
		replace_text(&session->mta_name, facts->mta_name);
	if (facts->daemon_name != NULL)
		replace_text(&session->daemon_name, facts->daemon_name);
	message->arena = arena;
	message->context = context;
	message->mail_from = bare_address(arena, address);
	message->login = arena_string(arena, facts->auth_login);
	message->authserv_id = authserv_id(session, message);
	message->relay = relay_find(&context->check.relays, &session->client);
	message->origin = decide_origin(session, message, facts);
	message->probe = span_eq(span_of(session->daemon_name), ORIGIN_PROBE);
	begin_by_origin(session, message, has_route(address));
	buf_init(&message->rcpt_list, arena, RECIPIENTS_MAX);
	session->message = message;
	service_message_begin(session->service);
	count_memory(session);
}

void session_abort(struct session *session)
{
	struct message *message = session->message;

	if (message == NULL)
		return;
	session->message = NULL;
	if (!sampling_take(message)) {
		context_drop(message->context);
		message_free(session->service, message);
	}
	service_message_end(session->service);
}

static void note_quiet(struct message *message, const char *address)
{
	const struct context *context = message->context;
	bool quiet = message_is_mailbox(address, context->report_from);

	for (unsigned i = 0; i < context->inbox_count && !quiet; i++)
		quiet = message_is_mailbox(address, context->inbox[i]);
	for (unsigned i = 0; i < context->quiet_count && !quiet; i++)
		quiet = message_is_mailbox(address, context->quiet[i]);
	message->rcpt_quiet = message->rcpt_quiet || quiet;
	message->rcpt_normal = message->rcpt_normal || !quiet;
}

static void note_recipient_domain(struct message *message, const char *domain)
{
	listmail_add_recipient(&message->context->outbound.lists, domain, &message->lists);
	if (message->check != NULL && check_wants_recipients(message->check))
		check_recipient(message->check, domain);
	if (message->outbound != NULL && domain != NULL)
		outbound_mail_recipient(message, domain);
	if (domain == NULL ||
	    (message->rcpt_domain != NULL && !domain_equal(domain, message->rcpt_domain)))
		message->rcpt_mixed = true;
	if (message->rcpt_mixed)
		message->rcpt_domain = NULL;
	else if (message->rcpt_domain == NULL)
		message->rcpt_domain = arena_string(message->arena, domain);
}

/* Whole addresses only, as many as fit. */
static void list_recipient(struct message *message, const char *address)
{
	struct buf *list = &message->rcpt_list;
	size_t size = strlen(address) + strlen(",<>");

	if (message->context->conf->log.recipients && list->len + size < RECIPIENTS_MAX)
		buf_printf(list, "%s<%s>", list->len == 0 ? "" : ",", address);
}

/* What is kept does not grow with the number of recipients. */
static void note_recipient(struct message *message, const char *address)
{
	struct arena *scratch = arena_new(0);
	const char *token;

	address = bare_address(scratch, address);
	list_recipient(message, address);
	taking_recipient(message, address);
	if (!message->rcpt_normal)
		note_quiet(message, address);
	token = mail_verp_token(scratch, message->context->report_from, address);
	if (token != NULL && message->bounce_token == NULL)
		message->bounce_token = arena_string(message->arena, token);
	note_recipient_domain(message, domain_of_address(scratch, address));
	arena_free(scratch);
}

void session_rcpt(struct session *session, const char *address)
{
	struct message *message = open_message(session);

	if (message == NULL)
		return;
	if (++message->recipients > message->context->conf->max_recipients) {
		give_up(session, &too_many_recipients);
		return;
	}
	note_recipient(message, address);
	count_memory(session);
}

/* ---- header and body ---- */

static void grow_suspects(struct message *message, struct suspects *suspects)
{
	unsigned capacity = suspects->capacity == 0 ? 8 : suspects->capacity * 2;
	unsigned *more = arena_array(message->arena, capacity, sizeof *more);
	const char **names = arena_array(message->arena, capacity, sizeof *names);

	if (suspects->count > 0) {
		memcpy(more, suspects->forged, suspects->count * sizeof *more);
		memcpy(names, suspects->names, suspects->count * sizeof *names);
	}
	suspects->forged = more;
	suspects->names = names;
	suspects->capacity = capacity;
}

static void note_forged(struct message *message, struct suspects *suspects)
{
	if (suspects->count == suspects->capacity)
		grow_suspects(message, suspects);
	suspects->forged[suspects->count++] = suspects->seen;
}

/* An MTA counts the fields of exactly this name. */
static void note_disguised(struct message *message, struct span name)
{
	struct suspects *suspects = &message->suspects[FORGED_DISGUISED];

	suspects->seen = 1;
	for (unsigned i = 0; i < suspects->count; i++)
		suspects->seen += span_ieq(name, suspects->names[i]);
	note_forged(message, suspects);
	suspects->names[suspects->count - 1] = arena_span(message->arena, name);
}

static void look_for_forged(struct session *session, struct message *message, struct span name,
			    struct span value)
{
	enum forged_kind kind = forged_kind_of(name);
	struct suspects *suspects;

	if (kind == FORGED_DISGUISED)
		note_disguised(message, name);
	if (kind == FORGED_NONE || kind == FORGED_DISGUISED)
		return;
	suspects = &message->suspects[kind];
	suspects->seen++;
	if (!forged_is(kind, value, message->authserv_id, session->mta_name))
		return;
	note_forged(message, suspects);
	if (message->outbound != NULL && kind == FORGED_AUTHRES)
		outbound_own_results(message->outbound, value);
}

/* Inbound mail may be a report; mail to the address for bounces may be a bounce. */
static void look_at_form(struct session *session, struct message *message, struct span name,
			 struct span value)
{
	if (service_ledger(session->service) == NULL)
		return;
	if (message->inspect == NULL && (message->check != NULL || message->bounce_token != NULL))
		message->inspect = inspect_new(
		    message->arena, message->bounce_token != NULL ? LOOK_INTO_BOUNCE : LOOK_INTO);
	if (message->inspect != NULL)
		inspect_header(message->inspect, name, value);
}

/* RFC 5322 section 3.6.4: one for each message. Of several the first is logged. */
static void note_message_id(struct message *message, struct span name, struct span value)
{
	if (message->id != NULL || !span_ieq(name, "Message-ID"))
		return;
	value = span_trim(value);
	if (span_len(value) > MESSAGE_ID_MAX)
		value.end = value.p + MESSAGE_ID_MAX;
	message->id = arena_span(message->arena, value);
}

/* The bound that this field exceeds, or NULL. The arena knows what the fields before it really
 * cost. */
static const struct refusal *find_exceeded(struct message *message, struct span name,
					   struct span value)
{
	const struct conf *conf = message->context->conf;
	size_t size = span_len(name) + span_len(value);

	message->header_bytes += size + strlen(":\r\n");
	if (++message->header_fields > conf->max_header_fields)
		return &too_many_fields;
	if (message->header_bytes > (uint64_t)conf->max_header_bytes ||
	    !arena_has_room(message->arena, size + FIELD_COST))
		return &header_too_large;
	return NULL;
}

void session_header(struct session *session, struct span name, struct span value)
{
	struct message *message = open_message(session);
	const struct refusal *exceeded;

	if (message == NULL)
		return;
	exceeded = find_exceeded(message, name, value);
	if (exceeded != NULL) {
		give_up(session, exceeded);
		return;
	}
	look_for_forged(session, message, name, value);
	look_at_form(session, message, name, value);
	note_message_id(message, name, value);
	taking_header(message, name, value);
	if (message->check != NULL)
		inbound_mail_header(message, name, value);
	else if (message->outbound != NULL)
		outbound_header(message->outbound, name, value);
	count_memory(session);
}

void session_end_of_headers(struct session *session)
{
	struct message *message = open_message(session);

	if (message == NULL)
		return;
	if (message->inspect != NULL)
		inspect_end_of_headers(message->inspect);
	taking_end_of_headers(message);
	if (message->check != NULL)
		inbound_mail_end_of_headers(message);
	else if (message->outbound != NULL)
		outbound_end_of_headers(message->outbound);
	count_memory(session);
}

bool session_body(struct session *session, struct span chunk)
{
	struct message *message = open_message(session);
	bool wanted;

	if (message == NULL)
		return false;
	message->size += span_len(chunk);
	wanted = message->inspect != NULL && inspect_body(message->inspect, chunk);
	taking_body(message, chunk);
	wanted = wanted || message->taking != NULL;
	if (message->check != NULL) {
		inbound_mail_body(message, chunk);
		wanted = wanted || !check_body_done(message->check);
	} else if (message->outbound != NULL) {
		outbound_body(message->outbound, chunk);
		wanted = wanted || !outbound_body_done(message->outbound);
	}
	count_memory(session);
	return wanted;
}

/* ---- the end of a message ---- */

/* Mail to that address is a bounce of one of our reports, whoever sends it. */
static void note_bounce(const struct message *message)
{
	const struct inspection *found;

	if (message->bounce_token == NULL || message->inspect == NULL)
		return;
	found = inspect_result(message->inspect);
	if (found->bounce != BOUNCE_NONE)
		outbox_writer_bounce(message->bounce_token, found,
				     message->context->conf->reports.suppress / CLOCK_SECOND);
}

static void begin_facts(const struct session *session, const char *queue_id,
			struct logline_facts *facts)
{
	const struct message *message = session->message;

	memset(facts, 0, sizeof *facts);
	facts->queue_id = queue_id;
	facts->origin = message->origin;
	facts->client = session->client;
	facts->client_name = session->client_name == NULL ? "unknown" : session->client_name;
	facts->helo = session->helo == NULL ? "" : session->helo;
	facts->mail_from = message->mail_from;
	facts->login = message->login;
	facts->message_id = message->id;
	if (message->rcpt_list.len > 0)
		facts->recipients = arena_span(message->arena, buf_view(&message->rcpt_list));
	facts->recipient_count = message->recipients;
	facts->size = message->size + message->header_bytes;
}

static void answer_refusal(struct session *session, const char *queue_id, struct answer *answer)
{
	const struct message *message = session->message;
	const struct refusal *refusal = message->refusal;

	answer->action = refusal->action;
	answer->reply = refusal->reply;
	counters_count(METRIC_MESSAGES, message->origin, refusal->action, 0);
	message_log(session, logline_refused(message->arena, queue_id, message->origin,
					     refusal->action, refusal->reply.text));
}

void session_end(struct session *session, const char *queue_id, struct answer *answer)
{
	struct message *message = session->message;
	int64_t start = clock_mono();
	struct header_change *changes;
	struct outbound_result result;
	struct logline_facts facts;

	memset(answer, 0, sizeof *answer);
	if (message == NULL) {
		message_tempfail(answer, "no message was started");
		return;
	}
	if (message->refusal != NULL) {
		answer_refusal(session, queue_id, answer);
		return;
	}
	begin_facts(session, queue_id, &facts);
	changes =
	    arena_array(message->arena, message_count_forged(message) + 10u + DKIM_VERDICTS_MAX,
			sizeof *changes);
	answer->changes = changes;
	if (message->check != NULL)
		inbound_mail_end(session, answer, changes, &facts);
	else if (message->outbound == NULL)
		skipped_mail_end(session, answer, changes);
	else
		outbound_mail_end(session, answer, changes, &result);
	taking_end(message, message->check == NULL ? NULL : check_verdict(message->check), queue_id,
		   answer);
	facts.nanoseconds = clock_mono() - start;
	if (message->probe)
		return;
	if (message->check != NULL)
		inbound_mail_close(session, answer, &facts);
	else if (message->outbound == NULL)
		skipped_mail_close(session, answer, &facts);
	else
		outbound_mail_close(session, answer, &facts, &result);
	if (answer->action == ACTION_ACCEPT)
		note_bounce(message);
}

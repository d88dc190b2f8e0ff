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
#include "lib/log.h"
#include "mail/domain.h"
#include "metrics/count.h"
#include "metrics/counters.h"
#include "milter/keywatch.h"
#include "milter/logline.h"
#include "milter/outbox_writer.h"
#include "policy/authres.h"
#include "policy/forged.h"
#include "policy/spf/iprev.h"
#include "report/failure.h"
#include "report/inspect.h"
#include "report/mail.h"
#include "report/tally.h"

enum {
	ENVELOPE_ROOM = 64 * 1024,  /* of a message's arena, beside its header */
	FIELD_COST = 256,           /* of a field in the arena, beside its text */
	LOG_LINE_MAX = 24 * 1024,   /* of a message's line in the ledger, escapes and all */
	MESSAGE_ID_MAX = 256,       /* of a Message-ID, in the log */
	RECIPIENTS_MAX = 1000,      /* bytes of recipients, in the log */
	HOLD_REASON_MAX = 90,       /* what MTAs keep of a reason for quarantine */
	FAILURE_HEADER = 64 * 1024, /* of a message's header, in a failure report */
	LOOK_INTO = 16 * 1024,      /* of a body, for the form of a report */
	LOOK_INTO_BOUNCE = 1 << 20
};

/* Fields of one name that may be forged. */
struct suspects {
	unsigned seen;
	unsigned *forged; /* which of them are, from 1, in the order of the header */
	unsigned count, room;
};

/* What a message is answered that is beyond a bound. */
struct refusal {
	enum action action;
	struct smtp_reply reply;
};
static const struct refusal header_too_large = {ACTION_REJECT,
						{"552", "5.3.4", "message header too large"}};
static const struct refusal too_many_fields = {
    ACTION_REJECT, {"552", "5.3.4", "message header has too many fields"}};
static const struct refusal too_many_recipients = {ACTION_REJECT,
						   {"552", "5.5.3", "too many recipients"}};
static const struct refusal too_much_at_once = {
    ACTION_TEMPFAIL, {"451", "4.3.2", "too much mail at once, try again later"}};

/* One message. All of it is in its arena. */
struct message {
	struct arena *arena;
	struct context *context;
	enum origin origin;
	struct check *check;       /* inbound, or of unknown origin */
	struct outbound *outbound; /* what is ours */
	const char *mail_from;
	const char *login;
	const char *authserv_id;
	const char *id;          /* of the first Message-ID field, or NULL */
	struct buf rcpt_list;    /* those that are logged; empty unless the settings want it */
	const char *rcpt_domain; /* the one domain of all recipients so far, or NULL */
	bool rcpt_mixed;
	bool rcpt_quiet, rcpt_loud; /* one that gets reports of others; one that does not */
	struct inspect *inspect;    /* is it mail about mail? NULL: it does not matter */
	const char *bounce_token;   /* of a recipient to whom bounces of our reports go, or NULL */
	bool keeps_header;          /* for a failure report, in HEADER and BODY */
	struct buf header, body;
	uint64_t size, header_bytes;
	int64_t header_fields, recipients;
	int64_t held; /* bytes, as the service knows them */
	struct suspects suspects[FORGED_KINDS];
	const struct refusal *refusal; /* NULL: it is within all bounds */
	bool probe;                    /* see ORIGIN_PROBE */
};

struct session {
	struct service *service;
	struct ip client;
	bool on_socket; /* the client is on a local socket */
	char *client_name;
	char *helo;
	char *mta_name;
	char *daemon_name;
	struct message *message;
};

static void replace(char **text, const char *with)
{
	free(*text);
	*text = with == NULL ? NULL : strdup(with);
	if (with != NULL && *text == NULL)
		abort();
}

struct session *session_new(struct service *service)
{
	struct session *session = calloc(1, sizeof *session);

	if (session == NULL)
		return NULL;
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

/* Asks for the client's name as early as it can be asked; the answer waits in the cache. */
static void warm_reverse_name(struct session *session)
{
	struct dns_scope *scope;

	if (session->client.family == 0)
		return;
	scope = dns_scope_new(service_dns(session->service), 1, CLOCK_SECOND);
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
	replace(&session->client_name, name == NULL ? "unknown" : name);
	replace(&session->mta_name, facts->mta_name);
	replace(&session->daemon_name, facts->daemon_name);
	if (!is_trusted(context, &session->client))
		warm_reverse_name(session);
	context_drop(context);
}

void session_helo(struct session *session, const char *helo)
{
	replace(&session->helo, helo);
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
	    .auth_type = facts->auth_type,
	    .daemon_name = session->daemon_name,
	    .client = session->client,
	    .on_socket = session->on_socket,
	    .trusted = conf->trusted_networks.items,
	    .trusted_count = conf->trusted_networks.count,
	};

	return origin_decide(&origin);
}

static void start_inbound(struct session *session, struct message *message)
{
	const struct conf *conf = message->context->conf;
	struct check_client client = {
	    .ip = session->client,
	    .address_unknown = message->origin == ORIGIN_UNKNOWN,
	    .helo = session->helo == NULL ? "" : session->helo,
	    .mail_from = message->mail_from,
	    .receiver = message->authserv_id,
	    .seal = context_seal_key(message->context),
	};
	struct check_dns dns = {
	    .dns = service_dns(session->service),
	    .budget = (unsigned)conf->dns.budget,
	    .max_wait = conf->dns.timeout,
	};

	message->check =
	    check_new(&message->context->check, &client, &dns, message->arena, clock_wall());
}

static void start_outbound(const struct session *session, struct message *message, bool routed)
{
	struct outbound_sender sender = {
	    .origin = message->origin,
	    .loopback = session->on_socket || origin_is_loopback(&session->client),
	    .login = message->login,
	    .mail_from = message->mail_from,
	    .has_route = routed,
	    .host = session->mta_name == NULL ? message->authserv_id : session->mta_name,
	};

	message->outbound =
	    outbound_new(&message->context->outbound, &sender, message->arena, clock_wall());
}

/* Of an inbound message, as far as a failure report may need it. */
static void start_copies(struct message *message)
{
	const struct conf *conf = message->context->conf;

	message->keeps_header = message->check != NULL && conf->failures.send;
	buf_init(&message->header, NULL, FAILURE_HEADER);
	buf_init(&message->body, NULL, (size_t)conf->failures.body);
}

static void release_message(struct session *session, struct message *message)
{
	service_memory(session->service, -message->held);
	buf_free(&message->header);
	buf_free(&message->body);
	arena_free(message->arena);
}

/* Only what its answer needs stays of the message: the rest may be what there is too much of. */
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
	release_message(session, old);
}

/* After each step: what the message holds now, and whether all of them hold too much. */
static void count_memory(struct session *session)
{
	struct message *message = session->message;
	int64_t now =
	    (int64_t)(arena_used(message->arena) + message->header.cap + message->body.cap);
	int64_t all = service_memory(session->service, now - message->held);

	message->held = now;
	if (all > message->context->conf->max_memory && message->refusal == NULL)
		give_up(session, &too_much_at_once);
}

/* The message that is under way, unless it has its answer already. */
static struct message *open_message(const struct session *session)
{
	struct message *message = session->message;

	return message == NULL || message->refusal != NULL ? NULL : message;
}

void session_mail(struct session *session, const char *address, const struct session_facts *facts)
{
	struct context *context = service_context(session->service);
	struct arena *arena =
	    arena_new(2 * (size_t)context->conf->max_header_bytes + ENVELOPE_ROOM);
	struct message *message = arena_make(arena, struct message);

	session_abort(session);
	if (facts->mta_name != NULL)
		replace(&session->mta_name, facts->mta_name);
	if (facts->daemon_name != NULL)
		replace(&session->daemon_name, facts->daemon_name);
	message->arena = arena;
	message->context = context;
	message->mail_from = bare_address(arena, address);
	message->login = arena_string(arena, facts->auth_login);
	message->authserv_id = authserv_id(session, message);
	message->origin = decide_origin(session, message, facts);
	message->probe = span_eq(span_of(session->daemon_name), ORIGIN_PROBE);
	if (origin_is_judged(message->origin))
		start_inbound(session, message);
	else
		start_outbound(session, message, has_route(address));
	start_copies(message);
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
	context_drop(message->context);
	release_message(session, message);
	service_message_end(session->service);
}

/* ADDRESS is LISTED, or that with an extension: name+anything@domain. */
static bool same_mailbox(const char *address, const char *listed)
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

static void note_quiet(struct message *message, const char *address)
{
	const struct conf *conf = message->context->conf;
	bool quiet = same_mailbox(address, conf->reports.from);

	for (unsigned i = 0; i < conf->reports.quiet.count && !quiet; i++)
		quiet = same_mailbox(address, conf->reports.quiet.items[i]);
	message->rcpt_quiet = message->rcpt_quiet || quiet;
	message->rcpt_loud = message->rcpt_loud || !quiet;
}

static void note_recipient_domain(struct message *message, const char *domain)
{
	if (message->check != NULL && check_wants_recipients(message->check))
		check_recipient(message->check, domain);
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
	if (!message->rcpt_loud)
		note_quiet(message, address);
	token = mail_verp_token(scratch, message->context->conf->reports.from, address);
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

static void note_forged(struct message *message, struct suspects *suspects)
{
	if (suspects->count == suspects->room) {
		unsigned room = suspects->room == 0 ? 8 : suspects->room * 2;
		unsigned *more = arena_array(message->arena, room, sizeof *more);

		if (suspects->count > 0)
			memcpy(more, suspects->forged, suspects->count * sizeof *more);
		suspects->forged = more;
		suspects->room = room;
	}
	suspects->forged[suspects->count++] = suspects->seen;
}

static void look_for_forged(struct session *session, struct message *message, struct span name,
			    struct span value)
{
	enum forged_kind kind = forged_kind_of(name);
	struct suspects *suspects;

	if (kind == FORGED_NONE)
		return;
	suspects = &message->suspects[kind];
	suspects->seen++;
	if (!forged_is(kind, value, message->authserv_id, session->mta_name))
		return;
	note_forged(message, suspects);
	if (message->outbound != NULL && kind == FORGED_AUTHRES)
		outbound_own_results(message->outbound, value);
}

/* Inbound mail can be a report, whatever comes to that address a bounce. */
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
	copy_header(message, name, value);
	if (message->check != NULL)
		check_header(message->check, name, value);
	else
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
	if (message->check != NULL)
		check_end_of_headers(message->check);
	else
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
	copy_body(message, chunk);
	wanted = message->inspect != NULL && inspect_body(message->inspect, chunk);
	if (message->check != NULL) {
		check_body(message->check, chunk);
		wanted = wanted || !check_body_done(message->check);
	} else {
		outbound_body(message->outbound, chunk);
		wanted = wanted || !outbound_body_done(message->outbound);
	}
	count_memory(session);
	return wanted;
}

/* ---- the end of a message ---- */

static struct header_change *change_add(struct answer *answer, struct header_change *changes)
{
	return &changes[answer->change_count++];
}

/* Highest first: an index counts from the top and moves with what is removed above it. */
static void remove_fields(const struct message *message, enum forged_kind kind,
			  struct answer *answer, struct header_change *changes)
{
	const struct suspects *suspects = &message->suspects[kind];

	for (unsigned i = suspects->count; i > 0; i--) {
		struct header_change *change = change_add(answer, changes);

		change->name = forged_name(kind);
		change->remove = suspects->forged[i - 1];
	}
}

/* ARC: the verdict on the message's chain. */
static void remove_forged(const struct message *message, const struct arc_verdict *arc,
			  struct answer *answer, struct header_change *changes)
{
	for (enum forged_kind kind = 0; kind < FORGED_KINDS; kind++)
		if (!forged_stays(kind, arc))
			remove_fields(message, kind, answer, changes);
}

static unsigned count_forged(const struct message *message)
{
	unsigned count = 0;

	for (enum forged_kind kind = 0; kind < FORGED_KINDS; kind++)
		count += message->suspects[kind].count;
	return count;
}

/* VALUE with the blank that stands behind the colon, and its folds as MTAs take them: LF alone. */
static void insert(const struct message *message, struct answer *answer,
		   struct header_change *changes, const char *name, const char *value)
{
	struct header_change *change = change_add(answer, changes);
	char *out = arena_printf(message->arena, " %s", value);

	change->name = name;
	change->value = out;
	for (const char *in = out; *in != '\0'; in++) {
		if (*in != '\r')
			*out++ = *in;
	}
	*out = '\0';
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
	insert(message, answer, changes, QUARANTINE_FIELD, QUARANTINE_VALUE);
}

/* RFC 8617 section 5.1: an ARC set with RESULTS. Returns what is wrong, or NULL. */
static const char *seal(const struct message *message, const char *results, struct answer *answer,
			struct header_change *changes)
{
	struct arcseal_fields fields;
	struct why why;

	if (!check_seal(message->check, results, &fields, &why))
		return why.text[0] == '\0'
			   ? NULL
			   : arena_printf(message->arena, "not sealed: %s", why.text);
	insert(message, answer, changes, "ARC-Authentication-Results", fields.results);
	insert(message, answer, changes, "ARC-Message-Signature", fields.message);
	insert(message, answer, changes, "ARC-Seal", fields.seal);
	counters_count(METRIC_ARC_SEALED, 0, 0, 0);
	return NULL;
}

/* Returns what is wrong, or NULL. */
static const char *change_inbound(const struct message *message, const struct verdict *verdict,
				  struct answer *answer, struct header_change *changes)
{
	const char *results = authres_write(message->arena, message->authserv_id, verdict);
	const char *note;

	remove_forged(message, &verdict->arc, answer, changes);
	hold_or_mark(message, verdict, answer, changes);
	note = seal(message, results, answer, changes);
	insert(message, answer, changes, "Authentication-Results", results);
	return note;
}

static bool is_report(const struct message *message)
{
	return message->inspect != NULL && inspect_result(message->inspect)->report;
}

/* No reason for a report: it went only to those who get reports, or is one in form. A message to
 * which a policy was applied is none: anybody could give what he forges that form. */
static bool is_quiet(const struct message *message, const struct verdict *verdict)
{
	return (message->rcpt_quiet && !message->rcpt_loud) ||
	       (verdict->decision.disposition == DMARC_POLICY_NONE && is_report(message));
}

/* RFC 9991. The writer does what takes time. */
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
		log_warning("%s: no failure report for %s: the key for redaction cannot be had",
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

/* What comes to that address is a bounce of ours, whoever brings it. */
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

/* Counted before the answer: what was answered is in the ledger. NULL, or what went wrong; *FAILED:
 * so that it may not be counted. */
static const char *record(struct session *session, const struct verdict *verdict, bool *failed)
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
	if (ledger == NULL)
		return "not recorded: the ledger cannot be opened";
	row.quiet = is_quiet(message, verdict) ? row.count : 0;
	outcome = ledger_add(ledger, &row, clock_mono() + wait, &why);
	if (outcome == 0 && why.text[0] != '\0')
		return arena_printf(message->arena, "recorded, but: %s", why.text);
	if (outcome == 0)
		return NULL;
	*failed = true;
	if (outcome > 0)
		return "not yet recorded: the ledger is slow";
	return arena_printf(message->arena, "not recorded: %s", why.text);
}

static void temporary_failure(struct answer *answer, const char *text)
{
	answer->action = ACTION_TEMPFAIL;
	answer->hold = NULL;
	answer->change_count = 0;
	answer->reply = (struct smtp_reply){"451", "4.3.0", text};
}

static void end_inbound(struct session *session, struct answer *answer,
			struct header_change *changes, struct logline_facts *facts)
{
	struct message *message = session->message;
	const struct conf *conf = message->context->conf;
	const struct verdict *verdict;
	const char *note = NULL;
	bool failed = false;

	verdict = check_finish(message->check, clock_mono() + conf->dns.timeout);
	answer->action = verdict->decision.action;
	if (answer->action == ACTION_REJECT || answer->action == ACTION_TEMPFAIL)
		decide_reply(verdict, message->arena, &answer->reply);
	else
		note = change_inbound(message, verdict, answer, changes);
	facts->note = record(session, verdict, &failed);
	if (failed && conf->store.on_failure == CONF_FAILURE_TEMPFAIL)
		temporary_failure(answer, "cannot record this message now, try again later");
	if (facts->note == NULL)
		facts->note = note;
	facts->lookups = check_lookups(message->check);
}

static void end_outbound(struct session *session, struct answer *answer,
			 struct header_change *changes, struct outbound_result *result)
{
	struct message *message = session->message;

	outbound_finish(message->outbound, result);
	if (result->reason == OUTBOUND_KEY_PENDING)
		keywatch_hint();
	if (message->origin != ORIGIN_LOCAL)
		remove_fields(message, FORGED_AUTHRES, answer, changes);
	for (unsigned i = 0; i < result->field_count; i++)
		insert(message, answer, changes, "DKIM-Signature", result->fields[i]);
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

/* The line of a message, for the log and for who asks what became of it. */
static void log_message(struct session *session, const struct log_record *record)
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

static void refuse(struct session *session, const char *queue_id, struct answer *answer)
{
	const struct message *message = session->message;
	const struct refusal *refusal = message->refusal;

	answer->action = refusal->action;
	answer->reply = refusal->reply;
	counters_count(METRIC_MESSAGES, message->origin, refusal->action, 0);
	log_message(session, logline_refused(message->arena, queue_id, message->origin,
					     refusal->action, refusal->reply.text));
}

static void log_inbound(struct session *session, const struct logline_facts *facts)
{
	const struct message *message = session->message;
	const struct verdict *verdict = check_verdict(message->check);

	log_message(session, logline_inbound(message->arena, facts, verdict));
	for (unsigned i = 0; i < verdict->disagreement_count; i++)
		log_warning("%s: %s", facts->queue_id == NULL ? "NOQUEUE" : facts->queue_id,
			    verdict->disagreements[i]);
}

/* What is left to do when the answer is known. A probe leaves nothing behind. */
static void close_inbound(struct session *session, const struct answer *answer,
			  const struct logline_facts *facts)
{
	const struct message *message = session->message;
	const struct verdict *verdict = check_verdict(message->check);

	if (answer->action != ACTION_TEMPFAIL)
		report_failure(message, verdict, facts->queue_id);
	log_inbound(session, facts);
	count_inbound(message->origin, verdict, answer->action, facts->nanoseconds);
}

static void close_outbound(struct session *session, const struct answer *answer,
			   const struct logline_facts *facts, const struct outbound_result *result)
{
	const struct message *message = session->message;

	log_message(session, logline_outbound(message->arena, facts, result, answer->action));
	count_outbound(message->origin, result, answer->action, facts->nanoseconds);
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
		temporary_failure(answer, "no message is under way");
		return;
	}
	if (message->refusal != NULL) {
		refuse(session, queue_id, answer);
		return;
	}
	begin_facts(session, queue_id, &facts);
	changes = arena_array(message->arena, count_forged(message) + 8u + DKIM_VERDICTS_MAX,
			      sizeof *changes);
	answer->changes = changes;
	if (message->check != NULL)
		end_inbound(session, answer, changes, &facts);
	else
		end_outbound(session, answer, changes, &result);
	facts.nanoseconds = clock_mono() - start;
	if (message->probe)
		return;
	if (message->check != NULL)
		close_inbound(session, answer, &facts);
	else
		close_outbound(session, answer, &facts, &result);
	if (answer->action == ACTION_ACCEPT)
		note_bounce(message);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A table of steps: what each is to the session, and whether it is answered. The order in which an
 * MTA sends them is its own affair (the session takes them in any), but for the first: nothing
 * comes before the negotiation, and that comes once.
 *
 * No SMFIR_PROGRESS is sent while a message waits: MTAs wait 300 s for the end of a message
 * (Postfix: milter_content_timeout; Sendmail: E of the filter's T=), we at most for dns.timeout (60
 * s) and store.wait.
 */
#include "milter/native/wire.h"

#include <stdlib.h>
#include <string.h>

#include "lib/heap.h"
#include "lib/log.h"
#include "metrics/counters.h"
#include "milter/protocol/packet.h"
#include "milter/protocol/protocol.h"
#include "milter/session.h"

enum macro { MACRO_J, MACRO_DAEMON, MACRO_AUTH_TYPE, MACRO_AUTH_LOGIN, MACRO_QUEUE_ID, MACROS };
static const char *const macro_names[MACROS] = {"j", "{daemon_name}", "{auth_type}",
						"{auth_authen}", "i"};

struct wire {
	struct service *service;
	struct session *session; /* NULL: the MTA has not said anything about a client yet */
	uint32_t actions, steps; /* agreed */
	bool agreed;
	bool in_message;
	struct macro_value {
		char *value;
		char stage; /* the step it came with */
	} macros[MACROS];
	struct buf scratch; /* of one step; freed with the message */
};

/* What is to be done after a step. */
enum after {
	AFTER_ANSWER,   /* "continue", unless it was agreed that it is not answered */
	AFTER_NOTHING,  /* it has its answer, or has none */
	AFTER_LEAVE,    /* the MTA goes away */
	AFTER_MALFORMED /* its data is not what it should be */
};

struct wire *wire_new(struct service *service)
{
	struct wire *wire = heap_zero(sizeof *wire);

	wire->service = service;
	buf_init(&wire->scratch, NULL, 0);
	return wire;
}

static struct session *session_of(struct wire *wire)
{
	if (wire->session == NULL)
		wire->session = session_new(wire->service);
	return wire->session;
}

bool wire_in_message(const struct wire *wire)
{
	return wire->in_message;
}

/* ---- macros ---- */

static void drop_macro(struct macro_value *macro)
{
	free(macro->value);
	macro->value = NULL;
}

/* Those that came with the steps of a message, or all. */
static void drop_macros(struct wire *wire, bool all)
{
	for (unsigned i = 0; i < MACROS; i++) {
		char stage = wire->macros[i].stage;

		if (all || (stage != 'C' && stage != 'H'))
			drop_macro(&wire->macros[i]);
	}
}

static void set_macro(struct macro_value *macro, const char *value, char stage)
{
	macro->stage = stage;
	if (macro->value != NULL && strcmp(macro->value, value) == 0)
		return;
	drop_macro(macro);
	macro->value = heap_strdup(value);
}

/* MTAs may leave the braces of a long name, and put some around a short one. */
static bool same_macro(const char *name, const char *ours)
{
	struct span a = span_of(name), b = span_of(ours);

	if (span_len(a) > 2 && *a.p == '{' && a.end[-1] == '}')
		a = (struct span){a.p + 1, a.end - 1};
	if (*b.p == '{')
		b = (struct span){b.p + 1, b.end - 1};
	return span_same(a, b);
}

/* D: the step the macros are for, then names and values in turn. */
static enum after on_macros(struct wire *wire, struct span data, struct buf *out)
{
	const char *name, *value;
	char stage;

	(void)out;
	if (span_empty(data))
		return AFTER_MALFORMED;
	stage = *data.p++;
	while (!span_empty(data)) {
		if (!packet_text(&data, &name) || !packet_text(&data, &value))
			return AFTER_MALFORMED;
		for (unsigned i = 0; i < MACROS; i++) {
			if (same_macro(name, macro_names[i]))
				set_macro(&wire->macros[i], value, stage);
		}
	}
	return AFTER_NOTHING;
}

static struct session_facts facts_of(const struct wire *wire)
{
	return (struct session_facts){
	    .mta_name = wire->macros[MACRO_J].value,
	    .daemon_name = wire->macros[MACRO_DAEMON].value,
	    .auth_type = wire->macros[MACRO_AUTH_TYPE].value,
	    .auth_login = wire->macros[MACRO_AUTH_LOGIN].value,
	};
}

/* ---- the connection ---- */

static void ask_for_macros(struct buf *out)
{
	for (const struct protocol_macros *asked = protocol_macros; asked->names != NULL; asked++) {
		packet_add_number(out, (uint32_t)asked->stage);
		packet_add_text(out, asked->names);
	}
}

/* O: version, actions, steps. The answer is in the same shape, and may ask for macros. */
static enum wire_next negotiate_options(struct wire *wire, struct span data, struct buf *out,
					struct why *why)
{
	uint32_t version, actions, steps;
	size_t begun;

	if (!packet_number(&data, &version) || !packet_number(&data, &actions) ||
	    !packet_number(&data, &steps))
		why_set(why, "the MTA's offer is too short");
	else if (version < PROTOCOL_OLDEST)
		why_set(why,
			"the MTA speaks version %u of the milter protocol, at least %u is needed",
			(unsigned)version, (unsigned)PROTOCOL_OLDEST);
	else if ((actions & PROTOCOL_ACTIONS_NEEDED) != PROTOCOL_ACTIONS_NEEDED)
		why_set(why, "%s", protocol_too_little);
	else
		wire->agreed = true;
	if (!wire->agreed)
		return WIRE_CLOSE;
	wire->actions = actions & PROTOCOL_ACTIONS;
	wire->steps = steps & PROTOCOL_STEPS;
	begun = packet_begin(out, 'O');
	packet_add_number(out, version < PROTOCOL_VERSION ? version : PROTOCOL_VERSION);
	packet_add_number(out, wire->actions);
	packet_add_number(out, wire->steps);
	if ((actions & PROTOCOL_ASK_MACROS) != 0)
		ask_for_macros(out);
	packet_end(out, begun);
	return WIRE_MORE;
}

/* C: the client's name, then its address. */
static enum after on_connect(struct wire *wire, struct span data, struct buf *out)
{
	struct session_facts facts = facts_of(wire);
	struct sockaddr_storage address;
	const char *name;
	bool known;

	(void)out;
	if (!packet_text(&data, &name) || !packet_address(data, &address, &known))
		return AFTER_MALFORMED;
	session_connect(session_of(wire), name, known ? (struct sockaddr *)&address : NULL, &facts);
	return AFTER_ANSWER;
}

static enum after on_helo(struct wire *wire, struct span data, struct buf *out)
{
	const char *helo;

	(void)out;
	if (!packet_text(&data, &helo))
		return AFTER_MALFORMED;
	session_helo(session_of(wire), helo);
	return AFTER_ANSWER;
}

/* K: another client follows on the same connection. */
static enum after on_next_client(struct wire *wire, struct span data, struct buf *out)
{
	(void)data;
	(void)out;
	session_free(wire->session);
	wire->session = NULL;
	wire->in_message = false;
	drop_macros(wire, true);
	return AFTER_NOTHING;
}

static enum after on_quit(struct wire *wire, struct span data, struct buf *out)
{
	(void)wire;
	(void)data;
	(void)out;
	return AFTER_LEAVE;
}

/* DATA, and commands the MTA does not know: nothing to do. */
static enum after on_other(struct wire *wire, struct span data, struct buf *out)
{
	(void)wire;
	(void)data;
	(void)out;
	return AFTER_ANSWER;
}

/* ---- a message ---- */

static void forget_message(struct wire *wire)
{
	if (wire->session != NULL)
		session_abort(wire->session);
	wire->in_message = false;
	drop_macros(wire, false);
	buf_free(&wire->scratch);
}

/* M: the address, then parameters of ESMTP. */
static enum after on_mail(struct wire *wire, struct span data, struct buf *out)
{
	struct session_facts facts = facts_of(wire);
	const char *address;

	(void)out;
	if (!packet_text(&data, &address))
		return AFTER_MALFORMED;
	session_mail(session_of(wire), address, &facts);
	wire->in_message = true;
	return AFTER_ANSWER;
}

static enum after on_rcpt(struct wire *wire, struct span data, struct buf *out)
{
	const char *address;

	(void)out;
	if (!packet_text(&data, &address))
		return AFTER_MALFORMED;
	session_rcpt(session_of(wire), address);
	return AFTER_ANSWER;
}

static enum after on_header(struct wire *wire, struct span data, struct buf *out)
{
	const char *name, *value;
	bool blank = (wire->steps & PROTOCOL_HEADER_BLANK) != 0;

	(void)out;
	if (!packet_text(&data, &name) || !packet_text(&data, &value))
		return AFTER_MALFORMED;
	session_header(session_of(wire), span_of(name),
		       protocol_value(&wire->scratch, (struct span){value, data.p - 1}, blank));
	return AFTER_ANSWER;
}

static enum after on_end_of_headers(struct wire *wire, struct span data, struct buf *out)
{
	(void)data;
	(void)out;
	session_end_of_headers(session_of(wire));
	return AFTER_ANSWER;
}

static enum after on_body(struct wire *wire, struct span data, struct buf *out)
{
	if (session_body(session_of(wire), data) || (wire->steps & PROTOCOL_SKIP) == 0)
		return AFTER_ANSWER;
	packet_put(out, 's');
	return AFTER_NOTHING;
}

static enum after on_abort(struct wire *wire, struct span data, struct buf *out)
{
	(void)data;
	(void)out;
	forget_message(wire);
	return AFTER_NOTHING;
}

/* ---- the end of a message ---- */

static void put_change(const struct wire *wire, const struct header_change *change, struct buf *out)
{
	bool removal = change->remove > 0;
	size_t begun = packet_begin(out, removal ? 'm' : 'i');

	packet_add_number(out, change->remove); /* an insertion: 0, the very top */
	packet_add_text(out, change->name);
	packet_add_text(out, removal
				 ? ""
				 : protocol_inserted(change->value,
						     (wire->steps & PROTOCOL_HEADER_BLANK) != 0));
	packet_end(out, begun);
}

static void put_hold(const char *reason, struct buf *out)
{
	size_t begun = packet_begin(out, 'q');

	packet_add_text(out, reason);
	packet_end(out, begun);
}

/* y: "550 5.7.1 text" */
static void put_reply(struct wire *wire, const struct smtp_reply *reply, struct buf *out)
{
	size_t begun = packet_begin(out, 'y');

	buf_printf(out, "%s %s ", reply->code, reply->enhanced);
	packet_add_text(out, protocol_reply_text(&wire->scratch, reply));
	packet_end(out, begun);
}

static const char answer_kinds[] = {
    [ACTION_ACCEPT] = 'c',
    [ACTION_QUARANTINE] = 'c',
    [ACTION_REJECT] = 'r',
    [ACTION_TEMPFAIL] = 't',
};

static void put_answer(struct wire *wire, const struct answer *answer, struct buf *out)
{
	for (unsigned i = 0; i < answer->change_count; i++)
		put_change(wire, &answer->changes[i], out);
	if (answer->hold != NULL)
		put_hold(answer->hold, out);
	if (answer->reply.code != NULL &&
	    (answer->action == ACTION_REJECT || answer->action == ACTION_TEMPFAIL))
		put_reply(wire, &answer->reply, out);
	else if (answer->discard)
		packet_put(out, 'd');
	else
		packet_put(out, answer_kinds[answer->action]);
}

/* E: it may bring the last piece of the body. */
static enum after on_end_of_message(struct wire *wire, struct span data, struct buf *out)
{
	struct session *session = session_of(wire);
	const char *queue_id = wire->macros[MACRO_QUEUE_ID].value;
	struct answer answer;

	if (!span_empty(data))
		session_body(session, data);
	session_end(session, queue_id, &answer);
	if (answer.hold != NULL && (wire->actions & PROTOCOL_QUARANTINE) == 0) {
		counters_count(METRIC_MILTER_ERRORS, COUNT_STAGE_CHANGE, 0, 0);
		log_error("%s: the MTA does not let a filter hold a message; answered with 451",
			  queue_id == NULL ? "NOQUEUE" : queue_id);
		packet_put(out, 't');
	} else {
		put_answer(wire, &answer, out);
	}
	forget_message(wire);
	return AFTER_NOTHING;
}

/* ---- dispatch ---- */

static const struct step {
	char kind;
	const char *name;
	enum after (*take)(struct wire *wire, struct span data, struct buf *out);
	uint32_t silent;        /* agreed: it is not answered */
	enum count_stage stage; /* where it went wrong, when it is malformed */
} steps[] = {
    {'L', "header field", on_header, PROTOCOL_NR_HEADER, COUNT_STAGE_HEADER},
    {'D', "macros", on_macros, 0, COUNT_STAGE_NEGOTIATE},
    {'B', "body", on_body, 0, COUNT_STAGE_BODY},
    {'R', "RCPT", on_rcpt, PROTOCOL_NR_RCPT, COUNT_STAGE_RCPT},
    {'M', "MAIL", on_mail, 0, COUNT_STAGE_MAIL},
    {'N', "end of header", on_end_of_headers, PROTOCOL_NR_EOH, COUNT_STAGE_HEADER},
    {'E', "end of message", on_end_of_message, 0, COUNT_STAGE_END},
    {'C', "connection", on_connect, PROTOCOL_NR_CONNECT, COUNT_STAGE_CONNECT},
    {'H', "HELO", on_helo, PROTOCOL_NR_HELO, COUNT_STAGE_HELO},
    {'A', "end of a message without an answer", on_abort, 0, COUNT_STAGE_END},
    {'Q', "leave", on_quit, 0, COUNT_STAGE_END},
    {'K', "next client", on_next_client, 0, COUNT_STAGE_CONNECT},
    {'T', "DATA", on_other, 0, COUNT_STAGE_BODY},
    {'U', "unknown command", on_other, 0, COUNT_STAGE_HELO},
};

static const struct step *find_step(char kind)
{
	for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
		if (steps[i].kind == kind)
			return &steps[i];
	}
	return NULL;
}

static enum wire_next take_one(struct wire *wire, const struct packet *packet, struct buf *out,
			       struct why *why)
{
	const struct step *step = find_step(packet->kind);
	enum after after;

	if (packet->kind == 'O' && !wire->agreed)
		return negotiate_options(wire, packet->data, out, why);
	if (step == NULL || (!wire->agreed && packet->kind != 'Q')) {
		why_set(why, "the MTA sent a packet of kind 0x%02x%s", (unsigned char)packet->kind,
			wire->agreed ? "" : " before it negotiated: is this really an MTA?");
		return WIRE_CLOSE;
	}
	after = step->take(wire, packet->data, out);
	if (after == AFTER_MALFORMED)
		why_set(why, "the MTA sent a malformed packet (%s)", step->name);
	if (after == AFTER_MALFORMED || after == AFTER_LEAVE)
		return WIRE_CLOSE;
	if (after == AFTER_ANSWER && (wire->steps & step->silent) == 0)
		packet_put(out, 'c');
	return WIRE_MORE;
}

enum wire_next wire_take(struct wire *wire, struct span *input, struct buf *out, struct why *why)
{
	enum wire_next next = WIRE_MORE;
	struct packet packet = {.kind = '\0'};
	const struct step *step;
	int taken;

	why->text[0] = '\0';
	while (next == WIRE_MORE && (taken = packet_take(input, &packet)) > 0)
		next = take_one(wire, &packet, out, why);
	if (next == WIRE_MORE && taken == 0)
		return WIRE_MORE;
	if (next == WIRE_MORE)
		why_set(why, "the MTA sent a packet that is empty or longer than %u bytes",
			(unsigned)PROTOCOL_PACKET_MAX);
	step = find_step(packet.kind);
	if (why->text[0] != '\0')
		counters_count(METRIC_MILTER_ERRORS,
			       step == NULL ? COUNT_STAGE_NEGOTIATE : step->stage, 0, 0);
	return WIRE_CLOSE;
}

void wire_free(struct wire *wire)
{
	if (wire == NULL)
		return;
	session_free(wire->session);
	drop_macros(wire, true);
	buf_free(&wire->scratch);
	free(wire);
}

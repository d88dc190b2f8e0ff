/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a mail program finds (RFC 6186, RFC 8314): the servers that SRV records name, up to TLS.
 * Nobody logs in.
 */
#include <string.h>

#include "audit/probe/visit.h"
#include "audit/probe/server.h"
#include "lib/clock.h"
#include "lib/special.h"

static const int64_t talk_timeout = 20 * CLOCK_SECOND;

struct client_probe {
	struct probe_target target;
	const struct protocol *protocol;
	struct probe_client *out;
	struct arena *arena;
};

struct client_probes {
	struct client_probe items[PROBE_CLIENTS_MAX];
};

/* ---- protocols ---- */

static void send_line(struct talk *talk, const char *text)
{
	(void)talk_say(talk, span_of(text));
}

static void take_extension(void *arg, unsigned i, struct span text)
{
	struct client_probe *probe = arg;

	probe->out->starttls |= i > 0 && reply_offers(text, "STARTTLS");
}

static bool greet_smtp(struct client_probe *probe, struct talk *talk)
{
	if (talk_reply(talk, NULL, NULL) != 220)
		return false;
	send_line(talk, arena_printf(probe->arena, "EHLO %s\r\n", probe->target.helo));
	return talk_reply(talk, take_extension, probe) == 250;
}

static bool start_smtp(struct talk *talk)
{
	send_line(talk, "STARTTLS\r\n");
	return talk_reply(talk, NULL, NULL) == 220;
}

/* Lines until the one with TAG. */
static bool read_tagged(struct client_probe *probe, struct talk *talk, const char *tag)
{
	struct span line;

	for (unsigned i = 0; i < REPLY_LINES_MAX && talk_line(talk, &line); i++) {
		if (reply_is_tagged(line, tag))
			return reply_is_ok(line, tag);
		probe->out->starttls |= reply_has_word(line, "STARTTLS");
	}
	return false;
}

static bool greet_imap(struct client_probe *probe, struct talk *talk)
{
	struct span line;

	if (!talk_line(talk, &line) || !reply_is_tagged(line, "*"))
		return false;
	send_line(talk, "a CAPABILITY\r\n");
	return read_tagged(probe, talk, "a");
}

static bool start_imap(struct talk *talk)
{
	struct span line;

	send_line(talk, "b STARTTLS\r\n");
	return talk_line(talk, &line) && reply_is_ok(line, "b");
}

static bool greet_pop(struct client_probe *probe, struct talk *talk)
{
	struct span line;

	if (!talk_line(talk, &line) || !reply_is_ok(line, NULL))
		return false;
	send_line(talk, "CAPA\r\n");
	if (!talk_line(talk, &line))
		return false;
	if (!reply_is_ok(line, NULL))
		return true; /* RFC 2449 is not everywhere */
	for (unsigned i = 0; i < REPLY_LINES_MAX && talk_line(talk, &line); i++) {
		if (span_eq(line, "."))
			return true;
		probe->out->starttls |= reply_offers(line, "STLS");
	}
	return false;
}

static bool start_pop(struct talk *talk)
{
	struct span line;

	send_line(talk, "STLS\r\n");
	return talk_line(talk, &line) && reply_is_ok(line, NULL);
}

struct protocol {
	bool implicit; /* TLS comes first */
	bool (*greet)(struct client_probe *probe, struct talk *talk);
	bool (*start)(struct talk *talk); /* TLS */
};

/* In the order of the facts: "_submissions", "_submission", ... */
static const struct protocol protocols[AUDIT_SERVICES] = {
    {true, greet_smtp, start_smtp}, {false, greet_smtp, start_smtp},
    {true, greet_imap, start_imap}, {false, greet_imap, start_imap},
    {true, greet_pop, start_pop},   {false, greet_pop, start_pop},
};

/* ---- one of them ---- */

static void hold_conversation(struct client_probe *probe, struct talk *talk)
{
	const struct protocol *protocol = probe->protocol;
	struct probe_client *out = probe->out;

	if (protocol->implicit &&
	    !server_secure(talk, &probe->target, false, probe->arena, &out->tls)) {
		out->reason = out->tls.fault;
		return;
	}
	if (!protocol->greet(probe, talk)) {
		out->reason = "it does not speak the protocol";
		return;
	}
	out->way = PROBE_WAY_SPEAKS;
	if (protocol->implicit || !out->starttls)
		return;
	if (protocol->start(talk))
		(void)server_secure(talk, &probe->target, false, probe->arena, &out->tls);
	else
		out->tls.fault = "it refuses to begin TLS, which it offers";
}

static void run_probe(void *arg, struct arena *arena)
{
	struct client_probe *probe = arg;
	struct why why = {""};
	struct talk talk;
	enum talk_way way = talk_open(&talk, &probe->target.ip, probe->target.port,
				      clock_mono() + talk_timeout, &why);

	probe->arena = arena;
	if (way != TALK_OPEN) {
		probe->out->way = way == TALK_REFUSED ? PROBE_WAY_REFUSED : PROBE_WAY_NONE;
		probe->out->reason = reply_clean(arena, span_of(why.text));
		return;
	}
	probe->out->way = PROBE_WAY_SILENT;
	hold_conversation(probe, &talk);
	talk_close(&talk);
}

/* ---- which ---- */

static void add_probe(const struct look *look, struct tasks *tasks, struct client_probes *probes,
		      unsigned service, const struct probe_target *target)
{
	struct probe_facts *facts = &look->facts->probe;
	struct client_probe *probe = &probes->items[facts->client_count];

	if (facts->client_count == PROBE_CLIENTS_MAX || !special_is_global(&target->ip))
		return;
	probe->target = *target;
	probe->protocol = &protocols[service];
	probe->out = &facts->clients[facts->client_count];
	*probe->out = (struct probe_client){.service = look->facts->services[service].label,
					    .host = target->host,
					    .ip = target->ip,
					    .port = target->port};
	if (tasks_add(tasks, look->arena, run_probe, probe))
		facts->client_count++;
}

static const struct audit_host *find_target(const struct audit_service *service, const char *name)
{
	for (unsigned i = 0; i < service->target_count; i++) {
		if (strcmp(service->targets[i].name, name) == 0)
			return &service->targets[i];
	}
	return NULL;
}

/* One address of each family: what a mail program tries first. */
static void plan_record(const struct look *look, struct tasks *tasks, struct client_probes *probes,
			unsigned service, const struct dns_record *record)
{
	const struct audit_host *host = find_target(&look->facts->services[service], record->text);
	struct probe_target target = {.port = record->port,
				      .ca_file = look->settings->ca_file,
				      .helo = visit_own_name(look),
				      .domain = look->domain};

	if (host == NULL)
		return;
	target.host = host->name;
	if (host->a.count > 0) {
		target.ip = ip_from_bytes(host->a.records[0].address, 4);
		add_probe(look, tasks, probes, service, &target);
	}
	if (host->aaaa.count > 0) {
		target.ip = ip_from_bytes(host->aaaa.records[0].address, 16);
		add_probe(look, tasks, probes, service, &target);
	}
}

void visit_client_plan(const struct look *look, struct tasks *tasks)
{
	struct client_probes *probes = arena_make(look->arena, struct client_probes);

	for (unsigned i = 0; i < AUDIT_SERVICES; i++) {
		const struct audit_answer *srv = &look->facts->services[i].srv;

		for (unsigned n = 0; n < srv->count; n++)
			plan_record(look, tasks, probes, i, &srv->records[n]);
	}
}

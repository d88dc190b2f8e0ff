/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An MX host on port 25, as a sender meets it. Each trial has a connection of its own, and none
 * ends a message: what a server takes for the end of one is its fault, and then says what it is.
 */
#include <string.h>

#include "audit/probe/hello.h"
#include "audit/probe/visit.h"
#include "audit/probe/server.h"
#include "lib/clock.h"
#include "lib/special.h"

enum { PORT_SMTP = 25 };

static const int64_t talk_timeout = 20 * CLOCK_SECOND, all_timeout = 45 * CLOCK_SECOND,
		     patience = 3 * CLOCK_SECOND / 2;

struct smtp_probe {
	struct probe_target target;
	struct probe_smtp *out;
	int64_t deadline;
	struct arena *arena;
};

struct probe_smtps {
	unsigned count;
	struct smtp_probe items[PROBE_SMTP_MAX];
};

/* ---- the beginning of a conversation ---- */

static enum talk_way open_talk(const struct smtp_probe *probe, struct talk *talk, struct why *why)
{
	int64_t deadline = clock_mono() + talk_timeout;

	return talk_open(talk, &probe->target.ip, probe->target.port,
			 deadline < probe->deadline ? deadline : probe->deadline, why);
}

static void send_command(const struct smtp_probe *probe, struct talk *talk, const char *verb,
			 const char *argument)
{
	talk_say(talk, span_of(arena_printf(probe->arena, "%s%s\r\n", verb, argument)));
}

static void take_banner(void *arg, unsigned i, struct span text)
{
	struct smtp_probe *probe = arg;

	if (i == 0)
		probe->out->banner = reply_clean(probe->arena, text);
}

static void take_extension(void *arg, unsigned i, struct span text)
{
	struct smtp_probe *probe = arg;

	if (i == 0)
		probe->out->name = arena_lower(probe->arena, reply_name(text));
	else if (reply_offers(text, "STARTTLS"))
		probe->out->starttls = true;
	else if (reply_offers(text, "REQUIRETLS"))
		probe->out->requiretls = true;
}

/* A connection after EHLO. False: there is none; TALK is closed. */
static bool send_greeting(const struct smtp_probe *probe, struct talk *talk)
{
	struct why why;

	if (open_talk(probe, talk, &why) != TALK_OPEN)
		return false;
	if (talk_reply(talk, NULL, NULL) == 220) {
		send_command(probe, talk, "EHLO ", probe->target.helo);
		if (talk_reply(talk, NULL, NULL) == 250)
			return true;
	}
	talk_close(talk);
	return false;
}

static void send_quit(const struct smtp_probe *probe, struct talk *talk)
{
	send_command(probe, talk, "QUIT", "");
	talk_close(talk);
}

/* ---- trials ---- */

static bool start_tls(struct smtp_probe *probe, struct talk *talk, bool old, struct probe_tls *tls)
{
	send_command(probe, talk, "STARTTLS", "");
	if (talk_reply(talk, NULL, NULL) == 220)
		return server_secure(talk, &probe->target, old, probe->arena, tls);
	tls->fault = "it refuses STARTTLS, which it offers";
	return false;
}

static void look_first(struct smtp_probe *probe)
{
	struct probe_smtp *out = probe->out;
	struct why why = {""};
	struct talk talk;
	enum talk_way way = open_talk(probe, &talk, &why);

	if (way != TALK_OPEN) {
		out->way = way == TALK_REFUSED ? PROBE_WAY_REFUSED : PROBE_WAY_NONE;
		out->reason = reply_clean(probe->arena, span_of(why.text));
		return;
	}
	out->way = PROBE_WAY_SILENT;
	out->reason = "it does not say 220";
	if (talk_reply(&talk, take_banner, probe) == 220) {
		send_command(probe, &talk, "EHLO ", probe->target.helo);
		out->reason = "it does not accept EHLO";
		if (talk_reply(&talk, take_extension, probe) == 250) {
			out->way = PROBE_WAY_SPEAKS;
			out->reason = NULL;
		}
	}
	if (out->way == PROBE_WAY_SPEAKS && out->starttls &&
	    start_tls(probe, &talk, false, &out->tls)) {
		send_command(probe, &talk, "EHLO ", probe->target.helo);
		talk_reply(&talk, take_extension, probe); /* RFC 8689: only now REQUIRETLS */
	}
	send_quit(probe, &talk);
}

static void try_old(struct smtp_probe *probe)
{
	struct probe_tls tls = {.done = false};
	struct talk talk;

	if (!send_greeting(probe, &talk))
		return;
	probe->out->accepts_old = start_tls(probe, &talk, true, &tls) ? PROBE_YES : PROBE_NO;
	talk_close(&talk);
}

/* CVE-2011-0411: what follows STARTTLS in one packet must be gone once TLS begins. */
static void try_injection(struct smtp_probe *probe)
{
	struct probe_tls tls = {.done = false};
	struct talk talk;

	if (!send_greeting(probe, &talk))
		return;
	send_command(probe, &talk, "STARTTLS\r\nNOOP", "");
	probe->out->injects = PROBE_NO;
	if (talk_reply(&talk, NULL, NULL) == 220 &&
	    server_secure(&talk, &probe->target, false, probe->arena, &tls) &&
	    talk_hears(&talk, patience))
		probe->out->injects = PROBE_YES;
	talk_close(&talk);
}

/* An envelope that a server of the domain takes (RFC 5321 section 4.5.1). */
static bool begin_message(const struct smtp_probe *probe, struct talk *talk)
{
	send_command(probe, talk, "MAIL FROM:<>", "");
	if (talk_reply(talk, NULL, NULL) != 250)
		return false;
	send_command(probe, talk, "RCPT TO:<postmaster@",
		     arena_printf(probe->arena, "%s>", probe->target.domain));
	if (talk_reply(talk, NULL, NULL) / 10 != 25)
		return false;
	send_command(probe, talk, "DATA", "");
	return talk_reply(talk, NULL, NULL) == 354;
}

/* RFC 5321 section 2.3.8: only CRLF ends a line, so that none of these ends a message. */
static void try_smuggling(struct smtp_probe *probe)
{
	static const struct {
		const char *bytes, *text;
	} ends[] = {{"\n.\n", "LF . LF"}, {"\n.\r\n", "LF . CR LF"}, {"\r.\r", "CR . CR"}};
	struct probe_smtp *out = probe->out;
	struct talk talk;

	if (!send_greeting(probe, &talk))
		return;
	if (begin_message(probe, &talk)) {
		send_command(
		    probe, &talk, "Subject: countersign audit: this is not a whole message\r\n\r\n",
		    "A server that delivers this takes a bare line feed for the end of a line.");
		out->smuggles = PROBE_NO;
		for (unsigned i = 0; i < 3 && out->smuggles == PROBE_NO; i++) {
			talk_say(&talk, span_of("text"));
			talk_say(&talk, span_of(ends[i].bytes));
			if (!talk_hears(&talk, patience))
				continue;
			if (talk_reply(&talk, NULL, NULL) / 100 != 2)
				break;
			out->smuggles = PROBE_YES;
			out->smuggles_how = ends[i].text;
		}
	}
	talk_close(&talk); /* before its end: no message */
}

static void try_hybrid(struct smtp_probe *probe)
{
	struct talk talk;

	if (!send_greeting(probe, &talk))
		return;
	send_command(probe, &talk, "STARTTLS", "");
	if (talk_reply(&talk, NULL, NULL) == 220)
		probe->out->hybrid = hello_try(&talk, probe->target.host);
	talk_close(&talk);
}

static void run_probe(void *arg, struct arena *arena)
{
	struct smtp_probe *probe = arg;

	probe->arena = arena;
	probe->deadline = clock_mono() + all_timeout;
	look_first(probe);
	if (probe->out->way != PROBE_WAY_SPEAKS)
		return;
	if (probe->out->tls.done) {
		try_old(probe);
		try_injection(probe);
		try_hybrid(probe);
	}
	try_smuggling(probe);
}

/* ---- which ---- */

static bool add_probe(const struct look *look, struct tasks *tasks, struct probe_smtps *probes,
		      const char *host, const struct ip *ip)
{
	struct probe_facts *facts = &look->facts->probe;
	struct smtp_probe *probe = &probes->items[probes->count];

	if (probes->count == PROBE_SMTP_MAX)
		return false;
	probe->out = &facts->smtp[probes->count];
	*probe->out = (struct probe_smtp){.host = host, .ip = *ip, .banner = "", .name = ""};
	probe->target = (struct probe_target){.host = host,
					      .ip = *ip,
					      .port = PORT_SMTP,
					      .ca_file = look->settings->ca_file,
					      .helo = visit_own_name(look),
					      .domain = look->domain};
	if (!special_is_global(ip) || !tasks_add(tasks, look->arena, run_probe, probe))
		return false;
	facts->smtp_count = ++probes->count;
	return true;
}

void visit_smtp_plan(const struct look *look, struct tasks *tasks)
{
	struct probe_smtps *probes = arena_make(look->arena, struct probe_smtps);
	const struct audit_mail *mail = &look->facts->mail;

	for (unsigned i = 0; i < mail->host_count; i++) {
		const struct audit_answer *answers[] = {&mail->hosts[i].a, &mail->hosts[i].aaaa};

		for (unsigned n = 0; n < answers[0]->count + answers[1]->count; n++) {
			bool v6 = n >= answers[0]->count;
			const struct dns_record *record =
			    &answers[v6]->records[v6 ? n - answers[0]->count : n];
			struct ip ip = ip_from_bytes(record->address, v6 ? 16 : 4);

			(void)add_probe(look, tasks, probes, mail->hosts[i].name, &ip);
		}
	}
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The whole road of a message, policy/check, policy/decide and policy/forged, with both engines,
 * against a zone that the sender writes too. The input is parts between lines of "--":
 *
 *     zone       NAME TYPE DATA, a line each; "NAME TYPE" alone: its lookups fail
 *     envelope   client, HELO, MAIL FROM, a line each
 *     header     as in a file
 *     body       the rest
 *
 * Whatever comes in: everything has its explanation, the field that is written is one, the second
 * engines agree, the budget holds, and what passes DMARC has an aligned pass of something. Of some
 * sizes the client is a relay.
 */
#include <assert.h>
#include <string.h>

#include "lib/clock.h"
#include "mail/authres_read.h"
#include "milter/logline.h"
#include "policy/authres.h"
#include "policy/bimi/check.h"
#include "policy/check.h"
#include "policy/reply.h"
#include "t/lib/authres_grammar.h"
#include "t/lib/dns_memory.h"
#include "t/lib/fuzz.h"

enum { BUDGET = 100, RECORDS_MAX = 60, NOW = 1795341723 };

static struct dkimcheck_engine *engine;
static struct dns *dns;

/* The text before the next line "--". */
static struct span take_part(struct span *rest)
{
	struct span part = *rest;

	for (const char *p = rest->p; rest->end - p >= 4; p++) {
		if (memcmp(p, "\n--\n", 4) == 0) {
			part.end = p;
			rest->p = p + 4;
			return part;
		}
	}
	rest->p = rest->end;
	return part;
}

static enum dns_type type_of(struct span text)
{
	static const enum dns_type types[] = {DNS_TYPE_A, DNS_TYPE_AAAA, DNS_TYPE_MX, DNS_TYPE_PTR};

	for (size_t i = 0; i < sizeof types / sizeof *types; i++)
		if (span_ieq(text, dns_type_text(types[i])))
			return types[i];
	return DNS_TYPE_TXT;
}

static void load_zone(struct arena *arena, struct span text)
{
	bool more = true, data;
	struct span line, name, type;

	dns_memory_clear(dns);
	for (unsigned i = 0; i < RECORDS_MAX && span_split(&text, &more, '\n', &line); i++) {
		data = true;
		span_split(&line, &data, ' ', &name);
		type = span_of("");
		if (data)
			span_split(&line, &data, ' ', &type);
		if (data)
			dns_memory_add(dns, arena_span(arena, name), type_of(type),
				       arena_span(arena, line), span_len(line), NULL);
		else
			dns_memory_mode(dns, arena_span(arena, name), (int)type_of(type),
					DNS_MEMORY_SERVFAIL);
	}
}

static const char *next_line(struct arena *arena, struct span *rest, bool *more)
{
	struct span line = {rest->p, rest->p};

	span_split(rest, more, '\n', &line);
	return arena_span(arena, line);
}

static void feed_header(struct check *check, struct span text)
{
	while (!span_empty(text)) {
		const char *p = text.p, *colon;

		while (p < text.end && !(*p == '\n' && (p + 1 == text.end || !char_is_wsp(p[1]))))
			p++;
		colon = memchr(text.p, ':', (size_t)(p - text.p));
		if (colon != NULL)
			check_header(check, (struct span){text.p, colon},
				     (struct span){colon + 1, p});
		text.p = p < text.end ? p + 1 : p;
	}
	check_end_of_headers(check);
}

static void explained(const char *text)
{
	assert(text != NULL && *text != '\0');
}

/* One line, of printable ASCII. */
static void printable(struct arena *arena, const struct log_record *record)
{
	struct buf line;

	buf_init(&line, arena, 0);
	log_record_text(&line, record);
	explained(buf_text(&line));
	for (struct span s = buf_view(&line); s.p < s.end; s.p++)
		assert(*s.p >= ' ' && *s.p <= '~');
}

static void look_at(struct arena *arena, struct check *check, const struct verdict *v)
{
	const struct logline_facts facts = {
	    .client = v->client, .client_name = "x", .helo = v->helo, .mail_from = v->mail_from};
	const char *field = authres_write(arena, "mx.example", v);
	struct smtp_reply reply;

	assert(authres_grammar(arena, span_of(field)) != NULL);
	assert(authres_is_ours(span_of(field), "mx.example"));
	printable(arena, logline_inbound(arena, &facts, v));
	explained(v->iprev.why);
	explained(v->spf.why);
	explained(v->spf_helo.why);
	explained(v->dmarc.why);
	explained(v->decision.why);
	for (unsigned i = 0; i < v->dkim_count; i++)
		explained(v->dkim[i].why);
	assert(v->disagreement_count == 0);
	explained(v->bimi.why);
	assert(check_lookups(check) <= BUDGET + BIMI_CHECK_LOOKUPS);
	assert(v->spf.mechanism == NULL || v->spf.record != NULL);
	if (v->dmarc.result == AUTH_PASS)
		assert(v->dmarc.dkim_aligned || v->dmarc.spf_aligned);
	if (v->dmarc.result == AUTH_FAIL)
		assert(!v->dmarc.dkim_aligned && !v->dmarc.spf_aligned &&
		       v->dmarc.published != NULL);
	if (v->dmarc.dkim_aligned)
		assert(v->dkim_count > 0);
	if (v->dmarc.spf_aligned)
		assert(v->spf.result == AUTH_PASS);
	if (v->decision.action == ACTION_REJECT || v->decision.action == ACTION_TEMPFAIL) {
		reply_write(REPLY_REJECT_TEXT, v, arena, &reply);
		for (const char *p = reply.text; *p != '\0'; p++)
			assert(*p >= ' ' && *p <= '~');
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const psd[] = {"host.test"};
	struct check_rules rules = {.dkim = {.engine = DKIMCHECK_BOTH,
					     .max_signatures = 5,
					     .min_rsa_bits = 1024,
					     .clock_drift = 300},
				    .arc = {.clock_drift = 300},
				    .dmarc = {.authors_max = 4, .psd_domains = psd, .psd_count = 1},
				    .decide = {.enforce = ENFORCE_STRICT,
					       .reject_bad_from = true,
					       .tempfail_on_temperror = true},
				    .spf_engine = SPF_ENGINE_BOTH,
				    .bimi = {.evaluate = true}};
	struct span rest = span_make(data, size), envelope;
	struct arena *arena = arena_new(SIZE_MAX);
	struct check_client client = {.receiver = "mx.example", .explain = size % 2 == 0};
	struct ip_network any = {.bits = 0};
	const struct relay relay = {.from = &any, .from_count = 1, .results_of = "gw.example"};
	struct check_dns lookups;
	struct check *check;
	bool more = true;

	if (dns == NULL) {
		engine = dkimcheck_engine_new(NULL);
		dns = dns_new_memory(NULL);
	}
	rules.dkim_engine = engine;
	lookups = (struct check_dns){dns, BUDGET, CLOCK_SECOND};
	load_zone(arena, take_part(&rest));
	envelope = take_part(&rest);
	ip_parse(span_of(next_line(arena, &envelope, &more)), &client.ip);
	client.helo = next_line(arena, &envelope, &more);
	client.mail_from = next_line(arena, &envelope, &more);
	if (size % 3 == 0 && client.ip.family != 0) {
		any =
		    (struct ip_network){.ip = client.ip, .bits = client.ip.family == 4 ? 32 : 128};
		rules.relays = (struct relay_rules){&relay, 1};
		client.relay = &relay;
	}
	check = check_new(&rules, &client, &lookups, arena, NOW);
	feed_header(check, take_part(&rest));
	check_body(check, rest);
	look_at(arena, check, check_finish(check, clock_mono() + CLOCK_SECOND));
	arena_free(arena);
	return 0;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SPF against libspf2, over generated zones (t/lib/spfgen.h):
 *
 *   wild zones    our evaluator, and libspf2 behind policy/spf/libspf2.c: result and explanation;
 *                 and ours without having asked ahead
 *   plain zones   our evaluator, and libspf2 as it is: its own reader, its own macros
 *
 *   spf_differential.test [COUNT [SEED]]
 *   spf_differential.test --dump COUNT SEED     the wild zones and our results as lines for
 *                                               t/differential/spf_python.py
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/clock.h"
#include "policy/spf/libspf2.h"
#include "policy/spf/spf.h"
#include "t/differential/spf_raw.h"
#include "t/lib/causes.h"
#include "t/lib/dns_memory.h"
#include "t/lib/spfgen.h"
#include "t/lib/tap.h"

enum { COUNT = 1000, SHOWN_MAX = 5 };

struct run {
	struct dns *dns;
	struct arena *arena;
	struct causes *causes;
	struct spfgen gen;
	unsigned seed, compared, differ, results[AUTH_PERMERROR + 1];
	bool dump;
};

static void show(struct run *run, const struct spfgen_case *one, const char *what)
{
	if (run->differ++ >= SHOWN_MAX)
		return;
	tap_note("seed %u%s: client %s helo %s from <%s>: %s", run->seed,
		 run->gen.plain ? ", plain" : "", one->client, one->helo, one->mail_from, what);
	for (unsigned i = 0; i < run->gen.count; i++)
		tap_note("%s %s %s", run->gen.records[i].name,
			 dns_type_text(run->gen.records[i].type), run->gen.records[i].data);
}

static struct spf_request request_of(const struct spfgen_case *one)
{
	struct spf_request request = {.scope = SPF_SCOPE_MFROM,
				      .helo = one->helo,
				      .mail_from = one->mail_from,
				      .receiver = "r.t",
				      .now = 1};

	ip_parse(span_of(one->client), &request.client);
	return request;
}

static bool same_text(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static void compare(struct run *run, const struct spfgen_case *one, const char *how,
		    const struct spf_verdict *ours, const struct spf_verdict *other)
{
	run->compared++;
	if (ours->result == other->result && same_text(ours->explanation, other->explanation))
		return;
	show(run, one,
	     arena_printf(run->arena, "ours %s (%s) \"%s\", %s %s (%s) \"%s\"",
			  auth_text(ours->result), ours->why,
			  ours->explanation == NULL ? "-" : ours->explanation, how,
			  auth_text(other->result), other->why,
			  other->explanation == NULL ? "-" : other->explanation));
}

/* ---- for the other language ---- */

static void put_field(const char *text, char end)
{
	for (; *text != '\0'; text++) {
		if (char_is_alnum((unsigned char)*text) || strchr(".-_:", *text) != NULL)
			putchar(*text);
		else
			printf("%%%02X", (unsigned char)*text);
	}
	putchar(end);
}

static void dump_zone(const struct spfgen *gen)
{
	printf("zone\n");
	for (unsigned i = 0; i < gen->count; i++) {
		printf("rec\t");
		put_field(gen->records[i].name, '\t');
		put_field(dns_type_text(gen->records[i].type), '\t');
		put_field(gen->records[i].data, '\n');
	}
	for (unsigned i = 0; i < gen->fail_count; i++) {
		printf("fail\t");
		put_field(gen->fails[i].name, '\t');
		put_field(dns_type_text(gen->fails[i].type), '\n');
	}
}

static void dump_case(unsigned seed, const struct spfgen_case *one, const struct spf_verdict *have)
{
	printf("case\t%u\t", seed);
	put_field(one->client, '\t');
	put_field(one->helo, '\t');
	put_field(one->mail_from, '\t');
	put_field(auth_text(have->result), '\t');
	put_field(have->why, '\t');
	put_field(have->explanation == NULL ? "" : have->explanation, '\n');
}

/* ---- the two kinds ---- */

static void try_wild(struct run *run, const struct spfgen_case *one)
{
	struct spf_request request = request_of(one);
	struct dns_scope *scope = dns_scope_new(run->dns, 300, CLOCK_SECOND);
	struct spf_verdict ours, other;

	spf_start(scope, &request, run->arena);
	spf_check(scope, &request, run->arena, &ours);
	run->results[ours.result]++;
	if (run->dump) {
		dump_case(run->seed, one, &ours);
	} else {
		spf_libspf2_check(scope, &request, run->arena, &other);
		compare(run, one, "libspf2", &ours, &other);
		dns_scope_free(scope);
		scope = dns_scope_new(run->dns, 300, CLOCK_SECOND);
		spf_check(scope, &request, run->arena, &other);
		compare(run, one, "without asking ahead", &ours, &other);
	}
	dns_scope_free(scope);
}

/* What libspf2 is known to do otherwise, seen from our result; NULL: nothing. */
static const char *known_difference(const struct spf_verdict *ours)
{
	if (ours->result != AUTH_PERMERROR)
		return NULL;
	if (ours->voids > SPF_VOIDS_MAX)
		return "more than two void lookups";
	if (ours->terms > SPF_TERMS_MAX)
		return "more than ten terms with lookups";
	return NULL;
}

static void try_plain(struct run *run, const struct spfgen_case *one)
{
	struct spf_request request = request_of(one);
	struct dns_scope *scope = dns_scope_new(run->dns, 1000, CLOCK_SECOND);
	struct spf_verdict ours;
	enum auth_result other;
	const char *known;

	spf_check(scope, &request, run->arena, &ours);
	other = spf_raw(scope, &request.client, one->helo, one->mail_from);
	known = known_difference(&ours);
	run->compared++;
	run->results[ours.result]++;
	if (ours.result != other && (known == NULL || !causes_count(run->causes, known)))
		show(run, one,
		     arena_printf(run->arena, "ours %s (%s), libspf2 by itself %s",
				  auth_text(ours.result), ours.why, auth_text(other)));
	dns_scope_free(scope);
}

static void try_zone(struct run *run, bool plain)
{
	spfgen_make(&run->gen, run->arena, run->seed, plain);
	spfgen_load(&run->gen, run->dns);
	if (run->dump)
		dump_zone(&run->gen);
	for (unsigned i = 0; i < SPFGEN_CASES; i++)
		(plain ? try_plain : try_wild)(run, &run->gen.cases[i]);
	arena_reset(run->arena);
}

static void note_results(const struct run *run, const char *what)
{
	struct buf line;

	buf_init(&line, NULL, 0);
	for (int i = AUTH_NONE; i <= AUTH_PERMERROR; i++)
		buf_printf(&line, " %s %u", auth_text((enum auth_result)i), run->results[i]);
	tap_note("%s: %u comparisons:%s", what, run->compared, buf_text(&line));
	buf_free(&line);
}

static void finish(struct run *run, const char *what)
{
	note_results(run, what);
	is_int(run->differ, 0, "%s: no difference that is not explained", what);
	ok(run->results[AUTH_PASS] > 0 && run->results[AUTH_FAIL] > 0 &&
	       run->results[AUTH_NEUTRAL] > 0 && run->results[AUTH_PERMERROR] > 0,
	   "%s: all sorts of results", what);
	run->compared = run->differ = 0;
	memset(run->results, 0, sizeof run->results);
}

int main(int argc, char **argv)
{
	bool dump = argc > 1 && strcmp(argv[1], "--dump") == 0;
	unsigned count = argc > 1 + dump ? (unsigned)strtoul(argv[1 + dump], NULL, 10) : COUNT;
	unsigned seed = argc > 2 + dump ? (unsigned)strtoul(argv[2 + dump], NULL, 10) : 1;
	struct run run = {.dns = dns_new_memory(NULL), .arena = arena_new(0), .dump = dump};

	run.causes = causes_load("libspf2");
	for (unsigned i = 0; i < count; i++) {
		run.seed = seed + i;
		try_zone(&run, false);
	}
	if (!dump)
		finish(&run, "wild zones");
	for (unsigned i = 0; i < count && !dump; i++) {
		run.seed = seed + i;
		try_zone(&run, true);
	}
	if (!dump) {
		finish(&run, "plain zones");
		causes_note(run.causes);
	}
	causes_free(run.causes);
	arena_free(run.arena);
	dns_free(run.dns);
	return dump ? 0 : tap_done();
}

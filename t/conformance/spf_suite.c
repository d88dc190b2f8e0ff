/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs the cases that t/conformance/spf_suite.py writes, against a zone in memory: three times with
 * our evaluator (with and without asking ahead; and what the first says counts), once with libspf2.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "policy/spf/libspf2.h"
#include "policy/spf/spf.h"
#include "t/lib/dns_memory.h"
#include "t/lib/tap.h"

enum { FIELDS_MAX = 8, SILENCE_MS = 25 };

static unsigned native_right, libspf2_right, cases, surveys;

static const char *unescape(char *field)
{
	char *out = field;

	for (char *p = field; *p != '\0'; p++) {
		if (*p == '%') {
			*out++ = (char)(char_hex(p[1]) << 4 | char_hex(p[2]));
			p += 2;
		} else {
			*out++ = *p;
		}
	}
	*out = '\0';
	return out;
}

struct line {
	char *field[FIELDS_MAX];
	size_t length[FIELDS_MAX];
	unsigned count;
};

static void split(char *text, struct line *line)
{
	line->count = 0;
	text[strcspn(text, "\n")] = '\0';
	while (text != NULL && line->count < FIELDS_MAX) {
		char *tab = strchr(text, '\t');

		if (tab != NULL)
			*tab++ = '\0';
		line->field[line->count] = text;
		line->length[line->count++] = (size_t)(unescape(text) - text);
		text = tab;
	}
}

static enum dns_type type_of(const char *text)
{
	static const struct name_code types[] = {{"A", DNS_TYPE_A},       {"PTR", DNS_TYPE_PTR},
						 {"MX", DNS_TYPE_MX},     {"TXT", DNS_TYPE_TXT},
						 {"AAAA", DNS_TYPE_AAAA}, {NULL, 0}};

	return (enum dns_type)name_code(types, span_of(text), DNS_TYPE_A);
}

static void zone_line(struct dns *dns, const struct line *line)
{
	const char *kind = line->field[0];
	struct why why;
	int result = 0;

	if (strcmp(kind, "rec") == 0)
		result = dns_memory_add(dns, line->field[1], type_of(line->field[2]),
					line->field[3], line->length[3], &why);
	else if (strcmp(kind, "alias") == 0)
		result = dns_memory_alias(dns, line->field[1], line->field[2], &why);
	else
		dns_memory_mode(dns, line->field[1], (int)type_of(line->field[2]),
				strcmp(kind, "silent") == 0 ? DNS_MEMORY_SILENT
							    : DNS_MEMORY_SERVFAIL);
	if (result < 0)
		tap_note("zone: %s", why.text);
}

static bool among(const char *results, const char *result)
{
	size_t length = strlen(result);

	for (; results != NULL; results = strchr(results, ',')) {
		results += *results == ',';
		if (strncmp(results, result, length) == 0 && strchr(",", results[length]) != NULL)
			return true;
	}
	return false;
}

/* "DEFAULT": no explanation of the domain's. The case of letters counts, except in what the
 * address of an IPv6 client expands to: section 7.4 writes it in lower case, the suite in upper. */
static bool explained(const char *want, const char *have, bool ipv6)
{
	if (want == NULL)
		return true;
	if (strcmp(want, "DEFAULT") == 0 || have == NULL)
		return strcmp(want, "DEFAULT") == 0 && have == NULL;
	return ipv6 ? span_ieq(span_of(have), want) : strcmp(have, want) == 0;
}

typedef void run_function(struct dns_scope *scope, const struct spf_request *request,
			  struct arena *arena, struct spf_verdict *out);

static void ahead(struct dns_scope *scope, const struct spf_request *request, struct arena *arena,
		  struct spf_verdict *out)
{
	spf_start(scope, request, arena);
	spf_check(scope, request, arena, out);
}

static bool run(struct dns *dns, const struct spf_request *request, const struct line *line,
		run_function *function, struct arena *arena, struct spf_verdict *out)
{
	struct dns_scope *scope = dns_scope_new(dns, 1000, SILENCE_MS * CLOCK_MS);
	const char *explanation = line->count > 6 ? line->field[6] : NULL;

	function(scope, request, arena, out);
	dns_scope_free(scope);
	return among(line->field[5], auth_text(out->result)) &&
	       explained(explanation, out->explanation, request->client.family == 6);
}

static void note(const char *engine, const struct line *line, const struct spf_verdict *have)
{
	tap_note("%s: want %s \"%s\", have %s \"%s\": %s", engine, line->field[5],
		 line->count > 6 ? line->field[6] : "(any)", auth_text(have->result),
		 have->explanation == NULL ? "(none)" : have->explanation, have->why);
}

/* What a survey has counted after each term, and whether one of these is what was looked for. */
struct counts {
	unsigned terms, voids;   /* looked for */
	unsigned lookups, empty; /* the largest so far */
	bool seen;
	bool loops; /* a survey ends where a record includes itself */
};

static void take_term(void *arg, const struct spf_survey_term *term)
{
	struct counts *counts = arg;

	counts->lookups = counts->lookups > term->lookups ? counts->lookups : term->lookups;
	counts->empty = term->voids;
	counts->loops |= term->loops;
	counts->seen |= counts->lookups == counts->terms && counts->empty == counts->voids;
}

/*
 * A survey with the same client and sender goes over the terms of the evaluation and then further:
 * after one of them it has counted what the evaluation has at its end; and where that went on to
 * the end of the record, both have the same in all.
 */
static void run_survey(struct dns *dns, const struct line *line, const struct spf_request *request,
		       const struct spf_verdict *want, struct arena *arena)
{
	struct dns_scope *scope = dns_scope_new(dns, 1000, SILENCE_MS * CLOCK_MS);
	struct counts counts = {.terms = want->terms, .voids = want->voids};
	const struct spf_survey survey = {take_term, &counts};
	struct spf_request whole = *request;
	struct spf_verdict verdict;
	bool ended = want->mechanism != NULL &&
		     (strcmp(want->mechanism, "default") == 0 ||
		      strcmp(want->mechanism + strspn(want->mechanism, "+-~?"), "all") == 0);

	counts.seen = want->terms == 0 && want->voids == 0;
	whole.survey = &survey;
	spf_check(scope, &whole, arena, &verdict);
	dns_scope_free(scope);
	counts.seen |= verdict.terms == want->terms && verdict.voids == want->voids;
	ok(counts.loops ||
	       (counts.seen && verdict.terms >= want->terms && verdict.voids >= want->voids &&
		(!ended || (verdict.terms == want->terms && verdict.voids == want->voids) ||
		 verdict.terms > want->terms)),
	   "%s: a survey counts %u lookups and %u void ones on its way, as the evaluation",
	   line->field[1], want->terms, want->voids);
	surveys++;
}

static void run_case(struct dns *dns, const char *group, const struct line *line)
{
	struct spf_request request = {.scope = SPF_SCOPE_MFROM,
				      .helo = line->field[2],
				      .mail_from = line->field[3],
				      .receiver = "receiver.example",
				      .now = 1700000000};
	struct spf_verdict verdict, late, second;
	struct arena *arena = arena_new(0);
	bool right;

	cases++;
	if (!ip_parse(span_of(line->field[4]), &request.client))
		tap_note("%s is not an address", line->field[4]);
	right = run(dns, &request, line, ahead, arena, &verdict);
	native_right += right;
	ok(right, "%s: %s", group, line->field[1]);
	if (!right)
		note("native", line, &verdict);
	if (!run(dns, &request, line, spf_check, arena, &late) || late.terms != verdict.terms ||
	    late.voids != verdict.voids) {
		ok(false, "%s: the same without asking ahead", line->field[1]);
		note("native", line, &late);
	}
	run_survey(dns, line, &request, &verdict, arena);
	right = run(dns, &request, line, spf_libspf2_check, arena, &second);
	libspf2_right += right;
	if (!right)
		note("libspf2", line, &second);
	arena_free(arena);
}

static int run_file(FILE *file)
{
	char *text = NULL, group[100] = "";
	struct dns *dns = dns_new_memory(NULL);
	struct line line;
	size_t size = 0;

	while (getline(&text, &size, file) > 0) {
		split(text, &line);
		if (strcmp(line.field[0], "group") == 0) {
			dns_free(dns);
			dns = dns_new_memory(NULL);
			snprintf(group, sizeof group, "%s", line.field[1]);
		} else if (strcmp(line.field[0], "case") == 0) {
			run_case(dns, group, &line);
		} else {
			zone_line(dns, &line);
		}
	}
	dns_free(dns);
	free(text);
	return 0;
}

int main(int argc, char **argv)
{
	unsigned floor = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 0;

	run_file(stdin);
	tap_note("native: %u of %u cases; libspf2 through our layer: %u", native_right, cases,
		 libspf2_right);
	ok(cases > 0 && surveys == cases, "there were cases, each with a survey");
	ok(libspf2_right >= floor, "libspf2 reaches at least %u", floor);
	return tap_done();
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * arcmsg [-o] RECORDS [KEYFILE DOMAIN SELECTOR RESULTS]
 *
 * Validates the ARC chain of the message on standard input, and says "none", "pass" or "fail" and
 * why on standard error. With a key it also seals the message, RESULTS being the authres-payload,
 * and writes it to standard output with the new set on top. RECORDS: a file of keys, a line each,
 * "NAME TEXT"; a TEXT of "-" is a name for which DNS does not answer. -o: DKIM is verified by
 * libopendkim.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "policy/arc/seal.h"
#include "t/lib/dns_memory.h"
#include "t/lib/mailread.h"

struct run {
	struct arena *arena;
	struct dns *zone;
	struct dns_scope *scope;
	struct dkimcheck *dkim;
	struct arc *arc;
	struct verdict verdict;
};

static _Noreturn void die(const char *what, const char *why)
{
	fprintf(stderr, "arcmsg: %s: %s\n", what, why);
	exit(1);
}

static void publish(struct run *run, struct span line)
{
	struct span name;
	bool more = true;
	struct why why;

	if (span_empty(line))
		return;
	span_split(&line, &more, ' ', &name);
	if (span_eq(line, "-"))
		dns_memory_mode(run->zone, arena_span(run->arena, name), 0, DNS_MEMORY_SERVFAIL);
	else if (dns_memory_add(run->zone, arena_span(run->arena, name), DNS_TYPE_TXT, line.p,
				span_len(line), &why) != 0)
		die("a record", why.text);
}

static void read_records(struct run *run, const char *path)
{
	struct span text = mailread_all(fopen(path, "r"), path, run->arena), line;
	bool more = true;

	while (span_split(&text, &more, '\n', &line))
		publish(run, line);
}

static void add_field(void *arg, struct span name, struct span value)
{
	struct run *run = arg;

	arc_header(run->arc, dkimcheck_header(run->dkim, name, value));
}

static struct arcseal *begin_seal(struct run *run, char **argv, struct why *why)
{
	struct span pem = mailread_all(fopen(argv[0], "r"), argv[0], run->arena);
	const struct signing_key *key = signing_key_make(run->arena, argv[1], argv[2], pem, why);

	if (key == NULL)
		die(argv[0], why->text);
	return arcseal_new(run->arc, dkimcheck_fields(run->dkim), key, run->arena, clock_wall());
}

static void print_seal(struct run *run, struct arcseal *seal, const char *results)
{
	struct arcseal_fields fields;
	struct why why;

	if (seal == NULL)
		die("no seal", "the chain cannot go on");
	if (arcseal_finish(seal, &run->verdict.arc, results, &fields, &(bool){false}, &why) != 0)
		die("no seal", why.text);
	printf("ARC-Seal: %s\r\nARC-Message-Signature: %s\r\nARC-Authentication-Results: %s\r\n",
	       fields.seal, fields.message, fields.results);
}

static void validate(struct run *run, char **seal_args)
{
	struct span message =
	    mailread_crlf(mailread_all(stdin, "standard input", run->arena), run->arena);
	struct span body = mailread_header(message, add_field, run);
	struct arcseal *seal = NULL;
	struct why why;

	arc_end_of_headers(run->arc);
	dkimcheck_end_of_headers(run->dkim, NULL);
	if (seal_args != NULL)
		seal = begin_seal(run, seal_args, &why);
	dkimcheck_body(run->dkim, body);
	if (seal != NULL)
		arcseal_body(seal, body);
	arc_await(run->arc);
	dkimcheck_finish(run->dkim, &run->verdict);
	arc_finish(run->arc, &run->verdict.arc);
	fprintf(stderr, "%s %s\n", auth_text(run->verdict.arc.result), run->verdict.arc.why);
	if (seal_args == NULL)
		return;
	print_seal(run, seal, seal_args[3]);
	fwrite(message.p, 1, span_len(message), stdout);
}

int main(int argc, char **argv)
{
	const struct dns_settings settings = {0};
	struct dkimcheck_rules dkim = {.max_signatures = 10, .clock_drift = 300};
	const struct arc_rules arc = {.clock_drift = 300};
	struct dkimcheck_engine *engine = dkimcheck_engine_new(NULL);
	struct run run = {.arena = arena_new(0), .zone = dns_new_memory(&settings)};

	if (argc > 1 && strcmp(argv[1], "-o") == 0) {
		dkim.engine = DKIMCHECK_OPENDKIM;
		argc--;
		argv++;
	}
	if (argc != 2 && argc != 6)
		die("usage", "arcmsg [-o] RECORDS [KEYFILE DOMAIN SELECTOR RESULTS] <MESSAGE");
	read_records(&run, argv[1]);
	run.scope = dns_scope_new(run.zone, 200, CLOCK_SECOND);
	run.dkim = dkimcheck_new(engine, &dkim, run.arena, run.scope, clock_wall());
	run.arc = arc_new(&arc, run.dkim, run.arena, run.scope, clock_wall());
	validate(&run, argc == 6 ? argv + 2 : NULL);
	dns_scope_free(run.scope);
	arena_free(run.arena);
	dns_free(run.zone);
	dkimcheck_engine_free(engine);
	return 0;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `countersign spf IP`: may this client send for an address or a HELO name (RFC 7208)? As the
 * daemon would find, without a message.
 */
#include <getopt.h>
#include <string.h>

#include "admin/check/evaluate.h"
#include "admin/check/explain.h"
#include "lib/jsonout.h"
#include "lib/clock.h"
#include "policy/result/steps.h"

static const struct admin_option options[] = {
    {"from", 'f', "ADDRESS", "MAIL FROM, or a domain; \"\" is the null sender"},
    {"helo", 'H', "NAME", "what the client said in HELO or EHLO"},
    {NULL, 0, NULL, NULL},
};

enum { IDENTITIES = 2 };

struct spf_run {
	struct evaluate evaluate;
	struct admin *admin;
	struct ip ip;
	const char *helo; /* NULL: not given */
	const char *from; /* likewise */
	struct spf_verdict verdicts[IDENTITIES];
	unsigned count;
	const char *disagreements[IDENTITIES];
	unsigned disagreement_count;
};

static void note_step(void *arg, const char *line)
{
	steps_add(arg, "%s", line);
}

/* Adds the verdict on one identity (sections 2.3 and 2.4). */
static void check_identity(struct spf_run *run, enum spf_scope scope)
{
	const struct evaluate *evaluate = &run->evaluate;
	struct spf_verdict *verdict = &run->verdicts[run->count++];
	struct steps *steps = arena_make(evaluate->arena, struct steps);
	struct spf_request *request = arena_make(evaluate->arena, struct spf_request);
	const char *disagreement = NULL;

	steps->arena = evaluate->arena;
	*request = (struct spf_request){.client = run->ip,
					.scope = scope,
					.helo = run->helo == NULL ? "" : run->helo,
					.mail_from = run->from == NULL ? "" : run->from,
					.receiver = evaluate->host,
					.now = clock_wall(),
					.trace = note_step,
					.trace_arg = steps};
	spf_start(evaluate->scope, request, evaluate->arena);
	spf_check_with(evaluate->context->check.spf_engine, evaluate->scope, request,
		       evaluate->arena, verdict, &disagreement);
	verdict->steps = steps->items;
	verdict->step_count = steps->count;
	if (disagreement != NULL)
		run->disagreements[run->disagreement_count++] = disagreement;
}

/* ---- what is printed ---- */

static const char *verdict_name(const struct spf_verdict *verdict)
{
	return verdict->scope == SPF_SCOPE_HELO ? "helo" : "spf";
}

static void show_text(struct spf_run *run)
{
	for (unsigned i = 0; i < run->count; i++)
		explain_spf(run->admin, verdict_name(&run->verdicts[i]), &run->verdicts[i]);
	explain_disagreements(run->disagreements, run->disagreement_count);
	explain_scope(run->admin, run->evaluate.scope, run->evaluate.start, NULL);
}

static void show_json(struct spf_run *run)
{
	struct jsonout *out = jsonout_new(run->admin->arena, "spf");
	char text[IP_TEXT_MAX];

	jsonout_text(out, "ip", ip_text(&run->ip, text));
	for (unsigned i = 0; i < run->count; i++)
		explain_json_spf(out, run->verdicts[i].scope == SPF_SCOPE_HELO ? "spf_helo" : "spf",
				 &run->verdicts[i]);
	explain_json_disagreements(out, run->disagreements, run->disagreement_count);
	explain_scope(run->admin, run->evaluate.scope, run->evaluate.start, out);
	admin_print_json(run->admin, out);
}

/* ---- the command ---- */

/* MAIL FROM decides where it was given. */
static int run_status(const struct spf_run *run)
{
	enum auth_result result = run->verdicts[run->count - 1].result;

	if (result == AUTH_TEMPERROR)
		return ADMIN_TEMPORARY;
	return result == AUTH_PASS ? ADMIN_DONE : ADMIN_NO;
}

static int judge_client(struct spf_run *run)
{
	int status = evaluate_open(&run->evaluate, run->admin);

	if (status == ADMIN_DONE) {
		if (run->helo != NULL)
			check_identity(run, SPF_SCOPE_HELO);
		if (run->from != NULL)
			check_identity(run, SPF_SCOPE_MFROM);
		(run->admin->json ? show_json : show_text)(run);
		status = run_status(run);
	}
	evaluate_close(&run->evaluate);
	return status;
}

/* A domain alone stands for its postmaster (section 4.3). */
static const char *read_sender(struct arena *arena, const char *text)
{
	const char *address = evaluate_sender(arena, text);

	if (address[0] == '\0' || strchr(address, '@') != NULL)
		return address;
	return arena_printf(arena, "postmaster@%s", address);
}

static int run_spf(struct admin *admin, int argc, char **argv)
{
	struct spf_run run = {.admin = admin};
	int letter;

	while ((letter = admin_getopt(admin, argc, argv)) != -1) {
		if (letter == 'f')
			run.from = read_sender(admin->arena, optarg);
		else if (letter == 'H')
			run.helo = optarg;
		else
			return ADMIN_USAGE;
	}
	if (argc - optind != 1)
		return admin_usage(admin, argc == optind ? "missing argument: IP"
							 : "spf takes one address");
	if (!ip_parse(span_of(argv[optind]), &run.ip))
		return admin_usage(admin, "\"%s\" is not an IP address", argv[optind]);
	if (run.from == NULL && run.helo == NULL)
		return admin_usage(admin, "missing option: --from=ADDRESS or --helo=NAME, for whom "
					  "the client sends");
	if (run.from != NULL && run.from[0] == '\0' && run.helo == NULL)
		return admin_usage(admin, "the null sender is judged by --helo=NAME (RFC 7208 "
					  "section 2.4)");
	return judge_client(&run);
}

const struct admin_verb cmd_spf[] = {
    {"spf", NULL, "IP", "Check whether a client may send for a domain, and explain it", run_spf,
     options, false},
    {NULL, NULL, NULL, NULL, NULL, NULL, false},
};

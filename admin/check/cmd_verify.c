/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `countersign verify FILE`: what the milter would say of a message, by the same code, with the
 * steps that led to it.
 */
#include <getopt.h>
#include <string.h>

#include "admin/check/evaluate.h"
#include "admin/check/explain.h"
#include "admin/check/message.h"
#include "lib/jsonout.h"
#include "admin/out.h"
#include "lib/clock.h"
#include "mail/domain.h"
#include "policy/authres.h"

struct run {
	struct admin *admin;
	struct message_file message;
	struct check_client client;
	struct evaluate evaluate;
	const char **recipients;
	unsigned recipient_count;
	const struct verdict *verdict;
	struct check *check;
};

static const struct admin_option options[] = {
    {"ip", 'i', "ADDRESS", "the client's address; without it SPF and iprev are not checked"},
    {"helo", 'H', "NAME", "what the client said in HELO or EHLO"},
    {"from", 'f', "ADDRESS", "MAIL FROM; \"\" is the null sender (default: the From field)"},
    {"to", 't', "ADDRESS", "a recipient, for rules with recipients; can be repeated"},
    {NULL, 0, NULL, NULL},
};

/* ---- running the message through ---- */

static const char *default_sender(struct run *run)
{
	struct arena *arena = run->admin->arena;
	struct address_list *list = arena_make(arena, struct address_list);

	for (unsigned i = 0; i < run->message.field_count; i++) {
		const struct message_field *field = &run->message.fields[i];

		if (span_ieq(span_trim(field->name), "from") &&
		    address_parse(arena, field->value, list, NULL) == 0 && list->count > 0 &&
		    list->addresses[0].domain != NULL)
			return arena_printf(arena, "%s@%s", list->addresses[0].local,
					    list->addresses[0].domain);
	}
	return "";
}

static void feed_message(struct run *run)
{
	const struct evaluate *evaluate = &run->evaluate;
	const struct conf *conf = evaluate->conf;
	struct check_dns lookups = {evaluate->dns, (unsigned)conf->dns.budget, conf->dns.timeout};
	struct check *check = check_new(&evaluate->context->check, &run->client, &lookups,
					evaluate->arena, clock_wall());

	for (unsigned i = 0; i < run->recipient_count; i++)
		check_recipient(check, domain_of_address(evaluate->arena, run->recipients[i]));
	for (unsigned i = 0; i < run->message.field_count; i++)
		check_header(check, run->message.fields[i].name, run->message.fields[i].value);
	check_end_of_headers(check);
	check_body(check, run->message.body);
	run->check = check;
	run->verdict = check_finish(check, clock_mono() + conf->dns.timeout);
}

/* 0: the message passes; 1: it would be held, refused or deferred; 75: DNS kept us from knowing. */
static int verdict_status(const struct verdict *verdict)
{
	if (verdict->dmarc.result == AUTH_TEMPERROR)
		return ADMIN_TEMPORARY;
	return verdict->decision.action == ACTION_ACCEPT ? ADMIN_DONE : ADMIN_NO;
}

/* ---- for people ---- */

/* With the reasons that the report to the author's domain will give (RFC 9990 section 3.1.6). */
static void show_action(const struct run *run, const struct decision *decision)
{
	bool color = admin_color(run->admin, stdout);

	printf("%-7s %s%-9s%s ", "action", out_on(OUT_BOLD, color),
	       name_text(action_names, (int)decision->action), out_off(OUT_BOLD, color));
	out_text(stdout, decision->why);
	printf("\n");
	for (unsigned i = 0; i < decision->override_count && run->admin->verbose > 0; i++) {
		const struct override *override = &decision->overrides[i];

		printf("          . reported as %s with reason %s",
		       dmarc_policy_text(decision->disposition),
		       name_text(override_names, (int) override->type));
		if (override->comment != NULL) {
			printf(": ");
			out_text(stdout, override->comment);
		}
		printf("\n");
	}
}

/* What an MTA would not have made of the file without saying so. */
static const char *note_of(const struct run *run)
{
	if (run->message.broken_line == 0)
		return NULL;
	return arena_printf(run->admin->arena,
			    "line %u is not a header field: the body begins with it "
			    "(RFC 5322 section 2.1)",
			    run->message.broken_line);
}

static void show_text(struct run *run)
{
	const struct verdict *verdict = run->verdict;
	struct explain_lookups lookups = {run->admin, run->evaluate.start, NULL};

	if (note_of(run) != NULL)
		printf("message %s\n", note_of(run));
	explain_line(run->admin, "iprev", verdict->iprev.result, verdict->iprev.name,
		     verdict->iprev.why);
	explain_spf(run->admin, "helo", &verdict->spf_helo);
	explain_spf(run->admin, "spf", &verdict->spf);
	explain_dkim(run->admin, verdict);
	explain_arc(run->admin, &verdict->arc);
	explain_dmarc(run->admin, &verdict->dmarc);
	explain_bimi(run->admin, &verdict->bimi);
	show_action(run, &verdict->decision);
	explain_disagreements(verdict->disagreements, verdict->disagreement_count);
	if (run->admin->verbose > 0) {
		printf("lookups\n");
		check_each_lookup(run->check, explain_lookup, &lookups);
	}
	printf("\nAuthentication-Results: %s\n",
	       authres_write(run->admin->arena, run->evaluate.host, verdict));
}

/* ---- for programs ---- */

static void json_decision(struct jsonout *out, const struct decision *decision)
{
	jsonout_text(out, "action", name_text(action_names, (int)decision->action));
	jsonout_text(out, "reason", decision->why);
	jsonout_text(out, "disposition", dmarc_policy_text(decision->disposition));
	jsonout_array(out, "overrides");
	for (unsigned i = 0; i < decision->override_count; i++) {
		jsonout_object(out, NULL);
		jsonout_text(out, "type",
			     name_text(override_names, (int)decision->overrides[i].type));
		jsonout_text(out, "comment", decision->overrides[i].comment);
		jsonout_end(out);
	}
	jsonout_end(out);
}

static void show_json(struct run *run)
{
	const struct verdict *verdict = run->verdict;
	struct jsonout *out = jsonout_new(run->admin->arena, "verify");
	struct explain_lookups lookups = {run->admin, run->evaluate.start, out};

	jsonout_text(out, "note", note_of(run));
	jsonout_object(out, "iprev");
	jsonout_text(out, "result", auth_text(verdict->iprev.result));
	jsonout_text(out, "name", verdict->iprev.name);
	jsonout_text(out, "why", verdict->iprev.why);
	jsonout_end(out);
	explain_json_spf(out, "spf_helo", &verdict->spf_helo);
	explain_json_spf(out, "spf", &verdict->spf);
	explain_json_dkim(out, verdict);
	explain_json_arc(out, run->admin->arena, &verdict->arc);
	explain_json_dmarc(out, &verdict->dmarc);
	explain_json_bimi(out, &verdict->bimi);
	json_decision(out, &verdict->decision);
	explain_json_disagreements(out, verdict->disagreements, verdict->disagreement_count);
	jsonout_text(out, "authentication_results",
		     authres_write(run->admin->arena, run->evaluate.host, verdict));
	jsonout_array(out, "lookups");
	check_each_lookup(run->check, explain_lookup, &lookups);
	jsonout_end(out);
	admin_print_json(run->admin, out);
}

/* ---- the command ---- */

static int read_options(struct run *run, int argc, char **argv, const char **from)
{
	int letter;

	while ((letter = admin_getopt(run->admin, argc, argv)) != -1) {
		if (letter == 'i' && !ip_parse(span_of(optarg), &run->client.ip))
			return admin_usage(run->admin, "--ip: \"%s\" is not an address", optarg);
		if (letter == 'H')
			run->client.helo = optarg;
		else if (letter == 't')
			run->recipients[run->recipient_count++] = optarg;
		else if (letter == 'f')
			*from = evaluate_sender(run->admin->arena, optarg);
		else if (letter != 'i')
			return ADMIN_USAGE;
	}
	if (argc - optind != 1)
		return admin_usage(run->admin, "verify takes one file, or - for standard input");
	return ADMIN_DONE;
}

static int judge_message(struct run *run)
{
	int status = evaluate_open(&run->evaluate, run->admin);

	if (status == ADMIN_DONE) {
		run->client.receiver = run->evaluate.host;
		feed_message(run);
		(run->admin->json ? show_json : show_text)(run);
		status = verdict_status(run->verdict);
	}
	evaluate_close(&run->evaluate);
	return status;
}

static int verify_message(struct admin *admin, int argc, char **argv)
{
	struct run run = {.admin = admin, .client = {.helo = ""}};
	const char *from = NULL;
	struct why why;
	int status;

	run.recipients = arena_array(admin->arena, (size_t)argc + 1, sizeof *run.recipients);
	status = read_options(&run, argc, argv, &from);
	if (status != ADMIN_DONE)
		return status;
	if (admin_conf(admin) == NULL)
		return ADMIN_CONFIG;
	if (message_read(admin->arena, argv[optind], &run.message, &why) != 0) {
		admin_error(admin, "%s", why.text);
		return ADMIN_NO_INPUT;
	}
	run.client.explain = admin->verbose > 0 || admin->json;
	run.client.mail_from = from != NULL ? from : default_sender(&run);
	return judge_message(&run);
}

const struct admin_verb cmd_verify[] = {
    {"verify", NULL, "FILE|-", "Check a message as the milter would, and explain the result",
     verify_message, options, false},
    {NULL, NULL, NULL, NULL, NULL, NULL, false},
};

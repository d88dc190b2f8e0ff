/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `countersign dkim verify FILE` and `countersign dkim sign FILE`: the signatures of a message (RFC
 * 6376) alone, by the code that the daemon verifies and signs with.
 */
#include <getopt.h>
#include <string.h>

#include "admin/check/evaluate.h"
#include "admin/check/explain.h"
#include "admin/check/message.h"
#include "lib/jsonout.h"
#include "admin/key/command.h"
#include "lib/clock.h"

/* The message that the arguments name. 0, or the exit status after the error was printed. */
static int read_message(struct admin *admin, int argc, char **argv, struct message_file *message)
{
	struct why why;

	if (argc - optind != 1)
		return admin_usage(admin, "dkim %s takes one file, or - for standard input",
				   admin->verb->verb);
	if (admin_conf(admin) == NULL)
		return ADMIN_CONFIG;
	if (message_read(admin->arena, argv[optind], message, &why) == 0)
		return ADMIN_DONE;
	admin_error(admin, "%s", why.text);
	return ADMIN_NO_INPUT;
}

/* ---- dkim verify ---- */

static void verify_signatures(const struct evaluate *evaluate, const struct message_file *message,
			      struct verdict *verdict)
{
	const struct check_rules *check = &evaluate->context->check;
	struct dkimcheck_rules rules = check->dkim;
	struct dkimcheck *dkim;

	rules.explain = true;
	dkim = dkimcheck_new(check->dkim_engine, &rules, evaluate->arena, evaluate->scope,
			     clock_wall());
	for (unsigned i = 0; i < message->field_count; i++)
		dkimcheck_header(dkim, message->fields[i].name, message->fields[i].value);
	dkimcheck_end_of_headers(dkim, NULL);
	dkimcheck_body(dkim, message->body);
	dkimcheck_finish(dkim, verdict);
}

static void show_signatures(const struct evaluate *evaluate, const struct verdict *verdict)
{
	explain_dkim(evaluate->admin, verdict);
	explain_disagreements(verdict->disagreements, verdict->disagreement_count);
	explain_scope(evaluate->admin, evaluate->scope, evaluate->start, NULL);
}

static void json_signatures(const struct evaluate *evaluate, const struct verdict *verdict)
{
	struct jsonout *out = jsonout_new(evaluate->admin->arena, "dkim.verify");

	explain_json_dkim(out, verdict);
	explain_json_disagreements(out, verdict->disagreements, verdict->disagreement_count);
	explain_scope(evaluate->admin, evaluate->scope, evaluate->start, out);
	admin_print_json(evaluate->admin, out);
}

/* One good signature is enough (section 6.1). */
static int signatures_status(const struct verdict *verdict)
{
	int status = ADMIN_NO;

	for (unsigned i = 0; i < verdict->dkim_count; i++) {
		if (verdict->dkim[i].result == AUTH_PASS)
			return ADMIN_DONE;
		if (verdict->dkim[i].result == AUTH_TEMPERROR)
			status = ADMIN_TEMPORARY;
	}
	return status;
}

static int run_verify(struct admin *admin, int argc, char **argv)
{
	int status = admin_args(admin, argc, argv, 0, -1);
	struct verdict verdict = {.helo = "", .mail_from = ""};
	struct message_file message;
	struct evaluate evaluate;

	if (status == ADMIN_DONE)
		status = read_message(admin, argc, argv, &message);
	if (status != ADMIN_DONE)
		return status;
	status = evaluate_open(&evaluate, admin);
	if (status == ADMIN_DONE) {
		verify_signatures(&evaluate, &message, &verdict);
		(admin->json ? json_signatures : show_signatures)(&evaluate, &verdict);
		status = signatures_status(&verdict);
	}
	evaluate_close(&evaluate);
	return status;
}

/* ---- dkim sign ---- */

enum { OPTION_FIELDS = 512 };

static const struct admin_option sign_options[] = {
    {"fields", OPTION_FIELDS, NULL, "print the DKIM-Signature fields without the message"},
    KEYS_OPTION,
    {NULL, 0, NULL, NULL},
};

struct signing {
	struct admin *admin;
	struct message_file message;
	const char *keys; /* NULL: those of the settings */
	bool fields_only;
};

/* As the daemon signs what a program of this host submits: the author's domain chooses the keys. */
static void sign_message(const struct signing *signing, const struct outbound_rules *rules,
			 struct outbound_result *result)
{
	const struct outbound_sender sender = {.origin = ORIGIN_LOCAL, .mail_from = ""};
	const struct message_file *message = &signing->message;
	struct outbound *outbound =
	    outbound_new(rules, &sender, signing->admin->arena, clock_wall());

	for (unsigned i = 0; i < message->field_count; i++)
		outbound_header(outbound, message->fields[i].name, message->fields[i].value);
	outbound_end_of_headers(outbound);
	outbound_body(outbound, message->body);
	outbound_finish(outbound, result);
}

/* With the line ends of the file. */
static void print_field(const char *value, bool crlf)
{
	fputs("DKIM-Signature: ", stdout);
	for (; *value != '\0'; value++) {
		if (*value != '\r' || crlf)
			putchar(*value);
	}
	fputs(crlf ? "\r\n" : "\n", stdout);
}

static void print_signed(const struct signing *signing, const struct outbound_result *result)
{
	struct span text = signing->message.text;
	bool crlf = memmem(text.p, span_len(text), "\r\n", 2) != NULL;

	for (unsigned i = 0; i < result->field_count; i++)
		print_field(result->fields[i], crlf);
	if (!signing->fields_only)
		fwrite(text.p, 1, span_len(text), stdout);
}

static void json_signed(const struct signing *signing, const struct outbound_result *result)
{
	struct jsonout *out = jsonout_new(signing->admin->arena, "dkim.sign");

	jsonout_text(out, "author_domain", result->author_domain);
	jsonout_array(out, "signatures");
	for (unsigned i = 0; i < result->field_count; i++) {
		jsonout_object(out, NULL);
		jsonout_text(out, "domain", result->made[i].domain);
		jsonout_text(out, "name", "DKIM-Signature");
		jsonout_text(out, "value", result->fields[i]);
		jsonout_end(out);
	}
	admin_print_json(signing->admin, out);
}

static int explain_unsigned(const struct admin *admin, const struct outbound_result *result)
{
	if (result->field_count > 0)
		admin_error(admin, "not signed with every key: %s", result->why);
	else
		admin_error(admin, "not signed: %s", result->why);
	if (result->reason == OUTBOUND_NO_KEY)
		admin_hint(admin, "countersign key gen %s", result->author_domain);
	else if (result->reason == OUTBOUND_KEY_PENDING)
		admin_hint(admin, "countersign key activate %s", result->author_domain);
	return ADMIN_NO;
}

static int sign_with_keys(const struct signing *signing)
{
	struct admin *admin = signing->admin;
	struct conf conf = *admin_conf(admin); /* borrows all of it */
	struct outbound_result result;
	struct context *context;
	struct why why;
	int status = ADMIN_DONE;

	conf.sign.enabled = true;
	conf.arc.seal.count = 0;
	conf.list_count = 0;
	if (signing->keys != NULL)
		conf.sign.keys = signing->keys;
	context = context_new(&conf, NULL, &why);
	if (context == NULL) {
		admin_error(admin, "%s", why.text);
		return ADMIN_CONFIG;
	}
	sign_message(signing, &context->outbound, &result);
	if (admin->json)
		json_signed(signing, &result);
	else if (result.field_count > 0)
		print_signed(signing, &result);
	if (result.why != NULL)
		status = explain_unsigned(admin, &result);
	context_drop(context);
	return status;
}

static int run_sign(struct admin *admin, int argc, char **argv)
{
	struct signing signing = {.admin = admin};
	int letter, status;

	while ((letter = admin_getopt(admin, argc, argv)) != -1) {
		if (letter == OPTION_FIELDS)
			signing.fields_only = true;
		else if (letter == OPTION_KEYS)
			signing.keys = optarg;
		else
			return ADMIN_USAGE;
	}
	status = read_message(admin, argc, argv, &signing.message);
	return status == ADMIN_DONE ? sign_with_keys(&signing) : status;
}

const struct admin_verb cmd_dkim[] = {
    {"dkim", "verify", "FILE|-", "Verify the signatures of a message, and explain each", run_verify,
     NULL, false},
    {"dkim", "sign", "FILE|-", "Sign a message as the daemon would, and print it", run_sign,
     sign_options, false},
    {NULL, NULL, NULL, NULL, NULL, NULL, false},
};

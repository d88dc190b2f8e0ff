/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `countersign audit DOMAIN...`: are these domains in order? Facts are gathered from the DNS and
 * from our keys, rules judge them, and for each finding there is the record to publish.
 */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "admin/audit/facts.h"
#include "admin/audit/show.h"
#include "admin/check/evaluate.h"
#include "lib/clock.h"
#include "mail/domain.h"

enum {
	OPTION_ALL = 700,
	OPTION_FILE,
	OPTION_FACTS,
	OPTION_RULES,
	OPTION_PARALLEL,
	OPTION_ADDRESS,
	OPTION_HELO,
	OPTION_NAME_SERVERS,
	OPTION_PROFILE,
	DOMAINS_MAX = 1000000,
	LINE_MAX_BYTES = 1000,
	PARALLEL = 16
};

static const struct admin_option options[] = {
    {"all", OPTION_ALL, NULL, "every domain that has a signing key"},
    {"file", OPTION_FILE, "FILE", "the domains in a file, one a line; -: standard input"},
    {"facts", OPTION_FACTS, NULL, "print the facts as JSON, and judge nothing"},
    {"rules", OPTION_RULES, NULL, "list the rules"},
    {"parallel", OPTION_PARALLEL, "N", "domains at a time (16)"},
    {"address", OPTION_ADDRESS, "IP",
     "an address that own mail leaves from, beside audit.addresses"},
    {"profile", OPTION_PROFILE, "NAME", "what the domain is for: default or parked"},
    {"helo", OPTION_HELO, "NAME", "the name in HELO, in place of audit.helo"},
    {"name-servers", OPTION_NAME_SERVERS, NULL, "ask each name server of a domain, too"},
    {NULL, 0, NULL, NULL},
};

struct audit_command {
	struct admin *admin;
	const struct conf *conf;
	struct evaluate evaluate;
	struct audit_settings settings;
	struct keyring *keyring;
	const char **domains;
	unsigned count, room;
	struct ip addresses[AUDIT_LISTS_MAX];
	unsigned parallel;
	bool all, facts, rules;
	const char *file;
	int32_t today;
	struct jsonout *out;              /* or NULL */
	unsigned errors, warnings, blind; /* domains */
};

/* ---- which domains ---- */

static void add_domain(struct audit_command *command, const char *domain)
{
	for (unsigned i = 0; i < command->count && command->count < 1000; i++) {
		if (strcmp(command->domains[i], domain) == 0)
			return;
	}
	if (command->count == command->room) {
		const char **old = command->domains;

		command->room = command->room == 0 ? 64 : 2 * command->room;
		command->domains = arena_array(command->admin->arena, command->room, sizeof *old);
		if (command->count > 0)
			memcpy(command->domains, old, command->count * sizeof *old);
	}
	command->domains[command->count++] = domain;
}

static int add_text(struct audit_command *command, struct span text, const char *where)
{
	struct why why = {""};
	const char *domain = domain_parse(command->admin->arena, text, &why);

	if (domain == NULL || domain_labels(domain) < 2) {
		admin_error(command->admin, "%s%s", where,
			    domain != NULL ? "a domain has at least two labels" : why.text);
		return ADMIN_BAD_INPUT;
	}
	add_domain(command, domain);
	return 0;
}

/* Empty lines and what follows "#" are left out. */
static int read_domains(struct audit_command *command, FILE *file)
{
	char line[LINE_MAX_BYTES];
	unsigned number = 0;
	int status = 0;

	while (status == 0 && fgets(line, sizeof line, file) != NULL) {
		struct span text = span_of(line);
		const char *where;

		number++;
		text.end = text.p + strcspn(line, "#");
		text = span_trim(text);
		if (span_empty(text) || command->count == DOMAINS_MAX)
			continue;
		where = arena_printf(command->admin->arena, "%s: line %u: ", command->file, number);
		status = add_text(command, text, where);
	}
	return status;
}

static int read_file(struct audit_command *command)
{
	bool standard = strcmp(command->file, "-") == 0;
	FILE *file = standard ? stdin : fopen(command->file, "re");
	int status;

	if (file == NULL) {
		admin_error(command->admin, "%s: %s", command->file, strerror(errno));
		return ADMIN_NO_INPUT;
	}
	status = read_domains(command, file);
	if (!standard)
		fclose(file);
	return status;
}

static void add_key_domain(void *arg, const struct signing_key *key, const char *path)
{
	(void)path;
	add_domain(arg, signing_key_domain(key));
}

static int collect_domains(struct audit_command *command, int argc, char **argv)
{
	int status = 0;

	for (int i = optind; i < argc && status == 0; i++)
		status = add_text(command, span_of(argv[i]), "");
	if (status == 0 && command->file != NULL)
		status = read_file(command);
	if (status == 0 && command->all && command->keyring != NULL)
		keyring_each(command->keyring, add_key_domain, command);
	if (status != 0 || command->count > 0)
		return status;
	if (!command->all && command->file == NULL)
		return admin_usage(command->admin, "missing argument: DOMAIN, --all or --file");
	admin_error(command->admin,
		    command->all ? "there is no signing key in %s" : "there is no domain in %s",
		    command->all ? command->conf->sign.keys : command->file);
	return ADMIN_NO_INPUT;
}

/* ---- settings ---- */

static int add_address(struct audit_command *command, const char *text)
{
	struct audit_settings *settings = &command->settings;

	if (settings->address_count == AUDIT_LISTS_MAX)
		return admin_usage(command->admin, "there are more than %d addresses",
				   AUDIT_LISTS_MAX);
	if (!ip_parse(span_of(text), &command->addresses[settings->address_count]))
		return admin_usage(command->admin, "\"%s\" is not an IP address", text);
	settings->address_count++;
	return 0;
}

static void check_silence(const struct audit_command *command)
{
	for (unsigned i = 0; i < command->conf->audit.silence_count; i++) {
		struct why why;

		if (audit_check_rule(span_of(command->conf->audit.silence[i].rule), &why) == -1)
			admin_warning(command->admin, "audit.silence: %s", why.text);
	}
}

/* 0, or the exit status after the error was printed. */
static int make_settings(struct audit_command *command)
{
	const struct conf *conf = command->conf;
	struct audit_settings *settings = &command->settings;
	struct why why;
	int status = 0;

	for (unsigned i = 0; i < conf->audit.addresses.count && status == 0; i++)
		status = add_address(command, conf->audit.addresses.items[i]);
	if (status != 0)
		return status;
	command->keyring = keyring_load(conf->sign.keys, context_key_access(conf), &why);
	if (command->keyring == NULL)
		admin_warning(command->admin, "DKIM is not checked: %s", why.text);
	settings->keyring = command->keyring;
	settings->dmarc = &command->evaluate.context->check.dmarc;
	settings->addresses = command->addresses;
	if (settings->helo == NULL && *conf->audit.helo != '\0')
		settings->helo = conf->audit.helo;
	settings->block_lists = conf->audit.block_lists.items;
	settings->block_list_count = conf->audit.block_lists.count;
	settings->key_days = (unsigned)conf->audit.key_days;
	settings->validates = *conf->dns.trust_anchor != '\0';
	settings->budget = (unsigned)conf->audit.budget;
	settings->timeout =
	    command->admin->timeout > 0 ? command->admin->timeout : conf->audit.timeout;
	settings->now = clock_wall();
	command->today = clock_day(settings->now);
	check_silence(command);
	return 0;
}

/* ---- results ---- */

/* Nothing of what matters most could be looked at. */
static bool is_blind(const struct audit_facts *facts)
{
	return facts->mail.mx.status == DNS_TEMPFAIL && facts->spf.txt.status == DNS_TEMPFAIL &&
	       facts->dmarc.txt.status == DNS_TEMPFAIL;
}

static void take_result(void *arg, const struct audit_result *result)
{
	struct audit_command *command = arg;
	struct audit_counts counts = show_counts(command->conf, result, command->today);

	command->errors += counts.levels[AUDIT_ERROR] > 0;
	command->warnings += counts.levels[AUDIT_WARN] > 0;
	command->blind += is_blind(result->facts);
	if (command->out == NULL) {
		show_result(command->admin, command->conf, result, command->today);
		if (command->settings.profile == AUDIT_PROFILE_PARKED)
			show_parked(result->domain);
		fflush(stdout);
		return;
	}
	jsonout_object(command->out, NULL);
	if (command->facts)
		facts_json(command->out, result->arena, result->facts);
	else
		show_result_json(command->out, command->conf, result, command->today);
	jsonout_end(command->out);
}

static int exit_status(const struct audit_command *command)
{
	if (command->errors > 0 && !command->facts)
		return ADMIN_PARTLY;
	if (command->blind > 0)
		return ADMIN_TEMPORARY;
	return command->warnings > 0 && !command->facts ? ADMIN_NO : ADMIN_DONE;
}

/* Facts have no time in them: the same ones are the same bytes. */
static void open_json(struct audit_command *command)
{
	struct arena *arena = command->admin->arena;

	if (command->facts && !command->admin->json) {
		command->out = jsonout_rest(arena);
		jsonout_text(command->out, "schema", "countersign.audit.facts/1");
	} else if (command->admin->json) {
		command->out = jsonout_new(arena, command->facts ? "audit.facts" : "audit");
	}
	if (command->out != NULL)
		jsonout_array(command->out, "domains");
}

static int run_audits(struct audit_command *command)
{
	int status;

	open_json(command);
	status =
	    audit_run(command->admin, &command->settings, command->evaluate.dns, command->domains,
		      command->count, command->parallel, take_result, command);
	if (command->out != NULL) {
		jsonout_end(command->out);
		if (command->admin->json)
			admin_print_json(command->admin, command->out);
		else
			jsonout_print(command->out, stdout);
	}
	if (status == -1) {
		admin_error(command->admin, "interrupted");
		return ADMIN_TEMPORARY;
	}
	return exit_status(command);
}

static int parse_parallel(struct audit_command *command, const char *text)
{
	uint64_t number;

	if (!span_number(span_of(text), AUDIT_PARALLEL_MAX, &number) || number == 0)
		return admin_usage(command->admin, "--parallel takes a number from 1 to %d",
				   AUDIT_PARALLEL_MAX);
	command->parallel = (unsigned)number;
	return 0;
}

static int parse_profile(struct audit_command *command, const char *text)
{
	static const struct name_code profiles[] = {
	    {"default", AUDIT_PROFILE_DEFAULT}, {"parked", AUDIT_PROFILE_PARKED}, {NULL, 0}};
	int profile = name_code(profiles, span_of(text), -1);

	if (profile == -1)
		return admin_usage(command->admin, "--profile is default or parked");
	command->settings.profile = (enum audit_profile)profile;
	return 0;
}

static int take_option(struct audit_command *command, int letter)
{
	switch (letter) {
	case OPTION_ALL:
		command->all = true;
		return 0;
	case OPTION_FILE:
		command->file = optarg;
		return 0;
	case OPTION_FACTS:
		command->facts = true;
		return 0;
	case OPTION_RULES:
		command->rules = true;
		return 0;
	case OPTION_PARALLEL:
		return parse_parallel(command, optarg);
	case OPTION_ADDRESS:
		return add_address(command, optarg);
	case OPTION_PROFILE:
		return parse_profile(command, optarg);
	case OPTION_HELO:
		command->settings.helo = optarg;
		return 0;
	case OPTION_NAME_SERVERS:
		command->settings.name_servers = true;
		return 0;
	default:
		return ADMIN_USAGE;
	}
}

static int run_audit(struct admin *admin, int argc, char **argv)
{
	struct audit_command command = {.admin = admin, .parallel = PARALLEL};
	int letter, status = 0;

	while (status == 0 && (letter = admin_getopt(admin, argc, argv)) != -1)
		status = take_option(&command, letter);
	if (status != 0)
		return status;
	if (command.rules) {
		show_rules(admin);
		return ADMIN_DONE;
	}
	status = evaluate_open(&command.evaluate, admin);
	command.conf = command.evaluate.conf;
	if (status == 0)
		status = make_settings(&command);
	if (status == 0)
		status = collect_domains(&command, argc, argv);
	if (status == 0)
		status = run_audits(&command);
	keyring_free(command.keyring);
	evaluate_close(&command.evaluate);
	return status;
}

const struct admin_verb cmd_audit[] = {
    {"audit", NULL, "[DOMAIN...]", "Say whether domains are in order, and what to publish",
     run_audit, options, false},
    {NULL, NULL, NULL, NULL, NULL, NULL, false},
};

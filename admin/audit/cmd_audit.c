/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `countersign audit DOMAIN...`: are these domains in order? Facts are gathered from the DNS and
 * from our keys, rules judge them, and for each finding there is the record to publish.
 */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "admin/audit/change.h"
#include "admin/audit/facts.h"
#include "admin/audit/seen.h"
#include "admin/audit/show.h"
#include "admin/audit/traffic.h"
#include "admin/audit/watch.h"
#include "admin/audit/zone.h"
#include "admin/check/evaluate.h"
#include "bimi/trust.h"
#include "conf/check.h"
#include "context/keysource.h"
#include "context/tls.h"
#include "lib/clock.h"
#include "lib/net/transfer.h"
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
	OPTION_PROBE,
	OPTION_CERTIFICATE,
	OPTION_KEY,
	OPTION_HOST,
	OPTION_WAITED,
	OPTION_ZONE,
	OPTION_WATCH,
	OPTION_MESSAGE,
	OPTION_MAIL,
	OPTION_PLAN,
	OPTION_LOG,
	DOMAINS_MAX = 1000000,
	LINE_MAX_BYTES = 1000,
	PARALLEL = 16,
	PLAN = 50, /* messages */
	TRAFFIC_DAYS = 30
};

static const struct admin_option options[] = {
    {"all", OPTION_ALL, NULL, "every domain that has a signing key"},
    {"file", OPTION_FILE, "FILE", "the domains in a file, one a line; -: standard input"},
    {"facts", OPTION_FACTS, NULL, "print the facts as JSON, and judge nothing"},
    {"rules", OPTION_RULES, NULL, "list the rules"},
    {"parallel", OPTION_PARALLEL, "N", "domains at a time (16)"},
    {"address", OPTION_ADDRESS, "IP",
     "an address that own mail leaves from, beside audit.addresses"},
    {"profile", OPTION_PROFILE, "NAME", "what the domain is for: default, parked, bulk or warm-up"},
    {"helo", OPTION_HELO, "NAME", "the name in HELO, in place of audit.helo"},
    {"name-servers", OPTION_NAME_SERVERS, NULL, "ask each name server of a domain, too"},
    {"probe", OPTION_PROBE, NULL, "connect to the servers of a domain, too"},
    {"with-certificate", OPTION_CERTIFICATE, "FILE",
     "say only what a new certificate (PEM, with those above it) would break"},
    {"with-key", OPTION_KEY, "FILE",
     "the same for a new DKIM key; SELECTOR=FILE where the file is not called SELECTOR.key"},
    {"with-zone", OPTION_ZONE, "FILE",
     "say only what the zone in a file (RFC 1035) makes worse than it is now"},
    {"host", OPTION_HOST, "NAME",
     "a host that will have the certificate; default: each whose name it has"},
    {"waited", OPTION_WAITED, NULL, "new TLSA records have been there for long enough"},
    {"message", OPTION_MESSAGE, "FILE", "bulk: a message of a list, as it leaves"},
    {"plan", OPTION_PLAN, "N",
     "warm-up: N messages to a receiver on its first day, twice as many each day (50)"},
    {"log", OPTION_LOG, "FILE", "warm-up: the log of Postfix, for deferrals"},
    {"mail", OPTION_MAIL, "ADDRESS", "--watch: send what has changed there at once"},
    {"watch", OPTION_WATCH, NULL, "say only what has changed since the last such audit"},
    {NULL, 0, NULL, NULL},
};

struct audit_command {
	struct admin *admin;
	const struct conf *conf;
	struct evaluate evaluate;
	struct audit_settings settings;
	struct dns_settings resolver;
	struct keyring *keyring;
	struct change_wish wish;
	struct audit_change change;
	struct memory *memory; /* of a change */
	struct dns *zoned;     /* of --with-zone; or NULL */
	struct watch *watch;   /* or NULL */
	bool watches;
	const char *message, *log; /* of the profiles; or NULL */
	const char *mail;          /* of --watch; or NULL */
	int64_t plan;
	struct span message_text;
	const char **domains;
	unsigned count, room;
	struct ip addresses[AUDIT_LISTS_MAX];
	unsigned parallel;
	bool all, facts, rules;
	const char *file;
	int32_t today;
	struct jsonout *out;              /* or NULL */
	unsigned errors, warnings, blind; /* domains */
	unsigned changes;                 /* --watch */
};

/* Only a change is judged. */
static bool is_change(const struct audit_command *command)
{
	return command->wish.certificate != NULL || command->wish.key != NULL;
}

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
	struct bimi_trust trust;
	struct why why;
	int status = 0;

	for (unsigned i = 0; i < conf->audit.addresses.count && status == 0; i++)
		status = add_address(command, conf->audit.addresses.items[i]);
	if (status != 0)
		return status;
	command->keyring = keysource_all(conf, &why);
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
	command->resolver = context_dns(conf);
	settings->resolver = &command->resolver;
	settings->budget = (unsigned)conf->audit.budget;
	settings->timeout =
	    command->admin->timeout > 0 ? command->admin->timeout : conf->audit.timeout;
	settings->ca_file = context_ca_file(conf);
	if (bimi_trust_read(command->admin->arena, conf->bimi.roots, conf->bimi.logs, &trust,
			    &why) == -1)
		admin_warning(command->admin, "mark certificates are not fully checked: %s",
			      why.text);
	settings->mark_roots = trust.roots;
	settings->mark_logs = trust.logs;
	settings->now = clock_wall();
	command->today = clock_day(settings->now);
	check_silence(command);
	return 0;
}

static int prepare_probes(struct audit_command *command)
{
	struct why why = {""};

	if (transfer_init(&why) == 0)
		return 0;
	admin_error(command->admin, "%s", why.text);
	return ADMIN_UNAVAILABLE;
}

/* ---- results ---- */

/* Nothing of what matters most could be looked at. */
static bool is_blind(const struct audit_facts *facts)
{
	return facts->mail.mx.status == DNS_TEMPFAIL && facts->spf.txt.status == DNS_TEMPFAIL &&
	       facts->dmarc.txt.status == DNS_TEMPFAIL;
}

static void note_record(void *arg, const char *record)
{
	struct audit_command *command = arg;

	memory_note(command->memory, record, command->settings.now);
}

/* Only someone who warms up has a plan. */
static int64_t traffic_plan(const struct audit_command *command)
{
	return command->settings.profile == AUDIT_PROFILE_WARM_UP ? command->plan : 0;
}

/* What was sent, where the profile is about it, with its findings in RESULT; else NULL. */
static const struct bulk_traffic *take_traffic(struct audit_command *command,
					       struct audit_result *result)
{
	enum audit_profile profile = command->settings.profile;
	const struct bulk_traffic *traffic;
	struct bulk_message message = {.given = false};

	if (profile != AUDIT_PROFILE_BULK && profile != AUDIT_PROFILE_WARM_UP)
		return NULL;
	traffic = traffic_load(command->admin, result->domain, command->settings.now, TRAFFIC_DAYS,
			       command->log);
	if (profile == AUDIT_PROFILE_WARM_UP)
		return traffic;
	if (command->message != NULL)
		message = bulk_read_message(command->message_text, result->domain, result->arena);
	result->findings = bulk_judge(&command->settings, result->facts, traffic, &message,
				      &result->findings, result->arena);
	return traffic;
}

static void take_result(void *arg, const struct audit_result *given)
{
	struct audit_command *command = arg;
	struct audit_result watched = *given;
	const struct audit_result *result = &watched;
	struct audit_counts counts;

	const struct bulk_traffic *traffic = take_traffic(command, &watched);

	counts = show_counts(command->conf, result, command->today);
	if (command->watch != NULL) {
		watched.findings = watch_take(command->watch, given);
		counts = show_counts(command->conf, result, command->today);
		command->changes += result->findings.count;
	}
	command->errors += counts.levels[AUDIT_ERROR] > 0;
	command->warnings += counts.levels[AUDIT_WARN] > 0;
	command->blind +=
	    is_blind(result->facts) || (is_change(command) && counts.levels[AUDIT_SKIP] > 0);
	if (is_change(command))
		change_each_tlsa(result->facts, result->arena, note_record, command);
	if (command->out == NULL) {
		if (command->watch != NULL)
			show_changes(result);
		else
			show_result(command->admin, command->conf, result, command->today);
		if (command->settings.profile == AUDIT_PROFILE_PARKED)
			show_parked(result->domain);
		if (traffic != NULL)
			traffic_show(command->admin, traffic, traffic_plan(command));
		fflush(stdout);
		return;
	}
	jsonout_object(command->out, NULL);
	if (command->facts)
		facts_json(command->out, result->arena, result->facts);
	else
		show_result_json(command->out, command->conf, result, command->today);
	if (traffic != NULL && !command->facts)
		traffic_json(command->out, traffic, traffic_plan(command));
	jsonout_end(command->out);
}

static int exit_status(const struct audit_command *command)
{
	if (command->watch != NULL)
		return command->changes > 0 ? ADMIN_NO
		       : command->blind > 0 ? ADMIN_TEMPORARY
					    : ADMIN_DONE;
	if (command->zoned != NULL && command->errors + command->warnings > 0)
		return ADMIN_NO;
	if (command->errors > 0 && !command->facts)
		return is_change(command) ? ADMIN_NO : ADMIN_PARTLY;
	if (command->blind > 0)
		return ADMIN_TEMPORARY;
	return command->warnings > 0 && !command->facts && !is_change(command) ? ADMIN_NO
									       : ADMIN_DONE;
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

/* Without it, a later run would not know how long a new record has been there. */
static void save_memory(const struct audit_command *command)
{
	struct why why = {""};

	if (command->memory != NULL &&
	    memory_save(command->memory, command->settings.now, &why) == -1)
		admin_warning(command->admin, "when records were first seen is not kept: %s",
			      why.text);
}

static int run_audits(struct audit_command *command)
{
	int status;

	open_json(command);
	status =
	    audit_run(command->admin, &command->settings, command->evaluate.dns, command->domains,
		      command->count, command->parallel, take_result, command->zoned, command);
	if (command->out != NULL) {
		jsonout_end(command->out);
		if (command->admin->json)
			admin_print_json(command->admin, command->out);
		else
			jsonout_print(command->out, stdout);
	}
	save_memory(command);
	if (status == 0 && command->watch != NULL && watch_close(command->watch) == -1)
		return ADMIN_TEMPORARY;
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
	static const struct name_code profiles[] = {{"default", AUDIT_PROFILE_DEFAULT},
						    {"parked", AUDIT_PROFILE_PARKED},
						    {"bulk", AUDIT_PROFILE_BULK},
						    {"warm-up", AUDIT_PROFILE_WARM_UP},
						    {NULL, 0}};
	int profile = name_code(profiles, span_of(text), -1);

	if (profile == -1)
		return admin_usage(command->admin, "--profile is default, parked, bulk or warm-up");
	command->settings.profile = (enum audit_profile)profile;
	return 0;
}

/* In the form that facts have. */
static int add_host(struct audit_command *command, const char *text)
{
	struct change_wish *wish = &command->wish;
	const char *host;
	struct why why = {""};

	if (wish->host_count == CHANGE_HOSTS_MAX)
		return admin_usage(command->admin, "there are more than %d hosts",
				   CHANGE_HOSTS_MAX);
	host = domain_parse(command->admin->arena, span_of(text), &why);
	if (host == NULL)
		return admin_usage(command->admin, "--host: %s", why.text);
	wish->hosts[wish->host_count++] = host;
	return 0;
}

/* The policy and the logo in use are what a new certificate has to go with. */
static int prepare_change(struct audit_command *command)
{
	int status = change_read(command->admin, &command->wish, &command->change);

	if (status != 0)
		return status;
	command->memory = memory_open(command->admin, command->conf->audit.state);
	if (command->memory == NULL)
		return ADMIN_NO_INPUT;
	command->change.since = memory_since;
	command->change.memory = command->memory;
	command->settings.change = &command->change;
	command->settings.policy = true;
	return 0;
}

/* Answers out of a file are not validated, so those before are not, either. */
static int prepare_zone(struct audit_command *command)
{
	struct audit_settings *settings = &command->settings;

	if (command->count != 1)
		return admin_usage(command->admin, "--with-zone is for one domain");
	settings->validates = false;
	settings->policy = true;
	command->zoned = zone_open(command->admin, command->conf, command->evaluate.dns,
				   command->domains[0], command->wish.zone);
	return command->zoned != NULL ? 0 : ADMIN_BAD_INPUT;
}

static int prepare_watch(struct audit_command *command)
{
	command->settings.policy = true;
	command->watch =
	    watch_open(command->admin, command->conf, &command->settings, command->mail);
	return command->watch != NULL ? 0 : ADMIN_CANT_CREATE;
}

/* One at a time: each says something else about a domain. */
static int check_modes(const struct audit_command *command)
{
	unsigned modes = is_change(command) + (command->wish.zone != NULL) + command->watches;

	if (modes > 1)
		return admin_usage(command->admin, "--with-zone, --watch and the other --with "
						   "options are for runs of their own");
	return 0;
}

static int parse_plan(struct audit_command *command, const char *text)
{
	uint64_t number;

	if (!span_number(span_of(text), INT32_MAX, &number) || number == 0)
		return admin_usage(command->admin, "--plan takes a number of messages");
	command->plan = (int64_t)number;
	return 0;
}

static int take_mail(struct audit_command *command, const char *text)
{
	struct why why = {""};

	if (*text == '\0' || conf_check_address(span_of(text), &why) == -1)
		return admin_usage(command->admin, "--mail: %s",
				   *text == '\0' ? "the address is missing" : why.text);
	command->mail = text;
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
	case OPTION_PROBE:
		command->settings.probe = true;
		return 0;
	case OPTION_CERTIFICATE:
		command->wish.certificate = optarg;
		return 0;
	case OPTION_KEY:
		command->wish.key = optarg;
		return 0;
	case OPTION_MESSAGE:
		command->message = optarg;
		return 0;
	case OPTION_MAIL:
		return take_mail(command, optarg);
	case OPTION_LOG:
		command->log = optarg;
		return 0;
	case OPTION_PLAN:
		return parse_plan(command, optarg);
	case OPTION_ZONE:
		command->wish.zone = optarg;
		return 0;
	case OPTION_WATCH:
		command->watches = true;
		return 0;
	case OPTION_WAITED:
		command->wish.waited = true;
		return 0;
	case OPTION_HOST:
		return add_host(command, optarg);
	default:
		return ADMIN_USAGE;
	}
}

static int run_audit(struct admin *admin, int argc, char **argv)
{
	struct audit_command command = {.admin = admin, .parallel = PARALLEL, .plan = PLAN};
	int letter, status = 0;

	while (status == 0 && (letter = admin_getopt(admin, argc, argv)) != -1)
		status = take_option(&command, letter);
	if (status != 0)
		return status;
	if (command.rules) {
		show_rules(admin);
		return ADMIN_DONE;
	}
	status = check_modes(&command);
	if (status != 0)
		return status;
	status = evaluate_open(&command.evaluate, admin);
	command.conf = command.evaluate.conf;
	if (status == 0 && is_change(&command))
		status = prepare_change(&command);
	if (status == 0 && (command.settings.probe || command.settings.policy || command.watches ||
			    command.wish.zone != NULL))
		status = prepare_probes(&command);
	if (status == 0)
		status = make_settings(&command);
	if (status == 0)
		status = collect_domains(&command, argc, argv);
	if (status == 0 && command.wish.zone != NULL)
		status = prepare_zone(&command);
	if (status == 0 && command.watches)
		status = prepare_watch(&command);
	if (status == 0 && command.message != NULL)
		status = admin_read_file(admin, command.message, &command.message_text);
	if (status == 0) {
		seen_load(admin, command.count == 1 ? command.domains[0] : NULL, &command.settings);
		status = run_audits(&command);
	}
	dns_free(command.zoned);
	keyring_free(command.keyring);
	evaluate_close(&command.evaluate);
	return status;
}

const struct admin_verb cmd_audit[] = {
    {"audit", NULL, "[DOMAIN...]", "Say whether domains are in order, and what to publish",
     run_audit, options, false},
    {NULL, NULL, NULL, NULL, NULL, NULL, false},
};

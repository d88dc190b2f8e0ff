/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `countersign tls sts make|check`: the MTA-STS policy of a domain that is ours, to publish and as
 * it is published.
 */
#include <getopt.h>
#include <string.h>

#include "lib/jsonout.h"
#include "admin/out.h"
#include "admin/tls/command.h"
#include "admin/tls/own.h"
#include "lib/clock.h"
#include "lib/span.h"
#include "lib/system/newfile.h"

enum { OPTION_MODE = 256, OPTION_MX, OPTION_MAX_AGE, OPTION_NO_CONNECT };

const struct admin_option tls_sts_options[] = {
    {"mode", OPTION_MODE, "MODE", "of the policy (make): testing (default), enforce or none"},
    {"mx", OPTION_MX, "PATTERN",
     "a line of the policy (make): a host or *.DOMAIN; may be repeated (default: the MX hosts)"},
    {"max-age", OPTION_MAX_AGE, "SECONDS",
     "how long senders keep the policy (make); default: a day, with enforce two weeks"},
    {"output", 'o', "FILE", "write the policy to FILE, an absolute path (make)"},
    {"no-connect", OPTION_NO_CONNECT, NULL, "do not connect to the MX hosts"},
    {NULL, 0, NULL, NULL}};

struct sts_command {
	struct admin *admin;
	struct own own;
	const char *domain;
	enum sts_mode mode;
	uint64_t max_age; /* 0: by the mode */
	const char *patterns[STS_PATTERNS_MAX];
	unsigned pattern_count;
	const char *output;
	bool no_connect, makes; /* MAKES: an option of make was given */
};

/* ---- the command line ---- */

static bool read_mode(struct sts_command *command, const char *text)
{
	for (const struct name_code *mode = sts_mode_names; mode->name != NULL; mode++) {
		if (strcmp(mode->name, text) != 0)
			continue;
		command->mode = (enum sts_mode)mode->code;
		return true;
	}
	return false;
}

/* The path goes into nginx's settings between quotes. */
static bool is_plain_path(const char *path)
{
	if (*path != '/' || path[strlen(path) - 1] == '/')
		return false;
	for (; *path != '\0'; path++) {
		if ((unsigned char)*path < ' ' || *path == 0x7f || strchr("\"\\$", *path) != NULL)
			return false;
	}
	return true;
}

/* 0, or ADMIN_USAGE after the error was printed. */
static int take_option(struct sts_command *command, int letter)
{
	struct admin *admin = command->admin;

	if (letter == OPTION_NO_CONNECT) {
		command->no_connect = true;
		return 0;
	}
	command->makes = true;
	if (letter == OPTION_MODE)
		return read_mode(command, optarg)
			   ? 0
			   : admin_usage(admin, "--mode: \"%s\" is not testing, enforce or none",
					 optarg);
	if (letter == OPTION_MAX_AGE)
		return span_number(span_of(optarg), STS_AGE_MAX, &command->max_age) &&
			       command->max_age > 0
			   ? 0
			   : admin_usage(admin, "--max-age: \"%s\" is not a number from 1 to %d",
					 optarg, STS_AGE_MAX);
	if (letter == 'o') {
		command->output = optarg;
		return is_plain_path(optarg)
			   ? 0
			   : admin_usage(admin,
					 "--output: \"%s\" is not the absolute path of a file "
					 "without quotes, \"\\\" and \"$\"",
					 optarg);
	}
	if (command->pattern_count == STS_PATTERNS_MAX)
		return admin_usage(admin, "more than %d --mx", STS_PATTERNS_MAX);
	command->patterns[command->pattern_count++] = optarg;
	return 0;
}

/* ---- findings ---- */

static enum out_style finding_style(enum own_result result)
{
	return result == OWN_OK ? OUT_GOOD : result == OWN_FAILED ? OUT_BAD : OUT_WARN;
}

static void show_findings(const struct sts_command *command)
{
	bool color = admin_color(command->admin, stdout);

	for (const struct own_finding *finding = command->own.first; finding != NULL;
	     finding = finding->next) {
		enum out_style style = finding_style(finding->result);

		printf("  %s%-8s%s %-12s", out_on(style, color),
		       name_text(own_result_names, (int)finding->result), out_off(style, color),
		       finding->check);
		out_text(stdout, finding->text);
		printf("\n");
	}
}

static void json_findings(struct jsonout *out, const struct own *own)
{
	jsonout_array(out, "findings");
	for (const struct own_finding *finding = own->first; finding != NULL;
	     finding = finding->next) {
		jsonout_object(out, NULL);
		jsonout_text(out, "result", name_text(own_result_names, (int)finding->result));
		jsonout_text(out, "check", finding->check);
		jsonout_text(out, "text", finding->text);
		jsonout_end(out);
	}
	jsonout_end(out);
}

/* ---- check ---- */

static int check_served(struct sts_command *command)
{
	struct own *own = &command->own;
	struct sts_policy policy;
	const char *text;
	struct why why;
	int hosts;

	own_read_record(own);
	text = own_fetch(own);
	hosts = own_find_hosts(own);
	if (text != NULL && hosts == 0 &&
	    sts_policy_parse(command->admin->arena, span_of(text), &policy, &why) == 0)
		own_judge(own, &policy, !command->no_connect);
	if (command->admin->json) {
		struct jsonout *out = jsonout_new(command->admin->arena, "tls.sts.check");

		jsonout_text(out, "domain", command->domain);
		jsonout_text(out, "id", own->discovery.id);
		jsonout_text(out, "policy", text);
		json_findings(out, own);
		admin_print_json(command->admin, out);
	} else {
		printf("%s: %u failed, %u unknown, %u warnings, %u ok\n", command->domain,
		       own->counts[OWN_FAILED], own->counts[OWN_UNKNOWN], own->counts[OWN_WARNING],
		       own->counts[OWN_OK]);
		show_findings(command);
	}
	return own->counts[OWN_FAILED] > 0    ? ADMIN_NO
	       : own->counts[OWN_UNKNOWN] > 0 ? ADMIN_PARTLY
					      : ADMIN_DONE;
}

/* ---- make ---- */

struct made {
	struct sts_policy policy;
	const char *text, *id, *record_name, *record, *path, *nginx;
	bool served; /* by the daemon, behind nginx */
};

static uint32_t choose_age(const struct sts_command *command)
{
	if (command->max_age > 0)
		return (uint32_t)command->max_age;
	return command->mode == STS_ENFORCE ? 14 * 86400 : 86400;
}

/* Section 3.2; -1 after the error was printed. */
static int make_policy(struct sts_command *command, struct made *made)
{
	const struct route *route = &command->own.route;
	struct buf text;
	struct why why = {""};

	buf_init(&text, command->admin->arena, 0);
	buf_printf(&text, "version: STSv1\nmode: %s\n",
		   name_text(sts_mode_names, (int)command->mode));
	for (unsigned i = 0; i < command->pattern_count; i++)
		buf_printf(&text, "mx: %s\n", command->patterns[i]);
	for (unsigned i = 0; command->pattern_count == 0 && i < route->count; i++)
		buf_printf(&text, "mx: %s\n", route->hosts[i].name);
	buf_printf(&text, "max_age: %u\n", choose_age(command));
	made->text = buf_text(&text);
	if (sts_policy_parse(command->admin->arena, buf_view(&text), &made->policy, &why) == 0)
		return 0;
	admin_error(command->admin, "%s", why.text);
	return -1;
}

/* Section 3.1: letters and digits; the time, so that no two are the same. */
static const char *make_id(struct arena *arena)
{
	char time[CLOCK_TEXT_MAX];
	struct buf id;

	buf_init(&id, arena, 0);
	for (const char *p = clock_utc_text(clock_wall(), time); *p != '\0'; p++) {
		if (char_is_alnum((unsigned char)*p))
			buf_char(&id, *p);
	}
	return buf_text(&id);
}

/* Whether the daemon serves PATH (tls.own_policies). */
static bool is_served(const struct sts_command *command, const struct conf *conf, const char *path)
{
	return conf->tls.own_policies[0] != '\0' &&
	       strcmp(path, arena_printf(command->admin->arena, "%s/%s.txt", conf->tls.own_policies,
					 command->domain)) == 0;
}

/* The lines of the location that answer with the policy at PATH. */
static const char *make_location(const struct sts_command *command, const char *path)
{
	const struct conf *conf = admin_conf(command->admin);

	if (is_served(command, conf, path))
		return arena_printf(command->admin->arena,
				    "        proxy_pass http://%s;\n"
				    "        proxy_set_header Host $host;\n",
				    conf->http.listen.items[0]);
	return arena_printf(command->admin->arena,
			    "        alias \"%s\";\n"
			    "        types { }\n"
			    "        default_type text/plain;\n",
			    path);
}

static const char *make_nginx(const struct sts_command *command, const char *path)
{
	const char *domain = command->domain;

	return arena_printf(
	    command->admin->arena,
	    "server {\n"
	    "    listen 443 ssl;\n"
	    "    listen [::]:443 ssl;\n"
	    "    server_name mta-sts.%s;\n"
	    "    ssl_certificate \"/etc/letsencrypt/live/mta-sts.%s/fullchain.pem\";\n"
	    "    ssl_certificate_key "
	    "\"/etc/letsencrypt/live/mta-sts.%s/privkey.pem\";\n"
	    "    location = /.well-known/mta-sts.txt {\n"
	    "%s"
	    "    }\n"
	    "}\n",
	    domain, domain, domain, make_location(command, path));
}

/* What must hold before a policy may be published: senders would not deliver. */
static int refuse_findings(const struct sts_command *command)
{
	const struct own *own = &command->own;

	for (const struct own_finding *finding = own->first; finding != NULL;
	     finding = finding->next) {
		if (finding->result == OWN_FAILED || finding->result == OWN_UNKNOWN)
			admin_error(command->admin, "no policy is made: %s", finding->text);
		else if (finding->result == OWN_WARNING)
			admin_warning(command->admin, "%s", finding->text);
	}
	if (own->counts[OWN_FAILED] > 0)
		return ADMIN_NO;
	return own->counts[OWN_UNKNOWN] > 0 ? ADMIN_PARTLY : ADMIN_DONE;
}

static void show_made(const struct sts_command *command, const struct made *made)
{
	const char *domain = command->domain;

	printf("The policy, to be served at https://mta-sts.%s/.well-known/mta-sts.txt:\n\n%s\n",
	       domain, made->text);
	printf("nginx, with a certificate for mta-sts.%s:\n\n%s\n", domain, made->nginx);
	printf("The DNS record:\n\n%s. IN TXT \"%s\"\n\n", made->record_name, made->record);
	printf("1. %s %s, %sand check the result:\n"
	       "   countersign tls sts check %s\n"
	       "2. Only then publish the record; its new id makes senders fetch the policy.\n",
	       command->output != NULL ? "The policy was written to" : "Write the policy to",
	       made->path, made->served ? "run \"countersign reload\", " : "", domain);
	if (command->mode == STS_TESTING)
		printf("3. When TLS reports show no failures for some weeks, run this again with "
		       "--mode enforce.\n");
	if (command->mode == STS_NONE)
		printf("3. When the largest max_age that was ever served has passed, remove the "
		       "record, then the policy.\n");
}

static void json_made(const struct sts_command *command, const struct made *made)
{
	struct jsonout *out = jsonout_new(command->admin->arena, "tls.sts.make");

	jsonout_text(out, "domain", command->domain);
	jsonout_text(out, "policy", made->text);
	jsonout_text(out, "id", made->id);
	jsonout_text(out, "record_name", made->record_name);
	jsonout_text(out, "record", made->record);
	jsonout_text(out, "file", made->path);
	jsonout_bool(out, "written", command->output != NULL);
	jsonout_text(out, "nginx", made->nginx);
	json_findings(out, &command->own);
	admin_print_json(command->admin, out);
}

static const char *choose_path(const struct sts_command *command)
{
	const char *directory = admin_conf(command->admin)->tls.own_policies;

	if (command->output != NULL)
		return command->output;
	return arena_printf(command->admin->arena, "%s/%s.txt",
			    *directory == '\0' ? "/var/www/mta-sts" : directory, command->domain);
}

static int make_published(struct sts_command *command)
{
	struct admin *admin = command->admin;
	struct made made = {.id = make_id(admin->arena)};
	struct why why = {""};
	int status;

	if (command->mode == STS_NONE || own_find_hosts(&command->own) == 0) {
		if (make_policy(command, &made) == -1)
			return ADMIN_BAD_INPUT;
		own_judge(&command->own, &made.policy, !command->no_connect);
	}
	status = refuse_findings(command);
	if (status != ADMIN_DONE)
		return status;
	made.record_name = arena_printf(admin->arena, "_mta-sts.%s", command->domain);
	made.record = arena_printf(admin->arena, "v=STSv1; id=%s;", made.id);
	made.path = choose_path(command);
	made.served = is_served(command, admin_conf(admin), made.path);
	made.nginx = make_nginx(command, made.path);
	if (command->output != NULL &&
	    newfile_write(command->output, 0644, span_of(made.text), &why) == -1) {
		admin_error(admin, "%s", why.text);
		return ADMIN_CANT_CREATE;
	}
	if (admin->json)
		json_made(command, &made);
	else
		show_made(command, &made);
	return ADMIN_DONE;
}

/* ---- the command ---- */

int tls_sts(struct admin *admin, int argc, char **argv)
{
	struct sts_command command = {.admin = admin, .mode = STS_TESTING};
	int letter, status = 0;
	bool make;

	while (status == 0 && (letter = admin_getopt(admin, argc, argv)) != -1)
		status = letter == '?' ? ADMIN_USAGE : take_option(&command, letter);
	if (status != 0)
		return status;
	if (argc - optind != 2)
		return admin_usage(admin, "make or check, and a domain");
	make = strcmp(argv[optind], "make") == 0;
	if (!make && strcmp(argv[optind], "check") != 0)
		return admin_usage(admin, "\"%s\" is not make or check", argv[optind]);
	if (!make && command.makes)
		return admin_usage(admin, "check has only the option --no-connect");
	if (command.mode == STS_NONE && command.pattern_count > 0)
		return admin_usage(admin, "a policy with mode none has no --mx");
	command.domain = tls_read_domain(admin, argv[optind + 1]);
	if (command.domain == NULL)
		return ADMIN_BAD_INPUT;
	status = own_open(&command.own, admin, command.domain);
	if (status != ADMIN_DONE)
		return status;
	status = make ? make_published(&command) : check_served(&command);
	own_close(&command.own);
	return status;
}

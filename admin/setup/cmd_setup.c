/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * countersign setup: from an installed program to one that works with the MTA of this machine. It
 * looks at what is there, and plans only what is missing; a second run has nothing to do.
 */
#include <pwd.h>
#include <string.h>
#include <unistd.h>

#include "admin/doctor/marks.h"
#include "admin/program.h"
#include "admin/setup/setup.h"
#include "admin/setup/undo.h"
#include "lib/clock.h"
#include "lib/name.h"
#include "mail/domain.h"

enum {
	OPTION_PRINT = 256,
	OPTION_APPLY,
	OPTION_FORCE,
	OPTION_DOMAIN,
	OPTION_REPLACE,
	OPTION_POSTFIX,
	OPTION_SENDMAIL,
	OPTION_USER,
	OPTION_UNDO
};

static const struct admin_option options[] = {
    {"print", OPTION_PRINT, NULL, "change nothing; print the commands that would be run"},
    {"apply", OPTION_APPLY, NULL, "change the MTA's configuration too, after copying it"},
    {"force", OPTION_FORCE, NULL, "with --apply: even if the daemon does not answer yet"},
    {"domain", OPTION_DOMAIN, "DOMAIN", "make the first key for it (default: the MTA's domain)"},
    {"replace", OPTION_REPLACE, NULL, "remove OpenDKIM, OpenDMARC and OpenARC from Postfix"},
    {"undo", OPTION_UNDO, NULL, "remove from the MTA what setup added; with --print: show it"},
    {"postfix", OPTION_POSTFIX, "DIR", "the directory of Postfix's main.cf"},
    {"sendmail", OPTION_SENDMAIL, "DIR", "the directory of sendmail.mc"},
    {"user", OPTION_USER, "NAME", "the daemon's user (default: " PLACE_USER ")"},
    {NULL, 0, NULL, NULL},
};

static const struct name_code targets[] = {{"postfix", TARGET_POSTFIX},
					   {"sendmail", TARGET_SENDMAIL},
					   {"socket-dir", TARGET_SOCKET},
					   {NULL, 0}};

static int read_options(struct setup *setup, int argc, char **argv)
{
	int letter;

	while ((letter = admin_getopt(setup->admin, argc, argv)) != -1) {
		if (letter == '?')
			return ADMIN_USAGE;
		setup->print = setup->print || letter == OPTION_PRINT;
		setup->apply = setup->apply || letter == OPTION_APPLY;
		setup->force = setup->force || letter == OPTION_FORCE;
		setup->replace = setup->replace || letter == OPTION_REPLACE;
		setup->undo = setup->undo || letter == OPTION_UNDO;
		if (letter == OPTION_DOMAIN)
			setup->domain = optarg;
		else if (letter == OPTION_POSTFIX)
			setup->postfix = optarg;
		else if (letter == OPTION_SENDMAIL)
			setup->sendmail = optarg;
		else if (letter == OPTION_USER)
			setup->user = optarg;
	}
	if (argc - optind > 1)
		return admin_usage(setup->admin, "unexpected argument \"%s\"", argv[optind + 1]);
	if (argc > optind)
		setup->target = (enum target)name_code(targets, span_of(argv[optind]), TARGET_AUTO);
	if (argc > optind && setup->target == TARGET_AUTO)
		return admin_usage(setup->admin, "\"%s\" is not postfix, sendmail or socket-dir",
				   argv[optind]);
	return 0;
}

static int check_options(struct setup *setup)
{
	if (setup->print && setup->apply)
		return admin_usage(setup->admin, "either --print or --apply");
	if (setup->force && !setup->apply)
		return admin_usage(setup->admin, "--force is for --apply");
	if (setup->undo &&
	    (setup->replace || setup->domain != NULL || setup->target == TARGET_SOCKET))
		return admin_usage(setup->admin,
				   "--undo takes what is in its record, nothing else");
	if (setup->domain != NULL && domain_to_ascii(setup->arena, span_of(setup->domain)) == NULL)
		return admin_usage(setup->admin, "\"%s\" is not a domain name", setup->domain);
	if (strchr(setup->user, '/') != NULL || *setup->user == '\0' || *setup->user == '-')
		return admin_usage(setup->admin, "\"%s\" is not a user's name", setup->user);
	if (!setup->print && geteuid() != 0) {
		admin_error(setup->admin, "only root can do it; --print shows what would be done");
		return ADMIN_PERMISSION;
	}
	return 0;
}

static int look_around(struct setup *setup)
{
	static const enum place_mta mtas[] = {[TARGET_AUTO] = PLACE_NONE,
					      [TARGET_POSTFIX] = PLACE_POSTFIX,
					      [TARGET_SENDMAIL] = PLACE_SENDMAIL,
					      [TARGET_SOCKET] = PLACE_NONE};
	struct why why;

	if (access(admin_conf_path(setup->admin), F_OK) != 0 && setup->admin->conf == NULL)
		setup->admin->conf = conf_default(); /* the file is to be made */
	setup->conf = admin_conf(setup->admin);
	if (setup->conf == NULL)
		return ADMIN_CONFIG;
	if (record_read(setup->arena, setup->record_path, &setup->record, &why) == -1) {
		admin_error(setup->admin, "%s", why.text);
		return ADMIN_CONFIG;
	}
	if (place_look(setup->arena, mtas[setup->target], setup->postfix, setup->sendmail,
		       &setup->place, &why) == -1) {
		admin_error(setup->admin, "%s", why.text);
		return ADMIN_UNAVAILABLE;
	}
	if (setup->place.mta == PLACE_NONE && setup->target != TARGET_SOCKET) {
		admin_error(setup->admin,
			    "found no main.cf of Postfix and no %s/sendmail.mc; say "
			    "where it is with --postfix=DIR or --sendmail=DIR",
			    setup->place.sendmail);
		return ADMIN_NO_INPUT;
	}
	return 0;
}

static void make_plan(struct setup *setup)
{
	setup_system(setup);
	if (setup->place.mta == PLACE_POSTFIX)
		setup_postfix(setup);
	else
		setup_sendmail(setup);
}

/* This program as a shell finds it, with the settings it was given. */
static const char *own_command(struct admin *admin)
{
	char path[4096] = "countersign";
	ssize_t n =
	    program_there("countersign") ? -1 : readlink("/proc/self/exe", path, sizeof path - 1);

	if (n > 0)
		path[n] = '\0';
	if (admin->conf_path == NULL)
		return arena_string(admin->arena, program_quote(admin->arena, path));
	return arena_printf(admin->arena, "%s -c %s", program_quote(admin->arena, path),
			    program_quote(admin->arena, admin->conf_path));
}

/* A user that is not there yet will have a group of its name. */
static const char *own_group(const struct setup *setup)
{
	const struct passwd *user = getpwnam(setup->user);

	return user == NULL ? setup->user : place_group(setup->arena, user->pw_gid);
}

static void say_next(const struct setup *setup, enum plan_mode mode)
{
	if (setup->plan.count == 0)
		admin_note(setup->admin, "nothing to do; see: countersign doctor");
	else if (mode == PLAN_PRINT)
		admin_note(setup->admin, "nothing was changed; --apply does all of it");
	else if (mode == PLAN_OURS && setup_changes_mta(&setup->plan))
		admin_note(setup->admin, "the MTA's settings were not changed: type the commands "
					 "above, or use --apply. Then: countersign doctor");
	else
		admin_note(setup->admin, "then: countersign doctor");
	if (setup->conf->dmarc.quarantine == CONF_QUARANTINE_HEADER &&
	    marks_sorter(setup->arena) == NULL)
		admin_note(
		    setup->admin,
		    "mail that fails DMARC will be marked, and no mailbox filter on this host "
		    "sorts it yet; see: countersign doctor --only=marks");
}

/* Works without settings, too: they may be gone, or wrong. */
static int undo_setup(struct setup *setup)
{
	enum place_mta mta = setup->target == TARGET_SENDMAIL  ? PLACE_SENDMAIL
			     : setup->target == TARGET_POSTFIX ? PLACE_POSTFIX
							       : PLACE_NONE;
	struct why why;

	if (place_look(setup->arena, mta, setup->postfix, setup->sendmail, &setup->place, &why) ==
	    -1) {
		admin_error(setup->admin, "%s", why.text);
		return ADMIN_UNAVAILABLE;
	}
	return undo_run(setup->admin, &setup->place, setup->record_path, setup->print);
}

/* An MTA that asks a daemon which is not there defers all its mail. */
static enum plan_mode choose_mode(const struct setup *setup)
{
	if (setup->print)
		return PLAN_PRINT;
	if (!setup->apply)
		return PLAN_OURS;
	if (!setup_changes_mta(&setup->plan) || setup->force || setup->starts ||
	    setup_daemon_answers(setup))
		return PLAN_APPLY;
	return PLAN_OURS;
}

static int refuse_mta(const struct setup *setup)
{
	admin_error(
	    setup->admin,
	    "the MTA was not connected: the daemon does not answer at %s, and all mail would "
	    "be deferred; start it: %s; then again: %s setup --apply",
	    setup->listen, setup_daemon_command(setup, SERVICE_START), setup->self);
	return ADMIN_UNAVAILABLE;
}

static int set_up(struct admin *admin, int argc, char **argv)
{
	struct setup setup = {
	    .admin = admin, .arena = admin->arena, .plan = {.admin = admin}, .user = PLACE_USER};
	char now[CLOCK_TEXT_MAX];
	enum plan_mode mode;
	int code = read_options(&setup, argc, argv);

	program_path();
	if (code == 0)
		code = check_options(&setup);
	setup.record_path = arena_printf(admin->arena, "%s/setup.record",
					 place_parent(admin->arena, admin_conf_path(admin)));
	if (code == 0 && setup.undo)
		return undo_setup(&setup);
	if (code == 0)
		code = look_around(&setup);
	if (code != 0)
		return code;
	setup.self = own_command(admin);
	setup.group = own_group(&setup);
	setup.stamp = arena_string(admin->arena, clock_utc_text(clock_wall(), now));
	if (setup.target != TARGET_SOCKET)
		make_plan(&setup);
	for (unsigned i = 0; setup.target == TARGET_SOCKET && i < setup.conf->listen.count; i++)
		setup_socket_directory(&setup, setup.conf->listen.items[i]);
	mode = choose_mode(&setup);
	if (setup.refused)
		return ADMIN_CANT_CREATE;
	code = plan_run(&setup.plan, mode, "setup");
	if (code == 0 && setup.apply && mode == PLAN_OURS)
		return refuse_mta(&setup);
	if (code == 0 && setup.target != TARGET_SOCKET)
		say_next(&setup, mode);
	return code;
}

const struct admin_verb cmd_setup[] = {
    {"setup", NULL, "[postfix|sendmail|socket-dir]",
     "Create what the daemon needs and connect it to the MTA", set_up, options, false},
    {NULL, NULL, NULL, NULL, NULL, NULL, false},
};

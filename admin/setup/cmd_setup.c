/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * countersign setup: from an installed program to one that works with the MTA of this machine. It
 * looks at what is there, and plans only what is missing; a second run has nothing to do.
 */
#include <dirent.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>

#include "admin/admin.h"
#include "admin/doctor/marks.h"
#include "admin/program.h"
#include "admin/setup/milters.h"
#include "admin/setup/otherfilters.h"
#include "admin/setup/place.h"
#include "admin/setup/plan.h"
#include "admin/setup/record.h"
#include "admin/setup/service.h"
#include "admin/setup/undo.h"
#include "lib/buf.h"
#include "lib/clock.h"
#include "lib/name.h"
#include "mail/domain.h"
#include "milter/protocol/client.h"

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
    {"apply", OPTION_APPLY, NULL, "change the MTA's settings too, after a copy of them"},
    {"force", OPTION_FORCE, NULL, "with --apply: though the daemon does not answer yet"},
    {"domain", OPTION_DOMAIN, "DOMAIN", "whose first key is made (default: the MTA's domain)"},
    {"replace", OPTION_REPLACE, NULL, "take OpenDKIM, OpenDMARC and OpenARC out of Postfix"},
    {"undo", OPTION_UNDO, NULL, "remove from the MTA what setup added; with --print: show it"},
    {"postfix", OPTION_POSTFIX, "DIR", "where Postfix has main.cf"},
    {"sendmail", OPTION_SENDMAIL, "DIR", "where Sendmail has sendmail.mc"},
    {"user", OPTION_USER, "NAME", "the daemon's user (default: " PLACE_USER ")"},
    {NULL, 0, NULL, NULL},
};

enum target { TARGET_AUTO, TARGET_POSTFIX, TARGET_SENDMAIL, TARGET_SOCKET };

static const struct name_code targets[] = {{"postfix", TARGET_POSTFIX},
					   {"sendmail", TARGET_SENDMAIL},
					   {"socket-dir", TARGET_SOCKET},
					   {NULL, 0}};

struct setup {
	struct admin *admin;
	struct arena *arena;
	struct plan plan;
	struct place place;
	const struct conf *conf;
	enum target target;
	const char *user, *group; /* of the daemon */
	const char *domain, *postfix, *sendmail;
	const char *self;   /* this command, as a shell finds it */
	const char *listen; /* what the MTA is to use */
	const char *stamp;  /* of copies */
	bool print, apply, force, replace, undo;
	bool starts;          /* the plan starts the daemon before the MTA asks it */
	bool changed;         /* the settings */
	bool refused;         /* to make a directory */
	struct record record; /* as it will be */
	const char *record_path;
};

#define TEXT(setup, ...) arena_printf((setup)->arena, __VA_ARGS__)

static const char *quote_word(const struct setup *setup, const char *text)
{
	return program_quote(setup->arena, text);
}

static void add_note(struct setup *setup, const char *id, const char *what)
{
	plan_add(&setup->plan, (struct plan_step){.id = id, .what = what});
}

/* ---- user and directories ---- */

static void plan_user(struct setup *setup)
{
	const char *user = quote_word(setup, setup->user), *command;

	if (getpwnam(setup->user) != NULL)
		return;
	if (program_there("systemd-sysusers"))
		command = TEXT(setup,
			       "echo 'u %s - \"countersign mail authentication milter\" " STATEDIR
			       " /usr/sbin/nologin' | systemd-sysusers -",
			       user);
	else if (program_there("pw"))
		command = TEXT(setup, "pw useradd %s -d " STATEDIR " -s /usr/sbin/nologin", user);
	else
		command = TEXT(setup,
			       "useradd --system --user-group --no-create-home --home-dir " STATEDIR
			       " --shell /usr/sbin/nologin %s",
			       user);
	plan_add(&setup->plan, (struct plan_step){.id = "user",
						  .what = "the user of the daemon",
						  .command = command,
						  .undo = TEXT(setup, "userdel %s", user)});
}

struct directory {
	const char *id, *what, *path, *user, *group;
	unsigned mode;
};

static bool is_right(const struct setup *setup, const struct directory *d, const struct stat *st)
{
	return (st->st_mode & 07777) == d->mode &&
	       strcmp(place_user(setup->arena, st->st_uid), d->user) == 0 &&
	       strcmp(place_group(setup->arena, st->st_gid), d->group) == 0;
}

/* What root makes and gives away here is where only root decides: the user of the daemon owns some
 * of these directories, and could have put a link to /etc into them. */
static void plan_directory(struct setup *setup, struct directory d)
{
	const char *path = quote_word(setup, d.path), *undo = TEXT(setup, "rmdir %s", path);
	struct stat st;
	struct why why;

	if (stat(d.path, &st) == 0) {
		if (is_right(setup, &d, &st))
			return;
		undo = TEXT(
		    setup, "chown %s:%s %s && chmod %04o %s", place_user(setup->arena, st.st_uid),
		    place_group(setup->arena, st.st_gid), path, (unsigned)st.st_mode & 07777, path);
	}
	if (place_check_way(setup->arena, d.path, &why) == -1) {
		admin_error(setup->admin, "%s is not made: %s", d.path, why.text);
		setup->refused = true;
		return;
	}
	plan_add(&setup->plan,
		 (struct plan_step){.id = d.id,
				    .what = d.what,
				    .command = TEXT(setup, "install -d -m %04o -o %s -g %s %s",
						    d.mode, quote_word(setup, d.user),
						    quote_word(setup, d.group), path),
				    .undo = undo});
}

static void plan_socket_directory(struct setup *setup, const char *listen)
{
	const struct postfix *postfix = &setup->place.postfix;
	const char *path = place_path(listen);
	struct directory d = {.id = "socket.directory",
			      .what = "the directory of the socket, from which it gets its group",
			      .user = setup->user,
			      .group = setup->group,
			      .mode = 0755};
	struct stat st;

	if (path == NULL)
		return;
	d.path = place_parent(setup->arena, path);
	if (setup->place.mta == PLACE_POSTFIX && *postfix_path(postfix, path) != '/') {
		d.group = postfix->group;
		d.mode = 02750;
	} else if (stat(d.path, &st) == 0) {
		return; /* of somebody else's making: RuntimeDirectory of the unit, or the admin */
	}
	plan_directory(setup, d);
}

/* ---- settings and key ---- */

static const char *wanted_listen(const struct setup *setup)
{
	if (setup->place.mta == PLACE_POSTFIX && setup->place.postfix.chrooted)
		return TEXT(setup, "local:%s/countersign/milter.sock", setup->place.postfix.queue);
	return "local:" RUNDIR "/milter.sock";
}

/* LISTEN behind those that are set. */
static const char *all_listens(const struct setup *setup, const char *listen)
{
	const struct conf_strings *listens = &setup->conf->listen;
	struct buf out;

	buf_init(&out, setup->arena, 0);
	for (unsigned i = 0; i < listens->count; i++)
		buf_printf(&out, "\"%s\", ", listens->items[i]);
	buf_printf(&out, "\"%s\"", listen);
	return buf_text(&out);
}

static void plan_file(struct setup *setup, const char *path, const char *text)
{
	const char *quoted = quote_word(setup, path);
	const char *dir = quote_word(setup, place_parent(setup->arena, path));

	plan_add(&setup->plan,
		 (struct plan_step){.id = "settings",
				    .what = "the settings",
				    .command = TEXT(setup, "mkdir -p %s\ncat >%s <<'END'\n%sEND",
						    dir, quoted, text),
				    .undo = TEXT(setup, "rm %s", quoted)});
	setup->changed = true;
}

static void plan_settings(struct setup *setup)
{
	const char *path = admin_conf_path(setup->admin);
	bool there = access(path, F_OK) == 0;

	setup->listen = there ? place_listen(&setup->place, &setup->conf->listen) : NULL;
	if (setup->listen != NULL)
		return;
	setup->listen = wanted_listen(setup);
	if (!there)
		plan_file(setup, path,
			  TEXT(setup,
			       "# countersign.conf(5). All else has its default: countersign "
			       "config defaults\n"
			       "listen = [ \"%s\" ];\n"
			       "dmarc: { enforce = \"observe\"; };  # first look, then \"rfc\": "
			       "countersign stats --would-reject\n",
			       setup->listen));
	else
		plan_file(
		    setup, TEXT(setup, "%s/conf.d/50-setup.conf", place_parent(setup->arena, path)),
		    TEXT(setup, "# The MTA cannot reach the other sockets.\nlisten = [ %s ];\n",
			 all_listens(setup, setup->listen)));
}

/* example.com of mail.example.com, as Postfix does it. */
static const char *own_domain(const struct setup *setup)
{
	const char *name = "", *dot;
	char host[256] = "";

	if (setup->domain != NULL)
		return setup->domain;
	if (setup->place.mta == PLACE_POSTFIX) {
		name = postfix_setting(&setup->place.postfix, setup->arena, "mydomain");
		name = strchr(name, '$') == NULL ? name : "";
	}
	if (*name == '\0') {
		if (gethostname(host, sizeof host - 1) != 0)
			return NULL;
		dot = strchr(host, '.');
		name = dot == NULL ? "" : strchr(dot + 1, '.') == NULL ? host : dot + 1;
	}
	if (strchr(name, '.') == NULL || strcmp(name, "localdomain") == 0)
		return NULL;
	return domain_to_ascii(setup->arena, span_of(name));
}

static bool any_key(const char *keys)
{
	DIR *dir = opendir(keys);
	struct dirent *entry;
	bool found = false;

	while (dir != NULL && !found && (entry = readdir(dir)) != NULL)
		found = entry->d_name[0] != '.';
	if (dir != NULL)
		closedir(dir);
	return found;
}

static void plan_key(struct setup *setup)
{
	const char *domain = own_domain(setup), *dir;

	if (setup->domain == NULL && any_key(setup->conf->sign.keys))
		return;
	if (domain == NULL) {
		add_note(setup, "key",
			 TEXT(setup,
			      "this host has no domain of its own; make the first key with: "
			      "%s key gen DOMAIN",
			      setup->self));
		return;
	}
	dir = TEXT(setup, "%s/%s", setup->conf->sign.keys, domain);
	if (access(dir, F_OK) == 0)
		return;
	plan_add(
	    &setup->plan,
	    (struct plan_step){
		.id = "key",
		.what = TEXT(setup,
			     "the first key; publish the record that this prints, and when the "
			     "DNS shows it: %s key activate %s",
			     setup->self, quote_word(setup, domain)),
		.command = TEXT(setup, "%s key gen %s", setup->self, quote_word(setup, domain)),
		.undo = TEXT(setup, "rm -r %s", quote_word(setup, dir))});
}

/* ---- Postfix ---- */

/* Whether LIST, with all names replaced, has our socket. */
static bool lists_us(const struct setup *setup, const char *list)
{
	const char *path = place_path(setup->listen),
		   *address = place_address(&setup->place, setup->arena, setup->listen);
	struct span rest = span_of(list), named;
	struct milter_item item;

	while (milters_next(&rest, &item)) {
		if (span_eq(item.address, address) ||
		    (path != NULL && milters_path(item.address, &named) && span_eq(named, path)))
			return true;
	}
	return false;
}

/* For milters_add: what does the same as countersign goes. */
static bool is_replaced(void *arg, struct span address)
{
	const struct setup *setup = arg;

	return otherfilter_at(&setup->place, setup->arena, "", address).replaced;
}

static bool has_replaced(struct setup *setup, const char *list)
{
	struct span rest = span_of(list);
	struct milter_item item;

	while (milters_next(&rest, &item)) {
		if (is_replaced(setup, item.address))
			return true;
	}
	return false;
}

/* "OpenDKIM (inet:localhost:8891, by /etc/opendkim.conf)" */
static const char *describe_filter(const struct setup *setup, struct span address,
				   const struct otherfilter *filter)
{
	const char *text = arena_span(setup->arena, address);

	if (filter->name == NULL)
		return TEXT(setup, "another filter (%s)", text);
	return TEXT(setup, "%s (%s%s%s)", filter->name, text, filter->source == NULL ? "" : ", by ",
		    filter->source == NULL ? "" : filter->source);
}

/* Names every other filter of LIST; WHERE it is set. */
static void note_others(struct setup *setup, const char *list, const char *where)
{
	const char *own = place_address(&setup->place, setup->arena, setup->listen);
	struct span rest = span_of(list);
	struct milter_item item;

	while (milters_next(&rest, &item)) {
		struct otherfilter filter =
		    otherfilter_at(&setup->place, setup->arena, "", item.address);
		const char *text = describe_filter(setup, item.address, &filter);

		if (span_eq(item.address, own))
			continue;
		if (!filter.replaced)
			add_note(setup, "postfix.others",
				 TEXT(setup, "%s: %s is asked too, and stays", where, text));
		else if (!setup->replace)
			add_note(setup, "postfix.others",
				 TEXT(setup,
				      "%s: %s is asked too: it would sign and judge once more. "
				      "--replace takes it out; countersign migrate takes over its "
				      "settings",
				      where, text));
	}
}

/* The value as it is written in main.cf, or in master.cf where NAME is SERVICE/TYPE/NAME; NULL: it
 * is not set there. */
static const char *written_value(const struct setup *setup, const char *name)
{
	const char *argv[] = {"postconf",
			      "-c",
			      setup->place.postfix.config,
			      strchr(name, '/') == NULL ? "-n" : "-P",
			      name,
			      NULL},
		   *text, *equals;

	if (program_read(setup->arena, argv, &text, NULL) == -1)
		return NULL;
	equals = strchr(text, '=');
	return equals == NULL ? NULL : arena_span(setup->arena, span_trim(span_of(equals + 1)));
}

static void record_setting(struct setup *setup, const char *name, const char *after)
{
	const struct record_setting setting = {setup->place.postfix.config, name,
					       written_value(setup, name), after};

	if (record_add_setting(&setup->record, setting) == -1)
		add_note(setup, "record",
			 TEXT(setup, "%s does not fit into the record of --undo", name));
}

/* What is changed from here on can be undone. */
static void plan_record(struct setup *setup, bool mta)
{
	plan_add(&setup->plan,
		 (struct plan_step){
		     .id = "record",
		     .what = TEXT(setup, "%s, for countersign setup --undo", setup->record_path),
		     .command = record_command(setup->arena, &setup->record, setup->record_path),
		     .mta = mta});
}

static void record_backup(struct setup *setup, const char *name)
{
	const char *from = TEXT(setup, "%s/%s", setup->place.postfix.config, name);

	if (record_change_file(setup->arena, &setup->record, from,
			       TEXT(setup, "%s.%s", from, setup->stamp)) == -1)
		add_note(setup, "record",
			 TEXT(setup, "%s does not fit into the record of --undo", from));
	plan_add(&setup->plan, (struct plan_step){
				   .id = TEXT(setup, "postfix.copy.%s", name),
				   .what = TEXT(setup, "a copy of %s", name),
				   .command = TEXT(setup, "cp -p %s %s.%s", quote_word(setup, from),
						   quote_word(setup, from), setup->stamp),
				   .mta = true});
}

static const char *restore_command(const struct setup *setup, const char *name)
{
	const char *file =
	    quote_word(setup, TEXT(setup, "%s/%s", setup->place.postfix.config, name));

	return TEXT(setup, "cp -p %s.%s %s && postfix -c %s reload", file, setup->stamp, file,
		    quote_word(setup, setup->place.postfix.config));
}

static void plan_main_cf(struct setup *setup, const char *smtpd, const char *other)
{
	const char *config = quote_word(setup, setup->place.postfix.config);

	record_backup(setup, "main.cf");
	setup->record.filter = place_address(&setup->place, setup->arena, setup->listen);
	record_setting(setup, "smtpd_milters", smtpd);
	record_setting(setup, "non_smtpd_milters", other);
	plan_add(
	    &setup->plan,
	    (struct plan_step){
		.id = "postfix.main.cf",
		.what = "Postfix asks countersignd about each message, and defers mail while "
			"it is not there",
		.command = TEXT(setup, "postconf -c %s -e %s %s", config,
				quote_word(setup, TEXT(setup, "smtpd_milters = %s", smtpd)),
				quote_word(setup, TEXT(setup, "non_smtpd_milters = %s", other))),
		.undo = restore_command(setup, "main.cf"),
		.mta = true});
}

/* Own settings of a filter are understood from Postfix 3.0 on. */
static const char *our_item(const struct setup *setup)
{
	const char *version = postfix_setting(&setup->place.postfix, setup->arena, "mail_version");
	const char *address = place_address(&setup->place, setup->arena, setup->listen);

	if (version[0] == '2')
		return address;
	return TEXT(setup, "{ %s, default_action=tempfail }", address);
}

/* The filters that FROM, as it is written, names, and ours. */
static const char *with_us(struct setup *setup, const char *from, const char *expanded)
{
	bool there = lists_us(setup, expanded);

	return milters_add(setup->arena, span_of(setup->replace ? expanded : from),
			   there ? NULL : our_item(setup), setup->replace ? is_replaced : NULL,
			   setup);
}

static void plan_milters(struct setup *setup)
{
	const struct postfix *postfix = &setup->place.postfix;
	const char *smtpd = postfix_setting(postfix, setup->arena, "smtpd_milters"),
		   *other = postfix_setting(postfix, setup->arena, "non_smtpd_milters");
	bool same =
	    *other == '\0' || strcmp(postfix->smtpd_milters, postfix->non_smtpd_milters) == 0;
	bool replaces = setup->replace && (has_replaced(setup, postfix->smtpd_milters) ||
					   has_replaced(setup, postfix->non_smtpd_milters));

	note_others(setup, postfix->smtpd_milters, "smtpd_milters");
	if (!same)
		note_others(setup, postfix->non_smtpd_milters, "non_smtpd_milters");
	if (lists_us(setup, postfix->smtpd_milters) &&
	    lists_us(setup, postfix->non_smtpd_milters) && !replaces)
		return;
	plan_main_cf(setup, with_us(setup, smtpd, postfix->smtpd_milters),
		     same ? "$smtpd_milters" : with_us(setup, other, postfix->non_smtpd_milters));
}

/* Mail that comes through these services is of own users: it is signed, not judged. */
static void plan_submission(struct setup *setup)
{
	const struct postfix *postfix = &setup->place.postfix;
	struct span rest = span_of(postfix->services);
	struct postfix_service service;
	bool copied = false;

	while (postfix_next_service(postfix, &rest, "smtpd", &service)) {
		const char *name = TEXT(setup, "%s/%s", arena_span(setup->arena, service.name),
					arena_span(setup->arena, service.type));
		const char *own =
		    postfix_override(postfix, setup->arena, &service, "smtpd_milters");

		if (own != NULL && strchr(own, '$') == NULL && !lists_us(setup, own))
			add_note(
			    setup, "postfix.own",
			    TEXT(setup,
				 "%s has filters of its own in master.cf (smtpd_milters=%s): "
				 "countersignd is not asked about its mail; take the line out, or "
				 "add %s to it",
				 name, own, our_item(setup)));
		if (!postfix_is_submission(&service) ||
		    postfix_override(postfix, setup->arena, &service, "milter_macro_daemon_name") !=
			NULL)
			continue;
		if (!copied)
			record_backup(setup, "master.cf");
		copied = true;
		record_setting(setup, TEXT(setup, "%s/milter_macro_daemon_name", name),
			       "ORIGINATING");
		plan_add(&setup->plan,
			 (struct plan_step){
			     .id = TEXT(setup, "postfix.%s", name),
			     .what = TEXT(setup, "mail through %s is of own users", name),
			     .command =
				 TEXT(setup,
				      "postconf -c %s -P %s/milter_macro_daemon_name="
				      "ORIGINATING",
				      quote_word(setup, postfix->config), quote_word(setup, name)),
			     .undo = restore_command(setup, "master.cf"),
			     .mta = true});
	}
}

static bool changes_mta(const struct plan *plan)
{
	for (unsigned i = 0; i < plan->count; i++) {
		if (plan->steps[i].mta)
			return true;
	}
	return false;
}

static void plan_postfix(struct setup *setup)
{
	plan_milters(setup);
	plan_submission(setup);
	if (!changes_mta(&setup->plan))
		return;
	plan_record(setup, true);
	plan_add(&setup->plan,
		 (struct plan_step){.id = "postfix.reload",
				    .what = "Postfix reads its settings, where it runs",
				    .command = TEXT(setup,
						    "postfix -c %s status 2>/dev/null && postfix "
						    "-c %s reload || true",
						    quote_word(setup, setup->place.postfix.config),
						    quote_word(setup, setup->place.postfix.config)),
				    .mta = true});
}

/* ---- Sendmail ---- */

static int has_word(struct setup *setup, const char *path, const char *word)
{
	const char *argv[] = {"grep", "-q", word, path, NULL}, *text;

	return program_read(setup->arena, argv, &text, NULL) == 0;
}

static void plan_sendmail(struct setup *setup)
{
	const char *mc = TEXT(setup, "%s/sendmail.mc", setup->place.sendmail);
	const char *file = quote_word(setup, mc), *dir = quote_word(setup, setup->place.sendmail);
	const char *line = TEXT(setup,
				"INPUT_MAIL_FILTER(`countersign', `S=%s, F=T, "
				"T=C:10s;S:30s;R:60s;E:2m')dnl",
				setup->listen);

	if (has_word(setup, mc, "countersign"))
		return;
	record_change_file(setup->arena, &setup->record, mc,
			   TEXT(setup, "%s.%s", mc, setup->stamp));
	record_add_line(&setup->record, (struct record_line){mc, line});
	plan_add(&setup->plan,
		 (struct plan_step){
		     .id = "sendmail.mc",
		     .what = "Sendmail asks countersignd behind its other filters, and defers mail "
			     "while it is not there",
		     .command = TEXT(setup,
				     "cp -p %s %s.%s\nawk -v line=%s '/^MAILER\\(/ && !done { "
				     "print line; done = 1 } { print }' %s.%s >%s",
				     file, file, setup->stamp, quote_word(setup, line), file,
				     setup->stamp, file),
		     .undo = TEXT(setup, "cp -p %s.%s %s", file, setup->stamp, file),
		     .mta = true});
	plan_record(setup, true);
	plan_add(&setup->plan,
		 (struct plan_step){.id = "sendmail.cf",
				    .what = "sendmail.cf is made again; then restart Sendmail",
				    .command = program_there("sendmailconfig")
						   ? "yes | sendmailconfig"
						   : TEXT(setup, "make -C %s", dir),
				    .mta = true});
}

/* ---- DNSSEC ---- */

/* Offered, not done: behind a resolver that drops signatures every answer would be a temporary
 * error. */
static void offer_validation(struct setup *setup)
{
	const char *anchor = place_trust_anchor();

	if (setup->conf->dns.trust_anchor[0] != '\0' || anchor == NULL)
		return;
	add_note(
	    setup, "dnssec",
	    TEXT(setup,
		 "%s is the key of the DNS root: to have answers validated by DNSSEC, type: %s "
		 "(then restart the daemon, and look: countersign doctor --only=dns.dnssec)",
		 anchor,
		 place_anchor_command(setup->arena, anchor, admin_conf_path(setup->admin))));
}

/* ---- the daemon ---- */

static const char *daemon_command(const struct setup *setup, enum service_act act)
{
	const struct service_facts facts = {.user = setup->user,
					    .conf = admin_conf_path(setup->admin)};

	return service_command(setup->arena, act, &facts);
}

/* At the socket that the MTA will use. */
static bool daemon_answers(const struct setup *setup)
{
	struct milter_client m;
	struct why why;
	bool answers = milter_client_open(&m, setup->listen, &why) == 0;

	milter_client_close(&m);
	return answers;
}

static void plan_start(struct setup *setup, const char *command, const char *undo)
{
	plan_add(&setup->plan,
		 (struct plan_step){.id = "daemon",
				    .what = "the daemon runs, now and after each boot",
				    .command = command,
				    .undo = undo});
	setup->starts = true;
}

static void plan_restart(struct setup *setup)
{
	plan_add(&setup->plan,
		 (struct plan_step){.id = "daemon",
				    .what = "the daemon opens the new socket",
				    .command = daemon_command(setup, SERVICE_RESTART)});
	setup->starts = true;
}

static void plan_unit(struct setup *setup)
{
	const char *argv[] = {"systemctl", "is-active", "countersignd", NULL}, *text;

	if (program_read(setup->arena, argv, &text, NULL) == 0) {
		if (setup->changed)
			plan_restart(setup);
		return;
	}
	plan_start(setup, "systemctl enable --now countersignd",
		   "systemctl disable --now countersignd");
	setup->record.unit = "countersignd";
	plan_record(setup, false);
}

/* FreeBSD's rc(8): the script starts only what rc.conf enables. */
static void plan_script(struct setup *setup)
{
	const char *argv[] = {"service", "countersignd", "status", NULL}, *text;

	if (program_read(setup->arena, argv, &text, NULL) == 0) {
		if (setup->changed)
			plan_restart(setup);
		return;
	}
	plan_start(setup, "sysrc countersignd_enable=YES && service countersignd start",
		   "service countersignd stop && sysrc -x countersignd_enable");
}

static void plan_daemon(struct setup *setup)
{
	if (service_has_unit())
		plan_unit(setup);
	else if (service_has_script())
		plan_script(setup);
	else if (!daemon_answers(setup))
		add_note(setup, "daemon",
			 TEXT(setup, "start the daemon: %s", daemon_command(setup, SERVICE_START)));
}

/* ---- the command ---- */

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

/* The control socket's; the unit makes it by itself. */
static void plan_run_directory(struct setup *setup)
{
	const char *path = setup->conf->control.socket, *dir = place_parent(setup->arena, path);
	const char *listen = place_path(setup->listen);

	if (*path != '/' || service_has_unit() || access(dir, F_OK) == 0 ||
	    (listen != NULL && strcmp(place_parent(setup->arena, listen), dir) == 0))
		return;
	plan_directory(setup, (struct directory){"control.directory",
						 "the directory of the control socket", dir,
						 setup->user, setup->group, 0755});
}

static void make_plan(struct setup *setup)
{
	struct arena *arena = setup->arena;

	plan_user(setup);
	plan_settings(setup);
	plan_directory(setup,
		       (struct directory){"keys.directory", "the directory of the keys",
					  setup->conf->sign.keys, "root", setup->group, 0750});
	if (strncmp(setup->conf->store.url, "sqlite:/", 8) == 0)
		plan_directory(setup,
			       (struct directory){
				   "store.directory", "the directory of the ledger",
				   place_parent(arena, setup->conf->store.url + strlen("sqlite:")),
				   setup->user, setup->group, 0750});
	plan_socket_directory(setup, setup->listen);
	plan_run_directory(setup);
	plan_key(setup);
	offer_validation(setup);
	plan_daemon(setup);
	if (setup->place.mta == PLACE_POSTFIX)
		plan_postfix(setup);
	else
		plan_sendmail(setup);
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
	else if (mode == PLAN_OURS && changes_mta(&setup->plan))
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
	if (!changes_mta(&setup->plan) || setup->force || setup->starts || daemon_answers(setup))
		return PLAN_APPLY;
	return PLAN_OURS;
}

static int refuse_mta(const struct setup *setup)
{
	admin_error(
	    setup->admin,
	    "the MTA was not connected: the daemon does not answer at %s, and all mail would "
	    "be deferred; start it: %s; then again: %s setup --apply",
	    setup->listen, daemon_command(setup, SERVICE_START), setup->self);
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
		plan_socket_directory(&setup, setup.conf->listen.items[i]);
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

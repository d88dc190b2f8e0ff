/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A file that is as setup left it gets its copy back, byte for byte. Out of one that somebody else
 * has changed since, only what is in the record is taken. A filter that setup took out comes back
 * only where it still listens: an MTA that asks a filter that is gone defers all mail.
 */
#include "admin/setup/undo.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "admin/program.h"
#include "admin/setup/milters.h"
#include "admin/setup/otherfilters.h"
#include "admin/setup/policymap.h"
#include "admin/setup/plan.h"
#include "admin/setup/record.h"
#include "admin/setup/service.h"
#include "lib/clock.h"
#include "lib/system/children.h"

/* Postfix's processes that ask filters; a service has 100 of them by default. */
struct askers {
	pid_t master; /* 0: Postfix does not run */
	pid_t list[512];
	unsigned count;
};

struct undo {
	struct admin *admin;
	struct arena *arena;
	const struct place *place;
	struct record record;
	const char *path; /* of the record */
	struct plan plan;
	bool sendmail;        /* its source was changed */
	struct askers before; /* begun with the settings that are undone */
};

#define TEXT(undo, ...) arena_printf((undo)->arena, __VA_ARGS__)

static const char *quote_word(const struct undo *undo, const char *text)
{
	return program_quote(undo->arena, text);
}

static void add_note(struct undo *undo, const char *what)
{
	plan_add(&undo->plan, (struct plan_step){.id = "note", .what = what});
}

static void add_step(struct undo *undo, const char *id, const char *what, const char *command)
{
	plan_add(&undo->plan,
		 (struct plan_step){.id = id, .what = what, .command = command, .mta = true});
}

/* ---- filters that setup took out ---- */

static bool list_has(const char *list, struct span address)
{
	struct span rest = span_of(list);
	struct milter_item item;

	while (milters_next(&rest, &item)) {
		if (span_len(item.address) == span_len(address) &&
		    memcmp(item.address.p, address.p, span_len(address)) == 0)
			return true;
	}
	return false;
}

struct drop {
	struct undo *undo;
	const char *after;
};

/* For milters_add: it was taken out, and nobody listens there now. */
static bool is_gone(void *arg, struct span address)
{
	const struct drop *drop = arg;

	return !list_has(drop->after, address) &&
	       !otherfilter_answers(drop->undo->place, drop->undo->arena, address);
}

/* The lists of filters; setup changes other settings, too. */
static bool is_list(const struct record_setting *setting)
{
	return strcmp(setting->name, "smtpd_milters") == 0 ||
	       strcmp(setting->name, "non_smtpd_milters") == 0;
}

static bool any_gone(struct undo *undo)
{
	bool any = false;

	for (unsigned i = 0; i < undo->record.setting_count; i++) {
		const struct record_setting *setting = &undo->record.settings[i];
		struct drop drop = {undo, setting->after};
		struct span rest = span_of(setting->before == NULL ? "" : setting->before);
		struct milter_item item;

		while (is_list(setting) && milters_next(&rest, &item)) {
			if (!is_gone(&drop, item.address))
				continue;
			any = true;
			add_note(undo, TEXT(undo,
					    "%s was used before, but no longer answers: it is "
					    "not restored in %s",
					    arena_span(undo->arena, item.address), setting->name));
		}
	}
	return any;
}

/* ---- one setting ---- */

static bool is_in_master(const struct record_setting *setting)
{
	return strchr(setting->name, '/') != NULL;
}

/* Its value as it is written; NULL: it is not set. */
static const char *value_now(const struct undo *undo, const struct record_setting *setting)
{
	const char *argv[] = {"postconf",         "-c",
			      setting->directory, is_in_master(setting) ? "-P" : "-n",
			      setting->name,      NULL};
	const char *text, *equals;

	if (program_read(undo->arena, argv, &text, NULL) == -1)
		return NULL;
	equals = strchr(text, '=');
	return equals == NULL ? NULL : arena_span(undo->arena, span_trim(span_of(equals + 1)));
}

static bool is_ours(void *arg, struct span address)
{
	const struct undo *undo = arg;

	return undo->record.filter != NULL && span_eq(address, undo->record.filter);
}

/* What it is to be; NULL: not set. */
static const char *value_wanted(struct undo *undo, const struct record_setting *setting,
				const char *now)
{
	struct drop drop = {undo, setting->after};
	const char *rest;

	if (strcmp(now, setting->after) == 0) {
		if (setting->before == NULL || !is_list(setting))
			return setting->before;
		return milters_add(undo->arena, span_of(setting->before), NULL, is_gone, &drop);
	}
	if (strcmp(setting->name, "smtp_tls_policy_maps") == 0)
		return policymap_without(undo->arena, now, setting->after, setting->before);
	if (!is_list(setting))
		return now;
	rest = milters_add(undo->arena, span_of(now), NULL, is_ours, undo);
	return *rest == '\0' && setting->before == NULL ? NULL : rest;
}

static void undo_setting(struct undo *undo, const struct record_setting *setting)
{
	const char *now = value_now(undo, setting), *wanted, *command;
	const char *mode = is_in_master(setting) ? "-P" : "-e";

	if (now == NULL)
		return;
	wanted = value_wanted(undo, setting, now);
	if (wanted != NULL && strcmp(wanted, now) == 0)
		return;
	if (wanted == NULL)
		command =
		    TEXT(undo, "postconf -c %s %s %s", quote_word(undo, setting->directory),
			 is_in_master(setting) ? "-PX" : "-X", quote_word(undo, setting->name));
	else
		command = TEXT(undo, "postconf -c %s %s %s", quote_word(undo, setting->directory),
			       mode, quote_word(undo, TEXT(undo, "%s=%s", setting->name, wanted)));
	add_step(undo, "setting", TEXT(undo, "%s without countersignd", setting->name), command);
}

static void undo_line(struct undo *undo, const struct record_line *line)
{
	const char *path = quote_word(undo, line->path);

	add_step(undo, "line", TEXT(undo, "%s without countersignd's line", line->path),
		 TEXT(undo, "grep -vxF -e %s %s >%s.new; cat %s.new >%s && rm %s.new",
		      quote_word(undo, line->text), path, path, path, path, path));
}

/* ---- one file ---- */

static bool is_of_file(const struct undo *undo, const struct record_setting *setting,
		       const char *path)
{
	return strcmp(TEXT(undo, "%s/%s", setting->directory,
			   is_in_master(setting) ? "master.cf" : "main.cf"),
		      path) == 0;
}

static void take_out(struct undo *undo, const struct record_file *file)
{
	add_note(undo, TEXT(undo,
			    "%s was changed since: only what setup added is removed; the copy "
			    "of the original is %s",
			    file->path, file->copy));
	for (unsigned i = 0; i < undo->record.setting_count; i++) {
		if (is_of_file(undo, &undo->record.settings[i], file->path))
			undo_setting(undo, &undo->record.settings[i]);
	}
	for (unsigned i = 0; i < undo->record.line_count; i++) {
		if (strcmp(undo->record.lines[i].path, file->path) == 0)
			undo_line(undo, &undo->record.lines[i]);
	}
}

/* The later copies of PATH, each after a blank. */
static const char *list_copies(const struct undo *undo, const char *path)
{
	const char *list = "";

	for (unsigned i = 0; i < undo->record.copy_count; i++) {
		if (strcmp(undo->record.copies[i].path, path) == 0)
			list = TEXT(undo, "%s %s", list,
				    quote_word(undo, undo->record.copies[i].copy));
	}
	return list;
}

static void undo_file(struct undo *undo, const struct record_file *file, bool whole)
{
	const char *now = record_sum(undo->arena, file->path),
		   *before = record_sum(undo->arena, file->copy);
	const char *path = quote_word(undo, file->path), *copy = quote_word(undo, file->copy);

	if (now == NULL)
		add_note(undo, TEXT(undo, "%s no longer exists", file->path));
	else if (before != NULL && strcmp(now, before) == 0)
		add_step(undo, "copy", TEXT(undo, "%s is unchanged", file->path),
			 TEXT(undo, "rm -f %s%s", copy, list_copies(undo, file->path)));
	else if (whole && before != NULL && strcmp(now, file->sum) == 0)
		add_step(undo, "file", TEXT(undo, "restore %s", file->path),
			 TEXT(undo, "cp -p %s %s && rm -f %s%s", copy, path, copy,
			      list_copies(undo, file->path)));
	else
		take_out(undo, file);
	undo->sendmail = undo->sendmail || strstr(file->path, "sendmail.mc") != NULL;
}

/* ---- sessions that began with the old settings ---- */

static pid_t find_master(const struct undo *undo)
{
	FILE *file;
	int pid = 0;

	if (undo->place->mta != PLACE_POSTFIX)
		return 0;
	file = fopen(TEXT(undo, "%s/pid/master.pid", undo->place->postfix.queue), "re");
	if (file == NULL)
		return 0;
	if (fscanf(file, "%d", &pid) != 1)
		pid = 0;
	fclose(file);
	return pid;
}

static void list_askers(struct askers *askers, pid_t master)
{
	static const char *const names[] = {"smtpd", "cleanup", "qmqpd", NULL};

	askers->master = master;
	askers->count = master == 0 ? 0
				    : children_named(master, names, askers->list,
						     sizeof askers->list / sizeof *askers->list);
}

/* For the step that reloads Postfix. Its files are put back: what begins from now on reads these.
 */
static void note_askers(void *arg)
{
	struct undo *undo = arg;

	list_askers(&undo->before, find_master(undo));
}

static bool has_asker(const struct askers *askers, pid_t pid)
{
	for (unsigned i = 0; i < askers->count; i++)
		if (askers->list[i] == pid)
			return true;
	return false;
}

static bool any_left(const struct askers *before)
{
	struct askers now;

	list_askers(&now, before->master);
	for (unsigned i = 0; i < before->count; i++)
		if (has_asker(&now, before->list[i]))
			return true;
	return false;
}

/* A process of Postfix that began with the old settings asks countersignd until its session ends,
 * also in one that it has yet to accept, and would defer the mail if the daemon stopped meanwhile.
 */
static void await_sessions(const struct undo *undo)
{
	enum { PATIENCE = 60 };
	const struct timespec moment = {.tv_nsec = CLOCK_SECOND / 4};
	int64_t until = clock_mono() + PATIENCE * CLOCK_SECOND;

	if (!any_left(&undo->before))
		return;
	admin_note(undo->admin, "waiting for Postfix's open sessions to end (at most %d s)",
		   PATIENCE);
	while (any_left(&undo->before) && clock_mono() < until)
		nanosleep(&moment, NULL);
}

/* ---- all ---- */

static void add_reload(struct undo *undo, const char *directory)
{
	plan_add(&undo->plan,
		 (struct plan_step){
		     .id = "reload",
		     .what = "reload Postfix if it is running",
		     .command = TEXT(
			 undo, "postfix -c %s status 2>/dev/null && postfix -c %s reload || true",
			 directory, directory),
		     .mta = true,
		     .before = note_askers,
		     .arg = undo});
}

static void make_plan(struct undo *undo)
{
	const struct record *record = &undo->record;
	bool whole = !any_gone(undo);
	const char *directory = undo->place->postfix.config;

	for (unsigned i = 0; i < record->file_count; i++)
		undo_file(undo, &record->files[i], whole);
	if (record->setting_count > 0 && undo->place->mta == PLACE_POSTFIX)
		add_reload(undo, quote_word(undo, directory));
	if (undo->sendmail)
		add_step(undo, "sendmail", "rebuild sendmail.cf; then restart Sendmail",
			 program_there("sendmailconfig")
			     ? "yes | sendmailconfig"
			     : TEXT(undo, "make -C %s", quote_word(undo, undo->place->sendmail)));
}

/* ---- the end ---- */

static bool lists_filter(const char *list)
{
	for (struct span s = span_of(list); !span_empty(s); s.p++) {
		if (span_istarts(s, "countersign"))
			return true;
	}
	return false;
}

/* Settings that an administrator has written himself are his to take out. */
static int warn_if_asked(const struct undo *undo)
{
	struct postfix now;
	struct why why;

	if (undo->place->mta != PLACE_POSTFIX ||
	    postfix_look(undo->arena, undo->place->postfix.config, &now, &why) == -1)
		return ADMIN_DONE;
	if (!lists_filter(now.smtpd_milters) && !lists_filter(now.non_smtpd_milters))
		return ADMIN_DONE;
	admin_warning(
	    undo->admin,
	    "Postfix still uses countersignd, because of settings that setup did not make: "
	    "smtpd_milters = %s. It will defer all mail when the daemon is gone: remove the "
	    "filter from smtpd_milters and non_smtpd_milters, then run: postfix reload",
	    now.smtpd_milters);
	return ADMIN_NO;
}

static int finish_undo(struct undo *undo)
{
	struct why why;
	const char *unit = undo->record.unit;

	await_sessions(undo);
	if (unit != NULL && service_has_unit() &&
	    program_shell(TEXT(undo, "systemctl disable --now %s", quote_word(undo, unit)),
			  undo->admin->json, &why) == -1)
		admin_warning(undo->admin, "%s", why.text);
	if (unlink(undo->path) == -1 && access(undo->path, F_OK) == 0)
		admin_warning(undo->admin, "%s cannot be removed", undo->path);
	return warn_if_asked(undo);
}

int undo_run(struct admin *admin, const struct place *place, const char *record, bool print)
{
	struct undo undo = {.admin = admin,
			    .arena = admin->arena,
			    .place = place,
			    .path = record,
			    .plan = {.admin = admin}};
	struct why why;
	int code;

	if (record_read(undo.arena, record, &undo.record, &why) == -1) {
		admin_error(admin, "%s", why.text);
		return ADMIN_CONFIG;
	}
	if (record_is_empty(&undo.record)) {
		admin_note(admin, "nothing to undo: %s has no record of a change", record);
		return warn_if_asked(&undo);
	}
	make_plan(&undo);
	code = plan_run(&undo.plan, print ? PLAN_PRINT : PLAN_APPLY, "setup");
	if (code != ADMIN_DONE || print)
		return code;
	code = finish_undo(&undo);
	admin_note(admin,
		   "settings, keys and the ledger are kept; countersign(1), setup --undo, says "
		   "how to remove them");
	return code;
}

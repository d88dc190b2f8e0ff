/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Files for each domain in audit.state: what the next run compares with, and the findings for the
 * page. They are written at the end, after the mail: a difference that nobody was told is found
 * again.
 */
#include "admin/audit/watch.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "admin/audit/show.h"
#include "audit/watch/summary.h"
#include "context/sending.h"
#include "lib/clock.h"
#include "lib/system/newfile.h"
#include "metrics/checked.h"
#include "report/page/posture.h"

/* The new summary of a domain. */
struct kept {
	struct kept *next;
	const char *path;
	struct span text;
};

struct watch {
	struct admin *admin;
	const struct conf *conf;
	const struct audit_settings *settings;
	const char *mail_to; /* or NULL */
	struct kept *kept;
	struct buf lines; /* of the mail */
	struct watched sums;
};

struct watch *watch_open(struct admin *admin, const struct conf *conf,
			 const struct audit_settings *settings, const char *mail_to)
{
	struct watch *watch = arena_make(admin->arena, struct watch);
	const char *directory = conf->audit.state;

	if (*directory == '\0') {
		admin_error(admin, "audit.state is empty: there is nothing to compare with");
		return NULL;
	}
	if (mkdir(directory, 0750) == -1 && errno != EEXIST) {
		admin_error(admin, "%s: %s", directory, strerror(errno));
		return NULL;
	}
	watch->admin = admin;
	watch->conf = conf;
	watch->settings = settings;
	watch->mail_to = mail_to;
	buf_init(&watch->lines, admin->arena, 0);
	return watch;
}

/* NULL: there is none yet, or it cannot be used, which is said. */
static struct summary *read_kept(const struct watch *watch, const char *path, struct arena *arena)
{
	struct summary *summary;
	struct why why = {""};
	struct span text;

	if (access(path, F_OK) == -1 && errno == ENOENT)
		return NULL;
	if (admin_read_file(watch->admin, path, &text) != ADMIN_DONE)
		return NULL;
	summary = summary_read(arena, text, &why);
	if (summary == NULL)
		admin_warning(watch->admin, "%s: %s; it is made again", path, why.text);
	return summary;
}

static void keep_file(struct watch *watch, const char *path, struct span text)
{
	struct kept *kept = arena_make(watch->admin->arena, struct kept);

	kept->path = path;
	kept->text = text;
	kept->next = watch->kept;
	watch->kept = kept;
}

static void keep_summary(struct watch *watch, const char *path, const struct summary *summary)
{
	struct buf text;

	buf_init(&text, watch->admin->arena, 0);
	summary_write(summary, &text);
	keep_file(watch, path, buf_view(&text));
}

/* The findings for the page, the worst first. Those that are silenced are not shown there, either.
 */
static void keep_posture(struct watch *watch, const struct audit_result *result, int32_t today)
{
	struct arena *arena = watch->admin->arena;
	const char *path = posture_path(arena, watch->conf->audit.state, result->domain);
	struct posture posture = {.at = watch->settings->now};
	struct buf text;

	if (path == NULL || result->facts->mail.mx.status == DNS_TEMPFAIL)
		return; /* nothing is known now: what was found before stays */

	posture.items =
	    arena_array(result->arena, result->findings.count + 1, sizeof *posture.items);
	posture.hints = show_counts(watch->conf, result, today).levels[AUDIT_INFO];
	for (int level = AUDIT_ERROR; level >= AUDIT_WARN; level--) {
		for (unsigned i = 0; i < result->findings.count; i++) {
			const struct audit_finding *finding = &result->findings.items[i];

			if ((int)finding->level == level &&
			    !show_is_silent(watch->conf, result->domain, finding, today))
				posture.items[posture.count++] = (struct posture_finding){
				    name_text(audit_level_names, level),
				    audit_rules[finding->rule].id, finding->text, finding->remedy};
		}
	}
	buf_init(&text, arena, 0);
	posture_write(&text, &posture);
	keep_file(watch, path, buf_view(&text));
}

static void count_findings(struct watch *watch, const struct audit_result *result, int32_t today)
{
	const struct audit_counts counts = show_counts(watch->conf, result, today);

	watch->sums.domains++;
	watch->sums.errors += counts.levels[AUDIT_ERROR];
	watch->sums.warnings += counts.levels[AUDIT_WARN];
	watch->sums.hints += counts.levels[AUDIT_INFO];
}

static void note_change(struct watch *watch, const struct audit_result *result,
			const struct audit_finding *finding)
{
	buf_printf(&watch->lines, "%s: %s %s: %s\n", result->domain,
		   name_text(audit_level_names, (int)finding->level), audit_rules[finding->rule].id,
		   finding->text);
	watch->sums.changes++;
}

struct audit_findings watch_take(struct watch *watch, const struct audit_result *result)
{
	const char *path = arena_printf(watch->admin->arena, "%s/%s.facts",
					watch->conf->audit.state, result->domain);
	struct summary *before = read_kept(watch, path, result->arena), *after;
	struct audit_findings findings = {.count = 0}, told = {.count = 0};
	int32_t today = clock_day(watch->settings->now);

	after = summary_make(watch->settings, result->facts, before, result->arena);
	if (before != NULL)
		findings = summary_compare(watch->settings, before, after, result->arena);
	told.items = arena_array(result->arena, findings.count + 1, sizeof *told.items);
	for (unsigned i = 0; i < findings.count; i++) {
		if (show_is_silent(watch->conf, result->domain, &findings.items[i], today))
			continue;
		told.items[told.count++] = findings.items[i];
		note_change(watch, result, &findings.items[i]);
	}
	count_findings(watch, result, today);
	keep_posture(watch, result, today);
	keep_summary(watch, path, after);
	return told;
}

/* ---- mail ---- */

static struct notice make_notice(struct watch *watch)
{
	struct arena *arena = watch->admin->arena;
	struct buf text;

	buf_init(&text, arena, 0);
	buf_printf(&text, "%s\nTo see what the domains have now: countersign audit DOMAIN\n",
		   buf_text(&watch->lines));
	return (struct notice){.subject = arena_printf(arena, "countersign audit: %u change%s",
						       (unsigned)watch->sums.changes,
						       watch->sums.changes == 1 ? "" : "s"),
			       .text = buf_view(&text)};
}

/* The name of the notice is what it says, so that hosts that find the same send it once. */
static int send_changes(struct watch *watch, const char **to, struct why *why)
{
	const struct conf *conf = watch->conf;
	const struct notice notice = make_notice(watch);

	*to = watch->mail_to;
	if (watch->mail_to != NULL && sending_notice(conf, watch->mail_to, &notice, why) == -1)
		return -1;
	*to = "audit.mail";
	if (conf->audit.mail.count > 0 && sending_put_notice(conf, buf_text(&watch->lines), &notice,
							     &conf->audit.mail, why) == -1)
		return -1;
	return 0;
}

/* ---- the end ---- */

/* A file of root's gets the owner of the directory, as the daemon reads it, too. */
static int write_file(const struct kept *kept, const struct stat *directory, struct why *why)
{
	struct newfile file;
	bool written;

	if (newfile_open(&file, kept->path, 0640, why) != 0)
		return -1;
	written =
	    fwrite(kept->text.p, 1, span_len(kept->text), file.out) == span_len(kept->text) &&
	    (geteuid() != 0 || fchown(fileno(file.out), directory->st_uid, directory->st_gid) == 0);
	if (!written)
		why_set(why, "%s: %s", kept->path, strerror(errno));
	return newfile_close(&file, written, why);
}

static int write_kept(const struct watch *watch)
{
	struct stat directory;
	int status = 0;

	if (stat(watch->conf->audit.state, &directory) == -1) {
		admin_error(watch->admin, "%s: %s", watch->conf->audit.state, strerror(errno));
		return -1;
	}

	for (const struct kept *kept = watch->kept; kept != NULL; kept = kept->next) {
		struct why why = {""};

		if (write_file(kept, &directory, &why) == -1) {
			admin_error(watch->admin, "%s", why.text);
			status = -1;
		}
	}
	return status;
}

int watch_close(struct watch *watch)
{
	struct why why = {""};
	const char *to;

	if (watch->sums.changes > 0 && send_changes(watch, &to, &why) == -1) {
		admin_error(watch->admin,
			    "the changes were not sent to %s: %s; the next run does it", to,
			    why.text);
		return -1;
	}
	watch->sums.at = watch->settings->now;
	if (watched_write(watch->conf->audit.state, &watch->sums, &why) == -1)
		admin_warning(watch->admin, "%s", why.text);
	return write_kept(watch);
}

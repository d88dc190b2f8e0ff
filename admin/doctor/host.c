/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Checks of what is on this machine: settings, files, clock, ledger, reports.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <unistd.h>

#include "admin/become.h"
#include "admin/daemon/losses.h"
#include "admin/doctor/doctor.h"
#include "admin/doctor/marks.h"
#include "admin/program.h"
#include "context/context.h"
#include "context/sending.h"
#include "lib/buf.h"
#include "lib/clock.h"
#include "lib/url.h"
#include "policy/forged.h"
#include "store/integrity.h"
#include "store/messages.h"
#include "store/rescue.h"
#include "store/outbox.h"

/* ---- settings ---- */

void doctor_settings(struct doctor *doctor)
{
	const char *path = admin_conf_path(doctor->admin);
	struct stat st;

	if (doctor->conf == NULL)
		doctor_say(doctor, DOCTOR_ERROR, "countersign config check",
			   "%s has errors: a daemon that runs keeps its old settings, and none "
			   "starts",
			   path);
	else if (stat(path, &st) == -1)
		doctor_say(doctor, DOCTOR_WARN, "countersign setup",
			   "there is no %s: all settings have their defaults", path);
	else if ((st.st_mode & 022) != 0)
		doctor_say(doctor, DOCTOR_ERROR, arena_printf(doctor->arena, "chmod go-w %s", path),
			   "%s: mode %04o lets others change the settings", path,
			   (unsigned)st.st_mode & 07777);
	else
		doctor_say(doctor, DOCTOR_OK, NULL, "%s", path);
	if (doctor->place_fault != NULL)
		doctor_say(doctor, DOCTOR_ERROR, NULL, "the MTA's settings cannot be read: %s",
			   doctor->place_fault);
	else if (doctor->place.mta == PLACE_NONE)
		doctor_say(doctor, DOCTOR_SKIP, NULL,
			   "no MTA is found here: say where main.cf is with --postfix=DIR");
}

/* ---- keys ---- */

struct key_place {
	const char *path;
	enum keyring_access access;
};

/* As the daemon's user: -1 with the first reason why a key cannot be used. */
static int load_keys(void *arg, struct why *why)
{
	const struct key_place *place = arg;
	struct keyring *keyring = keyring_load(place->path, place->access, why);
	const struct keyring_fault *faults;
	int result = keyring == NULL ? -1 : 0;

	if (keyring != NULL && keyring_faults(keyring, &faults) > 0)
		result = why_set(why, "%s", faults[0].text);
	keyring_free(keyring);
	return result;
}

/* "PATH: what is wrong: command" */
static void say_reason(struct doctor *doctor, const char *who, const char *reason)
{
	const char *colon = NULL;

	reason = arena_string(doctor->arena, reason);
	for (const char *p = strstr(reason, ": "); p != NULL; p = strstr(p + 1, ": "))
		colon = p;
	if (colon == NULL || strncmp(colon + 2, "ch", 2) != 0)
		doctor_say(doctor, DOCTOR_ERROR, NULL, "%s%s", who, reason);
	else
		doctor_say(doctor, DOCTOR_ERROR, colon + 2, "%s%.*s", who, (int)(colon - reason),
			   reason);
}

/* The daemon's user cannot read them: its directory is made right by setup. */
static void say_unreadable(struct doctor *doctor, const char *reason)
{
	const char *advice = strstr(reason, ": run this as root");

	if (advice == NULL)
		say_reason(doctor, "", reason);
	else
		doctor_say(doctor, DOCTOR_ERROR, "countersign setup", "%.*s",
			   (int)(advice - reason), reason);
}

static void look_at_owner(struct doctor *doctor, const char *path, uid_t daemon)
{
	struct stat st;

	if (stat(path, &st) == 0 && st.st_uid == daemon && daemon != 0)
		doctor_say(doctor, DOCTOR_WARN,
			   arena_printf(doctor->arena, "chown -R root %s", path),
			   "%s belongs to %s: who takes over the daemon could put keys of his own "
			   "there",
			   path, place_user(doctor->arena, daemon));
}

/* The user of the process that reads them. */
static const char *reader_of_keys(const struct doctor *doctor)
{
	struct become keys;

	if (strcmp(doctor->user, PLACE_USER) == 0 && become_find(PLACE_KEY_USER, &keys))
		return PLACE_KEY_USER;
	return doctor->user;
}

/* The daemon's other processes read what strangers send: they must not be able to read the keys, as
 * they could before the keys had a process. */
static void look_at_daemon(struct doctor *doctor, const char *reader, const struct key_place *place)
{
	struct key_place keys = *place;
	struct become daemon;
	struct why why;

	if (strcmp(reader, doctor->user) == 0 || !become_find(doctor->user, &daemon))
		return;
	if (geteuid() == 0 && doctor->keys.count > 0 &&
	    become(&daemon, load_keys, &keys, &why) == 0)
		doctor_say(doctor, DOCTOR_WARN, "countersign setup",
			   "%s: user %s can read the keys, too, and its processes read mail of "
			   "strangers; only %s is to read them",
			   place->path, doctor->user, reader);
}

void doctor_key_files(struct doctor *doctor)
{
	struct key_place place = {doctor->conf->sign.keys, context_key_access(doctor->conf)};
	const struct keyring_fault *faults;
	const char *path = place.path;
	unsigned before = doctor->count, fault_count;
	const char *reader = reader_of_keys(doctor);
	struct become who;
	struct why why;

	if (doctor->conf->store.keys) {
		doctor_shared_keys(doctor);
		return;
	}
	if (doctor->keys_fault != NULL && geteuid() != 0) {
		doctor_say(doctor, DOCTOR_SKIP, NULL, "%s", doctor->keys_fault);
		return;
	}
	if (doctor->keys_fault != NULL) {
		say_reason(doctor, "", doctor->keys_fault);
		return;
	}
	fault_count = keyring_faults(doctor->keys.keyring, &faults);
	for (unsigned i = 0; i < fault_count; i++)
		say_reason(doctor, "", faults[i].text);
	if (!become_find(reader, &who)) {
		doctor_say(doctor, DOCTOR_ERROR, "countersign setup",
			   "there is no user %s for the daemon", reader);
		return;
	}
	if (geteuid() != 0 && geteuid() != who.uid)
		doctor_say(doctor, DOCTOR_SKIP, NULL,
			   "whether user %s can read them: only root can try that", reader);
	else if (fault_count == 0 && become(&who, load_keys, &place, &why) == -1)
		say_unreadable(doctor, why.text);
	look_at_owner(doctor, path, who.uid);
	look_at_daemon(doctor, reader, &place);
	if (doctor->keys.count == 0)
		doctor_say(doctor, DOCTOR_WARN, "countersign key gen DOMAIN",
			   "no key in %s: no mail is signed", path);
	if (doctor->count == before)
		doctor_say(doctor, DOCTOR_OK, NULL, "%u in %s, of root, readable for %s",
			   doctor->keys.count, path, reader);
}

/* ---- clock ---- */

static int64_t last_write(const struct doctor *doctor)
{
	const char *path =
	    doctor->conf == NULL ? NULL : url_sqlite_path(doctor->conf->store.url, NULL);
	struct stat st;

	return path == NULL || stat(path, &st) == -1 ? 0 : (int64_t)st.st_mtime;
}

/* Signatures contain its time, and reports its day. */
void doctor_clock(struct doctor *doctor)
{
	enum { YEAR_2026 = 1767225600, DRIFT = 300 };
	char text[CLOCK_TEXT_MAX];
	int64_t now = clock_wall();
	struct timex state = {0};
	int code = ntp_adjtime(&state);

	clock_utc_text(now, text);
	if (now < YEAR_2026 || now < last_write(doctor) - DRIFT)
		doctor_say(doctor, DOCTOR_ERROR, "timedatectl set-ntp true",
			   "it says %s, which has been before: signatures will be refused", text);
	else if (code == -1)
		doctor_say(doctor, DOCTOR_SKIP, NULL,
			   "%s; the kernel does not tell whether it is synchronised", text);
	else if (code == TIME_ERROR || (state.status & STA_UNSYNC) != 0)
		doctor_say(doctor, DOCTOR_WARN, "timedatectl set-ntp true",
			   "%s, but nothing keeps the clock right (no NTP synchronisation)", text);
	else
		doctor_say(doctor, DOCTOR_OK, NULL, "%s, synchronised", text);
}

/* ---- ledger ---- */

static int write_ledger(void *arg, struct why *why)
{
	const char *path = arg, *slash = strrchr(path, '/');
	char directory[4096] = "/";

	if (slash != NULL && slash > path && (size_t)(slash - path) < sizeof directory)
		memcpy(directory, path, (size_t)(slash - path));
	if (access(directory, R_OK | W_OK | X_OK) == -1)
		return why_set(why, "%s: %s", directory, strerror(errno));
	if (access(path, R_OK | W_OK) == -1 && errno != ENOENT)
		return why_set(why, "%s: %s", path, strerror(errno));
	return 0;
}

void doctor_ledger_file(struct doctor *doctor)
{
	const char *path = url_sqlite_path(doctor->conf->store.url, NULL);
	struct become who;
	struct stat st;
	struct why why;

	if (!become_find(doctor->user, &who))
		return; /* told with the keys */
	if (geteuid() != 0 && geteuid() != who.uid)
		doctor_say(doctor, DOCTOR_SKIP, NULL,
			   "whether user %s can write %s: only root can try that", doctor->user,
			   path);
	else if (become(&who, write_ledger, arena_string(doctor->arena, path), &why) == -1)
		doctor_say(doctor, DOCTOR_ERROR,
			   arena_printf(doctor->arena, "chown -R %s %s", doctor->user,
					place_parent(doctor->arena, path)),
			   "user %s cannot write it: %s", doctor->user, why.text);
	else if (stat(path, &st) == 0 && (st.st_mode & 07) != 0)
		doctor_say(doctor, DOCTOR_WARN, arena_printf(doctor->arena, "chmod o-rwx %s", path),
			   "%s: mode %04o: every user can see who sends mail here", path,
			   (unsigned)st.st_mode & 07777);
	else
		doctor_say(doctor, DOCTOR_OK, NULL, "%s, user %s", path, doctor->user);
}

/* The file and what SQLite has beside it go together, and nothing of it is lost. */
static const char *set_aside(struct doctor *doctor, const char *path)
{
	static const char *const suffixes[] = {"", "-wal", "-shm"};
	char now[CLOCK_TEXT_MAX];
	const char *aside =
	    arena_printf(doctor->arena, "%s.damaged-%s", path, clock_utc_text(clock_wall(), now));
	struct buf files;

	buf_init(&files, doctor->arena, 0);
	for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++)
		buf_printf(&files, " %s",
			   program_quote(doctor->arena,
					 arena_printf(doctor->arena, "%s%s", path, suffixes[i])));
	return arena_printf(
	    doctor->arena,
	    "%s; mkdir -m 0750 %s; for f in%s; do [ ! -e \"$f\" ] || mv \"$f\" %s/; done; %s",
	    doctor_service(doctor, SERVICE_STOP), program_quote(doctor->arena, aside),
	    buf_text(&files), program_quote(doctor->arena, aside),
	    doctor_service(doctor, SERVICE_START));
}

/* What is to be done about CAUSE, so that what was counted is still there afterwards. */
static const char *ledger_fix(struct doctor *doctor, enum driver_cause cause, const char *path)
{
	bool runs = doctor->daemon.listen != NULL;

	switch (cause) {
	case DRIVER_CAUSE_OLD:
		return doctor_service(doctor, runs ? SERVICE_RESTART : SERVICE_START);
	case DRIVER_CAUSE_NEW:
		return "install the countersign that wrote it, or a later one";
	case DRIVER_CAUSE_FOREIGN:
		return "countersign config explain store.url";
	case DRIVER_CAUSE_DAMAGED:
		return rescue_is_ledger(path)
			   ? doctor_service(doctor, runs ? SERVICE_RESTART : SERVICE_START)
			   : set_aside(doctor, path);
	case DRIVER_CAUSE_OTHER:
	case DRIVER_CAUSE_NONE:
		break;
	}
	return NULL;
}

static const char *ledger_note(enum driver_cause cause)
{
	static const char *const notes[] = {
	    [DRIVER_CAUSE_OLD] = " (nothing is lost: the daemon brings it up to date)",
	    [DRIVER_CAUSE_FOREIGN] = " (give the ledger a file of its own)",
	    [DRIVER_CAUSE_DAMAGED] = " (the old file is kept)"};

	return (size_t)cause < sizeof notes / sizeof *notes && notes[cause] != NULL ? notes[cause]
										    : "";
}

void doctor_ledger_whole(struct doctor *doctor)
{
	struct ledger_settings settings = {.path = url_sqlite_path(doctor->conf->store.url, NULL),
					   .read_only = true};
	enum driver_cause cause;
	struct why why, log;

	if (access(settings.path, F_OK) == -1 && errno == ENOENT) {
		doctor_say(doctor, doctor->daemon.listen != NULL ? DOCTOR_WARN : DOCTOR_OK, NULL,
			   "%s is not there yet: the daemon makes it", settings.path);
		return;
	}
	if (access(settings.path, R_OK) == -1) {
		doctor_say(doctor, DOCTOR_SKIP, NULL, "%s: %s", settings.path, strerror(errno));
		return;
	}
	cause = integrity_check(&settings, &why);
	if (messages_check(settings.path, &log) != DRIVER_CAUSE_NONE)
		doctor_say(doctor, DOCTOR_WARN, doctor_service(doctor, SERVICE_RESTART),
			   "the log of messages: %s (nothing that is reported is in it)", log.text);
	if (cause == DRIVER_CAUSE_NONE)
		doctor_say(doctor, DOCTOR_OK, NULL, "its pages hang together, its schema is ours");
	else
		doctor_say(doctor, DOCTOR_ERROR, ledger_fix(doctor, cause, settings.path), "%s%s",
			   why.text, ledger_note(cause));
}

static void tell_loss(void *arg, const char *what, int64_t count)
{
	struct doctor *doctor = arg;

	if (count > 0)
		doctor_say(doctor, DOCTOR_WARN, doctor_service(doctor, SERVICE_LOG),
			   "%" PRId64 " %s", count, what);
	else
		doctor_say(doctor, DOCTOR_WARN, doctor_service(doctor, SERVICE_LOG), "%s", what);
}

void doctor_ledger_lost(struct doctor *doctor)
{
	const char *path = url_sqlite_path(doctor->conf->store.url, NULL);

	if (losses_find(doctor->admin, path, tell_loss, doctor) == 0)
		doctor_say(doctor, DOCTOR_OK, NULL, "none that is known of");
}

void doctor_disk(struct doctor *doctor)
{
	enum { FULL = 20, LOW = 200 }; /* MiB */
	const char *path =
	    place_parent(doctor->arena, url_sqlite_path(doctor->conf->store.url, NULL));
	struct statvfs disk;
	uint64_t mib;

	if (statvfs(path, &disk) == -1) {
		doctor_say(doctor, errno == EACCES ? DOCTOR_SKIP : DOCTOR_ERROR,
			   errno == EACCES ? NULL : "countersign setup", "%s: %s", path,
			   strerror(errno));
		return;
	}
	mib = (uint64_t)disk.f_bavail * disk.f_frsize / (1 << 20);
	doctor_say(doctor,
		   mib < FULL  ? DOCTOR_ERROR
		   : mib < LOW ? DOCTOR_WARN
			       : DOCTOR_OK,
		   mib < LOW ? arena_printf(doctor->arena, "df -h %s", path) : NULL,
		   "%" PRIu64 " MiB are free in %s%s", mib, path,
		   mib < LOW ? ": what does not fit is not counted" : "");
}

/* ---- reports ---- */

static void look_at_outbox(struct doctor *doctor, struct outbox *outbox)
{
	int32_t today = clock_day(clock_wall());
	const struct outbox_query old = {
	    .kind = OUTBOX_AGGREGATE, .to_day = today, .now = clock_wall() - 86400};
	unsigned states[OUTBOX_SUPPRESSED + 1] = {0};
	struct outbox_delivery *list;
	int64_t late = 0;
	struct why why;
	int count = outbox_range(outbox, NULL, today - 7, today, doctor->arena, &list, &why);

	if (count < 0 || outbox_due_count(outbox, &old, &late, &why) != 0) {
		doctor_say(doctor, DOCTOR_ERROR, "countersign doctor --only=ledger", "%s",
			   why.text);
		return;
	}
	for (int i = 0; i < count; i++)
		states[list[i].state]++;
	if (late > 0)
		doctor_say(doctor, DOCTOR_ERROR, "countersign report send",
			   "%" PRId64 " were to be sent more than a day ago", late);
	if (states[OUTBOX_FAILED] > 0)
		doctor_say(doctor, DOCTOR_WARN, "countersign report list --since 7d",
			   "%u failed in the last week", states[OUTBOX_FAILED]);
	if (late == 0 && states[OUTBOX_FAILED] == 0)
		doctor_say(doctor, DOCTOR_OK, NULL, "%u sent in the last week, %u deferred",
			   states[OUTBOX_SENT], states[OUTBOX_DEFERRED]);
}

/* The warning ends with the command. */
static void look_at_sender(struct doctor *doctor)
{
	const char *warning = sending_check(doctor->conf, doctor->arena);
	const char *colon = warning == NULL ? NULL : strstr(warning, ": ");

	if (warning != NULL && doctor->keys_fault == NULL)
		doctor_say(doctor, DOCTOR_ERROR, colon == NULL ? NULL : colon + 2,
			   "reports are sent: %.*s",
			   (int)(colon == NULL ? strlen(warning) : (size_t)(colon - warning)),
			   warning);
}

void doctor_reports(struct doctor *doctor)
{
	struct ledger_settings settings = {.path = url_sqlite_path(doctor->conf->store.url, NULL),
					   .read_only = true};
	struct outbox *outbox;
	bool busy = false;
	struct why why;

	if (!doctor->conf->reports.send) {
		doctor_say(doctor, DOCTOR_OK, NULL, "none are sent (reports.send = false)");
		return;
	}
	look_at_sender(doctor);
	if (access(settings.path, R_OK) == -1) {
		doctor_say(doctor, DOCTOR_SKIP, NULL, "%s: %s", settings.path, strerror(errno));
		return;
	}
	outbox = outbox_open(&settings, OUTBOX_READ, &busy, &why);
	if (outbox == NULL) {
		doctor_say(doctor, DOCTOR_ERROR, "countersign doctor --only=ledger", "%s",
			   why.text);
		return;
	}
	look_at_outbox(doctor, outbox);
	outbox_close(outbox);
}

/* ---- marked mail ---- */

/* -1: the ledger does not say. */
static int64_t count_marks(struct doctor *doctor)
{
	struct ledger_settings settings = {.path = url_sqlite_path(doctor->conf->store.url, NULL),
					   .read_only = true};
	int32_t today = clock_day(clock_wall());
	struct ledger *ledger = NULL;
	int64_t count = -1;
	struct why why;

	if (settings.path != NULL && access(settings.path, R_OK) == 0)
		ledger = ledger_open(&settings, &why);
	if (ledger != NULL && marks_count(ledger, today - 7, today, &count, &why) != 0)
		count = -1;
	ledger_close(ledger);
	return count;
}

static const char *sorting_fix(struct doctor *doctor)
{
	return arena_printf(doctor->arena,
			    "in the mailboxes' filter, with Sieve: require [\"fileinto\"]; %s",
			    marks_rule);
}

void doctor_marks(struct doctor *doctor)
{
	const char *sorter;
	int64_t count;

	if (doctor->conf->dmarc.enforce == CONF_ENFORCE_OBSERVE) {
		doctor_say(doctor, DOCTOR_OK, NULL, "none is (dmarc.enforce = \"observe\")");
		return;
	}
	if (doctor->conf->dmarc.quarantine == CONF_QUARANTINE_HOLD) {
		doctor_say(doctor, DOCTOR_OK, NULL,
			   "none is: the MTA holds it (dmarc.quarantine = \"hold\")");
		return;
	}
	sorter = marks_sorter(doctor->arena);
	count = count_marks(doctor);
	if (sorter != NULL)
		doctor_say(doctor, DOCTOR_OK, NULL, "%s looks for " QUARANTINE_FIELD, sorter);
	else if (count > 0)
		doctor_say(doctor, DOCTOR_WARN, sorting_fix(doctor),
			   "%" PRId64 " messages of the last 7 days were marked " QUARANTINE_FIELD
			   ": " QUARANTINE_VALUE ", and no filter on this host looks for that: "
			   "unless users' own filters or another host do, they are in the inboxes",
			   count);
	else
		doctor_say(doctor, DOCTOR_WARN, sorting_fix(doctor),
			   "no filter on this host looks for " QUARANTINE_FIELD
			   ": what fails DMARC will be marked and delivered to the inboxes, unless "
			   "users' own filters or another host sort it");
}

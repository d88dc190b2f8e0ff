/* SPDX-License-Identifier: BSD-2-Clause */
/* Where messages are kept on which the second opinion differs (second_opinion.keep). */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "admin/doctor/doctor.h"
#include "opinion/keep.h"

static int write_directory(void *arg, struct why *why)
{
	const char *path = arg;

	return access(path, R_OK | W_OK | X_OK) == 0
		   ? 0
		   : why_set(why, "%s: %s", path, strerror(errno));
}

/* As the daemon has it once it has given up root. */
static void look_at_access(struct doctor *doctor, const char *path, const struct stat *st)
{
	struct become who;
	struct why why;

	if (!become_find(doctor->user, &who))
		return; /* told with the keys */
	if (geteuid() != 0 && geteuid() != who.uid)
		doctor_say(doctor, DOCTOR_SKIP, NULL,
			   "whether user %s can write to %s: only root can try that", doctor->user,
			   path);
	else if (become(&who, write_directory, arena_string(doctor->arena, path), &why) == -1)
		doctor_say(doctor, DOCTOR_ERROR,
			   arena_printf(doctor->arena, "chown %s %s", doctor->user, path),
			   "user %s cannot keep messages there: %s", doctor->user, why.text);
	if ((st->st_mode & S_IWOTH) != 0)
		doctor_say(doctor, DOCTOR_WARN, arena_printf(doctor->arena, "chmod 700 %s", path),
			   "%s: mode %04o: every user can remove or add messages", path,
			   (unsigned)st->st_mode & 07777);
}

static void look_at_room(struct doctor *doctor, const char *path)
{
	unsigned files;
	int64_t bytes;
	struct why why;

	if (keep_measure(path, &files, &bytes, &why) != 0)
		doctor_say(doctor, DOCTOR_SKIP, NULL, "%s", why.text);
	else if (files >= KEEP_FILES_MAX || bytes >= KEEP_BYTES_MAX)
		doctor_say(doctor, DOCTOR_WARN, arena_printf(doctor->arena, "rm %s/*.case", path),
			   "%s is full (%u messages, %" PRId64 " KiB): no more are kept; remove "
			   "them once they have been looked at",
			   path, files, bytes / 1024);
	else
		doctor_say(doctor, DOCTOR_OK, NULL,
			   "%u messages of at most %d, %" PRId64 " KiB of %d, in %s", files,
			   KEEP_FILES_MAX, bytes / 1024, KEEP_BYTES_MAX / 1024, path);
}

void doctor_opinion(struct doctor *doctor)
{
	const char *path = doctor->conf->second_opinion.keep;
	struct stat st;

	if (path[0] == '\0')
		return;
	if (stat(path, &st) == -1 && errno == EACCES) {
		doctor_say(doctor, DOCTOR_SKIP, NULL, "%s: only root can look there", path);
		return;
	}
	if (stat(path, &st) == -1 || !S_ISDIR(st.st_mode)) {
		doctor_say(
		    doctor, DOCTOR_ERROR,
		    arena_printf(doctor->arena, "install -d -m 700 -o %s %s", doctor->user, path),
		    "%s is not a directory: no message is kept on which the second opinion differs",
		    path);
		return;
	}
	look_at_access(doctor, path, &st);
	look_at_room(doctor, path);
}

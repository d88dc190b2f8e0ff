/* SPDX-License-Identifier: BSD-2-Clause */
#include "keys/keyfile.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <libgen.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/heap.h"

enum { OWNER_TEXT_MAX = 64 };

static const char *user_text(uid_t uid, char text[OWNER_TEXT_MAX])
{
	struct passwd entry, *found = NULL;
	char space[2048];

	if (getpwuid_r(uid, &entry, space, sizeof space, &found) == 0 && found != NULL)
		snprintf(text, OWNER_TEXT_MAX, "%s", found->pw_name);
	else
		snprintf(text, OWNER_TEXT_MAX, "%lu", (unsigned long)uid);
	return text;
}

static const char *group_text(gid_t gid, char text[OWNER_TEXT_MAX])
{
	struct group entry, *found = NULL;
	char space[8192];

	if (getgrgid_r(gid, &entry, space, sizeof space, &found) == 0 && found != NULL)
		snprintf(text, OWNER_TEXT_MAX, "%s", found->gr_name);
	else
		snprintf(text, OWNER_TEXT_MAX, "%lu", (unsigned long)gid);
	return text;
}

/* Whether this process is in the group to which the directory AT gives the keys: the daemon is, a
 * user who only tries a command is not. */
static bool is_in_key_group(int at)
{
	struct stat directory;

	return at != AT_FDCWD && fstat(at, &directory) == 0 && directory.st_gid != 0 &&
	       directory.st_gid == getegid();
}

/* Why NAME could not be opened. What to type never gives a key to a user who did not have it. */
static int cannot_open(int at, const char *name, const char *path, struct why *why)
{
	char self[OWNER_TEXT_MAX], owner[OWNER_TEXT_MAX], group[OWNER_TEXT_MAX];
	struct why fix = {"run this as root (and if it is the daemon: countersign setup)"};
	int error = errno;
	struct stat status;

	if (error != EACCES || fstatat(at, name, &status, 0) == -1) {
		why_set(why, "%s: %s", path, strerror(error));
		errno = error;
		return -1;
	}
	if (is_in_key_group(at))
		why_set(&fix, "chgrp %s %s && chmod %s %s", group_text(getegid(), group), path,
			S_ISDIR(status.st_mode) ? "0750" : "0640", path);
	why_set(why, "%s: user %s may not read it (mode %04o, owner %s, group %s): %s", path,
		user_text(geteuid(), self), (unsigned)status.st_mode & 07777,
		user_text(status.st_uid, owner), group_text(status.st_gid, group), fix.text);
	errno = error;
	return -1;
}

static int check_owner(const struct stat *status, const char *path,
		       const struct keyfile_trust *trust, struct why *why)
{
	char owner[OWNER_TEXT_MAX];

	if (status->st_uid == 0 || status->st_uid == trust->owner)
		return 0;
	return why_set(why, "%s: owned by user %s, who could replace it: chown root %s", path,
		       user_text(status->st_uid, owner), path);
}

static int check_directory(const struct stat *status, const char *path,
			   const struct keyfile_trust *trust, struct why *why)
{
	unsigned mode = (unsigned)status->st_mode & 07777;

	if ((mode & S_IWOTH) != 0)
		return why_set(why, "%s: mode %04o lets every user put keys there: chmod o-w %s",
			       path, mode, path);
	return check_owner(status, path, trust, why);
}

static int check_file(const struct stat *status, const char *path,
		      const struct keyfile_trust *trust, struct why *why)
{
	unsigned mode = (unsigned)status->st_mode & 07777;
	const char *fault = NULL;

	if (!S_ISREG(status->st_mode))
		return why_set(why, "%s: not a file", path);
	if ((mode & S_IWOTH) != 0)
		fault = "every user change the key";
	else if ((mode & S_IRWXO) != 0 && !trust->readable)
		fault = "every user read the key";
	else if ((mode & S_IWGRP) != 0)
		fault = "its group change the key";
	if (fault != NULL)
		return why_set(why, "%s: mode %04o lets %s: chmod %s %s", path, mode, fault,
			       (mode & S_IRGRP) != 0 ? "0640" : "0600", path);
	return check_owner(status, path, trust, why);
}

static int check_note(const struct stat *status, const char *path,
		      const struct keyfile_trust *trust, struct why *why)
{
	unsigned mode = (unsigned)status->st_mode & 07777;

	if (!S_ISREG(status->st_mode))
		return why_set(why, "%s: not a file", path);
	if ((mode & (S_IWGRP | S_IWOTH)) != 0)
		return why_set(why, "%s: mode %04o lets others say which keys sign: chmod 0640 %s",
			       path, mode, path);
	return check_owner(status, path, trust, why);
}

static int open_directory(int at, const char *name, const char *path, struct stat *status,
			  struct why *why)
{
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd == -1)
		return cannot_open(at, name, path, why);
	if (fstat(fd, status) == -1) {
		why_set(why, "%s: %s", path, strerror(errno));
		close(fd);
		return -1;
	}
	return fd;
}

int keyfile_open_directory(int at, const char *name, const char *path,
			   const struct keyfile_trust *trust, struct why *why)
{
	struct stat status;
	int fd = open_directory(at, name, path, &status, why);

	if (fd != -1 && check_directory(&status, path, trust, why) == -1) {
		close(fd);
		errno = EPERM;
		return -1;
	}
	return fd;
}

int keyfile_open_top(const char *path, struct keyfile_trust *trust, struct why *why)
{
	struct stat status;
	int fd = open_directory(AT_FDCWD, path, path, &status, why);

	if (fd == -1)
		return -1;
	trust->owner = geteuid() == 0 ? status.st_uid : geteuid();
	if (check_directory(&status, path, trust, why) == 0)
		return fd;
	close(fd);
	errno = EPERM;
	return -1;
}

static int read_all(int fd, const char *path, char buffer[KEYFILE_MAX], struct span *text,
		    struct why *why)
{
	size_t used = 0;

	while (used < KEYFILE_MAX) {
		ssize_t n = read(fd, buffer + used, KEYFILE_MAX - used);

		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return why_set(why, "%s: %s", path, strerror(errno));
		if (n == 0) {
			*text = span_make(buffer, used);
			return 0;
		}
		used += (size_t)n;
	}
	return why_set(why, "%s: not a key file: it is larger than %d bytes", path,
		       KEYFILE_MAX - 1);
}

/* O_NONBLOCK: a pipe of that name must not hold us. */
static int open_file(int at, const char *name)
{
	return openat(at, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
}

typedef int check_status(const struct stat *, const char *, const struct keyfile_trust *,
			 struct why *);

/* Closes FD. */
static int read_checked(int fd, const char *path, const struct keyfile_trust *trust,
			check_status *check, char buffer[KEYFILE_MAX], struct span *text,
			struct why *why)
{
	struct stat status;
	int result = -1;

	if (fstat(fd, &status) == -1)
		why_set(why, "%s: %s", path, strerror(errno));
	else if (check(&status, path, trust, why) == 0)
		result = read_all(fd, path, buffer, text, why);
	close(fd);
	return result;
}

int keyfile_read(int at, const char *name, const char *path, const struct keyfile_trust *trust,
		 char buffer[KEYFILE_MAX], struct span *text, struct why *why)
{
	int fd = open_file(at, name);

	if (fd == -1)
		return cannot_open(at, name, path, why);
	return read_checked(fd, path, trust, check_file, buffer, text, why);
}

int keyfile_read_note(int at, const char *name, const char *path, const struct keyfile_trust *trust,
		      char buffer[KEYFILE_MAX], struct span *text, struct why *why)
{
	int fd = open_file(at, name);

	if (fd != -1)
		return read_checked(fd, path, trust, check_note, buffer, text, why);
	*text = span_make(buffer, 0);
	return errno == ENOENT ? 0 : cannot_open(at, name, path, why);
}

/* ---- making one ---- */

static int cannot_create(const char *path, struct why *why)
{
	return why_set(why, "cannot create %s: %s", path, strerror(errno));
}

/* What root makes gets the group of the directory that holds it: the daemon is in that group. */
static int inherit_group(int fd, const char *parent)
{
	struct stat status;

	if (geteuid() != 0)
		return 0;
	return stat(parent, &status) == 0 ? fchown(fd, (uid_t)-1, status.st_gid) : -1;
}

static int make_directory(const char *path, struct why *why)
{
	char *copy = heap_strdup(path);
	int fd, result = 0;

	if (mkdir(path, 0700) == -1) {
		result = errno == EEXIST ? 0 : cannot_create(path, why);
	} else {
		fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
		if (fd == -1 || inherit_group(fd, dirname(copy)) == -1 || fchmod(fd, 0750) == -1)
			result = cannot_create(path, why);
		if (fd != -1)
			close(fd);
	}
	free(copy);
	return result;
}

static int make_directories(const char *path, struct why *why)
{
	char *copy = heap_strdup(path);
	int result;

	result = make_directory(dirname(copy), why) == 0 ? make_directory(path, why) : -1;
	free(copy);
	return result;
}

static int write_all(int fd, struct span text)
{
	while (!span_empty(text)) {
		ssize_t n = write(fd, text.p, span_len(text));

		if (n == -1 && errno != EINTR)
			return -1;
		text.p += n > 0 ? n : 0;
	}
	return fsync(fd);
}

/* Under a name of its own first; link(2) then gives it the name, if that is free; with REPLACE,
 * rename(2) does, whatever has it. */
static int create_in(int directory, const char *path, const char *name, struct span text,
		     bool replace)
{
	char temporary[320];
	int fd, error, result;

	assert(strchr(name, '/') == NULL && !span_empty(text));
	snprintf(temporary, sizeof temporary, ".%s.%ld", name, (long)getpid());
	unlinkat(directory, temporary, 0); /* of a process that died and had our number */
	fd = openat(directory, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
		    0600);
	if (fd == -1)
		return -1;
	result = inherit_group(fd, path) == 0 && fchmod(fd, 0640) == 0 ? write_all(fd, text) : -1;
	if (result == 0)
		result = replace ? renameat(directory, temporary, directory, name)
				 : linkat(directory, temporary, directory, name, 0);
	error = errno;
	close(fd);
	unlinkat(directory, temporary, 0);
	if (result == 0)
		result = fsync(directory);
	else
		errno = error;
	return result;
}

static int write_file(const char *path, const char *name, struct span text, bool replace,
		      struct why *why)
{
	int directory, result;

	if (make_directories(path, why) == -1)
		return -1;
	directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (directory == -1)
		return cannot_create(path, why);
	result = create_in(directory, path, name, text, replace);
	if (result == -1 && errno == EEXIST)
		why_set(why, "%s/%s exists; a key is never overwritten", path, name);
	else if (result == -1)
		why_set(why, "cannot create %s/%s: %s", path, name, strerror(errno));
	close(directory);
	return result;
}

int keyfile_create(const char *path, const char *name, struct span text, struct why *why)
{
	return write_file(path, name, text, false, why);
}

int keyfile_replace(const char *path, const char *name, struct span text, struct why *why)
{
	return write_file(path, name, text, true, why);
}

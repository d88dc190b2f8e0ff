/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/system/newfile.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ".NAME.PID" in the directory of PATH: two processes that write it do not meet. -1: too long. */
static int name_part(const char *path, char part[PATH_MAX])
{
	const char *slash = strrchr(path, '/'), *name = slash == NULL ? path : slash + 1;
	int len =
	    snprintf(part, PATH_MAX, "%.*s.%s.%ld", (int)(name - path), path, name, (long)getpid());

	return len < 0 || len >= PATH_MAX ? -1 : 0;
}

static int open_part(struct newfile *file, unsigned mode)
{
	int fd, error;

	unlink(file->part); /* of a process that was killed; never what somebody put there */
	fd = open(file->part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
	if (fd == -1)
		return -1;
	file->out = fchmod(fd, mode) == -1 ? NULL : fdopen(fd, "w");
	if (file->out != NULL)
		return 0;
	error = errno;
	close(fd);
	unlink(file->part);
	errno = error;
	return -1;
}

int newfile_open(struct newfile *file, const char *path, unsigned mode, struct why *why)
{
	size_t len = strlen(path);

	if (len >= sizeof file->path || name_part(path, file->part) == -1)
		return why_set(why, "%s: %s", path, strerror(ENAMETOOLONG));
	memcpy(file->path, path, len + 1);
	return open_part(file, mode) == 0 ? 0 : why_set(why, "%s: %s", file->part, strerror(errno));
}

/* Out of the buffer, and on the disk. */
static int sync_part(struct newfile *file)
{
	return ferror(file->out) != 0 || fflush(file->out) != 0 ? -1 : fsync(fileno(file->out));
}

int newfile_close(struct newfile *file, bool keep, struct why *why)
{
	int result = keep ? 0 : -1;

	if (keep && sync_part(file) == -1)
		result = why_set(why, "%s: %s", file->part, strerror(errno));
	if (fclose(file->out) != 0 && result == 0)
		result = why_set(why, "%s: %s", file->part, strerror(errno));
	if (result == 0 && rename(file->part, file->path) == -1)
		result = why_set(why, "%s: %s", file->path, strerror(errno));
	if (result == -1)
		unlink(file->part);
	return result;
}

int newfile_write(const char *path, unsigned mode, struct span text, struct why *why)
{
	struct newfile file;

	if (newfile_open(&file, path, mode, why) == -1)
		return -1;
	fwrite(text.p, 1, span_len(text), file.out);
	return newfile_close(&file, true, why);
}

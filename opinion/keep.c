/* SPDX-License-Identifier: BSD-2-Clause */
#include "opinion/keep.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SUFFIX ".case"

enum { ID_MAX = 40 };

/* A file that is being written counts, too. */
int keep_measure(const char *directory, unsigned *files, int64_t *bytes, struct why *why)
{
	DIR *open_directory = opendir(directory);
	const struct dirent *entry;
	struct stat status;

	if (open_directory == NULL)
		return why_set(why, "%s: %s", directory, strerror(errno));
	*files = 0;
	*bytes = 0;
	while ((entry = readdir(open_directory)) != NULL) {
		if (strstr(entry->d_name, SUFFIX) == NULL ||
		    fstatat(dirfd(open_directory), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) !=
			0)
			continue;
		++*files;
		*bytes += status.st_size;
	}
	closedir(open_directory);
	return 0;
}

/* The queue ID comes from the MTA: letters and digits of it. */
static const char *name_case(const struct opinion_case *c, struct arena *arena)
{
	struct buf name;

	buf_init(&name, arena, 0);
	buf_printf(&name, "%" PRId64 "-", c->now);
	for (const char *p = c->id; *p != '\0' && p < c->id + ID_MAX; p++)
		buf_char(&name, char_is_alnum((unsigned char)*p) ? *p : '_');
	buf_string(&name, SUFFIX);
	return buf_text(&name);
}

static int write_file(const char *path, struct span text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	int error = 0;

	if (fd < 0)
		return -1;
	while (!span_empty(text) && error == 0) {
		ssize_t n = write(fd, text.p, span_len(text));

		if (n < 0 && errno != EINTR)
			error = errno;
		text.p += n < 0 ? 0 : n;
	}
	if (close(fd) != 0 && error == 0)
		error = errno;
	if (error != 0)
		unlink(path);
	errno = error;
	return error == 0 ? 0 : -1;
}

int keep_case(const char *directory, const struct opinion_case *c, struct arena *arena,
	      const char **name, struct why *why)
{
	unsigned files;
	int64_t bytes;
	struct buf text;

	buf_init(&text, NULL, CASE_BYTES_MAX);
	case_write(c, &text);
	*name = arena_printf(arena, "%s/%s", directory, name_case(c, arena));
	if (keep_measure(directory, &files, &bytes, why) != 0) {
		buf_free(&text);
		return -1;
	}
	if (files >= KEEP_FILES_MAX || bytes + (int64_t)text.len > KEEP_BYTES_MAX)
		why_set(why, "%s is full (%u files, %" PRId64 " bytes): remove some of them",
			directory, files, bytes);
	else if (text.failed)
		why_set(why, "the case is too large");
	else if (write_file(*name, buf_view(&text)) != 0)
		why_set(why, "%s: %s", *name, strerror(errno));
	else
		why->text[0] = '\0';
	buf_free(&text);
	return why->text[0] == '\0' ? 0 : -1;
}

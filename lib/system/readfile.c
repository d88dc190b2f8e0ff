/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/system/readfile.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "lib/buf.h"

static int refuse_size(size_t max, struct why *why)
{
	if (max % (1 << 20) == 0)
		why_set(why, "is larger than %zu MiB", max >> 20);
	else if (max % (1 << 10) == 0)
		why_set(why, "is larger than %zu KiB", max >> 10);
	else
		why_set(why, "is larger than %zu bytes", max);
	errno = EFBIG;
	return -1;
}

int readfile_fd(struct arena *arena, int fd, size_t max, struct span *text, struct why *why)
{
	char piece[16384];
	struct buf all;
	ssize_t n;

	buf_init(&all, arena, max);
	while ((n = read(fd, piece, sizeof piece)) != 0) {
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return why_set(why, "cannot be read: %s", strerror(errno));
		buf_add(&all, piece, (size_t)n);
		if (all.failed)
			return refuse_size(max, why);
	}
	*text = buf_view(&all);
	return 0;
}

int readfile(struct arena *arena, const char *path, size_t max, struct span *text, struct why *why)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK), result, error;

	if (fd == -1)
		return why_set(why, "%s: %s", path, strerror(errno));
	result = fcntl(fd, F_SETFL, 0) == 0 ? readfile_fd(arena, fd, max, text, why)
					    : why_set(why, "cannot be read: %s", strerror(errno));
	error = errno;
	close(fd);
	errno = error;
	return result == 0 ? 0 : why_prefix(why, "%s ", path);
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "metrics/checked.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/arena.h"

#define FORM(number) "at %" number " findings %" number " missing %" number

static int write_note(int fd, const char *ledger, const struct checked *checked)
{
	struct stat st;
	int len = dprintf(fd, FORM(PRId64) "\n", checked->at, checked->findings, checked->missing);

	if (len < 0 || fchmod(fd, 0640) != 0)
		return -1;
	if (geteuid() == 0 && stat(ledger, &st) == 0 && fchown(fd, st.st_uid, st.st_gid) != 0)
		return -1;
	return 0;
}

static int put_note(const char *part, const char *name, const char *ledger,
		    const struct checked *checked)
{
	int fd, result;

	(void)unlink(part);
	fd = open(part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (fd < 0)
		return -1;
	result = write_note(fd, ledger, checked);
	if (close(fd) != 0 || result != 0 || rename(part, name) != 0) {
		(void)unlink(part);
		return -1;
	}
	return 0;
}

int checked_write(const char *ledger, const struct checked *checked, struct why *why)
{
	struct arena *arena = arena_new(0);
	const char *name = arena_printf(arena, "%s-checked", ledger);
	int result =
	    put_note(arena_printf(arena, "%s.%ld", name, (long)getpid()), name, ledger, checked);

	if (result != 0)
		why_set(why, "%s: %s", name, strerror(errno));
	arena_free(arena);
	return result;
}

void checked_read(const char *ledger, struct checked *checked)
{
	struct arena *arena = arena_new(0);
	FILE *file = fopen(arena_printf(arena, "%s-checked", ledger), "re");
	struct checked read;

	memset(checked, 0, sizeof *checked);
	if (file != NULL &&
	    fscanf(file, FORM(SCNd64), &read.at, &read.findings, &read.missing) == 3)
		*checked = read;
	if (file != NULL)
		fclose(file);
	arena_free(arena);
}

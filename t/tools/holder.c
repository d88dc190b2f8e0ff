/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * holder.so, for LD_PRELOAD: a process that is about to end by _exit() writes its number into the
 * file HELD, an array of integers whose first is 0 at the beginning and counts the others, and
 * waits until that file's second integer is not 0, for 15 s at most: so that a test can look at the
 * memory of processes that live for a moment only. It makes no system call, so confined ones wait
 * as well.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { HELD_MAX = 1022, PATIENCE = 15 };

static struct {
	atomic_int count, free;
	atomic_int pids[HELD_MAX];
} * held;

__attribute__((constructor)) static void map_file(void)
{
	const char *path = getenv("HELD");
	int fd = path == NULL ? -1 : open(path, O_RDWR | O_CLOEXEC);
	void *at;

	if (fd < 0)
		return;
	at = mmap(NULL, sizeof *held, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (at != MAP_FAILED)
		held = at;
	close(fd);
}

static time_t now_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

void _exit(int code)
{
	if (held != NULL && atomic_load(&held->free) == 0) {
		time_t until = now_seconds() + PATIENCE;
		int place = atomic_fetch_add(&held->count, 1);

		if (place < HELD_MAX)
			atomic_store(&held->pids[place], getpid());
		while (atomic_load(&held->free) == 0 && now_seconds() < until)
			continue;
	}
	syscall(SYS_exit_group, code);
	__builtin_unreachable();
}

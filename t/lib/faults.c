/* SPDX-License-Identifier: BSD-2-Clause */
/* In place of the C library's, also for the libraries that the program is linked with. */
#undef _FORTIFY_SOURCE
#include "t/lib/faults.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

static _Atomic long fails_at, calls;
static _Atomic int error_code;

void faults_set(long number, int error)
{
	fails_at = number;
	error_code = error;
	calls = 0;
}

long faults_calls(void)
{
	return calls;
}

static bool is_failing(void)
{
	if (++calls != fails_at)
		return false;
	errno = error_code;
	return true;
}

#define FAULTY(type, name, call, parameters, ...)                                                  \
	type name parameters                                                                       \
	{                                                                                          \
		return is_failing() ? -1 : (type)syscall(call, __VA_ARGS__);                       \
	}

FAULTY(ssize_t, read, SYS_read, (int fd, void *to, size_t len), fd, to, len)
FAULTY(ssize_t, write, SYS_write, (int fd, const void *from, size_t len), fd, from, len)
FAULTY(ssize_t, pread, SYS_pread64, (int fd, void *to, size_t len, off_t at), fd, to, len, at)
FAULTY(ssize_t, pread64, SYS_pread64, (int fd, void *to, size_t len, off_t at), fd, to, len, at)
FAULTY(ssize_t, pwrite, SYS_pwrite64, (int fd, const void *from, size_t len, off_t at), fd, from,
       len, at)
FAULTY(ssize_t, pwrite64, SYS_pwrite64, (int fd, const void *from, size_t len, off_t at), fd, from,
       len, at)
FAULTY(int, fsync, SYS_fsync, (int fd), fd)
FAULTY(int, fdatasync, SYS_fdatasync, (int fd), fd)
FAULTY(int, ftruncate, SYS_ftruncate, (int fd, off_t len), fd, len)
FAULTY(int, ftruncate64, SYS_ftruncate, (int fd, off_t len), fd, len)
FAULTY(int, rename, SYS_renameat2, (const char *from, const char *to), AT_FDCWD, from, AT_FDCWD, to,
       0)
FAULTY(int, link, SYS_linkat, (const char *from, const char *to), AT_FDCWD, from, AT_FDCWD, to, 0)
FAULTY(int, unlink, SYS_unlinkat, (const char *path), AT_FDCWD, path, 0)

#define FAULTY_OPEN(name)                                                                          \
	int name(const char *path, int flags, ...)                                                 \
	{                                                                                          \
		mode_t mode = 0;                                                                   \
		va_list more;                                                                      \
                                                                                                   \
		va_start(more, flags);                                                             \
		if ((flags & O_CREAT) != 0)                                                        \
			mode = va_arg(more, mode_t);                                               \
		va_end(more);                                                                      \
		return is_failing() ? -1 : (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);  \
	}

FAULTY_OPEN(open)
FAULTY_OPEN(open64)

/* The file is closed all the same. */
int close(int fd)
{
	const bool fails = is_failing();
	const int error = errno, result = (int)syscall(SYS_close, fd);

	if (!fails)
		return result;
	errno = error;
	return -1;
}

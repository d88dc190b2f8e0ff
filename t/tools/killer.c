/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Preloaded into a program it kills that program, as kill -9 does, before its KILL_AT-th call that
 * changes a file or says something to another host: so a test can end it at every one of them. With
 * NO_SOCKET set it dies of opening a socket.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

static void count(void)
{
	static long left = -1;

	if (left < 0)
		left = getenv("KILL_AT") == NULL ? 0 : atol(getenv("KILL_AT"));
	if (left > 0 && --left == 0)
		kill(getpid(), SIGKILL);
}

/* The function behind ours, found once. */
#define REAL(type, name, ...)                                                                      \
	static type (*real)(__VA_ARGS__);                                                          \
	if (real == NULL)                                                                          \
		*(void **)&real = dlsym(RTLD_NEXT, #name);                                         \
	count();

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at)
{
	REAL(ssize_t, pwrite64, int, const void *, size_t, off64_t)
	return real(fd, data, size, at);
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t at)
{
	REAL(ssize_t, pwrite, int, const void *, size_t, off_t)
	return real(fd, data, size, at);
}

int fdatasync(int fd)
{
	REAL(int, fdatasync, int)
	return real(fd);
}

int fsync(int fd)
{
	REAL(int, fsync, int)
	return real(fd);
}

int ftruncate64(int fd, off64_t size)
{
	REAL(int, ftruncate64, int, off64_t)
	return real(fd, size);
}

int ftruncate(int fd, off_t size)
{
	REAL(int, ftruncate, int, off_t)
	return real(fd, size);
}

int unlink(const char *path)
{
	REAL(int, unlink, const char *)
	return real(path);
}

int socket(int domain, int type, int protocol)
{
	REAL(int, socket, int, int, int)
	if (getenv("NO_SOCKET") != NULL)
		kill(getpid(), SIGKILL);
	return real(domain, type, protocol);
}

ssize_t send(int fd, const void *data, size_t size, int flags)
{
	REAL(ssize_t, send, int, const void *, size_t, int)
	return real(fd, data, size, flags);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A local socket is bound under a name of its own beside the public one, gets its mode, listens,
 * and is then renamed: the MTA sees a socket that works, or none, and nobody can connect before
 * the mode is right. Renaming also replaces the socket of a daemon that died.
 *
 * What must not be replaced: a file that is not a socket, and a socket that answers. A worker
 * that outlives its supervisor by a moment may still hold the old socket; the first connection
 * wakes it, so only a socket that answers several times is taken for a living daemon.
 *
 * This file knows nothing of milters and of workers.
 */
#include "milter/protocol/socket.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "lib/endpoint.h"
#include "lib/heap.h"
#include "lib/span.h"

enum { BACKLOG = 1024, PROBES = 3, PROBE_PAUSE_MS = 100, PATH_ROOM = 256, HOST_ROOM = 256 };

union address {
	struct sockaddr any;
	struct sockaddr_un local;
	struct sockaddr_in inet;
	struct sockaddr_in6 inet6;
	struct sockaddr_storage room;
};

static char *copy_text(const char *text)
{
	char *copy = heap_strdup(text);

	return copy;
}

/* A stream socket that does not block: of several processes that see a connection, one gets it
 * and the others must not wait for the next. */
static int stream_socket(int family)
{
	int fd = socket(family, SOCK_STREAM, 0);

	if (fd < 0)
		return -1;
	if (fcntl(fd, F_SETFD, FD_CLOEXEC) != 0 || fcntl(fd, F_SETFL, O_NONBLOCK) != 0) {
		close(fd);
		return -1;
	}
	return fd;
}

/* Elsewhere than on Linux an accepted connection inherits O_NONBLOCK from its listener, and
 * libmilter wants one that blocks. */
static int start_listening(int fd)
{
#ifndef __linux__
	if (fcntl(fd, F_SETFL, 0) != 0)
		return -1;
#endif
	return listen(fd, BACKLOG);
}

/* ---- sockets of the service manager ---- */

enum { FIRST_INHERITED = 3, INHERITED_MAX = 32 };

static struct {
	int fds[INHERITED_MAX];
	unsigned count;
} inherited;

/* Its variables are for this process, not for those that it starts. */
void socket_inherit(void)
{
	const char *pid = getenv("LISTEN_PID"), *count = getenv("LISTEN_FDS");
	long n = count == NULL ? 0 : strtol(count, NULL, 10);

	if (pid == NULL || strtol(pid, NULL, 10) != (long)getpid())
		return;
	for (long i = 0; i < n && inherited.count < INHERITED_MAX; i++) {
		int fd = FIRST_INHERITED + (int)i;

		if (fcntl(fd, F_SETFD, FD_CLOEXEC) == 0 && fcntl(fd, F_SETFL, O_NONBLOCK) == 0)
			inherited.fds[inherited.count++] = fd;
	}
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
}

unsigned socket_disinherit(void)
{
	unsigned count = inherited.count;

	while (inherited.count > 0)
		close(inherited.fds[--inherited.count]);
	return count;
}

static bool is_bound_to(int fd, const union address *wanted)
{
	union address have = {0};
	socklen_t len = sizeof have;
	int listens = 0;
	socklen_t size = sizeof listens;

	if (getsockname(fd, &have.any, &len) != 0 ||
	    getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) != 0 || !listens ||
	    have.any.sa_family != wanted->any.sa_family)
		return false;
	if (have.any.sa_family == AF_UNIX)
		return strncmp(have.local.sun_path, wanted->local.sun_path,
			       sizeof have.local.sun_path) == 0;
	if (have.any.sa_family == AF_INET)
		return have.inet.sin_port == wanted->inet.sin_port &&
		       have.inet.sin_addr.s_addr == wanted->inet.sin_addr.s_addr;
	return have.inet6.sin6_port == wanted->inet6.sin6_port &&
	       memcmp(&have.inet6.sin6_addr, &wanted->inet6.sin6_addr,
		      sizeof have.inet6.sin6_addr) == 0;
}

/* -1: none was passed for it. */
static int take_inherited(const union address *wanted)
{
	for (unsigned i = 0; i < inherited.count; i++) {
		int fd = inherited.fds[i];

		if (!is_bound_to(fd, wanted))
			continue;
		inherited.fds[i] = inherited.fds[--inherited.count];
		return fd;
	}
	return -1;
}

/* ---- local sockets ---- */

static bool local_address(const char *path, union address *address)
{
	size_t len = strlen(path);

	memset(address, 0, sizeof *address);
	address->local.sun_family = AF_UNIX;
	if (len >= sizeof address->local.sun_path)
		return false;
	memcpy(address->local.sun_path, path, len + 1);
	return true;
}

/* 0 when something answers there, else why not (errno). */
static int probe_socket(const char *path)
{
	union address address;
	int fd, error = 0;

	if (!local_address(path, &address))
		return ENAMETOOLONG;
	fd = stream_socket(AF_UNIX);
	if (fd < 0)
		return errno;
	if (connect(fd, &address.any, sizeof address.local) != 0 && errno != EAGAIN)
		error = errno;
	close(fd);
	return error;
}

static int probe_again(const char *path)
{
	const struct timespec pause = {.tv_nsec = PROBE_PAUSE_MS * 1000000L};
	int error = probe_socket(path);

	for (int i = 1; error == 0 && i < PROBES; i++) {
		nanosleep(&pause, NULL);
		error = probe_socket(path);
	}
	return error;
}

/* May the public name be taken? */
static int check_place(const char *path, struct why *why)
{
	struct stat st;
	int error;

	if (lstat(path, &st) != 0) {
		if (errno == ENOENT)
			return 0;
		return why_set(why, "%s: %s", path, strerror(errno));
	}
	if (!S_ISSOCK(st.st_mode))
		return why_set(why, "%s exists and is not a socket: remove it, or listen elsewhere",
			       path);
	error = probe_again(path);
	if (error == ECONNREFUSED || error == ENOENT)
		return 0;
	if (error == 0)
		return why_set(why, "another daemon answers on %s: stop it first", path);
	return why_set(why,
		       "cannot tell whether a daemon answers on %s (%s): remove it if none does",
		       path, strerror(error));
}

/* Bound under its own name, with its mode, listening. */
static int bind_beside(const char *temporary, mode_t mode, struct stat *st, struct why *why)
{
	union address address;
	mode_t before;
	int fd, bound;

	if (!local_address(temporary, &address))
		return why_set(why, "%s: the path is too long for a socket (%zu characters)",
			       temporary, sizeof address.local.sun_path - 1);
	fd = stream_socket(AF_UNIX);
	if (fd < 0)
		return why_set(why, "%s: %s", temporary, strerror(errno));
	unlink(temporary);
	before = umask(0177);
	bound = bind(fd, &address.any, sizeof address.local);
	umask(before);
	if (bound != 0) {
		why_set(why, "%s: %s", temporary, strerror(errno));
		close(fd);
		return -1;
	}
	if (chmod(temporary, mode) != 0 || start_listening(fd) != 0 || lstat(temporary, st) != 0) {
		why_set(why, "%s: %s", temporary, strerror(errno));
		unlink(temporary);
		close(fd);
		return -1;
	}
	return fd;
}

static int check_directory(const char *path, int len, struct why *why)
{
	char directory[PATH_ROOM];
	struct stat st;

	snprintf(directory, sizeof directory, "%.*s", len, path);
	if (stat(directory, &st) != 0)
		return why_set(why, "%s: directory %s: %s", path, directory, strerror(errno));
	if (!S_ISDIR(st.st_mode))
		return why_set(why, "%s: %s is not a directory", path, directory);
	if (access(directory, W_OK | X_OK) != 0)
		return why_set(why,
			       "%s: user %ld may not write in directory %s (mode %04o, user %ld, "
			       "group %ld)",
			       path, (long)geteuid(), directory, (unsigned)(st.st_mode & 07777),
			       (long)st.st_uid, (long)st.st_gid);
	return 0;
}

static int open_local(struct socket_listener *listener, const char *path, mode_t mode,
		      struct why *why)
{
	const char *slash = strrchr(path, '/');
	char temporary[PATH_ROOM];
	int directory_len, fd;
	struct stat st = {0};

	union address address;

	assert(slash != NULL && strlen(path) < sizeof((union address *)0)->local.sun_path);
	listener->family = AF_UNIX;
	if (local_address(path, &address) && (listener->fd = take_inherited(&address)) >= 0)
		return 0;
	directory_len = slash == path ? 1 : (int)(slash - path);
	if (check_directory(path, directory_len, why) != 0 || check_place(path, why) != 0)
		return -1;
	snprintf(temporary, sizeof temporary, "%.*s/.%ld", (int)(slash - path), path,
		 (long)getpid());
	fd = bind_beside(temporary, mode, &st, why);
	if (fd < 0)
		return why_prefix(why, "%s: ", path);
	if (rename(temporary, path) != 0) {
		why_set(why, "%s: %s", path, strerror(errno));
		unlink(temporary);
		close(fd);
		return -1;
	}
	listener->fd = fd;
	listener->path = copy_text(path);
	listener->dev = st.st_dev;
	listener->ino = st.st_ino;
	return 0;
}

/* ---- inet sockets ---- */

static int bind_inet(const struct addrinfo *found)
{
	union address address = {0};
	int fd, on = 1;

	memcpy(&address, found->ai_addr, found->ai_addrlen);
	fd = take_inherited(&address);
	if (fd >= 0)
		return fd;
	fd = stream_socket(found->ai_family);
	if (fd < 0)
		return -1;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
	    (found->ai_family == AF_INET6 &&
	     setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) != 0) ||
	    bind(fd, found->ai_addr, found->ai_addrlen) != 0 || start_listening(fd) != 0) {
		int error = errno;

		close(fd);
		errno = error;
		return -1;
	}
	return fd;
}

static unsigned bound_port(int fd)
{
	union address address = {0};
	socklen_t len = sizeof address;

	if (getsockname(fd, &address.any, &len) != 0)
		return 0;
	return ntohs(address.any.sa_family == AF_INET6 ? address.inet6.sin6_port
						       : address.inet.sin_port);
}

static void inet_name(struct socket_listener *listener, const char *host)
{
	const char *scheme = listener->family == AF_INET6 ? "inet6" : "inet";
	char name[400];

	snprintf(name, sizeof name, "%s:%u%s%s", scheme, bound_port(listener->fd),
		 host[0] == '\0' ? "" : "@", host);
	listener->name = copy_text(name);
}

static int open_inet(struct socket_listener *listener, const char *address,
		     const struct endpoint *endpoint, struct why *why)
{
	struct addrinfo hints = {
	    .ai_family = endpoint->family, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
	struct addrinfo *found = NULL;
	char port[12], host[HOST_ROOM];
	int error;

	snprintf(port, sizeof port, "%u", endpoint->port);
	snprintf(host, sizeof host, "%.*s", (int)span_len(endpoint->host), endpoint->host.p);
	error = getaddrinfo(host[0] == '\0' ? NULL : host, port, &hints, &found);
	if (error != 0)
		return why_set(why, "%s: %s", address, gai_strerror(error));
	listener->fd = bind_inet(found);
	error = errno;
	freeaddrinfo(found);
	if (listener->fd < 0 && error == EADDRINUSE)
		return why_set(why, "%s: another daemon listens there: stop it first", address);
	if (listener->fd < 0)
		return why_set(why, "%s: %s", address, strerror(error));
	listener->family = endpoint->family;
	inet_name(listener, host);
	return 0;
}

/* ---- both ---- */

int socket_open(struct socket_listener *listener, const char *address, mode_t mode, struct why *why)
{
	struct endpoint endpoint;

	memset(listener, 0, sizeof *listener);
	listener->fd = -1;
	if (endpoint_parse(span_of(address), &endpoint, why) != 0)
		return why_prefix(why, "%s: ", address);
	if (endpoint.family != AF_UNIX)
		return open_inet(listener, address, &endpoint, why);
	if (open_local(listener, endpoint.path.p, mode, why) != 0)
		return -1;
	listener->name = copy_text(address);
	return 0;
}

static bool still_ours(const struct socket_listener *listener)
{
	struct stat st;

	return listener->path != NULL && lstat(listener->path, &st) == 0 &&
	       st.st_dev == listener->dev && st.st_ino == listener->ino;
}

int socket_set_mode(const struct socket_listener *listener, mode_t mode, struct why *why)
{
	if (still_ours(listener) && chmod(listener->path, mode) != 0)
		return why_set(why, "%s: %s", listener->path, strerror(errno));
	return 0;
}

void socket_remove(const struct socket_listener *listener)
{
	if (still_ours(listener))
		unlink(listener->path);
}

int socket_address(const struct socket_listener *listener, int fd, struct socket_address *out)
{
	union address address;

	memset(out, 0, sizeof *out);
	out->len = sizeof out->storage;
	if (listener->path == NULL)
		return getsockname(fd, (struct sockaddr *)&out->storage, &out->len);
	if (!local_address(listener->path, &address))
		return -1;
	out->len = sizeof address.local;
	memcpy(&out->storage, &address, sizeof address.local);
	return 0;
}

int socket_call(const struct socket_address *address)
{
	int fd = stream_socket(((const struct sockaddr *)&address->storage)->sa_family);

	if (fd < 0)
		return -1;
	if (fcntl(fd, F_SETFL, 0) == 0 &&
	    connect(fd, (const struct sockaddr *)&address->storage, address->len) == 0)
		return fd;
	close(fd);
	return -1;
}

void socket_close(struct socket_listener *listener)
{
	if (listener->fd >= 0)
		close(listener->fd);
	free(listener->name);
	free(listener->path);
	memset(listener, 0, sizeof *listener);
	listener->fd = -1;
}

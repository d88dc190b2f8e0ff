/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * libmilter as an engine: its socket, its thread.
 *
 * libmilter opens its listening socket itself and has no call to be given one. So it is asked to
 * open a placeholder of the same family where nobody finds it (a path in a directory made for the
 * moment; a loopback port), the placeholder's fd is looked up, and the supervisor's socket is put
 * in its place with dup2(). libmilter only polls, accepts on and closes that fd. At its end it
 * unlinks the placeholder's path, which is gone already. To drain, a placeholder is put back:
 * libmilter then waits on a socket where nobody comes.
 *
 * libmilter takes HUP, TERM and INT with sigwait() in a thread of its own and drops every message
 * under way; see worker.c for how they are kept from it.
 */
#include <errno.h>
#include <fcntl.h>
#include <libmilter/mfapi.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/lock.h"
#include "lib/log.h"
#include "milter/callbacks.h"
#include "milter/engine.h"
#include "milter/wakeup.h"

enum { FD_SEARCH_MAX = 4096 };

static struct {
	struct engine_start start;
	int fd;          /* that libmilter accepts on */
	int placeholder; /* for the drain; -1: an inet one is made then */
} engine = {.fd = -1, .placeholder = -1};

/* The listening socket of FAMILY that is not MINE: libmilter's own. */
static int find_placeholder(int family, int mine)
{
	for (int fd = 0; fd < FD_SEARCH_MAX; fd++) {
		struct sockaddr_storage address = {0};
		socklen_t len = sizeof address, int_len = sizeof(int);
		int listening = 0;

		if (fd != mine && getsockname(fd, (struct sockaddr *)&address, &len) == 0 &&
		    address.ss_family == family &&
		    getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &int_len) == 0 &&
		    listening)
			return fd;
	}
	return -1;
}

static bool milter_opens(char *address)
{
	return smfi_setconn(address) == MI_SUCCESS && smfi_opensocket(false) == MI_SUCCESS;
}

/* In a directory that exists only for this. */
static bool milter_opens_in(const char *parent, int parent_len)
{
	char directory[sizeof(struct sockaddr_un)], path[sizeof directory + 2];
	char address[sizeof path + 5];
	bool opened;
	int len = snprintf(directory, sizeof directory, "%.*s/.XXXXXX", parent_len, parent);

	if (len >= (int)sizeof directory || mkdtemp(directory) == NULL)
		return false;
	snprintf(path, sizeof path, "%s/s", directory);
	snprintf(address, sizeof address, "unix:%s", path);
	opened = milter_opens(address);
	unlink(path);
	rmdir(directory);
	return opened;
}

static bool open_placeholder(const struct socket_listener *listener)
{
	char inet[] = "inet:0@127.0.0.1", inet6[] = "inet6:0@[::1]";

	if (listener->family == AF_INET)
		return milter_opens(inet);
	if (listener->family == AF_INET6)
		return milter_opens(inet6);
	return milter_opens_in("/tmp", 4) ||
	       milter_opens_in(listener->path,
			       (int)(strrchr(listener->path, '/') - listener->path));
}

static int adopt_socket(struct why *why)
{
	const struct socket_listener *listener = engine.start.listener;
	int fd;

	if (!open_placeholder(listener))
		return why_set(why, "%s: libmilter cannot open a socket", listener->name);
	fd = find_placeholder(listener->family, listener->fd);
	if (fd < 0)
		return why_set(why, "%s: libmilter's socket was not found", listener->name);
	if (listener->family == AF_UNIX) {
		engine.placeholder = fcntl(fd, F_DUPFD_CLOEXEC, 0);
		fcntl(engine.placeholder, F_SETFL, O_NONBLOCK);
	}
	if (dup2(listener->fd, fd) < 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
		return why_set(why, "%s: %s", listener->name, strerror(errno));
	close(listener->fd);
	engine.fd = fd;
	return 0;
}

/* From now on libmilter waits where nobody comes. */
static void drain_libmilter(void)
{
	struct socket_listener quiet = {.fd = engine.placeholder};
	int family = engine.start.listener->family;
	struct why why;

	if (quiet.fd < 0 &&
	    socket_open(&quiet, family == AF_INET6 ? "inet6:0@::1" : "inet:0@127.0.0.1", 0, &why) !=
		0) {
		log_warning("%s", why.text); /* new connections are refused one by one, then */
		return;
	}
	dup2(quiet.fd, engine.fd);
	fcntl(engine.fd, F_SETFD, FD_CLOEXEC);
	socket_close(&quiet);
	engine.placeholder = -1;
}

static void *run_libmilter(void *arg)
{
	(void)arg;
	smfi_main();
	engine.start.ended();
	return NULL;
}

static int start_libmilter(const struct engine_start *with, struct why *why)
{
	pthread_t thread;

	engine.start = *with;
	if (callbacks_register(with->service, why) != 0 || adopt_socket(why) != 0 ||
	    wakeup_start(with->listener, engine.fd, why) != 0)
		return -1;
	smfi_settimeout((int)(with->mta_silence / CLOCK_SECOND));
	if (thread_start(&thread, run_libmilter, NULL) != 0)
		return why_set(why, "cannot start libmilter's thread");
	pthread_detach(thread);
	return 0;
}

/* What libmilter has not written yet cannot be known. */
static bool is_libmilter_busy(void)
{
	return false;
}

const struct engine engine_libmilter = {
    .start = start_libmilter,
    .drain = drain_libmilter,
    .busy = is_libmilter_busy,
    .waits_for_dns = wakeup_soon,
    .waits_for_keys = wakeup_soon,
};

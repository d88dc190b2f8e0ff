/* SPDX-License-Identifier: BSD-2-Clause */
#include "daemon/keys/launcher.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/channel.h"
#include "daemon/rights/confined.h"
#include "daemon/daemon.h"
#include "daemon/helper.h"
#include "daemon/keys/process.h"

enum { JOB_MAX = 8192, FIRST_INHERITED = 3 /* sd_listen_fds(3) */ };

/* ---- the launcher ---- */

static void note_child(int signal)
{
	(void)signal; /* poll() returns */
}

static void take_signals(void)
{
	struct sigaction child = {.sa_handler = note_child};

	helper_take_signals(SIG_IGN);
	sigaction(SIGCHLD, &child, NULL);
}

static void launch_process(struct channel *channel, const struct channel_frame *frame,
			   unsigned *children)
{
	pid_t pid;

	if (frame->fd < 0)
		return;
	pid = fork();
	if (pid == 0) {
		int fd = frame->fd;

		close(channel->fd);
		keyprocess_run(fd, frame->text);
	}
	if (pid > 0)
		++*children;
	close(frame->fd); /* without a child, the supervisor sees the end of the channel */
}

/* What key processes will have in their memory must not be in a core file, whoever makes it. */
static void forbid_core(void)
{
	int fd = open("/proc/self/coredump_filter", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	if (write(fd, "0", 1) != 1)
		errno = 0; /* then daemon_harden() has to be enough */
	close(fd);
}

static void confine_launcher(struct channel *channel)
{
	struct why line;

	why_set(&line, "%u", confined_enter(CONFINED_LAUNCHER, NULL));
	channel_send(channel, CHANNEL_CONFINED, line.text);
}

noreturn void keylauncher_run(int fd)
{
	struct channel channel;
	unsigned children = 0;

	channel_init(&channel, fd, JOB_MAX);
	channel.takes_files = true;
	take_signals();
	forbid_core();
	confine_launcher(&channel);
	while (channel.fd >= 0 || children > 0) {
		struct pollfd in = {.fd = channel.fd, .events = POLLIN};
		struct channel_frame frame;

		channel_flush(&channel);
		poll(&in, 1, 1000);
		while (children > 0 && waitpid(-1, NULL, WNOHANG) > 0)
			children--;
		channel_fill(&channel);
		while (channel_next(&channel, &frame)) {
			if (frame.kind == CHANNEL_LAUNCH)
				launch_process(&channel, &frame, &children);
			else if (frame.fd >= 0)
				close(frame.fd);
		}
	}
	daemon_exit(0);
}

/* ---- starting it ---- */

/* Key processes lock their memory; root may let them. */
static void allow_locking(void)
{
	struct rlimit none = {RLIM_INFINITY, RLIM_INFINITY};

	if (geteuid() == 0)
		setrlimit(RLIMIT_MEMLOCK, &none);
}

static noreturn void become_launcher(const char *user, int fd)
{
	struct why why;

	allow_locking();
	if (user != NULL && daemon_become(user, &why) != 0)
		_exit(1);
	daemon_harden();
	keylauncher_run(fd);
}

int keylauncher_fork(const char *user, void (*clean)(const void *arg), const void *arg, pid_t *pid,
		     struct why *why)
{
	sigset_t all, before;
	int fds[2];

	if (channel_pair(fds) != 0)
		return why_set(why, "socketpair: %s", strerror(errno));
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &before);
	*pid = fork();
	if (*pid == 0) {
		if (clean != NULL)
			clean(arg);
		close(fds[0]);
		become_launcher(user, fds[1]);
	}
	sigprocmask(SIG_SETMASK, &before, NULL);
	close(fds[1]);
	if (*pid > 0)
		return fds[0];
	close(fds[0]);
	return why_set(why, "fork: %s", strerror(errno));
}

int keylauncher_connect(const char *path, struct why *why)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd;

	if (strlen(path) >= sizeof address.sun_path)
		return why_set(why, "%s: too long for a socket", path);
	memcpy(address.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	if (fd < 0)
		return why_set(why, "socket: %s", strerror(errno));
	if (fcntl(fd, F_SETFD, FD_CLOEXEC) == 0 &&
	    connect(fd, (const struct sockaddr *)&address, sizeof address) == 0 &&
	    fcntl(fd, F_SETFL, O_NONBLOCK) == 0)
		return fd;
	why_set(why, "%s: %s", path, strerror(errno));
	close(fd);
	return -1;
}

int keylauncher_inherited(struct why *why)
{
	const char *pid = getenv("LISTEN_PID"), *count = getenv("LISTEN_FDS");

	if (pid == NULL || count == NULL || strtol(pid, NULL, 10) != (long)getpid() ||
	    strcmp(count, "1") != 0 || fcntl(FIRST_INHERITED, F_SETFD, FD_CLOEXEC) != 0 ||
	    fcntl(FIRST_INHERITED, F_SETFL, O_NONBLOCK) != 0)
		return why_set(why, "the service manager gave no connection: --key-launcher is for "
				    "countersign-keys.socket");
	return FIRST_INHERITED;
}

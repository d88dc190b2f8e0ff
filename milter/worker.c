/*
 * The main thread talks to the supervisor; libmilter runs in a second thread.
 *
 * The socket. libmilter opens its listening socket itself and has no call to be given one. So it
 * is asked to open a placeholder of the same family where nobody finds it (a path in a directory
 * made for the moment; a loopback port), the placeholder's fd is looked up, and the supervisor's
 * socket is put in its place with dup2(). libmilter only polls, accepts on and closes that fd.
 * At its end it unlinks the placeholder's path, which is gone already. To drain, a placeholder is
 * put back: libmilter then waits on a socket where nobody comes.
 *
 * The signals. libmilter takes HUP, TERM and INT with sigwait() in a thread of its own and drops
 * every message under way. Here they are left unblocked in the main thread, which the kernel
 * prefers: HUP and INT are ignored (the supervisor decides), TERM drains.
 *
 * The end. libmilter's threads are still there, so nothing they use is freed: what the ledger has
 * queued is committed, and the process ends with _exit().
 */
#include "milter/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <libmilter/mfapi.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "conf/conf.h"
#include "lib/clock.h"
#include "lib/lock.h"
#include "lib/log.h"
#include "milter/callbacks.h"
#include "milter/channel.h"
#include "milter/daemon.h"
#include "milter/keywatch.h"
#include "milter/kick.h"
#include "milter/service.h"

enum { SETTINGS_MAX = 64 << 20, DRAIN_LOOK_MS = 20, FD_SEARCH_MAX = 4096 };

struct worker {
	const struct worker_start *start;
	struct channel channel;
	struct service *service;
	struct context *prepared; /* by CHANNEL_PREPARE */
	int milter_fd;            /* that libmilter accepts on */
	int placeholder;          /* for the drain; -1: an inet one is made then */
	int wake;                 /* a byte comes when TERM came or libmilter ended */
	bool leaving;
	int64_t deadline; /* when leaving */
};

static volatile sig_atomic_t term_came;
static atomic_bool milter_ended;
static int wake_write = -1;

static noreturn void leave(struct worker *worker, int code)
{
	if (worker->service != NULL)
		service_close(worker->service);
	daemon_exit(code);
}

static noreturn void fail(struct worker *worker, const struct why *why)
{
	channel_send(&worker->channel, CHANNEL_FAILED, why->text);
	leave(worker, 1);
}

/* ---- signals ---- */

static void wake_up(void)
{
	ssize_t n;

	do
		n = write(wake_write, "", 1);
	while (n < 0 && errno == EINTR);
}

static void on_term(int signal)
{
	int error = errno;

	(void)signal;
	term_came = 1;
	wake_up();
	errno = error;
}

static int take_signals(struct worker *worker)
{
	struct sigaction ignore = {.sa_handler = SIG_IGN}, normal = {.sa_handler = SIG_DFL};
	struct sigaction term = {.sa_handler = on_term, .sa_flags = SA_RESTART};
	sigset_t none;
	int fds[2];

	if (channel_pair(fds) != 0)
		return -1;
	worker->wake = fds[0];
	wake_write = fds[1];
	sigaction(SIGHUP, &ignore, NULL);
	sigaction(SIGINT, &ignore, NULL);
	sigaction(SIGPIPE, &ignore, NULL);
	sigaction(SIGCHLD, &normal, NULL);
	sigaction(SIGTERM, &term, NULL);
	sigemptyset(&none);
	return pthread_sigmask(SIG_SETMASK, &none, NULL);
}

/* ---- the socket ---- */

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

static int adopt_socket(struct worker *worker, struct why *why)
{
	const struct socket_listener *listener = worker->start->listener;
	int fd;

	if (!open_placeholder(listener))
		return why_set(why, "%s: libmilter cannot open a socket", listener->name);
	fd = find_placeholder(listener->family, listener->fd);
	if (fd < 0)
		return why_set(why, "%s: libmilter's socket was not found", listener->name);
	if (listener->family == AF_UNIX) {
		worker->placeholder = fcntl(fd, F_DUPFD_CLOEXEC, 0);
		fcntl(worker->placeholder, F_SETFL, O_NONBLOCK);
	}
	if (dup2(listener->fd, fd) < 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
		return why_set(why, "%s: %s", listener->name, strerror(errno));
	close(listener->fd);
	worker->milter_fd = fd;
	return 0;
}

/* From now on libmilter waits where nobody comes. */
static void deafen(struct worker *worker)
{
	struct socket_listener quiet = {.fd = worker->placeholder};
	int family = worker->start->listener->family;
	struct why why;

	if (quiet.fd < 0 &&
	    socket_open(&quiet, family == AF_INET6 ? "inet6:0@::1" : "inet:0@127.0.0.1", 0, &why) !=
		0) {
		log_warning("%s", why.text); /* new connections are refused one by one, then */
		return;
	}
	dup2(quiet.fd, worker->milter_fd);
	fcntl(worker->milter_fd, F_SETFD, FD_CLOEXEC);
	socket_close(&quiet);
	worker->placeholder = -1;
}

/* ---- settings ---- */

/* One line of what is wrong with them. */
static struct conf *parse_settings(const struct worker *worker, const char *text, struct why *why)
{
	struct conf_errors errors;
	struct conf *conf = conf_parse(worker->start->settings_name, text, &errors);

	if (conf == NULL)
		why_set(why, "settings: %s",
			errors.count > 0 ? errors.items[0].text : "unreadable");
	conf_errors_free(&errors);
	return conf;
}

static void prepare(struct worker *worker, const char *text)
{
	struct why why = {""};
	struct conf *conf = parse_settings(worker, text, &why);

	context_drop(worker->prepared);
	worker->prepared = conf == NULL ? NULL : service_prepare(worker->service, conf, &why);
	if (worker->prepared == NULL)
		channel_send(&worker->channel, CHANNEL_NO, why.text);
	else
		channel_send(&worker->channel, CHANNEL_YES, "");
}

static void commit(struct worker *worker)
{
	if (worker->prepared == NULL) {
		log_error("told to use settings that were never prepared");
		leave(worker, 1); /* the next worker begins with them */
	}
	daemon_log(worker->prepared->conf);
	service_commit(worker->service, worker->prepared);
	keywatch_look();
	worker->prepared = NULL;
}

static void forget(struct worker *worker)
{
	context_drop(worker->prepared);
	worker->prepared = NULL;
}

/* ---- leaving ---- */

static void drain(struct worker *worker)
{
	struct context *context;

	if (worker->leaving)
		return;
	context = service_context(worker->service);
	worker->leaving = true;
	worker->deadline = clock_mono() + context->conf->drain;
	context_drop(context);
	deafen(worker);
}

static void look_at_drain(struct worker *worker)
{
	unsigned messages = service_messages(worker->service);

	if (messages == 0)
		leave(worker, 0);
	if (clock_mono() < worker->deadline)
		return;
	log_warning("%s: %u messages were not finished in time; the MTA will try them again",
		    worker->start->listener->name, messages);
	leave(worker, 0);
}

/* ---- the life ---- */

static void obey(struct worker *worker, const struct channel_frame *frame)
{
	switch (frame->kind) {
	case CHANNEL_PREPARE:
		prepare(worker, frame->text);
		break;
	case CHANNEL_COMMIT:
		commit(worker);
		break;
	case CHANNEL_ABORT:
		forget(worker);
		break;
	case CHANNEL_DRAIN:
		drain(worker);
		break;
	case CHANNEL_QUIT:
		leave(worker, 0);
	case CHANNEL_PING:
		channel_send(&worker->channel, CHANNEL_PONG, "");
		break;
	default:
		log_warning("the supervisor said something unknown (%d)", frame->kind);
	}
}

static void listen_to_supervisor(struct worker *worker)
{
	struct channel_frame frame;

	channel_flush(&worker->channel);
	channel_fill(&worker->channel);
	while (channel_next(&worker->channel, &frame))
		obey(worker, &frame);
	if (worker->channel.fd < 0 && !worker->leaving) {
		log_warning("the supervisor is gone; this worker (%s) ends",
			    worker->start->listener->name);
		drain(worker);
	}
}

/* TERM sent to this process, not to the supervisor: another worker takes over at once. */
static void leave_by_itself(struct worker *worker)
{
	if (worker->leaving)
		return;
	channel_send(&worker->channel, CHANNEL_LEAVING, "");
	drain(worker);
}

static void look_at_milter(struct worker *worker)
{
	if (!atomic_load(&milter_ended))
		return;
	if (!worker->leaving)
		log_error("%s: libmilter ended by itself", worker->start->listener->name);
	leave(worker, worker->leaving ? 0 : 1);
}

static noreturn void serve(struct worker *worker)
{
	for (;;) {
		struct pollfd polls[] = {
		    {.fd = worker->channel.fd, .events = POLLIN},
		    {.fd = worker->wake, .events = POLLIN},
		};
		char bytes[16];

		if (channel_waits(&worker->channel))
			polls[0].events |= POLLOUT;
		poll(polls, 2, worker->leaving ? DRAIN_LOOK_MS : -1);
		while (read(worker->wake, bytes, sizeof bytes) > 0)
			continue;
		listen_to_supervisor(worker);
		if (term_came)
			leave_by_itself(worker);
		if (worker->leaving)
			look_at_drain(worker);
		look_at_milter(worker);
	}
}

static void *run_milter(void *arg)
{
	(void)arg;
	smfi_main();
	atomic_store(&milter_ended, true);
	wake_up();
	return NULL;
}

static int prepare_to_serve(struct worker *worker, struct why *why)
{
	struct conf *conf = parse_settings(worker, worker->start->settings, why);
	pthread_t thread;

	if (conf == NULL)
		return -1;
	daemon_log(conf);
	worker->service = service_new(conf, why);
	if (worker->service == NULL || callbacks_register(worker->service, why) != 0 ||
	    adopt_socket(worker, why) != 0 ||
	    kick_start(worker->start->listener, worker->milter_fd, why) != 0 ||
	    keywatch_start(worker->service, why) != 0)
		return -1;
	if (thread_start(&thread, run_milter, NULL) != 0)
		return why_set(why, "the milter's thread could not be started");
	pthread_detach(thread);
	return 0;
}

noreturn void worker_run(const struct worker_start *start)
{
	struct worker worker = {.start = start, .placeholder = -1, .milter_fd = -1};
	struct why why = {""};

	channel_init(&worker.channel, start->control, SETTINGS_MAX);
	if (take_signals(&worker) != 0) {
		why_set(&why, "signals: %s", strerror(errno));
		fail(&worker, &why);
	}
	if (prepare_to_serve(&worker, &why) != 0)
		fail(&worker, &why);
	channel_send(&worker.channel, CHANNEL_READY, "");
	serve(&worker);
}

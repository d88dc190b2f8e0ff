/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The main thread talks to the supervisor; an engine serves in threads of its own.
 *
 * The signals. libmilter takes HUP, TERM and INT with sigwait() in a thread of its own and drops
 * every message under way. Here they are left unblocked in the main thread, which the kernel
 * prefers: HUP and INT are ignored (the supervisor decides), TERM drains.
 *
 * The end. The engine's threads are still there, so nothing they use is freed: what the ledger has
 * queued is committed, and the process ends with _exit().
 */
#include "daemon/worker.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf/conf.h"
#include "daemon/channel.h"
#include "daemon/rights/confined.h"
#include "daemon/daemon.h"
#include "daemon/measure.h"
#include "keys/client.h"
#include "keys/publickeys.h"
#include "lib/clock.h"
#include "lib/heap.h"
#include "lib/log.h"
#include "milter/engine.h"
#include "milter/keywatch.h"
#include "milter/sampling.h"
#include "milter/service.h"

enum { SETTINGS_MAX = 64 << 20, DRAIN_LOOK_MS = 20 };

static const int64_t MTA_SILENCE = 600 * CLOCK_SECOND;

/* Public keys, and who signs with them. */
struct worker_keys {
	struct keyclient *client; /* NULL: these settings use no keys */
	char *text;
	struct keyring *keyring; /* until the service takes it */
};

struct worker {
	const struct worker_start *start;
	struct channel channel;
	struct service *service;
	struct context *prepared;      /* by CHANNEL_PREPARE */
	struct worker_keys keys, next; /* of the settings in use, and of those to come */
	const struct engine *engine;
	int wake; /* a byte comes when TERM came or the engine ended */
	bool leaving;
	int64_t deadline; /* when leaving */
};

static volatile sig_atomic_t term_came;
static atomic_bool engine_ended;
static int wake_write = -1;

static noreturn void end_worker(struct worker *worker, int code)
{
	if (worker->service != NULL)
		service_close(worker->service);
	daemon_exit(code);
}

static noreturn void fail_start(struct worker *worker, const struct why *why)
{
	channel_send(&worker->channel, CHANNEL_FAILED, why->text);
	end_worker(worker, 1);
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
	sigaction(SIGXFSZ, &ignore, NULL); /* a file's limit is an error of write() then */
	sigaction(SIGCHLD, &normal, NULL);
	sigaction(SIGTERM, &term, NULL);
	sigemptyset(&none);
	return pthread_sigmask(SIG_SETMASK, &none, NULL);
}

/* ---- leaving ---- */

static void drain_messages(struct worker *worker)
{
	struct context *context;

	if (worker->leaving)
		return;
	context = service_context(worker->service);
	worker->leaving = true;
	worker->deadline = clock_mono() + context->conf->drain;
	context_drop(context);
	worker->engine->drain();
}

static void check_drain(struct worker *worker)
{
	unsigned messages = service_messages(worker->service);

	if (messages == 0 && !worker->engine->busy())
		end_worker(worker, 0);
	if (clock_mono() < worker->deadline)
		return;
	log_warning("%s: %u messages were not finished in time; the MTA will retry them",
		    worker->start->listener->name, messages);
	end_worker(worker, 0);
}

/* Another worker takes over at once. */
static void leave_by_itself(struct worker *worker)
{
	if (worker->leaving)
		return;
	channel_send(&worker->channel, CHANNEL_LEAVING, "");
	drain_messages(worker);
}

/* ---- settings ---- */

/* On failure WHY is the first error, on one line. */
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

static void forget_settings(struct worker *worker)
{
	service_forget(worker->service, worker->prepared);
	worker->prepared = NULL;
}

/* ---- keys ---- */

static void forget_keys(struct worker_keys *keys)
{
	keyring_free(keys->keyring);
	keyclient_drop(keys->client);
	free(keys->text);
	memset(keys, 0, sizeof *keys);
}

/* Keys with the private halves at the other end of FD, which it takes; -1: that comes later. */
static int open_keys(const struct worker *worker, const char *text, int fd,
		     struct worker_keys *keys, struct why *why)
{
	struct key_signer signer;

	keys->client = keyclient_new(fd, worker->engine->waits_for_keys);
	signer = keyclient_signer(keyclient_take(keys->client));
	keys->keyring = publickeys_read(span_of(text), &signer, why);
	keys->text = heap_strdup(text);
	return keys->keyring == NULL ? -1 : 0;
}

static void take_next_keys(struct worker *worker, const struct channel_frame *frame)
{
	struct why why;

	forget_keys(&worker->next);
	if (open_keys(worker, frame->text, frame->fd, &worker->next, &why) != 0)
		log_error("%s", why.text);
}

/* The settings stay, but the keys are those of TEXT. */
static void change_keys(struct worker *worker, const char *text)
{
	struct key_signer signer = keyclient_signer(keyclient_take(worker->keys.client));
	struct why why = {""};
	struct keyring *keyring = publickeys_read(span_of(text), &signer, &why);
	struct context *context = service_context(worker->service);
	struct conf *conf;
	struct buf settings;

	buf_init(&settings, NULL, 0);
	conf_write(context->conf, CONF_WRITE_VALUES, &settings);
	conf = keyring == NULL ? NULL : parse_settings(worker, buf_text(&settings), &why);
	if (conf == NULL) {
		log_error("the keys stay as they were: %s", why.text);
		keyring_free(keyring);
	} else if (service_rekey(worker->service, conf, keyring, &why) != 0) {
		log_error("the keys stay as they were: %s", why.text);
	} else {
		free(worker->keys.text);
		worker->keys.text = heap_strdup(text);
		keywatch_look();
	}
	buf_free(&settings);
	context_drop(context);
}

/* The key process has died, and this is the next one. It has read the files again, so its keys may
 * be others. */
static void replace_keys(struct worker *worker, const struct channel_frame *frame)
{
	if (worker->keys.client == NULL || frame->fd < 0) {
		if (frame->fd >= 0)
			close(frame->fd);
		return;
	}
	keyclient_attach(worker->keys.client, frame->fd);
	if (strcmp(worker->keys.text, frame->text) != 0)
		change_keys(worker, frame->text);
}

/* The service's from now on. */
static struct keyring *give_keyring(struct worker_keys *keys)
{
	struct keyring *keyring = keys->keyring;

	keys->keyring = NULL;
	return keyring;
}

static void prepare_settings(struct worker *worker, const char *text)
{
	struct why why = {""};
	struct conf *conf = parse_settings(worker, text, &why);

	forget_settings(worker);
	worker->prepared = conf == NULL ? NULL
					: service_prepare(worker->service, conf,
							  give_keyring(&worker->next), &why);
	if (worker->prepared == NULL)
		channel_send(&worker->channel, CHANNEL_NO, why.text);
	else
		channel_send(&worker->channel, CHANNEL_YES, "");
}

/* Under settings that want more than this process may still do, another one has to take over. */
static bool does_not_fit(struct worker *worker)
{
	struct context *context = service_context(worker->service);
	bool fits = confined_covers(context->conf, worker->prepared->conf);

	context_drop(context);
	return !fits;
}

static void commit_settings(struct worker *worker)
{
	bool leaves;

	if (worker->prepared == NULL) {
		log_error("told to use settings that were not prepared");
		end_worker(worker, 1); /* the next worker begins with them */
	}
	leaves = does_not_fit(worker);
	daemon_log(worker->prepared->conf);
	service_commit(worker->service, worker->prepared);
	keywatch_look();
	worker->prepared = NULL;
	if (worker->keys.client != NULL)
		keyclient_supersede(worker->keys.client);
	forget_keys(&worker->keys);
	worker->keys = worker->next;
	memset(&worker->next, 0, sizeof worker->next);
	channel_send(&worker->channel, CHANNEL_DONE, "");
	if (leaves)
		leave_by_itself(worker);
}

/* ---- the main loop ---- */

static void obey_supervisor(struct worker *worker, const struct channel_frame *frame)
{
	switch (frame->kind) {
	case CHANNEL_PREPARE:
		prepare_settings(worker, frame->text);
		break;
	case CHANNEL_COMMIT:
		commit_settings(worker);
		break;
	case CHANNEL_ABORT:
		forget_settings(worker);
		forget_keys(&worker->next);
		break;
	case CHANNEL_KEYS:
		take_next_keys(worker, frame);
		break;
	case CHANNEL_REKEY:
		replace_keys(worker, frame);
		break;
	case CHANNEL_DRAIN:
		drain_messages(worker);
		break;
	case CHANNEL_FLUSH:
		service_flush(worker->service, frame->text);
		break;
	case CHANNEL_QUIT:
		end_worker(worker, 0);
	case CHANNEL_PING:
		channel_send(&worker->channel, CHANNEL_PONG, "");
		break;
	default:
		log_warning("the supervisor sent an unknown message (%d)", frame->kind);
	}
}

static void read_supervisor(struct worker *worker)
{
	struct channel_frame frame;

	channel_flush(&worker->channel);
	channel_fill(&worker->channel);
	while (channel_next(&worker->channel, &frame))
		obey_supervisor(worker, &frame);
	if (worker->channel.fd < 0 && !worker->leaving) {
		log_warning("the supervisor is gone; this worker (%s) ends",
			    worker->start->listener->name);
		drain_messages(worker);
	}
}

static void check_engine(struct worker *worker)
{
	if (!atomic_load(&engine_ended))
		return;
	if (!worker->leaving)
		log_error("%s: the milter engine ended unexpectedly",
			  worker->start->listener->name);
	end_worker(worker, worker->leaving ? 0 : 1);
}

static noreturn void serve_forever(struct worker *worker)
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
		read_supervisor(worker);
		if (term_came)
			leave_by_itself(worker);
		if (worker->leaving)
			check_drain(worker);
		check_engine(worker);
	}
}

static void on_engine_end(void)
{
	atomic_store(&engine_ended, true);
	wake_up();
}

static const struct engine *choose_engine(const struct conf *conf)
{
#ifdef HAVE_EPOLL_CREATE1
	if (conf->milter.engine == CONF_MILTER_NATIVE)
		return &engine_native;
#endif
	(void)conf;
	return &engine_libmilter;
}

static int prepare_to_serve(struct worker *worker, struct why *why)
{
	const struct worker_needs *needs = &worker->start->needs;
	struct conf *conf = parse_settings(worker, needs->settings, why);
	struct engine_start start = {
	    .listener = worker->start->listener,
	    .mta_silence = MTA_SILENCE,
	    .ended = on_engine_end,
	};

	if (conf == NULL)
		return -1;
	daemon_log(conf);
	confined_enter(CONFINED_WORKER, conf);
	worker->engine = choose_engine(conf);
	if (needs->keys != NULL &&
	    open_keys(worker, needs->keys, needs->key_fd, &worker->keys, why) != 0)
		return -1;
	sampling_open(worker->start->opinion);
	worker->service = service_new(conf, give_keyring(&worker->keys), worker->engine, why);
	start.service = worker->service;
	if (worker->service != NULL)
		service_set_address(worker->service, worker->start->address);
	if (worker->service == NULL || keywatch_start(worker->service, why) != 0 ||
	    sampling_start(worker->service, why) != 0 || measure_start(worker->service, why) != 0)
		return -1;
	return worker->engine->start(&start, why); /* last: from here on messages come */
}

noreturn void worker_run(const struct worker_start *start)
{
	struct worker worker = {.start = start};
	struct why why = {""};

	channel_init(&worker.channel, start->control, SETTINGS_MAX);
	worker.channel.takes_files = true;
	if (take_signals(&worker) != 0) {
		why_set(&why, "signals: %s", strerror(errno));
		fail_start(&worker, &why);
	}
	if (prepare_to_serve(&worker, &why) != 0)
		fail_start(&worker, &why);
	channel_send(&worker.channel, CHANNEL_READY, "");
	serve_forever(&worker);
}

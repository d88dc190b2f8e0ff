/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The main thread talks to the supervisor; the threads of keys/server.c sign. Nothing of this
 * process reaches a disk: no core, no swap where the system lets it lock its memory, no log but
 * what the supervisor writes for it.
 */
#include "daemon/keys/process.h"

#include <errno.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "context/context.h"
#include "daemon/channel.h"
#include "daemon/rights/confined.h"
#include "daemon/daemon.h"
#include "daemon/helper.h"
#include "keys/publickeys.h"
#include "keys/server.h"
#include "lib/clock.h"
#include "lib/crypto/wipe.h"
#include "lib/heap.h"

enum { COMMAND_MAX = 64, TELL_MS = 1000, JOB_LINES = 9, HELD_KEYS = 4096 };

struct held_keys {
	struct channel channel;
	struct context_keys keys;
	struct keyring *keyring;
	struct sealing *sealing; /* NULL: all keys are in the keyring */
	struct keyserver_rules rules;
	struct keyserver *server;
	int wake; /* a byte comes when the last link has ended */
	bool retired;
};

static int wake_write = -1;

/* ---- the job ---- */

void keyprocess_write_job(const struct conf *conf, struct buf *out)
{
	struct arena *arena = arena_new(0);
	struct context_keys keys = context_keys(conf, arena);

	buf_printf(out, "%s\n%d\n%d\n%d\n%u\n%s\n%s\n%s\n%d\n%s", VERSION,
		   keys.access == KEYRING_READABLE, keys.required, keys.dkim, keys.max_rate,
		   keys.seal, keys.seal_lists, keys.sign_lists, keys.shared, keys.path);
	arena_free(arena);
}

static bool read_job(char *job, struct context_keys *keys)
{
	char *lines[JOB_LINES], *rest = job;

	for (unsigned i = 0; i < JOB_LINES; i++) {
		lines[i] = rest;
		rest = strchr(rest, '\n');
		if (rest == NULL)
			return false;
		*rest++ = '\0';
	}
	*keys = (struct context_keys){
	    .path = rest,
	    .access = lines[1][0] == '1' ? KEYRING_READABLE : KEYRING_PRIVATE,
	    .required = lines[2][0] == '1',
	    .dkim = lines[3][0] == '1',
	    .seal = lines[5],
	    .seal_lists = lines[6],
	    .sign_lists = lines[7],
	    .shared = lines[8][0] == '1',
	    .max_rate = (unsigned)strtoul(lines[4], NULL, 10),
	};
	return strcmp(lines[0], VERSION) == 0;
}

/* ---- talking ---- */

/* Waits until the supervisor has it all. */
static void send_all(struct held_keys *process, enum channel_kind kind, const char *text)
{
	channel_send(&process->channel, kind, text);
	while (channel_waits(&process->channel)) {
		struct pollfd out = {.fd = process->channel.fd, .events = POLLOUT};

		poll(&out, 1, -1);
		channel_flush(&process->channel);
	}
}

static noreturn void end_process(struct held_keys *process)
{
	keyring_free(process->keyring); /* which wipes it */
	sealing_free(process->sealing);
	daemon_exit(0);
}

static noreturn void fail_start(struct held_keys *process, const char *option, const char *reason)
{
	struct why line;

	why_set(&line, "%s\t%s", option, reason);
	send_all(process, CHANNEL_FAILED, line.text);
	end_process(process);
}

static void tell_counts(struct held_keys *process)
{
	unsigned sum = 0;
	char name[512];
	struct why why;
	struct buf line;

	buf_init(&line, NULL, 0);
	for (unsigned i = 0; i < KEYWIRE_OUTCOMES; i++) {
		unsigned count = keyserver_count(process->server, (enum keywire_outcome)i);

		sum += count;
		buf_printf(&line, "%u ", count);
	}
	if (sum > 0)
		channel_send(&process->channel, CHANNEL_COUNTS, buf_text(&line));
	buf_free(&line);
	while (keyserver_find_limited(process->server, name, sizeof name)) {
		why_set(&why,
			"%s: more signatures were asked for in a second than "
			"sign.max_rate allows; the rest is refused",
			name);
		channel_send(&process->channel, CHANNEL_NOTE, why.text);
	}
}

/* ---- memory ---- */

/* False: the system's limit (RLIMIT_MEMLOCK) does not allow it. */
static bool lock_memory(void)
{
#ifdef MCL_ONFAULT
	return mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) == 0;
#else
	return mlockall(MCL_CURRENT) == 0;
#endif
}

/* ---- the main loop ---- */

static void on_idle(void)
{
	if (write(wake_write, "", 1) < 0)
		errno = 0; /* the pipe is full of such bytes */
}

static void serve_worker(struct held_keys *process, int fd)
{
	struct why why;

	if (fd >= 0 && keyserver_serve(process->server, fd, &why) != 0)
		channel_send(&process->channel, CHANNEL_NOTE, why.text);
}

static void obey_supervisor(struct held_keys *process)
{
	struct channel_frame frame;

	channel_flush(&process->channel);
	channel_fill(&process->channel);
	while (channel_next(&process->channel, &frame)) {
		if (frame.kind == CHANNEL_SERVE)
			serve_worker(process, frame.fd);
		else if (frame.fd >= 0)
			close(frame.fd);
		if (frame.kind == CHANNEL_RETIRE)
			process->retired = true;
		if (frame.kind == CHANNEL_QUIT)
			end_process(process);
	}
	if (process->channel.fd < 0)
		process->retired = true;
}

static noreturn void serve_forever(struct held_keys *process)
{
	int64_t told = clock_mono();

	for (;;) {
		struct pollfd polls[] = {
		    {.fd = process->channel.fd, .events = POLLIN},
		    {.fd = process->wake, .events = POLLIN},
		};
		char bytes[16];

		if (channel_waits(&process->channel))
			polls[0].events |= POLLOUT;
		poll(polls, 2, TELL_MS);
		while (read(process->wake, bytes, sizeof bytes) > 0)
			continue;
		obey_supervisor(process);
		if (clock_mono() - told >= TELL_MS * CLOCK_MS || process->retired) {
			told = clock_mono();
			tell_counts(process);
		}
		if (process->retired && keyserver_links(process->server) == 0)
			end_process(process);
	}
}

/* ---- the start ---- */

static void introduce_process(struct held_keys *process, bool locked)
{
	const struct passwd *user = getpwuid(geteuid());
	struct why line;

	why_set(&line, "%ld %s %s", (long)getpid(), user == NULL ? "?" : user->pw_name,
		locked ? "locked" : "swappable");
	channel_send(&process->channel, CHANNEL_READY, line.text);
}

static void load_keys(struct held_keys *process)
{
	const char *option;
	struct why why;
	struct buf text, seal;

	process->keyring = context_load_keys(&process->keys, &option, &why);
	if (process->keyring == NULL)
		fail_start(process, option, why.text);
	if (process->keys.shared) {
		process->sealing = sealing_load(process->keys.path, process->keys.access, &why);
		if (process->sealing == NULL)
			fail_start(process, "store.keys", why.text);
	}
	buf_init(&seal, NULL, 0); /* the server keeps it */
	buf_printf(&seal, "%s%s", process->keys.seal, process->keys.seal_lists);
	process->rules = (struct keyserver_rules){
	    .dkim = process->keys.dkim,
	    .seal = buf_text(&seal),
	    .max_rate = process->keys.max_rate,
	    .idle = on_idle,
	    .sealing = process->sealing,
	    .held = HELD_KEYS,
	};
	process->server = keyserver_new(process->keyring, &process->rules);
	buf_init(&text, NULL, 0);
	publickeys_write(process->keyring, &text);
	send_all(process, CHANNEL_LOADED, buf_text(&text));
	buf_free(&text);
}

/* From here on workers are served: no file was opened for them, and none will be. */
static void tell_limits(struct held_keys *process, unsigned limits)
{
	struct why line;

	why_set(&line, "%u", limits);
	channel_send(&process->channel, CHANNEL_CONFINED, line.text);
}

noreturn void keyprocess_run(int fd, const char *job)
{
	static struct held_keys process;
	char *text = heap_strdup(job);
	int fds[2];

	helper_take_signals(SIG_IGN); /* it ends when the workers and the supervisor have */
	channel_init(&process.channel, fd, COMMAND_MAX);
	if (!wipe_begin())
		channel_send(&process.channel, CHANNEL_NOTE,
			     "what OpenSSL frees cannot be overwritten on this system");
	process.channel.takes_files = true;
	if (!read_job(text, &process.keys))
		fail_start(&process, "sign.keys", "another version of countersignd is installed");
	if (channel_pair(fds) != 0)
		fail_start(&process, "sign.keys", strerror(errno));
	process.wake = fds[0];
	wake_write = fds[1];
	introduce_process(&process, lock_memory());
	load_keys(&process);
	tell_limits(&process, confined_enter(CONFINED_KEYS, NULL));
	serve_forever(&process);
}

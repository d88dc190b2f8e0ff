/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A key process is another user's, so it is not killed but told to end, and its death is seen by
 * the end of its channel. What it says is bounded, and it is logged by the supervisor.
 */
#include "daemon/keys/manager.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/rights/confined.h"
#include "daemon/keys/launcher.h"
#include "daemon/keys/process.h"
#include "keys/wire.h"
#include "lib/clock.h"
#include "lib/heap.h"
#include "lib/log.h"
#include "metrics/counters.h"

enum { ANSWER_MAX = 64 << 20, LAUNCHER_ANSWER_MAX = 64, END_LOOKS = 200 };

static const int64_t quick = CLOCK_SECOND;         /* a death this soon after the start */
static const int64_t first_pause = 100 * CLOCK_MS; /* before the third start; then doubled */
static const int64_t longest_pause = 5 * CLOCK_SECOND;

void keymanager_init(struct keymanager *manager, const struct keymanager_events *events, int fd,
		     pid_t pid)
{
	memset(manager, 0, sizeof *manager);
	manager->events = *events;
	manager->launcher_pid = pid;
	manager->other_user = fd >= 0;
	channel_init(&manager->launcher, fd, LAUNCHER_ANSWER_MAX);
}

/* ---- starting ---- */

static void reap_launcher(struct keymanager *manager)
{
	if (manager->launcher_pid != 0 && manager->launcher.fd < 0 &&
	    waitpid(manager->launcher_pid, NULL, WNOHANG) != 0)
		manager->launcher_pid = 0;
}

static int want_launcher(struct keymanager *manager, struct why *why)
{
	int fd;

	if (manager->launcher.fd >= 0)
		return 0;
	reap_launcher(manager);
	if (manager->socket != NULL)
		fd = keylauncher_connect(manager->socket, why);
	else if (manager->other_user)
		return why_set(why, "the process that starts key processes is gone");
	else
		fd = keylauncher_fork(NULL, manager->clean, manager->clean_arg,
				      &manager->launcher_pid, why);
	if (fd < 0)
		return -1;
	channel_free(&manager->launcher);
	channel_init(&manager->launcher, fd, LAUNCHER_ANSWER_MAX);
	return 0;
}

static struct keyprocess *add_process(struct keymanager *manager, int fd)
{
	struct keyprocess *process = heap_zero(sizeof *process);

	channel_init(&process->channel, fd, ANSWER_MAX);
	process->started_at = clock_mono();
	process->next = manager->processes;
	manager->processes = process;
	return process;
}

struct keyprocess *keymanager_launch(struct keymanager *manager, const struct conf *conf,
				     struct why *why)
{
	struct buf job;
	int fds[2];

	if (want_launcher(manager, why) != 0)
		return NULL;
	if (channel_pair(fds) != 0) {
		why_set(why, "socketpair: %s", strerror(errno));
		return NULL;
	}
	buf_init(&job, NULL, 0);
	keyprocess_write_job(conf, &job);
	channel_send_file(&manager->launcher, CHANNEL_LAUNCH, buf_text(&job), fds[1]);
	buf_free(&job);
	return add_process(manager, fds[0]);
}

int64_t keymanager_pause(struct keymanager *manager)
{
	int64_t pause = first_pause;

	if (manager->quick_deaths < 2)
		return manager->next_at = clock_mono();
	for (unsigned i = 2; i < manager->quick_deaths && pause < longest_pause; i++)
		pause *= 2;
	return manager->next_at = clock_mono() + (pause < longest_pause ? pause : longest_pause);
}

int keymanager_connect(struct keyprocess *process)
{
	int fds[2];

	if (process == NULL || process->channel.fd < 0 ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) != 0)
		return -1;
	channel_send_file(&process->channel, CHANNEL_SERVE, "", fds[1]);
	return fds[0];
}

/* ---- one after the other ---- */

/* The oldest of too many that still serve a message each. */
static void limit_old(struct keymanager *manager)
{
	struct keyprocess *oldest = NULL;
	unsigned count = 0;

	for (struct keyprocess *p = manager->processes; p != NULL; p = p->next) {
		if (p->retired && p->channel.fd >= 0) {
			oldest = p; /* the list has the newest first */
			count++;
		}
	}
	if (count > KEYMANAGER_OLD)
		channel_send(&oldest->channel, CHANNEL_QUIT, "");
}

static void retire_process(struct keymanager *manager, struct keyprocess *process)
{
	if (process == NULL || process->retired)
		return;
	process->retired = true;
	channel_send(&process->channel, CHANNEL_RETIRE, "");
	limit_old(manager);
}

/* With many keys it is large: it is the one of the process that loaded it, as long as that is
 * there. */
static void drop_text(struct keymanager *manager)
{
	bool held = false;

	for (const struct keyprocess *p = manager->processes; p != NULL; p = p->next)
		held = held || p->text == manager->text;
	if (!held)
		free(manager->text);
	manager->text = NULL;
}

void keymanager_switch(struct keymanager *manager, struct keyprocess *process)
{
	assert(process == NULL || process->text != NULL);
	if (manager->current != process)
		retire_process(manager, manager->current);
	manager->current = process;
	drop_text(manager);
	manager->text = process == NULL ? NULL : process->text;
}

void keymanager_discard(struct keymanager *manager, struct keyprocess *process)
{
	if (process == NULL)
		return;
	assert(process != manager->current);
	retire_process(manager, process);
}

/* ---- what they say ---- */

static void take_introduction(struct keyprocess *process, const char *text)
{
	char memory[16] = "";

	if (sscanf(text, "%ld %63s %15s", &process->pid, process->user, memory) == 3)
		process->locked = strcmp(memory, "locked") == 0;
}

static void take_counts(const char *text)
{
	char *end;

	for (unsigned i = 0; i < KEYWIRE_OUTCOMES; i++) {
		unsigned long n = strtoul(text, &end, 10);

		if (end == text)
			return;
		text = end;
		counters_count_many(METRIC_KEY_REQUESTS, i, 0, 0, n);
	}
}

static void take_keys(struct keymanager *manager, struct keyprocess *process, const char *text)
{
	if (process->text != NULL || process->retired)
		return;
	process->text = heap_strdup(text);
	log_debug("key process %ld (user %s) has loaded the keys", process->pid, process->user);
	manager->events.loaded(manager->events.arg, process);
}

static void take_failure(struct keymanager *manager, struct keyprocess *process, const char *text)
{
	const char *tab = strchr(text, '\t');
	struct why option;

	if (process->text != NULL || process->retired || tab == NULL)
		return;
	process->retired = true;
	why_set(&option, "%.*s", (int)(tab - text), text);
	manager->events.failed(manager->events.arg, process, option.text, tab + 1);
}

static void obey_process(struct keymanager *manager, struct keyprocess *process,
			 const struct channel_frame *frame)
{
	switch (frame->kind) {
	case CHANNEL_READY:
		take_introduction(process, frame->text);
		break;
	case CHANNEL_LOADED:
		take_keys(manager, process, frame->text);
		break;
	case CHANNEL_FAILED:
		take_failure(manager, process, frame->text);
		break;
	case CHANNEL_CONFINED:
		confined_note(CONFINED_KEYS, (unsigned)strtoul(frame->text, NULL, 10));
		break;
	case CHANNEL_NOTE:
		log_error("key process %ld: %s", process->pid, frame->text);
		break;
	case CHANNEL_COUNTS:
		take_counts(frame->text);
		break;
	default:
		log_warning("key process %ld sent an unknown message (%d)", process->pid,
			    frame->kind);
	}
}

/* Its channel has ended. */
static void handle_end(struct keymanager *manager, struct keyprocess *process)
{
	bool current = process == manager->current;

	process->done = true;
	if (process->retired)
		return;
	process->retired = true;
	manager->quick_deaths =
	    clock_mono() - process->started_at < quick ? manager->quick_deaths + 1 : 0;
	if (process->text == NULL) {
		manager->events.failed(manager->events.arg, process, "sign.keys",
				       "the key process has died");
	} else if (current) {
		manager->current = NULL;
		counters_count(METRIC_KEY_PROCESS_DEATHS, 0, 0, 0);
		log_warning("key process %ld has died; another takes its place, and messages wait "
			    "for it",
			    process->pid);
		manager->events.lost(manager->events.arg);
	} else {
		manager->events.failed(manager->events.arg, process, "sign.keys",
				       "the key process has died");
	}
}

static void free_process(const struct keymanager *manager, struct keyprocess *process)
{
	channel_free(&process->channel);
	if (process->text != manager->text)
		free(process->text);
	free(process);
}

/* The events above may start others, which come at the front of the list. */
static void remove_done(struct keymanager *manager)
{
	struct keyprocess **link = &manager->processes;

	while (*link != NULL) {
		struct keyprocess *process = *link;

		if (process->done) {
			*link = process->next;
			free_process(manager, process);
		} else {
			link = &process->next;
		}
	}
}

static void read_launcher(struct keymanager *manager)
{
	struct channel_frame frame;

	channel_flush(&manager->launcher);
	channel_fill(&manager->launcher);
	while (channel_next(&manager->launcher, &frame)) {
		if (frame.kind == CHANNEL_CONFINED)
			confined_note(CONFINED_LAUNCHER, (unsigned)strtoul(frame.text, NULL, 10));
	}
}

void keymanager_work(struct keymanager *manager)
{
	struct channel_frame frame;

	read_launcher(manager);
	reap_launcher(manager);
	for (struct keyprocess *p = manager->processes; p != NULL; p = p->next) {
		channel_flush(&p->channel);
		channel_fill(&p->channel);
		while (channel_next(&p->channel, &frame))
			obey_process(manager, p, &frame);
		if (p->channel.fd < 0 && !p->done)
			handle_end(manager, p);
	}
	remove_done(manager);
}

bool keymanager_is_stuck(const struct keymanager *manager)
{
	return manager->other_user && manager->socket == NULL && manager->launcher.fd < 0;
}

/* ---- files ---- */

static unsigned add_poll(struct pollfd *polls, unsigned count, const struct channel *channel)
{
	short events = channel_waits(channel) ? POLLIN | POLLOUT : POLLIN;

	if (channel->fd < 0 || count == KEYMANAGER_POLLS)
		return count;
	polls[count] = (struct pollfd){.fd = channel->fd, .events = events};
	return count + 1;
}

unsigned keymanager_polls(const struct keymanager *manager, struct pollfd *polls)
{
	unsigned count = add_poll(polls, 0, &manager->launcher);

	for (const struct keyprocess *p = manager->processes; p != NULL; p = p->next)
		count = add_poll(polls, count, &p->channel);
	return count;
}

void keymanager_close_files(const struct keymanager *manager)
{
	if (manager->launcher.fd >= 0)
		close(manager->launcher.fd);
	for (const struct keyprocess *p = manager->processes; p != NULL; p = p->next) {
		if (p->channel.fd >= 0)
			close(p->channel.fd);
	}
}

/* The launcher ends when the key processes have, which is soon: no worker is left. */
static void await_launcher(struct keymanager *manager)
{
	for (unsigned i = 0; i < END_LOOKS && manager->launcher_pid != 0; i++) {
		reap_launcher(manager);
		if (manager->launcher_pid != 0)
			poll(NULL, 0, 10);
	}
}

void keymanager_free(struct keymanager *manager)
{
	while (manager->processes != NULL) {
		struct keyprocess *process = manager->processes;

		manager->processes = process->next;
		channel_send(&process->channel, CHANNEL_QUIT, "");
		free_process(manager, process);
	}
	channel_free(&manager->launcher);
	await_launcher(manager);
	free(manager->text);
}

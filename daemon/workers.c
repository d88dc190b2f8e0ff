/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Starting, replacing and reaping worker processes. A worker that dies is replaced at once; only
 * when it keeps dying within a second of its start does the next one wait, longer each time. The
 * slot's socket is not touched by any of this.
 *
 * A worker must not hold the supervisor's end of another worker's channel, or that one would not
 * notice the supervisor's death: everything that is not its own is closed after fork. It starts
 * with all signals blocked, since the supervisor's handlers are still in place.
 */
#include "daemon/workers.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/keys/manager.h"
#include "daemon/opinion/service.h"
#include "daemon/tls/service.h"
#include "daemon/worker.h"
#include "lib/clock.h"
#include "lib/heap.h"
#include "lib/log.h"
#include "metrics/counters.h"

enum { REASON_MAX = 1024 };

static const int64_t quick = CLOCK_SECOND;         /* a death this soon after the start */
static const int64_t first_pause = 100 * CLOCK_MS; /* before the third start; then doubled */
static const int64_t longest_pause = 5 * CLOCK_SECOND;
static const int64_t last_moment = CLOCK_SECOND; /* between a closed channel and the kill */

static void *make_zeroed(size_t size)
{
	void *made = heap_zero(size);

	return made;
}

static char *copy_text(const char *text)
{
	size_t size = strlen(text) + 1;

	return memcpy(make_zeroed(size), text, size);
}

/* ---- slots ---- */

struct slot *workers_open_slot(struct workers *workers, const char *address, mode_t mode,
			       struct why *why)
{
	struct slot *slot = make_zeroed(sizeof *slot), **last = &workers->slots;

	if (socket_open(&slot->listener, address, mode, why) != 0) {
		free(slot);
		return NULL;
	}
	slot->address = copy_text(address);
	while (*last != NULL)
		last = &(*last)->next;
	*last = slot;
	return slot;
}

struct slot *workers_find_slot(struct workers *workers, const char *address)
{
	struct slot *slot = workers->slots;

	while (slot != NULL && strcmp(slot->address, address) != 0)
		slot = slot->next;
	return slot;
}

void workers_relieve(struct member *member, int64_t patience)
{
	if (member->slot != NULL)
		member->slot->member = NULL;
	member->slot = NULL;
	member->state = MEMBER_LEAVING;
	member->vote = VOTE_NONE;
	if (member->kill_at == 0)
		member->kill_at = clock_mono() + patience;
}

void workers_close_slot(struct workers *workers, struct slot *slot, int64_t patience)
{
	struct slot **link = &workers->slots;

	socket_remove(&slot->listener);
	socket_close(&slot->listener);
	if (slot->member != NULL) {
		channel_send(&slot->member->channel, CHANNEL_DRAIN, "");
		workers_relieve(slot->member, patience);
	}
	while (*link != slot)
		link = &(*link)->next;
	*link = slot->next;
	free(slot->address);
	free(slot);
}

/* ---- starting ---- */

/* In the new process. */
static void close_others(const struct workers *workers, const struct slot *mine)
{
	for (const struct member *member = workers->members; member != NULL;
	     member = member->next) {
		if (member->channel.fd >= 0)
			close(member->channel.fd);
	}
	for (const struct slot *slot = workers->slots; slot != NULL; slot = slot->next) {
		if (slot != mine)
			close(slot->listener.fd);
	}
	for (unsigned i = 0; i < sizeof workers->private_fds / sizeof workers->private_fds[0];
	     i++) {
		if (workers->private_fds[i] >= 0)
			close(workers->private_fds[i]);
	}
	control_close_files(workers->control);
	keymanager_close_files(workers->keys);
	tls_service_close_files(workers->tls);
	opinion_close_files(workers->opinion, mine != NULL);
}

void workers_close_files(const struct workers *workers)
{
	close_others(workers, NULL);
}

static pid_t fork_worker(struct workers *workers, struct slot *slot,
			 const struct worker_needs *needs, int fds[2], unsigned segment)
{
	struct worker_start start = {
	    .control = fds[1],
	    .listener = &slot->listener,
	    .address = slot->address,
	    .settings_name = workers->settings_name,
	    .needs = *needs,
	    .opinion = opinion_worker_end(workers->opinion),
	};
	sigset_t all, before;
	pid_t pid;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &before);
	pid = fork();
	if (pid == 0) {
		counters_use_segment(segment);
		close(fds[0]);
		close_others(workers, slot);
		worker_run(&start);
	}
	sigprocmask(SIG_SETMASK, &before, NULL);
	close(fds[1]);
	return pid;
}

static void add_member(struct workers *workers, struct slot *slot, pid_t pid, int fd,
		       unsigned segment)
{
	struct member *member = make_zeroed(sizeof *member);

	member->slot = slot;
	member->pid = pid;
	member->segment = segment;
	member->name = copy_text(slot->listener.name);
	member->state = MEMBER_STARTING;
	member->answered = true; /* it was not asked yet */
	member->started_at = clock_mono();
	channel_init(&member->channel, fd, REASON_MAX);
	member->next = workers->members;
	workers->members = member;
	slot->member = member;
}

void workers_start(struct workers *workers, struct slot *slot, const struct worker_needs *needs)
{
	unsigned segment = counters_take_segment();
	pid_t pid = -1;
	int fds[2];

	assert(slot->member == NULL);
	if (channel_pair(fds) == 0) {
		pid = fork_worker(workers, slot, needs, fds, segment);
		if (pid < 0)
			close(fds[0]);
	}
	if (needs->key_fd >= 0)
		close(needs->key_fd);
	if (pid > 0) {
		add_member(workers, slot, pid, fds[0], segment);
		return;
	}
	counters_release_segment(segment);
	log_error("%s: cannot start a worker: %s", slot->listener.name, strerror(errno));
	slot->start_at = clock_mono() + CLOCK_SECOND;
}

/* ---- waiting ---- */

static unsigned fill_polls(struct workers *workers, const struct pollfd *others,
			   unsigned other_count)
{
	unsigned count = other_count;

	for (const struct member *member = workers->members; member != NULL; member = member->next)
		count++;
	if (count > workers->poll_capacity) {
		workers->polls = heap_resize(workers->polls, 2 * count, sizeof *workers->polls);
		workers->poll_capacity = 2 * count;
	}
	memcpy(workers->polls, others, other_count * sizeof *others);
	count = other_count;
	for (const struct member *member = workers->members; member != NULL;
	     member = member->next) {
		short events = channel_waits(&member->channel) ? POLLIN | POLLOUT : POLLIN;

		workers->polls[count++] =
		    (struct pollfd){.fd = member->channel.fd, .events = events};
	}
	return count;
}

unsigned workers_tell(struct workers *workers, enum channel_kind kind, const char *text)
{
	unsigned told = 0;

	for (struct member *member = workers->members; member != NULL; member = member->next) {
		if (member->state != MEMBER_READY)
			continue;
		channel_send(&member->channel, kind, text);
		told++;
	}
	return told;
}

void workers_wait(struct workers *workers, const struct pollfd *others, unsigned other_count,
		  int64_t until)
{
	unsigned count = fill_polls(workers, others, other_count);
	int64_t left = until == 0 ? -1 : until - clock_mono();
	int ms = -1;

	if (until != 0)
		ms = left <= 0                    ? 0
		     : left > 3600 * CLOCK_SECOND ? 3600000
						  : (int)(left / CLOCK_MS) + 1;
	if (poll(workers->polls, count, ms) < 0 && errno != EINTR)
		log_error("poll: %s", strerror(errno));
	for (struct member *member = workers->members; member != NULL; member = member->next) {
		channel_flush(&member->channel);
		channel_fill(&member->channel);
		if (member->channel.fd < 0 && member->kill_at == 0)
			member->kill_at = clock_mono() + last_moment;
	}
}

int64_t workers_kill_late(struct workers *workers)
{
	int64_t now = clock_mono(), next = 0;

	for (struct member *member = workers->members; member != NULL; member = member->next) {
		if (member->kill_at == 0)
			continue;
		if (member->kill_at <= now) {
			log_warning("worker %ld (%s) did not end in time and is killed",
				    (long)member->pid, member->name);
			kill(member->pid, SIGKILL);
			member->kill_at = now + last_moment;
		}
		if (next == 0 || member->kill_at < next)
			next = member->kill_at;
	}
	return next;
}

/* ---- the end of a worker ---- */

static int64_t pause_before(unsigned quick_deaths)
{
	int64_t pause = first_pause;

	if (quick_deaths < 2)
		return 0;
	for (unsigned i = 2; i < quick_deaths && pause < longest_pause; i++)
		pause *= 2;
	return pause < longest_pause ? pause : longest_pause;
}

static void leave_slot(struct member *member)
{
	struct slot *slot = member->slot;
	int64_t now = clock_mono();

	if (slot == NULL)
		return;
	slot->member = NULL;
	slot->quick_deaths = now - member->started_at < quick ? slot->quick_deaths + 1 : 0;
	slot->start_at = now + pause_before(slot->quick_deaths);
}

/* Frames that the worker sent before it ended and that were not read yet. */
static void read_last_frames(struct member *member)
{
	struct channel_frame frame;

	channel_fill(&member->channel);
	while (channel_next(&member->channel, &frame)) {
		if (frame.kind == CHANNEL_FAILED)
			why_set(&member->failure, "%s", frame.text);
	}
}

struct member *workers_reap(struct workers *workers, int *status)
{
	for (struct member **link = &workers->members; *link != NULL; link = &(*link)->next) {
		struct member *member = *link;
		pid_t pid = waitpid(member->pid, status, WNOHANG);

		if (pid == 0 || (pid < 0 && errno == EINTR))
			continue;
		*link = member->next;
		read_last_frames(member);
		counters_release_segment(member->segment);
		leave_slot(member);
		return member;
	}
	return NULL;
}

void workers_free_member(struct member *member)
{
	channel_free(&member->channel);
	free(member->name);
	free(member);
}

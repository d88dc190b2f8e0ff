/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Starting, replacing and burying worker processes. A worker that dies is replaced at once; only
 * when it keeps dying within a second of its start does the next one wait, longer each time. The
 * post's socket is not touched by any of this.
 *
 * A worker must not hold the supervisor's end of another worker's channel, or that one would not
 * notice the supervisor's death: everything that is not its own is closed after fork. It starts
 * with all signals blocked, since the supervisor's handlers are still in place.
 */
#include "daemon/workers.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/worker.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "metrics/counters.h"

enum { REASON_MAX = 1024 };

static const int64_t quick = CLOCK_SECOND;         /* a death this soon after the start */
static const int64_t first_pause = 100 * CLOCK_MS; /* before the third start; then doubled */
static const int64_t longest_pause = 5 * CLOCK_SECOND;
static const int64_t last_moment = CLOCK_SECOND; /* between a closed channel and the kill */

static void *make(size_t size)
{
	void *made = calloc(1, size);

	if (made == NULL)
		abort();
	return made;
}

static char *copy_text(const char *text)
{
	size_t size = strlen(text) + 1;

	return memcpy(make(size), text, size);
}

/* ---- posts ---- */

struct post *crew_open_post(struct crew *crew, const char *address, mode_t mode, struct why *why)
{
	struct post *post = make(sizeof *post), **last = &crew->posts;

	if (socket_open(&post->listener, address, mode, why) != 0) {
		free(post);
		return NULL;
	}
	post->address = copy_text(address);
	while (*last != NULL)
		last = &(*last)->next;
	*last = post;
	return post;
}

struct post *crew_find_post(struct crew *crew, const char *address)
{
	struct post *post = crew->posts;

	while (post != NULL && strcmp(post->address, address) != 0)
		post = post->next;
	return post;
}

void crew_relieve(struct member *member, int64_t patience)
{
	if (member->post != NULL)
		member->post->member = NULL;
	member->post = NULL;
	member->state = MEMBER_LEAVING;
	member->vote = VOTE_NONE;
	if (member->kill_at == 0)
		member->kill_at = clock_mono() + patience;
}

void crew_close_post(struct crew *crew, struct post *post, int64_t patience)
{
	struct post **link = &crew->posts;

	socket_remove(&post->listener);
	socket_close(&post->listener);
	if (post->member != NULL) {
		channel_send(&post->member->channel, CHANNEL_DRAIN, "");
		crew_relieve(post->member, patience);
	}
	while (*link != post)
		link = &(*link)->next;
	*link = post->next;
	free(post->address);
	free(post);
}

/* ---- starting ---- */

/* In the new process. */
static void close_others(const struct crew *crew, const struct post *mine)
{
	for (const struct member *member = crew->members; member != NULL; member = member->next) {
		if (member->channel.fd >= 0)
			close(member->channel.fd);
	}
	for (const struct post *post = crew->posts; post != NULL; post = post->next) {
		if (post != mine)
			close(post->listener.fd);
	}
	for (unsigned i = 0; i < sizeof crew->private_fds / sizeof crew->private_fds[0]; i++) {
		if (crew->private_fds[i] >= 0)
			close(crew->private_fds[i]);
	}
	control_close_files(crew->control);
}

void crew_close_files(const struct crew *crew)
{
	close_others(crew, NULL);
}

static pid_t fork_worker(struct crew *crew, struct post *post, const char *settings, int fds[2],
			 unsigned seat)
{
	struct worker_start start = {
	    .control = fds[1],
	    .listener = &post->listener,
	    .settings_name = crew->settings_name,
	    .settings = settings,
	};
	sigset_t all, before;
	pid_t pid;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &before);
	pid = fork();
	if (pid == 0) {
		counters_sit(seat);
		close(fds[0]);
		close_others(crew, post);
		worker_run(&start);
	}
	sigprocmask(SIG_SETMASK, &before, NULL);
	close(fds[1]);
	return pid;
}

static void add_member(struct crew *crew, struct post *post, pid_t pid, int fd, unsigned seat)
{
	struct member *member = make(sizeof *member);

	member->post = post;
	member->pid = pid;
	member->seat = seat;
	member->name = copy_text(post->listener.name);
	member->state = MEMBER_STARTING;
	member->answered = true; /* it was not asked yet */
	member->started_at = clock_mono();
	channel_init(&member->channel, fd, REASON_MAX);
	member->next = crew->members;
	crew->members = member;
	post->member = member;
}

void crew_start(struct crew *crew, struct post *post, const char *settings)
{
	unsigned seat = counters_take_seat();
	pid_t pid = -1;
	int fds[2];

	if (channel_pair(fds) == 0) {
		pid = fork_worker(crew, post, settings, fds, seat);
		if (pid < 0)
			close(fds[0]);
	}
	if (pid > 0) {
		add_member(crew, post, pid, fds[0], seat);
		return;
	}
	counters_leave_seat(seat);
	log_error("%s: no worker could be started: %s", post->listener.name, strerror(errno));
	post->start_at = clock_mono() + CLOCK_SECOND;
}

/* ---- waiting ---- */

static unsigned fill_polls(struct crew *crew, const struct pollfd *others, unsigned other_count)
{
	unsigned count = other_count;

	for (const struct member *member = crew->members; member != NULL; member = member->next)
		count++;
	if (count > crew->poll_room) {
		crew->polls = realloc(crew->polls, 2 * count * sizeof *crew->polls);
		if (crew->polls == NULL)
			abort();
		crew->poll_room = 2 * count;
	}
	memcpy(crew->polls, others, other_count * sizeof *others);
	count = other_count;
	for (const struct member *member = crew->members; member != NULL; member = member->next) {
		short events = channel_waits(&member->channel) ? POLLIN | POLLOUT : POLLIN;

		crew->polls[count++] = (struct pollfd){.fd = member->channel.fd, .events = events};
	}
	return count;
}

unsigned crew_tell(struct crew *crew, enum channel_kind kind, const char *text)
{
	unsigned told = 0;

	for (struct member *member = crew->members; member != NULL; member = member->next) {
		if (member->state != MEMBER_READY)
			continue;
		channel_send(&member->channel, kind, text);
		told++;
	}
	return told;
}

void crew_wait(struct crew *crew, const struct pollfd *others, unsigned other_count, int64_t until)
{
	unsigned count = fill_polls(crew, others, other_count);
	int64_t left = until == 0 ? -1 : until - clock_mono();
	int ms = -1;

	if (until != 0)
		ms = left <= 0                    ? 0
		     : left > 3600 * CLOCK_SECOND ? 3600000
						  : (int)(left / CLOCK_MS) + 1;
	if (poll(crew->polls, count, ms) < 0 && errno != EINTR)
		log_error("poll: %s", strerror(errno));
	for (struct member *member = crew->members; member != NULL; member = member->next) {
		channel_flush(&member->channel);
		channel_fill(&member->channel);
		if (member->channel.fd < 0 && member->kill_at == 0)
			member->kill_at = clock_mono() + last_moment;
	}
}

int64_t crew_kill_late(struct crew *crew)
{
	int64_t now = clock_mono(), next = 0;

	for (struct member *member = crew->members; member != NULL; member = member->next) {
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

static void leave_post(struct member *member)
{
	struct post *post = member->post;
	int64_t now = clock_mono();

	if (post == NULL)
		return;
	post->member = NULL;
	post->quick_deaths = now - member->started_at < quick ? post->quick_deaths + 1 : 0;
	post->start_at = now + pause_before(post->quick_deaths);
}

/* What it said at the end, and was not read yet. */
static void hear_last_words(struct member *member)
{
	struct channel_frame frame;

	channel_fill(&member->channel);
	while (channel_next(&member->channel, &frame)) {
		if (frame.kind == CHANNEL_FAILED)
			why_set(&member->failure, "%s", frame.text);
	}
}

struct member *crew_reap(struct crew *crew, int *status)
{
	for (struct member **link = &crew->members; *link != NULL; link = &(*link)->next) {
		struct member *member = *link;
		pid_t pid = waitpid(member->pid, status, WNOHANG);

		if (pid == 0 || (pid < 0 && errno == EINTR))
			continue;
		*link = member->next;
		hear_last_words(member);
		counters_leave_seat(member->seat);
		leave_post(member);
		return member;
	}
	return NULL;
}

void crew_free_member(struct member *member)
{
	channel_free(&member->channel);
	free(member->name);
	free(member);
}

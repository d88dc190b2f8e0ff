/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The workers as the supervisor sees them: posts (a listen address and its socket) and members
 * (processes). A post has at most one member that serves it; members that were replaced or whose
 * address went away drain and end without a post.
 */
#ifndef DAEMON_WORKERS_H
#define DAEMON_WORKERS_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "daemon/channel.h"
#include "daemon/control.h"
#include "lib/clock.h"
#include "lib/why.h"
#include "milter/protocol/socket.h"

enum member_state {
	MEMBER_STARTING,
	MEMBER_READY,
	MEMBER_LEAVING /* drains; has no post */
};

enum member_vote {
	VOTE_NONE,    /* was not asked */
	VOTE_PENDING, /* asked whether new settings will do */
	VOTE_YES
};

struct post {
	struct post *next;
	char *address; /* as the settings have it */
	struct socket_listener listener;
	struct member *member; /* NULL: the next one starts at start_at */
	int64_t start_at;      /* clock_mono() */
	unsigned quick_deaths; /* in a row, within a second of the start */
	bool candidate;        /* of settings that are not accepted yet */
};

struct member {
	struct member *next;
	struct post *post; /* NULL when leaving */
	pid_t pid;
	unsigned seat; /* metrics/counters.h */
	char *name;    /* of what it serves, for messages */
	struct channel channel;
	enum member_state state;
	enum member_vote vote;
	bool commits;  /* was told to use new settings, and has not said that it does */
	unsigned owed; /* answers to votes that were over before it answered */
	bool answered; /* the last ping */
	int64_t started_at;
	int64_t kill_at;    /* 0: not planned */
	struct why failure; /* CHANNEL_FAILED */
};

/* A worker ends its drain by itself at the time the settings give, and commits what it counted: the
 * patience with it is longer by this. */
#define CREW_DRAIN_GRACE (10 * CLOCK_SECOND)

struct crew {
	struct post *posts;
	struct member *members;
	const char *settings_name;
	int private_fds[3];            /* of the supervisor, closed in workers; -1: none */
	const struct control *control; /* likewise */
	struct pollfd *polls;
	unsigned poll_room;
};

/* Opens the socket; a worker is started separately. NULL with the reason. */
struct post *crew_open_post(struct crew *crew, const char *address, mode_t mode, struct why *why);
struct post *crew_find_post(struct crew *crew, const char *address);

/* Takes the socket away and the post out of the crew. Its member, if it has one, drains; when
 * PATIENCE (nanoseconds) is over it is killed. */
void crew_close_post(struct crew *crew, struct post *post, int64_t patience);

/* Starts a worker with SETTINGS (text) on a post that has none. When that fails it is tried again
 * later. */
void crew_start(struct crew *crew, struct post *post, const char *settings);

/* In a process that was just forked and is no worker: closes what is the supervisor's. */
void crew_close_files(const struct crew *crew);

/* The member leaves its post, which may have another at once. */
void crew_relieve(struct member *member, int64_t patience);

/* Waits until a worker or one of OTHERS has something to say, or UNTIL (0: for ever). */
void crew_wait(struct crew *crew, const struct pollfd *others, unsigned other_count, int64_t until);

/* Says KIND to every worker that is ready; how many those are. */
unsigned crew_tell(struct crew *crew, enum channel_kind kind, const char *text);

/* A member that ended: out of the crew, its post waiting for the next one. The caller frees it.
 * NULL: none. */
struct member *crew_reap(struct crew *crew, int *status);
void crew_free_member(struct member *member);

/* Kills those whose time is over. The next such time, or 0. */
int64_t crew_kill_late(struct crew *crew);

#endif

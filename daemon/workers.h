/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The workers as the supervisor sees them: slots (a listen address and its socket) and members
 * (processes). A slot has at most one member that serves it; members that were replaced or whose
 * address went away drain and end without a slot.
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
	MEMBER_LEAVING /* drains; has no slot */
};

enum member_vote {
	VOTE_NONE,    /* was not asked */
	VOTE_PENDING, /* asked whether new settings will do */
	VOTE_YES
};

struct slot {
	struct slot *next;
	char *address; /* as the settings have it */
	struct socket_listener listener;
	struct member *member; /* NULL: the next one starts at start_at */
	int64_t start_at;      /* clock_mono() */
	unsigned quick_deaths; /* in a row, within a second of the start */
	bool candidate;        /* of settings that are not accepted yet */
};

struct member {
	struct member *next;
	struct slot *slot; /* NULL when leaving */
	pid_t pid;
	unsigned segment; /* metrics/counters.h */
	char *name;       /* of what it serves, for messages */
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
#define WORKERS_DRAIN_GRACE (10 * CLOCK_SECOND)

struct keymanager;
struct opinion_service;
struct tls_service;

struct workers {
	struct slot *slots;
	struct member *members;
	const char *settings_name;
	int private_fds[3];                    /* of the supervisor, closed in workers; -1: none */
	const struct control *control;         /* likewise */
	const struct keymanager *keys;         /* likewise */
	const struct tls_service *tls;         /* likewise; or NULL */
	const struct opinion_service *opinion; /* likewise, but a worker keeps its end; or NULL */
	struct pollfd *polls;
	unsigned poll_capacity;
};

/* Opens the socket; a worker is started separately. NULL with the reason. */
struct slot *workers_open_slot(struct workers *workers, const char *address, mode_t mode,
			       struct why *why);
struct slot *workers_find_slot(struct workers *workers, const char *address);

/* Takes the socket away and the slot out of the workers. Its member, if it has one, drains; when
 * PATIENCE (nanoseconds) is over it is killed. */
void workers_close_slot(struct workers *workers, struct slot *slot, int64_t patience);

/* What a worker begins with. */
struct worker_needs {
	const char *settings; /* text */
	const char *keys;     /* public keys as text; NULL: the settings use none */
	int key_fd;           /* to the key process; -1: it comes later. Taken */
};

/* Starts a worker on a slot that has none. When that fails it is tried again later. */
void workers_start(struct workers *workers, struct slot *slot, const struct worker_needs *needs);

/* In a newly forked process that is not a worker: closes the supervisor's files. */
void workers_close_files(const struct workers *workers);

/* The member leaves its slot, which may have another at once. */
void workers_relieve(struct member *member, int64_t patience);

/* Waits until a worker or one of OTHERS has something to say, or UNTIL (0: for ever). */
void workers_wait(struct workers *workers, const struct pollfd *others, unsigned other_count,
		  int64_t until);

/* Says KIND to every worker that is ready; how many those are. */
unsigned workers_tell(struct workers *workers, enum channel_kind kind, const char *text);

/* A member that ended: out of the workers, its slot waiting for the next one. The caller frees it.
 * NULL: none. */
struct member *workers_reap(struct workers *workers, int *status);
void workers_free_member(struct member *member);

/* Kills those whose time is over. The next such time, or 0. */
int64_t workers_kill_late(struct workers *workers);

#endif

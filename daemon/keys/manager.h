/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The key processes as the supervisor sees them: the current one, whose public keys the workers
 * have; those that are loading; and those that were replaced and end with the last messages that
 * began with their keys. The supervisor knows public keys only.
 */
#ifndef DAEMON_KEYS_MANAGER_H
#define DAEMON_KEYS_MANAGER_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "conf/conf.h"
#include "daemon/channel.h"
#include "lib/why.h"

struct keyprocess {
	struct keyprocess *next;
	struct channel channel;
	long pid; /* 0: it has not said */
	char user[64];
	bool locked;  /* its memory, against swapping */
	char *text;   /* its public keys; NULL: it is loading */
	bool retired; /* it was told to end */
	bool done;    /* the end of it was handled */
	int64_t started_at;
};

/* What the manager tells its owner of. */
struct keymanager_events {
	void (*loaded)(void *arg, struct keyprocess *process);
	void (*failed)(void *arg, struct keyprocess *process, const char *option,
		       const char *reason); /* it did not load */
	void (*lost)(void *arg);            /* the current one has died */
	void *arg;
};

struct keymanager {
	struct keymanager_events events;
	const char *socket; /* where the service manager starts a launcher; NULL: it is forked */
	void (*clean)(const void *arg); /* closes the supervisor's files in a forked launcher */
	const void *clean_arg;
	bool other_user; /* the launcher is another user, and cannot be started again */
	struct channel launcher;
	pid_t launcher_pid; /* 0: not our child */
	struct keyprocess *processes;
	struct keyprocess *current; /* NULL: there is none now */
	char *text;      /* public keys of the last current one; NULL: no keys are used */
	int64_t next_at; /* when to replace one that died */
	unsigned quick_deaths;
};

/* FD: of a launcher that runs already, or -1. */
void keymanager_init(struct keymanager *manager, const struct keymanager_events *events, int fd,
		     pid_t pid);

/* Starts a key process with the keys of CONF; the events say what becomes of it. NULL with a
 * reason. */
struct keyprocess *keymanager_launch(struct keymanager *manager, const struct conf *conf,
				     struct why *why);

/* PROCESS, which has loaded, or NULL (no keys are used) takes the place of the current one. */
void keymanager_switch(struct keymanager *manager, struct keyprocess *process);
void keymanager_discard(struct keymanager *manager, struct keyprocess *process); /* NULL is OK */

/* A worker's end of a new connection with PROCESS; -1: it cannot be made, or PROCESS is NULL. */
int keymanager_connect(struct keyprocess *process);

/* A pause before the next start, after a death; returns when that is. */
int64_t keymanager_pause(struct keymanager *manager);

/* For the caller's poll(): at most KEYMANAGER_POLLS of them. */
enum { KEYMANAGER_OLD = 8, KEYMANAGER_POLLS = KEYMANAGER_OLD + 8 };
unsigned keymanager_polls(const struct keymanager *manager, struct pollfd *polls);

/* Reads what they say; calls the events. */
void keymanager_work(struct keymanager *manager);

/* The launcher has died and cannot be started again: only a restart of the daemon brings keys. */
bool keymanager_is_stuck(const struct keymanager *manager);

void keymanager_close_files(const struct keymanager *manager); /* in a forked process */
void keymanager_free(struct keymanager *manager);              /* ends all of them */

#endif

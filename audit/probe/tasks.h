/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Connections of one audit that are made at the same time.
 */
#ifndef AUDIT_PROBE_TASKS_H
#define AUDIT_PROBE_TASKS_H

#include "lib/arena.h"

enum { TASKS_MAX = 64, TASKS_THREADS = 16 };

/* RUN(ARG, ARENA) in some thread; ARENA lives as long as the audit's. */
struct task {
	void (*run)(void *arg, struct arena *arena);
	void *arg;
	struct arena *arena;
};

struct tasks {
	unsigned count;
	struct task items[TASKS_MAX];
};

/* False: there are too many. */
bool tasks_add(struct tasks *tasks, struct arena *arena,
	       void (*run)(void *arg, struct arena *arena), void *arg);

/* Waits until all have ended. */
void tasks_run(struct tasks *tasks);

#endif

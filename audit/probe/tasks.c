/* SPDX-License-Identifier: BSD-2-Clause */
#include "audit/probe/tasks.h"

#include <stdatomic.h>

#include "lib/lock.h"

struct run {
	const struct tasks *tasks;
	atomic_uint next;
};

static void free_arena(void *arena)
{
	arena_free(arena);
}

bool tasks_add(struct tasks *tasks, struct arena *arena,
	       void (*run)(void *arg, struct arena *arena), void *arg)
{
	struct arena *own;

	if (tasks->count == TASKS_MAX)
		return false;
	own = arena_new(0);
	arena_on_free(arena, free_arena, own);
	tasks->items[tasks->count++] = (struct task){run, arg, own};
	return true;
}

static void *run_some(void *arg)
{
	struct run *run = arg;
	unsigned i;

	while ((i = atomic_fetch_add(&run->next, 1)) < run->tasks->count)
		run->tasks->items[i].run(run->tasks->items[i].arg, run->tasks->items[i].arena);
	return NULL;
}

void tasks_run(struct tasks *tasks)
{
	struct run run = {.tasks = tasks};
	pthread_t threads[TASKS_THREADS];
	unsigned started = 0;

	while (started + 1 < tasks->count && started < TASKS_THREADS &&
	       thread_start(&threads[started], run_some, &run) == 0)
		started++;
	run_some(&run);
	for (unsigned i = 0; i < started; i++)
		pthread_join(threads[i], NULL);
}

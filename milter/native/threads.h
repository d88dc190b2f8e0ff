/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The threads of the native engine: about twice as many as there are cores wait for work and do it,
 * and one that is about to block is replaced, so that there is always one that waits for the next
 * task. Waiting for a signature is too short for that: half of the threads may do so, so that the
 * key process finds the next request when it has answered one, and need not be woken for it.
 */
#ifndef MILTER_NATIVE_THREADS_H
#define MILTER_NATIVE_THREADS_H

#include "lib/why.h"

struct threads_job {
	void *(*open)(void); /* what a thread needs for itself */
	void (*close)(void *own);
	void *(*wait)(void); /* for a task, which then is this thread's alone; NULL: look again */
	void (*handle)(void *task, void *own); /* does not block but after threads_will_wait() */
};

/* Once for a process. The threads never end. */
int threads_start(const struct threads_job *job, struct why *why);

/* The calling thread may block until its task is done. In other threads without effect. */
void threads_will_wait(void);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/lock.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "lib/clock.h"

static void must_succeed(int error)
{
	if (error != 0)
		abort();
}

void lock_init(struct lock *lock)
{
	must_succeed(pthread_mutex_init(&lock->mutex, NULL));
}

void lock_done(struct lock *lock)
{
	must_succeed(pthread_mutex_destroy(&lock->mutex));
}

void lock_take(struct lock *lock)
{
	must_succeed(pthread_mutex_lock(&lock->mutex));
}

void lock_drop(struct lock *lock)
{
	must_succeed(pthread_mutex_unlock(&lock->mutex));
}

void cond_init(struct cond *cond)
{
	pthread_condattr_t attr;

	must_succeed(pthread_condattr_init(&attr));
	must_succeed(pthread_condattr_setclock(&attr, CLOCK_MONOTONIC));
	must_succeed(pthread_cond_init(&cond->cond, &attr));
	must_succeed(pthread_condattr_destroy(&attr));
}

void cond_done(struct cond *cond)
{
	must_succeed(pthread_cond_destroy(&cond->cond));
}

void cond_wake_one(struct cond *cond)
{
	must_succeed(pthread_cond_signal(&cond->cond));
}

void cond_wake_all(struct cond *cond)
{
	must_succeed(pthread_cond_broadcast(&cond->cond));
}

void cond_wait(struct cond *cond, struct lock *lock)
{
	must_succeed(pthread_cond_wait(&cond->cond, &lock->mutex));
}

bool cond_wait_until(struct cond *cond, struct lock *lock, int64_t deadline)
{
	struct timespec t;
	int error;

	if (deadline < 0)
		deadline = 0;
	t.tv_sec = (time_t)(deadline / CLOCK_SECOND);
	t.tv_nsec = (long)(deadline % CLOCK_SECOND);
	error = pthread_cond_timedwait(&cond->cond, &lock->mutex, &t);
	if (error == ETIMEDOUT)
		return false;
	must_succeed(error);
	return true;
}

int thread_start(pthread_t *thread, void *(*run)(void *), void *arg)
{
	sigset_t all, before;
	int error;

	sigfillset(&all);
	must_succeed(pthread_sigmask(SIG_BLOCK, &all, &before));
	error = pthread_create(thread, NULL, run, arg);
	must_succeed(pthread_sigmask(SIG_SETMASK, &before, NULL));
	return error == 0 ? 0 : -1;
}

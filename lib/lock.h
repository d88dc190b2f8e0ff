/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Locks and conditions, checked: a failing pthread call is a bug and ends the process.
 */
#ifndef LIB_LOCK_H
#define LIB_LOCK_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct lock {
	pthread_mutex_t mutex;
};

struct cond {
	pthread_cond_t cond; /* on the monotonic clock */
};

void lock_init(struct lock *lock);
void lock_done(struct lock *lock);
void lock_take(struct lock *lock);
void lock_drop(struct lock *lock);

void cond_init(struct cond *cond);
void cond_done(struct cond *cond);
void cond_wake_one(struct cond *cond);
void cond_wake_all(struct cond *cond);
void cond_wait(struct cond *cond, struct lock *lock);

/* DEADLINE as clock_mono(); false when it passed. */
bool cond_wait_until(struct cond *cond, struct lock *lock, int64_t deadline);

/* Starts a thread with every signal blocked (libmilter's own handling must not be disturbed). */
int thread_start(pthread_t *thread, void *(*run)(void *), void *arg);

#endif

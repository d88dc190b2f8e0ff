/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A thread is awake (waits for a task, or works on one), blocked (it has said so) or parked. One
 * that blocks while no other waits for a task makes a parked one awake, or starts one; when its
 * task is done and more are awake than wanted, it parks. Parked ones end after a while.
 *
 * Why none is lost: the last thread that waited for a task finds none waiting should its task block
 * too, and is replaced then.
 */
#include "milter/native/threads.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/lock.h"
#include "lib/log.h"

enum { THREADS_MAX = 4096 };

static const int64_t park_time = 10 * CLOCK_SECOND;

static struct {
	const struct threads_job *job;
	atomic_uint waiting; /* for a task */
	struct lock lock;    /* of all below */
	struct cond wake;
	unsigned wanted; /* awake at once */
	unsigned awake;
	unsigned parked;
	unsigned woken; /* parked ones that are to go on: they are counted as awake already */
	unsigned threads;
	bool short_of_threads; /* and said so */
} pool;

static _Thread_local bool in_pool, blocked;

static void *run_thread(void *arg);

/* The caller holds the lock. */
static bool start_one(void)
{
	pthread_t thread;

	if (pool.threads >= THREADS_MAX || thread_start(&thread, run_thread, NULL) != 0)
		return false;
	pthread_detach(thread);
	pool.threads++;
	pool.awake++;
	return true;
}

/* The caller holds the lock. */
static void wake_one(void)
{
	if (pool.parked > 0) {
		pool.parked--;
		pool.awake++;
		pool.woken++;
		cond_wake_one(&pool.wake);
	} else if (!start_one() && !pool.short_of_threads) {
		pool.short_of_threads = true;
		log_error("cannot start more than %u threads: messages wait for each other",
			  pool.threads);
	}
}

void threads_will_wait(void)
{
	if (!in_pool || blocked)
		return;
	blocked = true;
	lock_take(&pool.lock);
	assert(pool.awake > 0);
	pool.awake--;
	if (pool.awake < pool.wanted && atomic_load(&pool.waiting) == 0)
		wake_one();
	lock_drop(&pool.lock);
}

/* The caller holds the lock. False: the thread was not needed and ends. */
static bool park_thread(void)
{
	int64_t until = clock_mono() + park_time;

	pool.awake--;
	pool.parked++;
	while (pool.woken == 0) {
		if (!cond_wait_until(&pool.wake, &pool.lock, until) && pool.woken == 0) {
			pool.parked--;
			pool.threads--;
			return false;
		}
	}
	pool.woken--;
	return true;
}

/* After a task in which it blocked. False: this thread is one too many. */
static bool go_on(void)
{
	bool stay = true;

	if (!blocked)
		return true;
	blocked = false;
	lock_take(&pool.lock);
	pool.awake++;
	if (pool.awake > pool.wanted)
		stay = park_thread();
	lock_drop(&pool.lock);
	return stay;
}

static void *run_thread(void *arg)
{
	const struct threads_job *job = pool.job;
	void *own = job->open();

	(void)arg;
	in_pool = true;
	do {
		void *task;

		atomic_fetch_add(&pool.waiting, 1);
		task = job->wait();
		atomic_fetch_sub(&pool.waiting, 1);
		if (task != NULL)
			job->handle(task, own);
	} while (go_on());
	job->close(own);
	return NULL;
}

int threads_start(const struct threads_job *job, struct why *why)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	bool started = true;

	pool.job = job;
	pool.wanted = 2 * (cores < 1 ? 1 : (unsigned)cores);
	lock_init(&pool.lock);
	cond_init(&pool.wake);
	lock_take(&pool.lock);
	for (unsigned i = 0; i < pool.wanted && started; i++)
		started = start_one();
	lock_drop(&pool.lock);
	return started ? 0 : why_set(why, "cannot start the engine's threads");
}

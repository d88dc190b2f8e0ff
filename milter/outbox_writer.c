/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The outbox is opened for a batch of jobs and closed after it, so that a file that was moved away
 * is not kept open. All texts of a job are in the one allocation.
 */
#include "milter/outbox_writer.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/clock.h"
#include "lib/heap.h"
#include "lib/lock.h"
#include "lib/log.h"
#include "metrics/counters.h"
#include "policy/dmarc/destination.h"
#include "report/suppress.h"
#include "store/outbox.h"

enum { QUEUE_MAX = 64, HOUR = 3600, DAY = 86400 };
static const int64_t KEY_WAIT = 5 * CLOCK_SECOND;
static const int64_t FINISH_WAIT = 3 * CLOCK_SECOND;

struct job {
	struct job *next;
	void (*run)(struct job *job, struct outbox *outbox, struct arena *arena);
	const char *name; /* token; domain */
	const char *ruf, *id;
	struct span parts;
	struct inspection bounce;
	int64_t first;
	struct outbox_writer_limits limits;
	char texts[];
};

static struct {
	struct lock lock;
	struct cond cond;
	char *path, *shared; /* SHARED NULL: all is in PATH */
	struct job *first, **last;
	unsigned queued; /* and the one being done */
	bool dropping;
	_Atomic int64_t closed_until; /* no failure reports until then, wall seconds */
	_Atomic(const char *) key;
} writer;

/* ---- jobs, in the writer's thread ---- */

static void run_bounce(struct job *job, struct outbox *outbox, struct arena *arena)
{
	const struct inspection *bounce = &job->bounce;
	struct why why = {""};
	const char *address = NULL;
	int found = outbox_token_name(outbox, job->name, arena, &address, &why);

	if (found == 1 && bounce->bounce == BOUNCE_PERMANENT)
		found = suppress_bounce(outbox, address, bounce, job->first, clock_wall(), &why) < 0
			    ? -1
			    : 1;
	if (found < 0)
		log_error("reports: cannot record a bounce: %s", why.text);
	else if (found == 0)
		log_warning("reports: ignored a bounce to an address that was never used");
	else
		log_info("reports: a bounce from %s: %s %s %s", address,
			 inspect_bounce_text(bounce->bounce), bounce->status, bounce->text);
}

/* 1: below the limit; 0: the limit is reached; -1 with the reason. */
static int is_within_limit(struct outbox *outbox, const char *domain, int64_t since, unsigned limit,
			   struct why *why)
{
	int64_t count = 0;

	if (outbox_stored(outbox, OUTBOX_FAILURE, domain, since, &count, why) != 0)
		return -1;
	return count < limit;
}

static int check_limits(const struct job *job, struct outbox *outbox, struct why *why)
{
	int64_t now = clock_wall();
	int result = is_within_limit(outbox, NULL, now - HOUR, job->limits.per_hour, why);

	if (result == 0)
		atomic_store(&writer.closed_until, now + HOUR / 60);
	if (result == 1)
		result = is_within_limit(outbox, NULL, now - DAY, job->limits.per_day, why);
	if (result == 1)
		result = is_within_limit(outbox, job->name, now - DAY, job->limits.per_domain, why);
	return result;
}

static int put_failure(const struct job *job, struct outbox *outbox, struct arena *arena,
		       struct why *why)
{
	struct destination list[DESTINATION_MAX];
	const char *addresses[DESTINATION_MAX];
	unsigned count = destination_parse(arena, span_of(job->ruf), list);
	int64_t now = clock_wall();
	struct outbox_report report = {.domain = job->name,
				       .day = clock_day(now),
				       .config = job->id,
				       .id = job->id,
				       .file_name = "",
				       .messages = 1,
				       .kind = OUTBOX_FAILURE};
	FILE *file = count == 0 || span_empty(job->parts)
			 ? NULL
			 : fmemopen((char *)(uintptr_t)job->parts.p, span_len(job->parts), "r");
	int result;

	if (file == NULL)
		return 0;
	for (unsigned i = 0; i < count; i++)
		addresses[i] = list[i].address;
	if (count > job->limits.addresses)
		count = job->limits.addresses;
	result = outbox_put(outbox, &report, file, addresses, count, now, why);
	fclose(file);
	return result;
}

static void run_failure(struct job *job, struct outbox *outbox, struct arena *arena)
{
	struct why why = {""};
	int result = check_limits(job, outbox, &why);

	if (result == 0) {
		log_info("reports: no failure report for %s: limit reached", job->name);
		outbox_writer_skip(COUNTERS_SKIP_LIMIT);
	}
	if (result == 1)
		result = put_failure(job, outbox, arena, &why);
	if (result < 0)
		log_error("reports: cannot store a failure report: %s", why.text);
}

/* The key for redaction is a token like others: nobody's address. */
static void learn_key(struct outbox *outbox, struct arena *arena)
{
	struct why why = {""};
	const char *key = NULL;

	if (atomic_load(&writer.key) != NULL)
		return;
	if (outbox_token(outbox, OUTBOX_HOST_SECRET, arena, &key, &why) == 0)
		atomic_store(&writer.key, heap_strdup(key));
	else
		log_error("reports: %s", why.text);
}

/* ---- the thread ---- */

static struct job *next_job(void)
{
	struct job *job = writer.first;

	writer.first = job->next;
	if (writer.first == NULL)
		writer.last = &writer.first;
	return job;
}

/* The shared store, where the reports are that bounced. */
static struct outbox *open_shared(void)
{
	struct ledger_settings settings = {.shared = writer.shared};
	struct outbox *outbox;
	struct why why = {""};
	bool busy;

	outbox = outbox_open(&settings, OUTBOX_CHANGE, &busy, &why);
	if (outbox == NULL)
		log_error("reports: cannot record a bounce: %s", why.text);
	return outbox;
}

static void do_shared(struct job *job, struct arena *arena)
{
	struct outbox *outbox = open_shared();

	if (outbox != NULL)
		job->run(job, outbox, arena);
	outbox_close(outbox);
}

static void do_job(struct job *job, struct outbox **outbox)
{
	struct ledger_settings settings = {.path = writer.path};
	struct arena *arena = arena_new(0);
	struct why why = {""};
	bool busy;

	if (*outbox == NULL)
		*outbox = outbox_open(&settings, OUTBOX_CHANGE, &busy, &why);
	if (*outbox != NULL) {
		learn_key(*outbox, arena);
		if (job->run == run_bounce && writer.shared != NULL)
			do_shared(job, arena);
		else
			job->run(job, *outbox, arena);
	} else {
		log_error("reports: %s", why.text);
	}
	arena_free(arena);
	free(job);
}

static void *run_jobs(void *arg)
{
	struct outbox *outbox = NULL;

	(void)arg;
	lock_take(&writer.lock);
	for (;;) {
		struct job *job;

		if (writer.first == NULL) {
			outbox_close(outbox);
			outbox = NULL;
			cond_wait(&writer.cond, &writer.lock);
			continue;
		}
		job = next_job();
		lock_drop(&writer.lock);
		do_job(job, &outbox);
		lock_take(&writer.lock);
		writer.queued--;
	}
	return NULL;
}

/* ---- from the messages' threads ---- */

static void queue_job(struct job *job)
{
	bool full, said;

	lock_take(&writer.lock);
	full = writer.path == NULL || writer.queued >= QUEUE_MAX;
	said = writer.dropping;
	writer.dropping = full;
	if (!full) {
		*writer.last = job;
		writer.last = &job->next;
		writer.queued++;
		cond_wake_all(&writer.cond);
	}
	lock_drop(&writer.lock);
	if (full && !said)
		log_warning("reports: too many bounces and failure reports at once:"
			    " some are dropped");
	if (full && job->run == run_failure)
		outbox_writer_skip(COUNTERS_SKIP_QUEUE);
	if (full)
		free(job);
}

/* A job with SIZE bytes for its texts. */
static struct job *job_new(size_t size)
{
	struct job *job = heap_zero(sizeof *job + size);

	return job;
}

static const char *keep_text(char **to, struct span text)
{
	char *begin = *to;

	memcpy(begin, text.p, span_len(text));
	*to += span_len(text) + 1;
	return begin;
}

void outbox_writer_bounce(const char *token, const struct inspection *bounce, int64_t first)
{
	struct job *job = job_new(strlen(token) + 1);
	char *to = job->texts;

	job->run = run_bounce;
	job->name = keep_text(&to, span_of(token));
	job->bounce = *bounce;
	job->first = first;
	queue_job(job);
}

void outbox_writer_failure(const char *domain, const char *ruf, const char *id, struct span parts,
			   const struct outbox_writer_limits *limits)
{
	struct job *job = job_new(strlen(domain) + strlen(ruf) + strlen(id) + span_len(parts) + 4);
	char *to = job->texts;

	job->run = run_failure;
	job->name = keep_text(&to, span_of(domain));
	job->ruf = keep_text(&to, span_of(ruf));
	job->id = keep_text(&to, span_of(id));
	job->parts = span_make(keep_text(&to, parts), span_len(parts));
	job->limits = *limits;
	queue_job(job);
}

bool outbox_writer_wants_failures(void)
{
	return clock_wall() >= atomic_load(&writer.closed_until);
}

static void run_nothing(struct job *job, struct outbox *outbox, struct arena *arena)
{
	(void)job;
	(void)outbox;
	(void)arena;
}

const char *outbox_writer_key(void)
{
	const char *key = atomic_load(&writer.key);
	struct job *job;

	if (key != NULL)
		return key;
	job = job_new(0);
	job->run = run_nothing;
	queue_job(job);
	return NULL;
}

int outbox_writer_await_key(struct why *why)
{
	const struct timespec pause = {.tv_nsec = 10 * CLOCK_MS};
	int64_t end = clock_mono() + KEY_WAIT;
	const char *key = outbox_writer_key();
	unsigned rounds = 0;

	while (key == NULL && writer.path != NULL && clock_mono() < end) {
		nanosleep(&pause, NULL);
		key = ++rounds % 100 == 0 ? outbox_writer_key() : atomic_load(&writer.key);
	}
	return key != NULL
		   ? 0
		   : why_set(why, "failures.send: cannot store the key for redaction in the "
				  "ledger; see the log for the reason");
}

void outbox_writer_skip(enum counters_skip reason)
{
	counters_count(METRIC_FAILURES_SKIPPED, reason, 0, 0);
}

int outbox_writer_start(const char *path, const char *shared, struct why *why)
{
	pthread_t thread;

	lock_init(&writer.lock);
	cond_init(&writer.cond);
	writer.last = &writer.first;
	writer.path = heap_strdup(path);
	writer.shared = shared[0] == '\0' ? NULL : heap_strdup(shared);
	if (thread_start(&thread, run_jobs, NULL) != 0)
		return why_set(why, "cannot start the thread for bounces and failure reports");
	pthread_detach(thread);
	outbox_writer_key(); /* so that it is there when it is wanted */
	return 0;
}

void outbox_writer_finish(void)
{
	const struct timespec pause = {.tv_nsec = 5 * CLOCK_MS};
	int64_t end = clock_mono() + FINISH_WAIT;
	unsigned queued = 1;

	if (writer.path == NULL)
		return;
	while (queued > 0 && clock_mono() < end) {
		lock_take(&writer.lock);
		queued = writer.queued;
		lock_drop(&writer.lock);
		if (queued > 0)
			nanosleep(&pause, NULL);
	}
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Threads take the next domain each; most of their time is waiting for the DNS. The results are
 * given out in order by the calling thread.
 */
#include "admin/audit/run.h"

#include <assert.h>
#include <stdlib.h>

#include "admin/audit/zone.h"
#include "admin/progress.h"
#include "lib/clock.h"
#include "lib/lock.h"

struct run {
	const struct audit_settings *settings;
	struct dns *dns, *other; /* the one without the change; with it, or NULL */
	const char *const *domains;
	unsigned count;
	struct lock lock; /* for the rest */
	struct cond changed;
	unsigned next, done; /* taken; complete */
	bool stopped;
	struct audit_result *results;
	bool *complete;
};

static void audit_one(struct run *run, unsigned i)
{
	struct audit_result *result = &run->results[i], after;

	result->domain = run->domains[i];
	result->arena = arena_new(0);
	result->facts = audit_look(run->settings, run->dns, result->arena, result->domain);
	result->findings = audit_judge(run->settings, result->facts, result->arena);
	if (run->other == NULL)
		return;
	after = *result;
	after.facts = audit_look(run->settings, run->other, result->arena, result->domain);
	after.findings = audit_judge(run->settings, after.facts, result->arena);
	after.findings = zone_compare(run->settings, result, &after, result->arena);
	*result = after;
}

static void *audit_some(void *arg)
{
	struct run *run = arg;
	unsigned i;

	lock_take(&run->lock);
	while (run->next < run->count && !run->stopped) {
		i = run->next++;
		lock_drop(&run->lock);
		audit_one(run, i);
		lock_take(&run->lock);
		run->complete[i] = true;
		run->done++;
		cond_wake_all(&run->changed);
	}
	lock_drop(&run->lock);
	return NULL;
}

/* Waits until result I is there. False: the user interrupted. */
static bool wait_for_result(struct run *run, unsigned i, struct progress *progress)
{
	bool goes_on = true;

	lock_take(&run->lock);
	while (!run->complete[i] && goes_on) {
		(void)cond_wait_until(&run->changed, &run->lock, clock_mono() + CLOCK_SECOND / 5);
		goes_on = progress_show(progress, run->done, run->count);
	}
	run->stopped = !goes_on;
	lock_drop(&run->lock);
	return goes_on;
}

static int give_results(struct run *run, const struct admin *admin, audit_take *take, void *arg)
{
	struct progress progress;
	bool goes_on = true;

	progress_catch();
	progress_begin(&progress, admin, "domains");
	for (unsigned i = 0; i < run->count && goes_on; i++) {
		goes_on = wait_for_result(run, i, &progress);
		if (!goes_on)
			break;
		progress_end(&progress);
		take(arg, &run->results[i]);
		arena_free(run->results[i].arena);
		run->results[i].arena = NULL;
	}
	progress_end(&progress);
	return goes_on ? 0 : -1;
}

int audit_run(const struct admin *admin, const struct audit_settings *settings, struct dns *dns,
	      const char *const *domains, unsigned count, unsigned parallel, audit_take *take,
	      struct dns *changed, void *arg)
{
	struct run run = {
	    .settings = settings, .dns = dns, .other = changed, .domains = domains, .count = count};
	pthread_t threads[AUDIT_PARALLEL_MAX];
	unsigned started = 0;
	int status;

	assert(parallel >= 1 && parallel <= AUDIT_PARALLEL_MAX);
	lock_init(&run.lock);
	cond_init(&run.changed);
	run.results = arena_array(admin->arena, count, sizeof *run.results);
	run.complete = arena_array(admin->arena, count, sizeof *run.complete);
	while (started < parallel && started < count &&
	       thread_start(&threads[started], audit_some, &run) == 0)
		started++;
	if (started == 0)
		audit_some(&run);
	status = give_results(&run, admin, take, arg);
	for (unsigned i = 0; i < started; i++)
		pthread_join(threads[i], NULL);
	for (unsigned i = 0; i < count; i++)
		arena_free(run.results[i].arena);
	cond_done(&run.changed);
	lock_done(&run.lock);
	return status;
}

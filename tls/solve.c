/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Each domain is solved by one thread at a time. The threads share the connection to the ledger,
 * which is used seldom: when a policy was fetched, and once a day for each domain in use. Policies
 * are renewed by the same threads, a few at a time, before anybody waits for them.
 *
 * What other hosts fetched is in the ledger too, where the shipper puts it, and is looked for there
 * before a web server is asked. So nothing here waits for the shared store.
 */
#include "tls/solve.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "lib/heap.h"
#include "lib/lock.h"

enum { THREADS = 48, RENEW_AT_ONCE = 16, RENEW_EVERY = 60 /* seconds */ };

static const int64_t fetch_patience = 40 * CLOCK_SECOND; /* then the fetcher has lost it */

struct job {
	struct job *next;
	bool running, fresh;
	char domain[];
};

struct fetching { /* what the fetcher has been asked for */
	struct fetching *next;
	int64_t until;
	char id[STS_ID_MAX + 1];
	char domain[];
};

struct solver {
	const struct solve_settings *settings;
	struct known *cache;
	struct lock lock; /* for the next ones */
	struct cond added;
	struct job *jobs;
	struct fetching *fetching;
	struct lock ledger_lock; /* for the next one */
	struct sql *sql;
};

/* ---- the ledger ---- */

static struct sql *open_ledger(struct solver *solver, struct why *why)
{
	if (solver->sql == NULL)
		solver->sql = sqlite_sql(solver->settings->ledger, why);
	return solver->sql;
}

/* A connection that failed is opened again next time. */
static void end_write(struct solver *solver, int result, const struct why *why)
{
	if (result == 0)
		return;
	sql_close(solver->sql);
	solver->sql = NULL;
	solver->settings->on_trouble(why->text);
}

static void store_policy(struct solver *solver, const struct policies_row *row)
{
	struct why why = {""};
	int result = -1;

	if (solver->settings->ledger == NULL)
		return;
	lock_take(&solver->ledger_lock);
	if (open_ledger(solver, &why) != NULL)
		result = policies_put(solver->sql, row, &why);
	end_write(solver, result, &why);
	lock_drop(&solver->ledger_lock);
}

static void store_use(struct solver *solver, const char *domain, int64_t now)
{
	struct why why = {""};
	int result = -1;

	if (solver->settings->ledger == NULL)
		return;
	lock_take(&solver->ledger_lock);
	if (open_ledger(solver, &why) != NULL)
		result = policies_note_use(solver->sql, domain, now, &why);
	end_write(solver, result, &why);
	lock_drop(&solver->ledger_lock);
}

static int load_policy(void *arg, const struct policies_row *row)
{
	struct solver *solver = arg;

	if (strlen(row->id) <= STS_ID_MAX)
		known_put_policy(solver->cache, row);
	return 0;
}

static void load_policies(struct solver *solver)
{
	struct why why = {""};
	int result = -1;

	if (solver->settings->ledger == NULL)
		return;
	lock_take(&solver->ledger_lock);
	if (open_ledger(solver, &why) != NULL &&
	    policies_expire(solver->sql, clock_wall(), &why) == 0)
		result = policies_each(solver->sql, NULL, load_policy, solver, &why);
	end_write(solver, result, &why);
	lock_drop(&solver->ledger_lock);
}

struct taking {
	struct solver *solver;
	int64_t now;
	bool newer;
};

static int take_newer(void *arg, const struct policies_row *row)
{
	struct taking *taking = arg;
	struct known *cache = taking->solver->cache;
	struct arena *arena = arena_new(0);
	struct sts_policy policy;
	struct sts_held held;
	struct why why;

	known_held(cache, arena, row->domain, taking->now, &held);
	taking->newer = row->expires > taking->now && strlen(row->id) <= STS_ID_MAX &&
			(!held.present || held.fetched < row->fetched) &&
			sts_policy_parse(arena, span_of(row->text), &policy, &why) == 0;
	if (taking->newer) {
		known_put_policy(cache, row);
		known_forget_answers(cache, row->domain);
	}
	arena_free(arena);
	return 0;
}

/* True: another host has fetched a policy of DOMAIN that is newer than what was held, and is held
 * now. */
static bool take_stored(struct solver *solver, const char *domain)
{
	struct taking taking = {.solver = solver, .now = clock_wall()};
	struct why why = {""};
	int result = -1;

	if (solver->settings->ledger == NULL || !solver->settings->shared)
		return false;
	lock_take(&solver->ledger_lock);
	if (open_ledger(solver, &why) != NULL)
		result = policies_each(solver->sql, domain, take_newer, &taking, &why);
	end_write(solver, result, &why);
	lock_drop(&solver->ledger_lock);
	return taking.newer;
}

/* ---- fetching ---- */

static void note_fetching(struct solver *solver, const char *domain, const char *id)
{
	struct fetching *fetching = heap_zero(sizeof *fetching + strlen(domain) + 1);

	memcpy(fetching->domain, domain, strlen(domain) + 1);
	memcpy(fetching->id, id, strlen(id) + 1);
	fetching->until = clock_mono() + fetch_patience;
	lock_take(&solver->lock);
	fetching->next = solver->fetching;
	solver->fetching = fetching;
	lock_drop(&solver->lock);
}

/* The request that a reply belongs to; NULL: it was not asked for, or given up. The caller frees
 * it. DOMAIN NULL: one that is too old. */
static struct fetching *take_fetching(struct solver *solver, const char *domain, const char *id)
{
	struct fetching **link = &solver->fetching, *found;

	lock_take(&solver->lock);
	while (*link != NULL && (domain == NULL ? (*link)->until > clock_mono()
						: strcmp((*link)->domain, domain) != 0 ||
						      strcmp((*link)->id, id) != 0))
		link = &(*link)->next;
	found = *link;
	if (found != NULL)
		*link = found->next;
	lock_drop(&solver->lock);
	return found;
}

static void end_fetch(struct solver *solver, const char *domain, const char *id,
		      enum fetch_outcome outcome, const char *reason)
{
	struct why why;

	why_set(&why, "%s", reason);
	known_forget_answers(solver->cache, domain);
	known_end_fetch(solver->cache, domain, id, outcome, &why, clock_wall());
	solver->settings->on_fetched(outcome, domain, reason);
}

/* Asks the fetcher, which answers to run_replies(). */
static void send_request(struct solver *solver, struct dns_scope *scope, struct arena *arena,
			 const char *domain, const char *id)
{
	struct ip addresses[FETCH_ADDRESSES_MAX];
	unsigned count = dial_find(scope, arena_printf(arena, "mta-sts.%s", domain), addresses);
	struct fetching *lost;
	struct buf packet;

	if (count == 0) {
		end_fetch(solver, domain, id, FETCH_ERROR,
			  arena_printf(arena, "mta-sts.%s has no address", domain));
		return;
	}
	buf_init(&packet, arena, 0);
	fetcher_write_request(&packet, domain, id, addresses, count);
	note_fetching(solver, domain, id);
	if (send(solver->settings->fetcher, packet.data, packet.len, MSG_DONTWAIT | MSG_NOSIGNAL) >=
	    0)
		return;
	lost = take_fetching(solver, domain, id);
	free(lost);
	end_fetch(solver, domain, id, FETCH_ERROR, "too many policies are being fetched");
}

static void keep_policy(struct solver *solver, struct arena *arena,
			const struct fetcher_reply *reply)
{
	int64_t now = clock_wall();
	struct policies_row row = {.domain = reply->domain,
				   .id = reply->id,
				   .text = reply->text,
				   .fetched = now,
				   .used = now};
	struct sts_policy policy;
	struct why why;

	if (sts_policy_parse(arena, span_of(reply->text), &policy, &why) == -1) {
		end_fetch(solver, reply->domain, reply->id, FETCH_INVALID, why.text);
		return;
	}
	row.expires = now + policy.max_age;
	known_put_policy(solver->cache, &row);
	store_policy(solver, &row);
	end_fetch(solver, reply->domain, reply->id, FETCH_DONE,
		  name_text(sts_mode_names, (int)policy.mode));
}

static void take_reply(struct solver *solver, struct span packet)
{
	struct arena *arena = arena_new(0);
	struct fetcher_reply reply;
	struct fetching *asked = NULL;

	if (fetcher_parse_reply(arena, packet, &reply) == 0)
		asked = take_fetching(solver, reply.domain, reply.id);
	if (asked != NULL && reply.outcome == FETCH_DONE)
		keep_policy(solver, arena, &reply);
	else if (asked != NULL)
		end_fetch(solver, reply.domain, reply.id, reply.outcome, reply.text);
	free(asked);
	arena_free(arena);
}

static void *run_replies(void *arg)
{
	struct solver *solver = arg;
	char *packet = heap_alloc(FETCHER_PACKET_MAX);

	for (;;) {
		ssize_t got = recv(solver->settings->fetcher, packet, FETCHER_PACKET_MAX, 0);

		if (got > 0)
			take_reply(solver, span_make(packet, (size_t)got));
		else if (got == 0 || errno != EINTR)
			break;
	}
	free(packet);
	return NULL;
}

/* ---- one domain ---- */

struct solving {
	struct solver *solver;
	struct dns_scope *scope;
	int64_t deadline;
	bool fresh;
};

/* What is held must be as new as the record, and not be due. */
static bool wants_fetch(const struct solving *solving, const struct sts_discovery *discovery,
			const struct sts_held *held)
{
	if (!held->present)
		return discovery->state == STS_ANNOUNCED;
	return solving->fresh || held->renew <= clock_wall() ||
	       (discovery->state == STS_ANNOUNCED && strcmp(discovery->id, held->id) != 0);
}

/* An sts_source. Waits where nothing is held, or another id is announced than is held. */
static void find_policy(void *arg, struct arena *arena, const char *domain,
			const struct sts_discovery *discovery, struct sts_held *held)
{
	struct solving *solving = arg;
	struct known *cache = solving->solver->cache;
	int64_t now = clock_wall();
	enum known_fetch fetch;
	const char *id;
	struct why why = {""};

	known_held(cache, arena, domain, now, held);
	if (!wants_fetch(solving, discovery, held))
		return;
	if (!solving->fresh && take_stored(solving->solver, domain)) {
		known_held(cache, arena, domain, now, held);
		if (!wants_fetch(solving, discovery, held))
			return;
	}
	id = discovery->state == STS_ANNOUNCED ? discovery->id : held->id;
	fetch = known_begin_fetch(cache, domain, id, now, &why);
	if (fetch == KNOWN_FETCH_BEGINS)
		send_request(solving->solver, solving->scope, arena, domain, id);
	if (fetch != KNOWN_FETCH_WAITS &&
	    (!held->present || strcmp(id, held->id) != 0 || solving->fresh)) {
		known_wait_fetch(cache, domain, solving->deadline, &why);
		known_held(cache, arena, domain, now, held);
	}
	if (why.text[0] != '\0')
		held->reason =
		    arena_printf(arena, "no MTA-STS policy from mta-sts.%s: %s", domain, why.text);
}

static void keep_answers(struct solver *solver, struct arena *arena, const struct level *level)
{
	const char *answers[ANSWER_MAPS];

	for (unsigned map = 0; map < ANSWER_MAPS; map++) {
		struct buf answer;

		buf_init(&answer, arena, ANSWER_MAX);
		answer_write(&answer, level, (enum answer_map)map);
		answers[map] = buf_text(&answer);
	}
	known_keep_answers(solver->cache, level->domain, level->kind, answers,
			   clock_mono() + level->ttl * CLOCK_SECOND);
}

static void solve_domain(struct solver *solver, const char *domain, bool fresh)
{
	struct arena *arena = arena_new(0);
	int64_t deadline = clock_mono() + SOLVE_PATIENCE;
	struct solving solving = {
	    .solver = solver,
	    .deadline = deadline,
	    .fresh = fresh,
	    .scope = dns_scope_new(solver->settings->dns, LEVEL_LOOKUPS + 2, SOLVE_PATIENCE)};
	struct level level;

	dns_scope_deadline(solving.scope, deadline);
	level_decide(&solver->settings->level, solving.scope, arena, domain, find_policy, &solving,
		     &level);
	keep_answers(solver, arena, &level);
	solver->settings->on_level(&level);
	/* a renewal is not because of mail */
	if (level.held.present && !fresh && known_note_use(solver->cache, domain, clock_wall()))
		store_use(solver, domain, clock_wall());
	dns_scope_free(solving.scope);
	arena_free(arena);
}

/* ---- jobs ---- */

/* The lock is held. */
static struct job *next_job(struct solver *solver)
{
	struct job *job = solver->jobs;

	while (job != NULL && job->running)
		job = job->next;
	return job;
}

/* The lock is held. */
static void remove_job(struct solver *solver, struct job *job)
{
	struct job **link = &solver->jobs;

	while (*link != job)
		link = &(*link)->next;
	*link = job->next;
}

static void *run_jobs(void *arg)
{
	struct solver *solver = arg;

	for (;;) {
		struct job *job;

		lock_take(&solver->lock);
		while ((job = next_job(solver)) == NULL)
			cond_wait(&solver->added, &solver->lock);
		job->running = true;
		lock_drop(&solver->lock);
		solve_domain(solver, job->domain, job->fresh);
		lock_take(&solver->lock);
		remove_job(solver, job);
		lock_drop(&solver->lock);
		solver->settings->on_solved(solver->settings->arg, job->domain);
		free(job);
	}
	return NULL;
}

void solver_add(struct solver *solver, const char *domain, bool fresh)
{
	size_t length = strlen(domain);
	struct job **link;

	lock_take(&solver->lock);
	for (link = &solver->jobs; *link != NULL; link = &(*link)->next) {
		if (strcmp((*link)->domain, domain) != 0)
			continue;
		(*link)->fresh |= fresh;
		lock_drop(&solver->lock);
		return;
	}
	*link = heap_zero(sizeof **link + length + 1);
	memcpy((*link)->domain, domain, length + 1);
	(*link)->fresh = fresh;
	cond_wake_one(&solver->added);
	lock_drop(&solver->lock);
}

/* ---- renewal ---- */

static void renew_policies(struct solver *solver)
{
	struct arena *arena = arena_new(0);
	const char *domains[RENEW_AT_ONCE];
	unsigned count = known_list_due(solver->cache, arena, clock_wall(), domains, RENEW_AT_ONCE);
	struct fetching *lost;

	for (unsigned i = 0; i < count; i++) {
		if (!take_stored(solver, domains[i]))
			solver_add(solver, domains[i], true);
	}
	while ((lost = take_fetching(solver, NULL, NULL)) != NULL) {
		end_fetch(solver, lost->domain, lost->id, FETCH_ERROR,
			  "the process that fetches policies gave no answer");
		free(lost);
	}
	arena_free(arena);
}

static void *run_renewal(void *arg)
{
	const struct timespec pause = {.tv_sec = RENEW_EVERY};

	for (;;) {
		nanosleep(&pause, NULL);
		renew_policies(arg);
	}
	return NULL;
}

struct solver *solver_new(const struct solve_settings *settings, struct known *cache)
{
	struct solver *solver = heap_zero(sizeof *solver);
	pthread_t thread;

	solver->settings = settings;
	solver->cache = cache;
	lock_init(&solver->lock);
	lock_init(&solver->ledger_lock);
	cond_init(&solver->added);
	load_policies(solver);
	for (unsigned i = 0; i < THREADS + 2; i++) {
		void *(*run)(void *) = i == 0 ? run_replies : i == 1 ? run_renewal : run_jobs;

		if (thread_start(&thread, run, solver) == 0)
			pthread_detach(thread);
	}
	return solver;
}

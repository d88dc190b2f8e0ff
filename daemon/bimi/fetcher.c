/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * This process only takes offers and starts others: each of those serves one record, speaks with
 * the web servers that the record names, has the files examined by a process without rights, writes
 * one file and ends. So a slow server holds up nobody else, and a reply that is worse than slow
 * costs one answer.
 */
#include "daemon/bimi/fetcher.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bimi/cache.h"
#include "bimi/inspect.h"
#include "bimi/judge.h"
#include "bimi/rate.h"
#include "bimi/trust.h"
#include "context/context.h"
#include "context/tls.h"
#include "daemon/daemon.h"
#include "daemon/rights/confined.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/net/transfer.h"
#include "metrics/counters.h"

enum { JOBS = 8 };

static const int64_t patience_of_job = 120 * CLOCK_SECOND;
static const int64_t pause_between_sweeps = 3600 * CLOCK_SECOND;

struct job {
	pid_t pid; /* 0: free */
	int64_t kill_at;
	char offer[BIMI_OFFER_BYTES];
	size_t length;
};

struct fetcher {
	const struct conf *conf;
	pid_t parent;
	struct bimi_cache cache;
	struct bimi_trust trust;
	struct bimi_rate *rate;
	int socket;
	int64_t sweep_at;
	struct job jobs[JOBS];
};

static volatile sig_atomic_t term_came;

static void on_term(int signal)
{
	(void)signal;
	term_came = 1;
}

/* ---- one record: in a process of its own ---- */

static int find_out(const struct fetcher *fetcher, const struct bimi_offer *offer,
		    struct arena *arena, struct bimi_known *known, struct why *why)
{
	const struct conf *conf = fetcher->conf;
	struct bimi_findings *findings = arena_make(arena, struct bimi_findings);
	struct inspect_tools tools = {.roots = fetcher->trust.roots,
				      .logs = fetcher->trust.logs,
				      .now = clock_wall(),
				      .directory = fetcher->cache.directory};
	struct dns_settings dns_settings = context_dns(conf);
	struct dns *dns;
	int result;

	if (transfer_init(why) == -1)
		return -1;
	dns = dns_new_unbound(&dns_settings, why);
	if (dns == NULL)
		return -1;
	tools.web.scope = dns_scope_new(dns, INSPECT_LOOKUPS, conf->dns.timeout);
	tools.web.ca_file = context_ca_file(conf);
	bimi_findings_init(findings, arena);
	result = bimi_inspect(&tools, offer, findings, why);
	if (result == 0)
		bimi_judge(findings, offer, !span_empty(tools.roots), known);
	return result; /* the process ends, and its resolver with it */
}

static noreturn void run_job(const struct fetcher *fetcher, struct arena *arena,
			     const struct bimi_offer *offer)
{
	struct bimi_known known;
	struct why why = {""};

	signal(SIGTERM, SIG_DFL);
	close(fetcher->socket);
	if (find_out(fetcher, offer, arena, &known, &why) == -1 ||
	    bimi_cache_write(&fetcher->cache, offer, clock_wall(), &known, &why) == -1) {
		log_warning("BIMI: %s._bimi.%s cannot be checked: %s", offer->selector,
			    offer->domain, why.text);
		daemon_exit(1);
	}
	counters_count(METRIC_BIMI_CHECKS, (unsigned)known.state, 0, 0);
	if (known.state == BIMI_GOOD)
		log_info("BIMI: %s._bimi.%s checked: good%s", offer->selector, offer->domain,
			 known.certified ? ", with a mark certificate" : "");
	else
		log_info("BIMI: %s._bimi.%s checked: %s", offer->selector, offer->domain,
			 known.why);
	daemon_exit(0);
}

/* ---- the process that starts them ---- */

static bool is_under_way(const struct fetcher *fetcher, struct span text)
{
	for (unsigned i = 0; i < JOBS; i++)
		if (fetcher->jobs[i].pid != 0 &&
		    span_same(span_make(fetcher->jobs[i].offer, fetcher->jobs[i].length), text))
			return true;
	return false;
}

static struct job *find_free(struct fetcher *fetcher)
{
	for (unsigned i = 0; i < JOBS; i++)
		if (fetcher->jobs[i].pid == 0)
			return &fetcher->jobs[i];
	return NULL;
}

static bool may_fetch(struct fetcher *fetcher, const struct bimi_offer *offer)
{
	enum bimi_rate_result result = bimi_rate_take(fetcher->rate, offer, clock_mono());

	if (result == BIMI_RATE_OPEN)
		return true;
	counters_count(METRIC_BIMI_DELAYED, result - 1, 0, 0);
	log_debug("BIMI: %s._bimi.%s is checked later (limit: %s)", offer->selector, offer->domain,
		  name_text(bimi_rate_names, (int)result));
	return false;
}

static void start_job(struct fetcher *fetcher, struct job *job, struct span text)
{
	struct arena *arena = arena_new(0);
	struct bimi_known known;
	struct bimi_offer offer;
	bool fresh = true;

	if (bimi_offer_read(text, arena, &offer))
		bimi_cache_read(&fetcher->cache, &offer, clock_wall(), arena, &known, &fresh);
	if (!fresh && may_fetch(fetcher, &offer)) {
		job->pid = fork();
		if (job->pid == 0)
			run_job(fetcher, arena, &offer);
		job->pid = job->pid < 0 ? 0 : job->pid;
		job->kill_at = clock_mono() + patience_of_job;
		memcpy(job->offer, text.p, span_len(text));
		job->length = span_len(text);
	}
	arena_free(arena);
}

/* While all jobs are taken, offers wait in the socket, and some are lost. */
static void take_offer(struct fetcher *fetcher)
{
	struct job *job = find_free(fetcher);
	struct pollfd wait = {.fd = job == NULL ? -1 : fetcher->socket, .events = POLLIN};
	char text[BIMI_OFFER_BYTES];
	ssize_t got;

	if (poll(&wait, 1, job == NULL ? 50 : 200) <= 0)
		return;
	got = recv(fetcher->socket, text, sizeof text, MSG_DONTWAIT);
	if (got > 0 && !is_under_way(fetcher, span_make(text, (size_t)got)))
		start_job(fetcher, job, span_make(text, (size_t)got));
}

static void end_jobs(struct fetcher *fetcher)
{
	for (unsigned i = 0; i < JOBS; i++) {
		struct job *job = &fetcher->jobs[i];

		if (job->pid != 0 && clock_mono() > job->kill_at)
			kill(job->pid, SIGKILL);
		if (job->pid != 0 && waitpid(job->pid, NULL, WNOHANG) == job->pid)
			job->pid = 0;
	}
}

static void sweep_files(struct fetcher *fetcher)
{
	if (clock_mono() < fetcher->sweep_at)
		return;
	fetcher->sweep_at = clock_mono() + pause_between_sweeps;
	counters_set(METRIC_BIMI_RECORDS, bimi_cache_sweep(fetcher->cache.directory, clock_wall()));
}

static noreturn void run_fetcher(const struct conf *conf, pid_t parent)
{
	struct fetcher *fetcher;
	struct arena *arena = arena_new(0);
	const struct bimi_rate_limits limits = {(unsigned)conf->bimi.max_per_hour,
						(unsigned)conf->bimi.max_per_domain,
						(unsigned)conf->bimi.max_per_host};
	struct ledger_settings ledger;
	struct why why;

	fetcher = arena_make(arena, struct fetcher);
	fetcher->conf = conf;
	fetcher->parent = parent;
	helper_take_signals(on_term);
	fetcher->socket = -1;
	if (context_store(conf, true, &ledger, &why) == 0) {
		fetcher->cache.directory = bimi_cache_directory(arena, ledger.path);
		fetcher->socket = bimi_offer_listen(fetcher->cache.directory, &why);
	}
	if (fetcher->socket == -1) {
		log_error("BIMI: nothing is fetched: %s", why.text);
		daemon_exit(1);
	}
	if (bimi_trust_read(arena, conf->bimi.roots, conf->bimi.logs, &fetcher->trust, &why) == -1)
		log_error("bimi.roots, bimi.logs: %s", why.text);
	fetcher->cache.basis = fetcher->trust.basis;
	fetcher->rate = bimi_rate_new(&limits, arena);
	confined_enter(CONFINED_BIMI, conf);
	while (!term_came && getppid() == parent) {
		take_offer(fetcher);
		end_jobs(fetcher);
		sweep_files(fetcher);
	}
	for (unsigned i = 0; i < JOBS; i++)
		if (fetcher->jobs[i].pid != 0)
			kill(fetcher->jobs[i].pid, SIGKILL);
	arena_free(arena);
	daemon_exit(0);
}

/* ---- in the supervisor ---- */

static bool is_wanted(const struct conf *conf)
{
	return conf->bimi.mode == CONF_BIMI_ON && conf->store.url[0] != '\0';
}

const struct helper_kind bimi_fetcher_kind = {
    .setting = "bimi",
    .what = "the process that checks BIMI records",
    .is_wanted = is_wanted,
    .run = run_fetcher,
    .patience = CLOCK_SECOND,
};

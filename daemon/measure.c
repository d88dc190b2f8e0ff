/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A process can only look at itself: what belongs to others is hidden, since the memory of all of
 * them holds keys and mail (see daemon_harden). On systems without /proc what is not known is 0.
 */
#include "daemon/measure.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "context/keysource.h"
#include "lib/clock.h"
#include "lib/lock.h"
#include "lib/log.h"
#include "lib/system/memory.h"
#include "lib/url.h"
#include "metrics/checked.h"
#include "metrics/found.h"
#include "metrics/count.h"
#include "metrics/counters.h"

enum { SILENT_LOOKUPS = 10, SEEK_ROUNDS = 3 };

static const struct timespec between = {.tv_sec = 2};

/* ---- the process ---- */

static int64_t processor_time(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * CLOCK_SECOND +
	       (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1000;
}

/* Entries but "." and "..". */
static int64_t entries_of(const char *path)
{
	DIR *directory = opendir(path);
	int64_t count = 0;

	if (directory == NULL)
		return 0;
	while (readdir(directory) != NULL)
		count++;
	closedir(directory);
	return count - 2;
}

static int64_t open_files(void)
{
	int64_t count = entries_of("/dev/fd");

	return count > 0 ? count - 1 : 0; /* that of the look itself */
}

void measure_process(void)
{
	struct rlimit files;

	counters_set(METRIC_CPU_SECONDS, processor_time());
	counters_set(METRIC_RESIDENT_BYTES, memory_now().resident);
	counters_set(METRIC_OPEN_FDS, open_files());
	counters_set(METRIC_THREADS, entries_of("/proc/self/task"));
	if (getrlimit(RLIMIT_NOFILE, &files) == 0)
		counters_set(METRIC_MAX_FDS, (int64_t)files.rlim_cur);
}

/* ---- what a worker has ---- */

/* Logs once when lookups begin to fail, and once when they work again. */
static void watch_resolver(const struct dns *dns, uint64_t failures)
{
	static uint64_t answered, failures_then; /* at the last answer */
	static bool silent;

	if (count_answered() != answered) {
		if (silent)
			log_info("DNS: %s answers again", dns_servers(dns));
		answered = count_answered();
		failures_then = failures;
		silent = false;
	} else if (!silent && failures - failures_then >= SILENT_LOOKUPS) {
		log_error("DNS: the last %" PRIu64 " lookups had no answer from %s: is it running, "
			  "and does it serve this host (dns.servers, dns.resolv_conf)? Until then "
			  "results are temperror, and dmarc.temperror decides",
			  failures - failures_then, dns_servers(dns));
		silent = true;
	}
}

static void measure_dns(struct service *service)
{
	struct dns *dns = service_dns(service);
	struct dns_stats stats;

	service_dns_stats(service, &stats);
	counters_set(METRIC_DNS_LOOKUPS, (int64_t)stats.lookups);
	counters_set(METRIC_DNS_HITS, (int64_t)stats.hits);
	counters_set(METRIC_DNS_ENTRIES, (int64_t)stats.entries);
	watch_resolver(dns, stats.failures);
	dns_drop(dns);
}

/* Says once that it fails, and at the end what that has cost. */
static void watch_ledger(const struct ledger_stats *stats)
{
	static bool failing;
	static uint64_t failures; /* before */

	if (stats->failing && !failing)
		log_error("the ledger cannot be written: %s; until then store.on_failure decides "
			  "about mail whose result cannot be kept",
			  stats->last_error);
	else if (!stats->failing && failing && stats->failures == failures)
		log_info("the ledger is written again; nothing was lost");
	else if (!stats->failing && failing)
		log_error("the ledger is written again; %" PRIu64 " messages are not counted",
			  stats->failures - failures);
	if (!stats->failing)
		failures = stats->failures;
	failing = stats->failing;
}

/* The ledger cannot be opened: tries again every few rounds. */
static void measure_missing(struct service *service)
{
	static unsigned rounds;

	if (service_lacks_ledger(service) != NULL && ++rounds % SEEK_ROUNDS == 0)
		service_seek_ledger(service);
	counters_set(METRIC_STORE_FAILING, service_lacks_ledger(service) != NULL);
	counters_set(METRIC_STORE_FAILURES, (int64_t)service_missed_rows(service));
	counters_trouble(COUNTERS_LEDGER, service_lacks_ledger(service));
}

static void measure_store(struct service *service)
{
	struct ledger_stats stats;

	if (service_ledger(service) == NULL) {
		measure_missing(service);
		return;
	}
	ledger_stats(service_ledger(service), &stats);
	counters_set(METRIC_STORE_ROWS, (int64_t)stats.rows);
	counters_set(METRIC_STORE_FAILURES,
		     (int64_t)(stats.failures + service_missed_rows(service)));
	counters_set(METRIC_STORE_PENDING, (int64_t)stats.pending);
	counters_set(METRIC_STORE_FAILING, stats.failing);
	counters_trouble(COUNTERS_LEDGER, stats.failing ? stats.last_error : NULL);
	watch_ledger(&stats);
}

static void measure_findings(const char *ledger)
{
	struct found found = {0};

	if (ledger != NULL)
		found_read(ledger, &found);
	counters_set(METRIC_INBOX_FINDINGS_TIME, found.at);
	for (unsigned i = 0; i < FOUND_KINDS; i++)
		counters_set_one(METRIC_INBOX_FINDINGS, i, 0, found.findings[i]);
	for (unsigned i = 0; i < FOUND_CLASSES; i++) {
		counters_set_one(METRIC_INBOX_ROWS, i, 0, found.rows[i]);
		counters_set_one(METRIC_INBOX_MESSAGES, i, 0, found.passed[i]);
		counters_set_one(METRIC_INBOX_MESSAGES, i, 1, found.failed[i]);
	}
}

/* Every worker sets the same. */
static void measure_check(struct service *service)
{
	struct context *context = service_context(service);
	const char *path = url_sqlite_path(context->conf->store.url, NULL);
	struct checked checked = {0};

	if (path != NULL)
		checked_read(path, &checked);
	counters_set(METRIC_STORE_CHECK_TIME, checked.at);
	counters_set(METRIC_STORE_CHECK_FINDINGS, checked.findings);
	counters_set(METRIC_STORE_CHECK_MISSING, checked.missing);
	measure_findings(path);
	context_drop(context);
}

static void measure_watch(struct service *service)
{
	struct context *context = service_context(service);
	struct watched watched = {0};

	if (context->conf->audit.state[0] != '\0')
		watched_read(context->conf->audit.state, &watched);
	counters_set(METRIC_AUDIT_TIME, watched.at);
	counters_set(METRIC_AUDIT_CHANGES, watched.changes);
	counters_set(METRIC_AUDIT_ERRORS, watched.errors);
	counters_set(METRIC_AUDIT_WARNINGS, watched.warnings);
	counters_set(METRIC_AUDIT_HINTS, watched.hints);
	context_drop(context);
}

struct list {
	struct counters_key *keys;
	unsigned count;
};

static void add_key(void *arg, const struct signing_key *key, const char *path)
{
	struct keystatus status = signing_key_status(key);
	struct counters_key *out;
	struct list *list = arg;

	(void)path;
	if (list->count == COUNTERS_KEYS_MAX)
		return;
	out = &list->keys[list->count++];
	snprintf(out->domain, sizeof out->domain, "%s", signing_key_domain(key));
	snprintf(out->selector, sizeof out->selector, "%s", signing_key_selector(key));
	out->type = (uint8_t)signing_key_type(key);
	out->state = (uint8_t)status.state;
	out->signs = signing_key_signs(key);
	out->published = (int8_t)signing_key_published(key);
	out->bits = (uint16_t)signing_key_bits(key);
	out->since = status.since;
	out->created = signing_key_created(key);
}

static void measure_faults(const struct keyring *keyring, struct arena *arena)
{
	const struct keyring_fault *faults;
	unsigned count = keyring == NULL ? 0 : keyring_faults(keyring, &faults);

	counters_set(METRIC_KEY_FAULTS, count);
	counters_trouble(COUNTERS_KEYS,
			 count == 0   ? NULL
			 : count == 1 ? faults[0].text
				      : arena_printf(arena, "%s; and %u more: countersign doctor",
						     faults[0].text, count - 1));
}

static void measure_keys(struct service *service)
{
	struct context *context = service_context(service);
	struct arena *arena = arena_new(0);
	struct list list = {.keys = arena_array(arena, COUNTERS_KEYS_MAX, sizeof *list.keys)};

	if (context->outbound.keyring != NULL && context->conf->store.keys)
		keysource_visit(context->conf, COUNTERS_KEYS_MAX, add_key, &list);
	else if (context->outbound.keyring != NULL)
		keyring_each(context->outbound.keyring, add_key, &list);
	measure_faults(context->outbound.keyring, arena);
	counters_publish_keys(list.keys, list.count);
	arena_free(arena);
	context_drop(context);
}

static void *measure_forever(void *arg)
{
	struct service *service = arg;

	for (;;) {
		measure_process();
		service_follow_resolvers(service);
		measure_dns(service);
		measure_store(service);
		measure_check(service);
		measure_watch(service);
		measure_keys(service);
		service_trim(service);
		nanosleep(&between, NULL);
	}
	return NULL;
}

int measure_start(struct service *service, struct why *why)
{
	pthread_t thread;

	if (thread_start(&thread, measure_forever, service) != 0)
		return why_set(why, "cannot start the thread that measures");
	pthread_detach(thread);
	return 0;
}

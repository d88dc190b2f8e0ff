/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The block has a fixed number of slots for each metric, so that a slot is found by arithmetic: the
 * labels' values are the digits of a number. A histogram has a series for each value of its label:
 * its buckets, then the sum of what was observed.
 *
 * What is per process is kept in segments. When a process has ended, the supervisor adds what its
 * segment had counted to segment 0 and clears the rest: a connection of a dead worker is no
 * connection.
 *
 * A worker may die at any instruction, so nothing here waits for another process: single words are
 * atomic, and what is longer (keys) has one writer for each segment and a version that is odd while
 * it is being changed; a reader that meets it takes another segment, or tries again later.
 */
#include "metrics/counters.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "dns/dns.h"
#include "keys/wire.h"
#include "lib/span.h"
#include "policy/bimi/known.h"
#include "policy/dkim/signature.h"
#include "policy/origin.h"
#include "policy/outbound.h"
#include "policy/result/verdict.h"
#include "tls/fetch.h"
#include "tls/level.h"

enum {
	SLOTS = 128,                 /* of one metric */
	SERIES = METRIC_BUCKETS + 2, /* slots of one series of a histogram */
	SUM = SERIES - 1,
	DOMAINS = 256,
	ALGS = DKIMSIG_UNKNOWN + 1,
	READ_TRIES = 100
};

static const struct name_code bimi_limits[] = {
    {"all", 0}, {"domain", 1}, {"host", 2}, {NULL, 0}}; /* as bimi/rate.h, without "open" */
static const struct name_code alg_names[] = {{"rsa-sha256", DKIMSIG_RSA_SHA256},
					     {"ed25519-sha256", DKIMSIG_ED25519_SHA256},
					     {"rsa-sha1", DKIMSIG_RSA_SHA1},
					     {"other", DKIMSIG_UNKNOWN},
					     {NULL, 0}};
static const struct name_code scope_names[] = {
    {"mfrom", SPF_SCOPE_MFROM}, {"helo", SPF_SCOPE_HELO}, {NULL, 0}};
static const struct name_code published_names[] = {{"absent", COUNT_POLICY_ABSENT},
						   {"none", COUNT_POLICY_NONE},
						   {"quarantine", COUNT_POLICY_QUARANTINE},
						   {"reject", COUNT_POLICY_REJECT},
						   {NULL, 0}};
static const struct name_code engine_names[] = {
    {"spf", COUNT_ENGINE_SPF}, {"dkim", COUNT_ENGINE_DKIM}, {NULL, 0}};
static const struct name_code opinion_names[] = {
    {"agreed", COUNT_OPINION_AGREED},       {"differed", COUNT_OPINION_DIFFERED},
    {"unjudged", COUNT_OPINION_UNJUDGED},   {"busy", COUNT_OPINION_BUSY},
    {"too_large", COUNT_OPINION_TOO_LARGE}, {"crashed", COUNT_OPINION_CRASHED},
    {"late", COUNT_OPINION_LATE},           {NULL, 0}};
static const struct name_code type_names[] = {{"A", 0},   {"PTR", 1},  {"MX", 2},
					      {"TXT", 3}, {"AAAA", 4}, {NULL, 0}};
static const struct name_code status_names[] = {{"data", DNS_DATA},
						{"nodata", DNS_NODATA},
						{"nxdomain", DNS_NXDOMAIN},
						{"tempfail", DNS_TEMPFAIL},
						{NULL, 0}};
static const struct name_code stage_names[] = {
    {"negotiate", COUNT_STAGE_NEGOTIATE}, {"connect", COUNT_STAGE_CONNECT},
    {"helo", COUNT_STAGE_HELO},           {"mail", COUNT_STAGE_MAIL},
    {"rcpt", COUNT_STAGE_RCPT},           {"header", COUNT_STAGE_HEADER},
    {"body", COUNT_STAGE_BODY},           {"end", COUNT_STAGE_END},
    {"change", COUNT_STAGE_CHANGE},       {NULL, 0}};
static const struct name_code outcome_names[] = {{"sent", COUNT_SENT},
						 {"deferred", COUNT_DEFERRED},
						 {"failed", COUNT_FAILED},
						 {"suppressed", COUNT_SUPPRESSED},
						 {NULL, 0}};
static const struct name_code skip_names[] = {{"key", COUNTERS_SKIP_KEY},
					      {"limit", COUNTERS_SKIP_LIMIT},
					      {"queue", COUNTERS_SKIP_QUEUE},
					      {NULL, 0}};
static const struct name_code taking_names[] = {
    {"taken", COUNT_TAKEN}, {"not_taken", COUNT_NOT_TAKEN}, {NULL, 0}};
/* enum inbox_kind of report/inbox/record.h */
static const struct name_code kind_names[] = {{"unreadable", 0}, {"aggregate", 1}, {"failure", 2},
					      {"complaint", 3},  {"tls", 4},       {"bounce", 5},
					      {NULL, 0}};
/* As report/sources/ has them. */
static const struct name_code finding_names[] = {{"unsigned-host", 0},
						 {"foreign-key", 1},
						 {"partner-unaligned", 2},
						 {"spf-only", 3},
						 {"old-key", 4},
						 {"replay", 5},
						 {"tls", 6},
						 {"complaints", 7},
						 {"complaints-high", 8},
						 {"not-authorized", 9},
						 {"not-asked", 10},
						 {NULL, 0}};
static const struct name_code class_names[] = {{"ours", 0},    {"forwarded", 1}, {"modified", 2},
					       {"partner", 3}, {"spf-only", 4},  {"old-key", 5},
					       {"unknown", 6}, {NULL, 0}};
static const struct name_code fate_names[] = {{"passed", 0}, {"failed", 1}, {NULL, 0}};
/* As report/tls/session.h has them. */
static const struct name_code session_kind_names[] = {{"successful", 0}, {"failed", 1}, {NULL, 0}};
static const struct name_code session_source_names[] = {
    {"tlsrpt", 0}, {"derived", 1}, {"own", 2}, {NULL, 0}};

static const struct name_code post_names[] = {{"taken", COUNT_POST_TAKEN},
					      {"refused", COUNT_POST_REFUSED},
					      {"failed", COUNT_POST_FAILED},
					      {NULL, 0}};
static const struct name_code intake_names[] = {{"stored", COUNT_INTAKE_STORED},
						{"duplicate", COUNT_INTAKE_DUPLICATE},
						{"confirmed", COUNT_INTAKE_CONFIRMED},
						{"not_kept", COUNT_INTAKE_NOT_KEPT},
						{NULL, 0}};
static const struct name_code reload_names[] = {
    {"accepted", COUNT_RELOAD_ACCEPTED}, {"refused", COUNT_RELOAD_REFUSED}, {NULL, 0}};

/* clang-format off */
const struct metric_family metric_families[METRICS] = {
    [METRIC_MESSAGES] = {"messages_total", METRIC_COUNTER,
	.labels = {{"origin", origin_names, ORIGINS}, {"action", action_names, 4}},
	.help = "Messages answered, by origin and action."},
    [METRIC_MESSAGE_SECONDS] = {"message_duration_seconds", METRIC_HISTOGRAM, .in_time = true,
	.help = "Time from the end of a message to the reply."},
    [METRIC_SPF_RESULTS] = {"spf_results_total", METRIC_COUNTER,
	.labels = {{"result", auth_result_names, 8}, {"scope", scope_names, 2}},
	.help = "SPF results of inbound messages, by identity."},
    [METRIC_IPREV_RESULTS] = {"iprev_results_total", METRIC_COUNTER,
	.labels = {{"result", auth_result_names, 8}},
	.help = "Results of the reverse lookup of the client's address (iprev)."},
    [METRIC_DKIM_SIGNATURES] = {"dkim_signatures_total", METRIC_COUNTER,
	.labels = {{"result", auth_result_names, 8}, {"algorithm", alg_names, ALGS}},
	.help = "DKIM signatures checked on inbound messages."},
    [METRIC_DKIM_SIGNED] = {"dkim_signed_total", METRIC_COUNTER,
	.labels = {{"domain", NULL, 0}, {"algorithm", alg_names, ALGS}},
	.help = "Signatures added, by signing domain."},
    [METRIC_DKIM_UNSIGNED] = {"dkim_unsigned_total", METRIC_COUNTER,
	.labels = {{"reason", outbound_reason_names, OUTBOUND_REASONS}},
	.help = "Outbound messages that were not signed."},
    [METRIC_KEY_FAULTS] = {"key_faults", METRIC_GAUGE,
	.help = "Key files and directories that cannot be used."},
    [METRIC_KEY_REQUESTS] = {"key_requests_total", METRIC_COUNTER,
	.labels = {{"outcome", keywire_outcome_names, KEYWIRE_OUTCOMES}},
	.help = "Signatures that workers requested from the key process."},
    [METRIC_KEY_PROCESS_DEATHS] = {"key_process_deaths_total", METRIC_COUNTER,
	.help = "Key processes that ended unexpectedly."},
    [METRIC_ARC_RESULTS] = {"arc_results_total", METRIC_COUNTER,
	.labels = {{"result", auth_result_names, 8}},
	.help = "State of the ARC chain of inbound messages."},
    [METRIC_ARC_SEALED] = {"arc_sealed_total", METRIC_COUNTER,
	.help = "Inbound messages to which an ARC set was added."},
    [METRIC_DMARC_RESULTS] = {"dmarc_results_total", METRIC_COUNTER,
	.labels = {{"result", auth_result_names, 8}, {"policy", published_names, 4},
		   {"disposition", dmarc_policy_names, 3}},
	.help = "DMARC results, by published policy and disposition."},
    [METRIC_DMARC_OVERRIDES] = {"dmarc_overrides_total", METRIC_COUNTER,
	.labels = {{"reason", override_names, 5}},
	.help = "Reasons why the domain's policy was not applied."},
    [METRIC_DISAGREEMENTS] = {"engine_disagreements_total", METRIC_COUNTER,
	.labels = {{"engine", engine_names, 2}},
	.help = "Messages on which libspf2 or libopendkim differs from the native engine."},
    [METRIC_OPINIONS] = {"second_opinions_total", METRIC_COUNTER,
	.labels = {{"outcome", opinion_names, 7}},
	.help = "Messages sampled for a second opinion, by what became of it."},
    [METRIC_OPINION_DEATHS] = {"second_opinion_deaths_total", METRIC_COUNTER,
	.help = "Processes of the second opinion that ended unexpectedly."},
    [METRIC_DNS_SECONDS] = {"dns_query_duration_seconds", METRIC_HISTOGRAM, .in_time = true,
	.labels = {{"type", type_names, 5}},
	.help = "Duration of DNS queries that were not answered by the cache."},
    [METRIC_DNS_QUERIES] = {"dns_queries_total", METRIC_COUNTER,
	.labels = {{"type", type_names, 5}, {"outcome", status_names, 4}},
	.help = "DNS queries answered by the resolver."},
    [METRIC_DNS_LOOKUPS] = {"dns_lookups_total", METRIC_COUNTER, .per_process = true,
	.help = "DNS lookups made for messages, cached or not."},
    [METRIC_DNS_HITS] = {"dns_cache_hits_total", METRIC_COUNTER, .per_process = true,
	.help = "DNS lookups answered by the cache."},
    [METRIC_DNS_ENTRIES] = {"dns_cache_entries", METRIC_GAUGE, .per_process = true,
	.help = "Answers in the DNS cache."},
    [METRIC_CONNECTIONS_NOW] = {"connections", METRIC_GAUGE, .per_process = true,
	.help = "Open connections from MTAs."},
    [METRIC_CONNECTIONS] = {"connections_total", METRIC_COUNTER, .twin = true,
	.help = "Connections from MTAs since the start."},
    [METRIC_MESSAGES_NOW] = {"messages_under_way", METRIC_GAUGE, .per_process = true,
	.help = "Messages between MAIL and the final reply."},
    [METRIC_MILTER_ERRORS] = {"milter_errors_total", METRIC_COUNTER,
	.labels = {{"stage", stage_names, 9}},
	.help = "Errors in the milter protocol, by stage."},
    [METRIC_STORE_ROWS] = {"store_rows_total", METRIC_COUNTER, .per_process = true,
	.help = "Results committed to the ledger."},
    [METRIC_STORE_FAILURES] = {"store_write_failures_total", METRIC_COUNTER, .per_process = true,
	.help = "Results that could not be written to the ledger."},
    [METRIC_STORE_PENDING] = {"store_pending_rows", METRIC_GAUGE, .per_process = true,
	.help = "Results waiting to be committed."},
    [METRIC_STORE_FAILING] = {"store_failing", METRIC_GAUGE, .per_process = true,
	.help = "Workers whose last write to the ledger failed."},
    [METRIC_STORE_CHECK_TIME] = {"store_check_timestamp_seconds", METRIC_GAUGE,
	.help = "When store check --reconcile last had a result; 0: never."},
    [METRIC_STORE_CHECK_FINDINGS] = {"store_check_findings", METRIC_GAUGE,
	.help = "Findings of that check; 0: all was well."},
    [METRIC_STORE_CHECK_MISSING] = {"store_check_missing_messages", METRIC_GAUGE,
	.help = "Messages that it found to be missing in the reports."},
    [METRIC_REPORTS_SENT] = {"reports_sent_total", METRIC_COUNTER,
	.labels = {{"outcome", outcome_names, 4}},
	.help = "Attempts to send a report, by outcome."},
    [METRIC_REPORTS_PENDING] = {"reports_pending", METRIC_GAUGE,
	.help = "Reports waiting to be sent, as of the last run."},
    [METRIC_FAILURES_SKIPPED] = {"failure_reports_skipped_total", METRIC_COUNTER,
	.labels = {{"reason", skip_names, 3}},
	.help = "Failure reports that were due but not created."},
    [METRIC_REPORT_SUCCESS_TIME] = {"report_last_success_timestamp_seconds", METRIC_GAUGE,
	.help = "When a mail server last accepted a report; 0: not since the start."},
    [METRIC_INBOX_TAKEN] = {"inbox_mails_total", METRIC_COUNTER,
	.labels = {{"outcome", taking_names, 2}},
	.help = "Mails to inbox.addresses, and whether they were taken as reports."},
    [METRIC_INBOX_REPORTS] = {"inbox_reports_total", METRIC_COUNTER,
	.labels = {{"kind", kind_names, 6}, {"outcome", intake_names, 4}},
	.help = "Received reports that were read, by kind and what became of them."},
    [METRIC_INBOX_POSTS] = {"inbox_posts_total", METRIC_COUNTER,
	.labels = {{"outcome", post_names, 3}},
	.help = "Requests to inbox.post_listen, and whether a report was taken."},
    [METRIC_INBOX_SPOOL_FILES] = {"inbox_spool_files", METRIC_GAUGE,
	.help = "Mails that wait to be read as reports."},
    [METRIC_INBOX_SPOOL_BYTES] = {"inbox_spool_bytes", METRIC_GAUGE,
	.help = "Size of the mails that wait to be read as reports."},
    [METRIC_INBOX_FINDINGS] = {"inbox_findings", METRIC_GAUGE,
	.labels = {{"finding", finding_names, 11}},
	.help = "Findings in received reports, as of the last inbox findings --note."},
    [METRIC_INBOX_ROWS] = {"inbox_source_rows", METRIC_GAUGE,
	.labels = {{"class", class_names, 7}},
	.help = "Rows of received aggregate reports, by the class of their source, as of then."},
    [METRIC_INBOX_MESSAGES] = {"inbox_source_messages", METRIC_GAUGE,
	.labels = {{"class", class_names, 7}, {"result", fate_names, 2}},
	.help = "Messages in these rows, by whether they passed DMARC."},
    [METRIC_INBOX_FINDINGS_TIME] = {"inbox_findings_timestamp_seconds", METRIC_GAUGE,
	.help = "When inbox findings --note last had a result; 0: never."},
    [METRIC_TLS_ANSWERS] = {"tls_answers_total", METRIC_COUNTER,
	.labels = {{"answer", level_names, 6}},
	.help = "Answers of the policy service to Postfix, by what they demand."},
    [METRIC_TLS_LOOKUPS] = {"tls_lookups_total", METRIC_COUNTER,
	.help = "Questions of Postfix that were not answered from the cache."},
    [METRIC_TLS_FETCHES] = {"tls_policy_fetches_total", METRIC_COUNTER,
	.labels = {{"outcome", fetch_outcome_names, 4}},
	.help = "MTA-STS policies asked for from web servers, by outcome."},
    [METRIC_TLS_POLICIES] = {"tls_policies", METRIC_GAUGE,
	.help = "MTA-STS policies that are held."},
    [METRIC_TLS_OVERDUE] = {"tls_policies_overdue", METRIC_GAUGE,
	.help = "MTA-STS policies in use that should have been renewed a day ago or earlier."},
    [METRIC_TLS_OLDEST] = {"tls_policies_oldest_timestamp_seconds", METRIC_GAUGE,
	.help = "When the oldest MTA-STS policy in use was fetched; 0 if there is none."},
    [METRIC_TLS_DOMAINS] = {"tls_cached_domains", METRIC_GAUGE,
	.help = "Domains about which the policy service holds something."},
    [METRIC_TLS_SESSIONS] = {"tls_sessions_total", METRIC_COUNTER,
	.labels = {{"result", session_kind_names, 2}, {"source", session_source_names, 3}},
	.help = "TLS sessions with other domains' mail servers, counted for reports about them."},
    [METRIC_TLS_FAILURES] = {"tls_failed_sessions_total", METRIC_COUNTER,
	.labels = {{"domain", NULL, 0}},
	.help = "The failed ones of tls_sessions_total, by the recipient's domain."},
    [METRIC_BIMI_RESULTS] = {"bimi_results_total", METRIC_COUNTER,
	.labels = {{"result", bimi_result_names, BIMI_RESULTS}},
	.help = "Messages for which BIMI was evaluated, by result."},
    [METRIC_BIMI_CHECKS] = {"bimi_checks_total", METRIC_COUNTER,
	.labels = {{"outcome", bimi_state_names, 4}},
	.help = "BIMI records that were fetched and checked, by outcome."},
    [METRIC_BIMI_DELAYED] = {"bimi_delayed_total", METRIC_COUNTER,
	.labels = {{"limit", bimi_limits, 3}},
	.help = "BIMI records that were not fetched yet, by the limit in the way."},
    [METRIC_BIMI_RECORDS] = {"bimi_records", METRIC_GAUGE,
	.help = "BIMI records whose logo was checked, as of the last hour."},
    [METRIC_AUDIT_TIME] = {"audit_watch_timestamp_seconds", METRIC_GAUGE,
	.help = "When audit --watch last had a result; 0: never."},
    [METRIC_AUDIT_CHANGES] = {"audit_watch_changes", METRIC_GAUGE,
	.help = "Differences from the audit before that it told."},
    [METRIC_AUDIT_ERRORS] = {"audit_errors", METRIC_GAUGE,
	.help = "Findings of that audit that are errors, of all its domains."},
    [METRIC_AUDIT_WARNINGS] = {"audit_warnings", METRIC_GAUGE,
	.help = "Findings of that audit that are warnings."},
    [METRIC_AUDIT_HINTS] = {"audit_hints", METRIC_GAUGE,
	.help = "Findings of that audit that are hints."},
    [METRIC_RELOADS] = {"config_reloads_total", METRIC_COUNTER,
	.labels = {{"outcome", reload_names, 2}},
	.help = "Reloads of the settings."},
    [METRIC_RELOAD_SUCCESS] = {"config_reload_success", METRIC_GAUGE,
	.help = "1 if the last reload succeeded, 0 if the settings were refused."},
    [METRIC_RELOAD_TIME] = {"config_last_reload_timestamp_seconds", METRIC_GAUGE,
	.help = "When settings were last loaded."},
    [METRIC_WORKERS] = {"workers", METRIC_GAUGE,
	.help = "Worker processes that accept connections."},
    [METRIC_WORKER_DEATHS] = {"worker_deaths_total", METRIC_COUNTER,
	.help = "Workers that ended unexpectedly."},
    [METRIC_START_TIME] = {"process_start_time_seconds", METRIC_GAUGE, .bare = true,
	.help = "When the daemon was started."},
    [METRIC_CPU_SECONDS] = {"process_cpu_seconds_total", METRIC_COUNTER, .per_process = true,
	.in_time = true, .bare = true,
	.help = "Processor time of the daemon's processes."},
    [METRIC_RESIDENT_BYTES] = {"process_resident_memory_bytes", METRIC_GAUGE, .per_process = true,
	.bare = true, .help = "Resident memory of the daemon's processes."},
    [METRIC_OPEN_FDS] = {"process_open_fds", METRIC_GAUGE, .per_process = true, .bare = true,
	.help = "Open file descriptors of the daemon's processes."},
    [METRIC_MAX_FDS] = {"process_max_fds", METRIC_GAUGE, .bare = true,
	.help = "Maximum number of file descriptors of a process."},
    [METRIC_THREADS] = {"process_threads", METRIC_GAUGE, .per_process = true, .bare = true,
	.help = "Threads of the daemon's processes."},
};
/* clang-format on */

#define MS(n) ((n)*INT64_C(1000000))
const int64_t metric_buckets[METRIC_BUCKETS] = {MS(1),    MS(2),    MS(5),     MS(10),   MS(20),
						MS(50),   MS(100),  MS(200),   MS(500),  MS(1000),
						MS(2000), MS(5000), MS(10000), MS(30000)};

/* ---- the block ---- */

enum { DOMAIN_FREE, DOMAIN_WRITING, DOMAIN_READY };

struct domain {
	atomic_int state;
	char name[DNS_NAME_MAX + 1];
	atomic_ullong counts[ALGS];
};

/* Of one metric whose label is a domain. */
struct domains {
	struct domain places[DOMAINS];
	atomic_ullong others[ALGS]; /* domains that found no place */
};

struct segment {
	atomic_bool taken;
	atomic_llong values[METRICS];
	atomic_uint trouble_version; /* odd: it is being changed */
	char trouble[COUNTERS_TOPICS][COUNTERS_TROUBLE_MAX];
	atomic_uint keys_version;
	unsigned key_count;
	struct counters_key keys[COUNTERS_KEYS_MAX];
};

struct block {
	atomic_int log_level;
	atomic_uint told[COUNTERS_TOPICS]; /* a hash of the text that was logged last */
	atomic_llong slots[METRICS][SLOTS];
	struct domains signed_for; /* by algorithm */
	struct domains tls_failed; /* the first count alone */
	struct segment segments[COUNTERS_SEGMENTS];
};

static struct block own;
static struct block *block = &own;
static struct segment *segment = &own.segments[0];

int counters_open(struct why *why)
{
	void *made =
	    mmap(NULL, sizeof *block, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (made == MAP_FAILED)
		return why_set(why, "memory for the counters: %s", strerror(errno));
	block = made;
	segment = &block->segments[0];
	atomic_store(&segment->taken, true);
	return 0;
}

static unsigned label_digit(unsigned value, const struct metric_label *label)
{
	return label->count == 0 ? 0 : value < label->count ? value : label->count - 1;
}

static unsigned slot_of(enum metric metric, unsigned a, unsigned b, unsigned c)
{
	const struct metric_label *labels = metric_families[metric].labels;
	unsigned slot = label_digit(a, &labels[0]);

	slot = slot * (labels[1].count == 0 ? 1 : labels[1].count) + label_digit(b, &labels[1]);
	slot = slot * (labels[2].count == 0 ? 1 : labels[2].count) + label_digit(c, &labels[2]);
	assert(slot < SLOTS);
	return slot;
}

static void add_relaxed(atomic_llong *to, int64_t n)
{
	atomic_fetch_add_explicit(to, n, memory_order_relaxed);
}

static int64_t get_relaxed(const atomic_llong *from)
{
	return atomic_load_explicit(from, memory_order_relaxed);
}

/* ---- counting ---- */

void counters_count_many(enum metric metric, unsigned a, unsigned b, unsigned c, uint64_t n)
{
	add_relaxed(&block->slots[metric][slot_of(metric, a, b, c)], (int64_t)n);
}

void counters_count(enum metric metric, unsigned a, unsigned b, unsigned c)
{
	counters_count_many(metric, a, b, c, 1);
}

void counters_time(enum metric metric, unsigned a, int64_t nanoseconds)
{
	atomic_llong *series = &block->slots[metric][slot_of(metric, a, 0, 0) * SERIES];
	unsigned bucket = 0;

	while (bucket < METRIC_BUCKETS && nanoseconds > metric_buckets[bucket])
		bucket++;
	add_relaxed(&series[bucket], 1);
	add_relaxed(&series[SUM], nanoseconds);
}

void counters_set(enum metric metric, int64_t value)
{
	bool mine = metric_families[metric].per_process;

	atomic_store_explicit(mine ? &segment->values[metric] : &block->slots[metric][0], value,
			      memory_order_relaxed);
}

void counters_set_one(enum metric metric, unsigned a, unsigned b, int64_t value)
{
	assert(!metric_families[metric].per_process);
	atomic_store_explicit(&block->slots[metric][slot_of(metric, a, b, 0)], value,
			      memory_order_relaxed);
}

void counters_change(enum metric metric, int64_t by)
{
	bool mine = metric_families[metric].per_process;

	add_relaxed(mine ? &segment->values[metric] : &block->slots[metric][0], by);
}

/* ---- domains ---- */

static unsigned hash_name(const char *name)
{
	uint32_t h = 2166136261u; /* FNV-1a */

	for (; *name != '\0'; name++)
		h = (h ^ (unsigned char)*name) * 16777619u;
	return h;
}

/* NULL: the place belongs to another name. */
static struct domain *claim_domain(struct domain *domain, const char *name)
{
	int state = DOMAIN_FREE;

	if (atomic_compare_exchange_strong(&domain->state, &state, DOMAIN_WRITING)) {
		memcpy(domain->name, name, strlen(name) + 1);
		atomic_store_explicit(&domain->state, DOMAIN_READY, memory_order_release);
		return domain;
	}
	return state == DOMAIN_READY && strcmp(domain->name, name) == 0 ? domain : NULL;
}

/* Two threads that come with a new domain at once may each take a place for it; a reader that adds
 * up by name shows one. */
static atomic_ullong *counts_of(struct domains *domains, const char *name)
{
	unsigned start = hash_name(name);
	struct domain *domain;

	if (strlen(name) >= sizeof domain->name)
		return domains->others;
	for (unsigned i = 0; i < DOMAINS; i++) {
		domain = claim_domain(&domains->places[(start + i) % DOMAINS], name);
		if (domain != NULL)
			return domain->counts;
	}
	return domains->others;
}

void counters_signed(const char *domain, enum crypt_type type)
{
	const unsigned alg = type == CRYPT_RSA ? DKIMSIG_RSA_SHA256 : DKIMSIG_ED25519_SHA256;

	atomic_fetch_add_explicit(&counts_of(&block->signed_for, domain)[alg], 1,
				  memory_order_relaxed);
}

void counters_tls_failed(const char *domain)
{
	atomic_fetch_add_explicit(counts_of(&block->tls_failed, domain), 1, memory_order_relaxed);
}

static bool is_ready(const struct domain *domain)
{
	return atomic_load_explicit(&domain->state, memory_order_acquire) == DOMAIN_READY;
}

/* Of several places with the same name only the first is shown. */
static bool is_first(const struct domain *domains, unsigned place)
{
	for (unsigned i = 0; i < place; i++) {
		if (is_ready(&domains[i]) && strcmp(domains[i].name, domains[place].name) == 0)
			return false;
	}
	return true;
}

static uint64_t sum_of(const struct domain *domains, unsigned place, unsigned at)
{
	uint64_t sum = 0;

	for (unsigned i = place; i < DOMAINS; i++) {
		if (is_ready(&domains[i]) && strcmp(domains[i].name, domains[place].name) == 0)
			sum += atomic_load_explicit(&domains[i].counts[at], memory_order_relaxed);
	}
	return sum;
}

/* NAMES: what the counts are of, COUNT of them. */
static void visit_domains(const struct domains *domains, const struct name_code *names,
			  unsigned count, counters_domain_visit *visit, void *arg)
{
	for (unsigned i = 0; i <= DOMAINS; i++) {
		const struct domain *place = &domains->places[i == DOMAINS ? 0 : i];

		if (i < DOMAINS && (!is_ready(place) || !is_first(domains->places, i)))
			continue;
		for (unsigned at = 0; at < count; at++) {
			uint64_t sum = i < DOMAINS ? sum_of(domains->places, i, at)
						   : atomic_load_explicit(&domains->others[at],
									  memory_order_relaxed);

			if (sum > 0)
				visit(arg, i < DOMAINS ? place->name : "other", names[at].name,
				      sum);
		}
	}
}

void counters_each_signed(counters_domain_visit *visit, void *arg)
{
	visit_domains(&block->signed_for, alg_names, ALGS, visit, arg);
}

void counters_each_tls_failed(counters_domain_visit *visit, void *arg)
{
	static const struct name_code none[] = {{NULL, 0}};

	visit_domains(&block->tls_failed, none, 1, visit, arg);
}

/* ---- segments ---- */

unsigned counters_take_segment(void)
{
	for (unsigned i = 1; i < COUNTERS_SEGMENTS; i++) {
		bool taken = false;

		if (atomic_compare_exchange_strong(&block->segments[i].taken, &taken, true))
			return i;
	}
	return 0;
}

void counters_use_segment(unsigned number)
{
	assert(number < COUNTERS_SEGMENTS);
	segment = &block->segments[number];
}

void counters_release_segment(unsigned number)
{
	struct segment *left = &block->segments[number];

	assert(number < COUNTERS_SEGMENTS);
	if (number == 0)
		return;
	for (unsigned m = 0; m < METRICS; m++) {
		int64_t value = atomic_exchange(&left->values[m], 0);

		if (metric_families[m].type == METRIC_COUNTER)
			add_relaxed(&block->slots[m][0], value);
	}
	atomic_store(&left->keys_version, 0);
	atomic_store(&left->trouble_version, 0);
	memset(left->trouble, 0, sizeof left->trouble);
	left->key_count = 0;
	atomic_store(&left->taken, false);
}

atomic_int *counters_log_level(void)
{
	return &block->log_level;
}

/* ---- what is longer than a word ---- */

static void begin_change(atomic_uint *version)
{
	atomic_store(version, atomic_load(version) | 1);
	atomic_thread_fence(memory_order_release);
}

static void end_change(atomic_uint *version)
{
	atomic_fetch_add_explicit(version, 1, memory_order_release);
}

static bool is_whole(const atomic_uint *version, unsigned before)
{
	atomic_thread_fence(memory_order_acquire);
	return before % 2 == 0 && atomic_load(version) == before;
}

void counters_trouble(enum counters_topic topic, const char *text)
{
	char *trouble = segment->trouble[topic];
	size_t len = text == NULL ? 0 : strlen(text);

	assert(topic < COUNTERS_TOPICS);
	if (len >= COUNTERS_TROUBLE_MAX)
		len = COUNTERS_TROUBLE_MAX - 1;
	begin_change(&segment->trouble_version);
	if (len > 0)
		memcpy(trouble, text, len);
	trouble[len] = '\0';
	end_change(&segment->trouble_version);
}

bool counters_tell_first(enum counters_topic topic, const char *text)
{
	unsigned mark = hash_name(text) | 1; /* 0: nothing was told */

	return atomic_exchange(&block->told[topic], mark) != mark;
}

void counters_forget_told(void)
{
	for (unsigned i = 0; i < COUNTERS_TOPICS; i++)
		atomic_store(&block->told[i], 0);
}

bool counters_find_trouble(enum counters_topic topic, char *text)
{
	for (unsigned i = 0; i < COUNTERS_SEGMENTS; i++) {
		const struct segment *from = &block->segments[i];
		unsigned version =
		    atomic_load_explicit(&from->trouble_version, memory_order_acquire);

		memcpy(text, from->trouble[topic], COUNTERS_TROUBLE_MAX);
		text[COUNTERS_TROUBLE_MAX - 1] = '\0';
		if (is_whole(&from->trouble_version, version) && text[0] != '\0')
			return true;
	}
	return false;
}

/* ---- keys ---- */

void counters_publish_keys(const struct counters_key *keys, unsigned count)
{
	assert(count <= COUNTERS_KEYS_MAX);
	begin_change(&segment->keys_version);
	if (count > 0)
		memcpy(segment->keys, keys, count * sizeof *keys);
	segment->key_count = count;
	end_change(&segment->keys_version);
}

/* -1: the keys are being changed. */
static int read_keys(const struct segment *from, struct counters_key *keys)
{
	unsigned version = atomic_load_explicit(&from->keys_version, memory_order_acquire);
	unsigned count = from->key_count;

	if (count > COUNTERS_KEYS_MAX)
		return -1;
	memcpy(keys, from->keys, count * sizeof *keys);
	return is_whole(&from->keys_version, version) ? (int)count : -1;
}

unsigned counters_keys(struct counters_key *keys)
{
	for (unsigned i = 0; i < COUNTERS_SEGMENTS; i++) {
		int count = -1;

		for (unsigned tries = 0; count < 0 && tries < READ_TRIES; tries++)
			count = read_keys(&block->segments[i], keys);
		if (count > 0)
			return (unsigned)count;
	}
	return 0;
}

/* ---- reading ---- */

unsigned metric_series(enum metric metric)
{
	const struct metric_label *labels = metric_families[metric].labels;
	unsigned series = 1;

	for (unsigned i = 0; i < METRIC_LABELS_MAX && labels[i].name != NULL; i++)
		series *= labels[i].count;
	return series;
}

int64_t counters_get(enum metric metric, unsigned a, unsigned b, unsigned c)
{
	int64_t value = get_relaxed(&block->slots[metric][slot_of(metric, a, b, c)]);

	if (!metric_families[metric].per_process)
		return value;
	for (unsigned i = 0; i < COUNTERS_SEGMENTS; i++)
		value += get_relaxed(&block->segments[i].values[metric]);
	return value;
}

int64_t counters_sum(enum metric metric)
{
	bool histogram = metric_families[metric].type == METRIC_HISTOGRAM;
	unsigned slots = metric_series(metric) * (histogram ? SERIES : 1);
	int64_t sum = 0;

	if (metric_families[metric].per_process)
		return counters_get(metric, 0, 0, 0);
	for (unsigned i = 0; i < slots; i++)
		sum += histogram && i % SERIES == SUM ? 0 : get_relaxed(&block->slots[metric][i]);
	return sum;
}

void counters_histogram(enum metric metric, unsigned a, struct counters_histogram *histogram)
{
	const atomic_llong *series = &block->slots[metric][slot_of(metric, a, 0, 0) * SERIES];

	histogram->count = 0;
	for (unsigned i = 0; i <= METRIC_BUCKETS; i++) {
		histogram->buckets[i] = (uint64_t)get_relaxed(&series[i]);
		histogram->count += histogram->buckets[i];
	}
	histogram->sum = get_relaxed(&series[SUM]);
}

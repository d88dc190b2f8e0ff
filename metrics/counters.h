/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the daemon counts: one table of metrics, and one block of memory that all processes of the
 * daemon share. The supervisor makes the block before it starts any worker, so that the counts of
 * several workers add up and outlive the worker that made them. It is read by the control socket
 * and by the process that serves /metrics.
 *
 * To count is one relaxed atomic addition: any thread, any process, no lock. Without
 * counters_open() (in tests, in the command) the block is this process's own.
 *
 * Every label has a fixed list of values. The exceptions are bounded, too: the domains we sign for
 * and those whose mail servers fail (MAX of them each, then "other"), and our own keys.
 */
#ifndef METRICS_COUNTERS_H
#define METRICS_COUNTERS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/crypto/type.h"
#include "lib/name.h"
#include "lib/why.h"

/* In the order in which they are shown. The values of their labels: see the table in counters.c. */
enum metric {
	METRIC_MESSAGES,        /* enum origin, enum action */
	METRIC_MESSAGE_SECONDS, /* end of message to our answer */
	METRIC_SPF_RESULTS,     /* enum auth_result, enum spf_scope */
	METRIC_IPREV_RESULTS,   /* enum auth_result */
	METRIC_DKIM_SIGNATURES, /* enum auth_result, enum dkimsig_alg */
	METRIC_DKIM_SIGNED,     /* see counters_signed */
	METRIC_DKIM_UNSIGNED,   /* enum outbound_reason */
	METRIC_KEY_FAULTS,
	METRIC_KEY_REQUESTS, /* enum keywire_outcome */
	METRIC_KEY_PROCESS_DEATHS,
	METRIC_ARC_RESULTS, /* enum auth_result */
	METRIC_ARC_SEALED,
	METRIC_DMARC_RESULTS,   /* enum auth_result, enum count_policy, enum dmarc_policy */
	METRIC_DMARC_OVERRIDES, /* enum override_type */
	METRIC_DISAGREEMENTS,   /* enum count_engine */
	METRIC_OPINIONS,        /* enum count_opinion */
	METRIC_OPINION_DEATHS,
	METRIC_DNS_SECONDS, /* place of enum dns_type */
	METRIC_DNS_QUERIES, /* place of enum dns_type, enum dns_status */
	METRIC_DNS_LOOKUPS,
	METRIC_DNS_HITS,
	METRIC_DNS_ENTRIES,
	METRIC_CONNECTIONS_NOW,
	METRIC_CONNECTIONS,
	METRIC_MESSAGES_NOW,  /* between MAIL and the answer */
	METRIC_MILTER_ERRORS, /* enum count_stage */
	METRIC_STORE_ROWS,
	METRIC_STORE_FAILURES,
	METRIC_STORE_PENDING,
	METRIC_STORE_FAILING,
	METRIC_STORE_CHECK_TIME,
	METRIC_STORE_CHECK_FINDINGS,
	METRIC_STORE_CHECK_MISSING,
	METRIC_REPORTS_SENT, /* enum count_outcome */
	METRIC_REPORTS_PENDING,
	METRIC_FAILURES_SKIPPED, /* enum counters_skip */
	METRIC_REPORT_SUCCESS_TIME,
	METRIC_INBOX_TAKEN,   /* enum count_taking */
	METRIC_INBOX_REPORTS, /* enum inbox_kind, enum count_intake */
	METRIC_INBOX_POSTS,   /* enum count_post */
	METRIC_INBOX_SPOOL_FILES,
	METRIC_INBOX_SPOOL_BYTES,
	METRIC_INBOX_FINDINGS, /* enum finding_kind (report/sources/findings.h) */
	METRIC_INBOX_ROWS,     /* enum source_class (report/sources/classify.h) */
	METRIC_INBOX_MESSAGES, /* enum source_class; passed, failed */
	METRIC_INBOX_FINDINGS_TIME,
	METRIC_TLS_ANSWERS, /* enum level_kind */
	METRIC_TLS_LOOKUPS,
	METRIC_TLS_FETCHES, /* enum fetch_outcome */
	METRIC_TLS_POLICIES,
	METRIC_TLS_OVERDUE,
	METRIC_TLS_OLDEST,
	METRIC_TLS_DOMAINS,
	METRIC_TLS_SESSIONS, /* enum session_kind, enum session_source */
	METRIC_TLS_FAILURES, /* see counters_tls_failed */
	METRIC_BIMI_RESULTS, /* enum bimi_result */
	METRIC_BIMI_CHECKS,  /* enum bimi_state */
	METRIC_BIMI_RECORDS,
	METRIC_BIMI_DELAYED, /* enum bimi_rate_result - 1 (bimi/rate.h) */
	METRIC_AUDIT_TIME,
	METRIC_AUDIT_CHANGES,
	METRIC_AUDIT_ERRORS,
	METRIC_AUDIT_WARNINGS,
	METRIC_AUDIT_HINTS,
	METRIC_RELOADS, /* enum count_reload */
	METRIC_RELOAD_SUCCESS,
	METRIC_RELOAD_TIME,
	METRIC_WORKERS,
	METRIC_WORKER_DEATHS,
	METRIC_START_TIME,
	METRIC_CPU_SECONDS,
	METRIC_RESIDENT_BYTES,
	METRIC_OPEN_FDS,
	METRIC_MAX_FDS,
	METRIC_THREADS,
	METRICS
};

enum count_policy {
	COUNT_POLICY_ABSENT,
	COUNT_POLICY_NONE,
	COUNT_POLICY_QUARANTINE,
	COUNT_POLICY_REJECT
};
enum count_engine { COUNT_ENGINE_SPF, COUNT_ENGINE_DKIM };
enum count_opinion { /* what became of a message that was sampled for a second opinion */
		     COUNT_OPINION_AGREED,
		     COUNT_OPINION_DIFFERED,
		     COUNT_OPINION_UNJUDGED,  /* agreed as far as the libraries can judge it */
		     COUNT_OPINION_BUSY,      /* skipped: too many of them wait */
		     COUNT_OPINION_TOO_LARGE, /* skipped */
		     COUNT_OPINION_CRASHED,   /* the process ended meanwhile */
		     COUNT_OPINION_LATE       /* there was no answer in time */
};
enum count_stage { /* where the MTA's protocol went wrong */
		   COUNT_STAGE_NEGOTIATE,
		   COUNT_STAGE_CONNECT,
		   COUNT_STAGE_HELO,
		   COUNT_STAGE_MAIL,
		   COUNT_STAGE_RCPT,
		   COUNT_STAGE_HEADER,
		   COUNT_STAGE_BODY,
		   COUNT_STAGE_END,   /* of the message */
		   COUNT_STAGE_CHANGE /* the MTA did not take a change of the header */
};
enum count_outcome { COUNT_SENT, COUNT_DEFERRED, COUNT_FAILED, COUNT_SUPPRESSED };
enum count_taking { COUNT_TAKEN, COUNT_NOT_TAKEN };
enum count_post { COUNT_POST_TAKEN, COUNT_POST_REFUSED, COUNT_POST_FAILED };
enum count_intake {
	COUNT_INTAKE_STORED,
	COUNT_INTAKE_DUPLICATE,
	COUNT_INTAKE_CONFIRMED,
	COUNT_INTAKE_NOT_KEPT
};
enum count_reload { COUNT_RELOAD_ACCEPTED, COUNT_RELOAD_REFUSED };

/* ---- counting ---- */

/* One more. A, B, C: the values of the metric's labels in their order; 0 where it has fewer. A
 * value beyond the last one counts as the last one. */
void counters_count(enum metric metric, unsigned a, unsigned b, unsigned c);
void counters_count_many(enum metric metric, unsigned a, unsigned b, unsigned c, uint64_t n);

/* For a histogram: A as above. */
void counters_time(enum metric metric, unsigned a, int64_t nanoseconds);

/* Why a failure report that was due is not made: no key for the redaction, a limit, a full queue.
 */
enum counters_skip { COUNTERS_SKIP_KEY, COUNTERS_SKIP_LIMIT, COUNTERS_SKIP_QUEUE };

/* A signature for DOMAIN. */
void counters_signed(const char *domain, enum crypt_type type);

/* A TLS session with a mail server of DOMAIN has failed. */
void counters_tls_failed(const char *domain);

/* A metric without labels. Where the table says per process, this process's share of it. */
void counters_set(enum metric metric, int64_t value);
void counters_change(enum metric metric, int64_t by);

/* A gauge with labels that is not per process. */
void counters_set_one(enum metric metric, unsigned a, unsigned b, int64_t value);

/* ---- processes ---- */

/* Makes the shared block. Once, before any fork. */
int counters_open(struct why *why);

/* A process's own part. The supervisor takes segments before it forks and gives them back after the
 * process ended: what it had counted stays counted, what it held (connections, memory) is gone.
 * Segment 0 is the supervisor's; processes without a segment use it, too. */
enum { COUNTERS_SEGMENTS = 64 };
unsigned counters_take_segment(void); /* 0: all are taken */
void counters_use_segment(unsigned segment);
void counters_release_segment(unsigned segment);

/* The log level of all processes: for log_share_level(). */
atomic_int *counters_log_level(void);

/* The current problem of this process, for the administrator: a short text, or NULL for none.
 * Called from one thread. */
enum counters_topic {
	COUNTERS_LEDGER,
	COUNTERS_KEYS,
	COUNTERS_PUBLISHED,
	COUNTERS_RESOLVER,
	COUNTERS_TOPICS
};
enum { COUNTERS_TROUBLE_MAX = 256 };
void counters_trouble(enum counters_topic topic, const char *text);

/* The problem of any process; false: there is none. TEXT has COUNTERS_TROUBLE_MAX bytes. */
bool counters_find_trouble(enum counters_topic topic, char *text);

/* Several workers find the same thing: true for the first that comes with TEXT since another text
 * of the topic, or counters_forget_told(), so that the log has it once. */
bool counters_tell_first(enum counters_topic topic, const char *text);
void counters_forget_told(void);

/* ---- signing keys ---- */

enum { COUNTERS_KEYS_MAX = 256 };
struct counters_key {
	char domain[254], selector[64];
	uint8_t type;  /* enum crypt_type */
	uint8_t state; /* enum keystate */
	bool signs;
	int8_t published; /* 1: the DNS shows its record; 0: not, or another; -1: not known */
	uint16_t bits;
	int64_t since;   /* of the state, wall seconds; 0: not known */
	int64_t created; /* its file, likewise */
};

/* The keys of this process; all workers have the same. One thread at a time. */
void counters_publish_keys(const struct counters_key *keys, unsigned count);

/* Copies the keys of a process that has any. KEYS has place for COUNTERS_KEYS_MAX; returns how
 * many there are. */
unsigned counters_keys(struct counters_key *keys);

/* ---- reading ---- */

enum metric_type { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

struct metric_label {
	const char *name;
	const struct name_code *values; /* code: the value's number, from 0 */
	unsigned count;
};
enum { METRIC_LABELS_MAX = 4, METRIC_BUCKETS = 14 };

struct metric_family {
	const char *name; /* without the prefix "countersign_" where it has one */
	enum metric_type type;
	bool per_process; /* shown is the sum over the processes */
	bool in_time;     /* kept in nanoseconds, shown in seconds */
	bool bare;        /* a process_* metric: no prefix */
	bool twin;        /* a counter whose name without "_total" is a gauge's */
	struct metric_label labels[METRIC_LABELS_MAX]; /* ends with a NULL name */
	const char *help;                              /* one sentence */
};
extern const struct metric_family metric_families[METRICS];

/* The upper bounds of a histogram's buckets, in nanoseconds; beyond them: the rest. */
extern const int64_t metric_buckets[METRIC_BUCKETS];

unsigned metric_series(enum metric metric); /* how many combinations of labels */
int64_t counters_get(enum metric metric, unsigned a, unsigned b, unsigned c);
int64_t counters_sum(enum metric metric); /* over all labels; a histogram's count */

struct counters_histogram {
	uint64_t buckets[METRIC_BUCKETS + 1]; /* not cumulated; the last is beyond all bounds */
	uint64_t count;
	int64_t sum; /* nanoseconds */
};
void counters_histogram(enum metric metric, unsigned a, struct counters_histogram *histogram);

/* Those above 0. ALGORITHM: of signatures, else NULL. */
typedef void counters_domain_visit(void *arg, const char *domain, const char *algorithm,
				   uint64_t count);
void counters_each_signed(counters_domain_visit *visit, void *arg);
void counters_each_tls_failed(counters_domain_visit *visit, void *arg);

#endif

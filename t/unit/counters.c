/* SPDX-License-Identifier: BSD-2-Clause */
/* metrics/counters.c: counts of all processes add up, and what a dead process held is gone. */
#include "metrics/counters.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/clock.h"
#include "metrics/count.h"
#include "t/lib/tap.h"

/* Every label's list has its values in order, from 0, and as many as the table says. */
static void test_table(void)
{
	for (unsigned m = 0; m < METRICS; m++) {
		const struct metric_family *family = &metric_families[m];
		bool fine = family->name != NULL && family->help != NULL;

		for (unsigned i = 0; i < METRIC_LABELS_MAX && family->labels[i].name != NULL; i++) {
			const struct metric_label *label = &family->labels[i];
			unsigned count = 0;

			if (label->values == NULL)
				continue;
			for (; label->values[count].name != NULL; count++)
				fine = fine && label->values[count].code == (int)count;
			fine = fine && count == label->count;
		}
		ok(fine, "metric %u, %s", m, family->name == NULL ? "?" : family->name);
		ok((family->type == METRIC_COUNTER) ==
		       (family->name != NULL && strstr(family->name, "_total") != NULL),
		   "ends in _total exactly when it is a counter");
		ok(metric_series(m) * (family->type == METRIC_HISTOGRAM ? METRIC_BUCKETS + 2 : 1) <=
		       128,
		   "has room");
	}
}

static void test_counting(void)
{
	struct counters_histogram histogram;

	counters_count(METRIC_MESSAGES, ORIGIN_INBOUND, ACTION_REJECT, 0);
	counters_count(METRIC_MESSAGES, ORIGIN_INBOUND, ACTION_REJECT, 0);
	counters_count(METRIC_MESSAGES, ORIGIN_AUTH, ACTION_ACCEPT, 0);
	is_int(counters_get(METRIC_MESSAGES, ORIGIN_INBOUND, ACTION_REJECT, 0), 2, "two of them");
	is_int(counters_get(METRIC_MESSAGES, ORIGIN_INBOUND, ACTION_ACCEPT, 0), 0, "none of those");
	is_int(counters_sum(METRIC_MESSAGES), 3, "three in all");
	counters_count(METRIC_MESSAGES, 99, 99, 0);
	is_int(counters_get(METRIC_MESSAGES, ORIGINS - 1, 3, 0), 1,
	       "values beyond the last are the last");
	counters_count(METRIC_DMARC_RESULTS, AUTH_PERMERROR, COUNT_POLICY_REJECT,
		       DMARC_POLICY_REJECT);
	is_int(counters_get(METRIC_DMARC_RESULTS, AUTH_PERMERROR, COUNT_POLICY_REJECT,
			    DMARC_POLICY_REJECT),
	       1, "the last of three labels");
	counters_time(METRIC_DNS_SECONDS, 4, 3 * CLOCK_MS);
	counters_time(METRIC_DNS_SECONDS, 4, 5 * CLOCK_MS);
	counters_time(METRIC_DNS_SECONDS, 4, 60 * CLOCK_SECOND);
	counters_time(METRIC_DNS_SECONDS, 3, CLOCK_SECOND);
	counters_histogram(METRIC_DNS_SECONDS, 4, &histogram);
	is_int(histogram.count, 3, "a histogram's count");
	is_int(histogram.buckets[2], 2, "3 and 5 ms are in the bucket of 5 ms");
	is_int(histogram.buckets[METRIC_BUCKETS], 1, "a minute is beyond all");
	is_int(histogram.sum, 60 * CLOCK_SECOND + 8 * CLOCK_MS, "its sum");
	is_int(counters_sum(METRIC_DNS_SECONDS), 4, "observations of all types");
}

struct seen {
	unsigned lines;
	uint64_t example, other;
};

static void note_signed(void *arg, const char *domain, const char *algorithm, uint64_t count)
{
	struct seen *seen = arg;

	seen->lines++;
	if (algorithm != NULL && strcmp(domain, "example.com") == 0 &&
	    strcmp(algorithm, "ed25519-sha256") == 0)
		seen->example = count;
	if (strcmp(domain, "other") == 0)
		seen->other += count;
}

static void test_domains(void)
{
	struct seen seen = {0};
	char name[300];

	counters_signed("example.com", CRYPT_RSA);
	counters_signed("example.com", CRYPT_ED25519);
	counters_signed("example.com", CRYPT_ED25519);
	counters_each_signed(note_signed, &seen);
	is_int(seen.lines, 2, "two algorithms of one domain");
	is_int(seen.example, 2, "each counted");
	for (unsigned i = 0; i < 300; i++) {
		snprintf(name, sizeof name, "d%u.example", i);
		counters_signed(name, CRYPT_RSA);
	}
	memset(name, 'a', sizeof name - 1);
	name[sizeof name - 1] = '\0';
	counters_signed(name, CRYPT_RSA);
	seen = (struct seen){0};
	counters_each_signed(note_signed, &seen);
	is_int(seen.lines, 258, "256 domains, one with two algorithms, and the others");
	is_int(seen.other, 46, "301 came for 255 places");
	counters_tls_failed("example.com");
	counters_tls_failed("example.com");
	counters_tls_failed("example.net");
	seen = (struct seen){0};
	counters_each_tls_failed(note_signed, &seen);
	is_int(seen.lines, 2, "domains whose servers fail are counted apart");
}

/* In another process, in a segment. */
static void count_as(unsigned segment)
{
	static const struct counters_key keys[] = {
	    {.domain = "example.com", .selector = "s1", .published = -1},
	    {.domain = "example.com", .selector = "s2", .published = 1},
	};

	counters_use_segment(segment);
	counters_count(METRIC_SPF_RESULTS, AUTH_PASS, SPF_SCOPE_MFROM, 0);
	counters_change(METRIC_CONNECTIONS_NOW, 3);
	counters_change(METRIC_CONNECTIONS_NOW, -1);
	counters_set(METRIC_STORE_ROWS, 10);
	counters_publish_keys(keys, 2);
	_exit(0);
}

static void test_processes(void)
{
	struct counters_key keys[COUNTERS_KEYS_MAX];
	unsigned first = counters_take_segment(), second = counters_take_segment();
	int status;

	ok(first != 0 && second != 0 && first != second, "two segments");
	for (unsigned i = 0; i < 2; i++) {
		pid_t pid = fork();

		if (pid == 0)
			count_as(i == 0 ? first : second);
		waitpid(pid, &status, 0);
	}
	is_int(counters_get(METRIC_SPF_RESULTS, AUTH_PASS, SPF_SCOPE_MFROM, 0), 2,
	       "both counted one");
	is_int(counters_sum(METRIC_CONNECTIONS_NOW), 4, "both hold two");
	is_int(counters_sum(METRIC_STORE_ROWS), 20, "both stored ten");
	is_int(counters_keys(keys), 2, "and have the same two keys");
	is_text(keys[1].selector, "s2", "in order");
	counters_release_segment(first);
	is_int(counters_sum(METRIC_CONNECTIONS_NOW), 2, "one ended: what it held is gone");
	is_int(counters_sum(METRIC_STORE_ROWS), 20, "what it had counted is not");
	is_int(counters_keys(keys), 2, "the other one still has the keys");
	counters_release_segment(second);
	is_int(counters_keys(keys), 0, "nobody has keys");
	is_int(counters_take_segment(), first, "a segment is used again");
	counters_release_segment(first);
}

static void test_segments(void)
{
	unsigned segments = 0;

	while (counters_take_segment() != 0)
		segments++;
	is_int(segments, COUNTERS_SEGMENTS - 1, "as many segments as there are");
	for (unsigned i = 1; i < COUNTERS_SEGMENTS; i++)
		counters_release_segment(i);
}

static void test_messages(void)
{
	struct dkim_verdict dkim[] = {{.result = AUTH_PASS, .algorithm = "rsa-sha256"},
				      {.result = AUTH_NEUTRAL, .algorithm = "x-unheard-of"}};
	struct dmarc_published published = {.p = DMARC_POLICY_REJECT};
	struct verdict verdict = {
	    .iprev = {.result = AUTH_FAIL},
	    .spf = {.result = AUTH_SOFTFAIL},
	    .spf_helo = {.result = AUTH_NONE, .scope = SPF_SCOPE_HELO},
	    .dkim = dkim,
	    .dkim_count = 2,
	    .dmarc = {.result = AUTH_FAIL, .published = &published, .policy = DMARC_POLICY_REJECT},
	    .decision = {.action = ACTION_QUARANTINE,
			 .disposition = DMARC_POLICY_QUARANTINE,
			 .overrides = {{OVERRIDE_LOCAL_POLICY, NULL}},
			 .override_count = 1},
	    .spf_disagrees = true,
	};
	struct outbound_result unsigned_result = {.reason = OUTBOUND_KEY_PENDING};
	int64_t before = counters_sum(METRIC_MESSAGE_SECONDS);
	int64_t tempfails = counters_get(METRIC_MESSAGES, ORIGIN_INBOUND, ACTION_TEMPFAIL, 0);

	count_inbound(ORIGIN_INBOUND, &verdict, ACTION_TEMPFAIL, CLOCK_MS);
	is_int(counters_get(METRIC_MESSAGES, ORIGIN_INBOUND, ACTION_TEMPFAIL, 0), tempfails + 1,
	       "as answered");
	is_int(counters_get(METRIC_SPF_RESULTS, AUTH_SOFTFAIL, SPF_SCOPE_MFROM, 0), 1, "SPF");
	is_int(counters_get(METRIC_SPF_RESULTS, AUTH_NONE, SPF_SCOPE_HELO, 0), 1, "SPF of HELO");
	is_int(counters_get(METRIC_IPREV_RESULTS, AUTH_FAIL, 0, 0), 1, "iprev");
	is_int(counters_get(METRIC_DKIM_SIGNATURES, AUTH_PASS, DKIMSIG_RSA_SHA256, 0), 1, "DKIM");
	is_int(counters_get(METRIC_DKIM_SIGNATURES, AUTH_NEUTRAL, DKIMSIG_UNKNOWN, 0), 1,
	       "another algorithm");
	is_int(counters_get(METRIC_DMARC_RESULTS, AUTH_FAIL, COUNT_POLICY_REJECT,
			    DMARC_POLICY_QUARANTINE),
	       1, "DMARC");
	is_int(counters_get(METRIC_DMARC_OVERRIDES, OVERRIDE_LOCAL_POLICY, 0, 0), 1, "an override");
	is_int(counters_get(METRIC_DISAGREEMENTS, COUNT_ENGINE_SPF, 0, 0), 1, "a disagreement");
	is_int(counters_get(METRIC_DISAGREEMENTS, COUNT_ENGINE_DKIM, 0, 0), 0, "not the other");
	is_int(counters_sum(METRIC_MESSAGE_SECONDS), before + 1, "its time");
	count_outbound(ORIGIN_LOCAL, &unsigned_result, ACTION_ACCEPT, CLOCK_MS);
	is_int(counters_get(METRIC_DKIM_UNSIGNED, OUTBOUND_KEY_PENDING, 0, 0), 1, "why unsigned");
	count_query(DNS_TYPE_TXT, DNS_NXDOMAIN, CLOCK_MS);
	is_int(counters_get(METRIC_DNS_QUERIES, 3, DNS_NXDOMAIN, 0), 1, "a query");
	is_text(metric_families[METRIC_DNS_QUERIES].labels[0].values[3].name, "TXT",
		"of that type");
}

int main(void)
{
	struct why why;

	test_table();
	ok(counters_open(&why) == 0, "the block is made");
	test_counting();
	test_domains();
	test_processes();
	test_segments();
	test_messages();
	return tap_done();
}

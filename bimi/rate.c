/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A table of buckets, which fill as time passes. When the table is full, the fullest bucket is
 * given away, so those that hold somebody back stay; there are fewer fetches in an hour than
 * buckets.
 *
 * A domain counts by its last labels, since anybody can have any number of names below his own.
 * The list of public suffixes is not read here: a short label below the last one ("co.uk") takes
 * one more.
 */
#include "bimi/rate.h"

#include <assert.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/span.h"

enum { BUCKETS = 2048, NAME_MAX_BYTES = 256, SHORT_LABEL = 3 };

static const int64_t hour = 3600 * CLOCK_SECOND;

const struct name_code bimi_rate_names[] = {{"open", BIMI_RATE_OPEN},
					    {"all", BIMI_RATE_ALL},
					    {"domain", BIMI_RATE_DOMAIN},
					    {"host", BIMI_RATE_HOST},
					    {NULL, 0}};

struct bucket {
	enum bimi_rate_result kind;
	char name[NAME_MAX_BYTES];
	unsigned limit;
	double left;
	int64_t at; /* when LEFT was right */
};

struct bimi_rate {
	struct bimi_rate_limits limits;
	struct bucket buckets[BUCKETS];
	unsigned count;
};

struct bimi_rate *bimi_rate_new(const struct bimi_rate_limits *limits, struct arena *arena)
{
	struct bimi_rate *rate = arena_make(arena, struct bimi_rate);

	rate->limits = *limits;
	return rate;
}

/* ---- buckets ---- */

static void fill_bucket(struct bucket *bucket, int64_t now)
{
	double more = (double)(now - bucket->at) / (double)hour * bucket->limit;

	bucket->left = bucket->left + more > bucket->limit ? bucket->limit : bucket->left + more;
	bucket->at = now;
}

static struct bucket *take_bucket(struct bimi_rate *rate, int64_t now)
{
	struct bucket *fullest = &rate->buckets[0];

	if (rate->count < BUCKETS)
		return &rate->buckets[rate->count++];
	for (unsigned i = 0; i < BUCKETS; i++) {
		fill_bucket(&rate->buckets[i], now);
		if (rate->buckets[i].left / rate->buckets[i].limit > fullest->left / fullest->limit)
			fullest = &rate->buckets[i];
	}
	return fullest;
}

static struct bucket *find_bucket(struct bimi_rate *rate, enum bimi_rate_result kind,
				  struct span name, unsigned limit, int64_t now)
{
	struct bucket *bucket;

	if (span_len(name) >= NAME_MAX_BYTES)
		name.p = name.end - (NAME_MAX_BYTES - 1);
	for (unsigned i = 0; i < rate->count; i++) {
		bucket = &rate->buckets[i];
		if (bucket->kind == kind && span_ieq(name, bucket->name)) {
			fill_bucket(bucket, now);
			return bucket;
		}
	}
	bucket = take_bucket(rate, now);
	*bucket = (struct bucket){.kind = kind, .limit = limit, .left = limit, .at = now};
	memcpy(bucket->name, name.p, span_len(name));
	return bucket;
}

/* ---- what is counted ---- */

static struct span last_labels(const char *domain)
{
	struct span name = span_of(domain);
	const char *from = name.end;
	size_t length = 0;

	for (unsigned label = 0; from > name.p;) {
		if (from[-1] != '.') {
			from--;
			length++;
			continue;
		}
		if (++label == 2 && length > SHORT_LABEL)
			break;
		if (label == 3)
			break;
		length = 0;
		from--;
	}
	return (struct span){from, name.end};
}

/* Between "https://" and the path, with a port and whatever else stands there. */
static struct span host_of(const char *uri)
{
	const char *start = strstr(uri, "//");

	start = start == NULL ? uri : start + 2;
	return span_make(start, strcspn(start, "/?#"));
}

enum bimi_rate_result bimi_rate_take(struct bimi_rate *rate, const struct bimi_offer *offer,
				     int64_t now)
{
	const struct bimi_rate_limits *limits = &rate->limits;
	struct {
		enum bimi_rate_result kind;
		struct span name;
		unsigned limit;
	} wanted[] = {{BIMI_RATE_HOST, host_of(offer->location), limits->host},
		      {BIMI_RATE_HOST, host_of(offer->authority), limits->host},
		      {BIMI_RATE_DOMAIN, last_labels(offer->domain), limits->domain},
		      {BIMI_RATE_ALL, span_of(""), limits->all}};
	enum { WANTED = sizeof wanted / sizeof *wanted };

	assert(limits->all > 0 && limits->domain > 0 && limits->host > 0);
	if (span_same(wanted[0].name, wanted[1].name))
		wanted[1].name = span_of("");
	for (unsigned i = 0; i < WANTED; i++) {
		if (span_empty(wanted[i].name) && wanted[i].kind == BIMI_RATE_HOST)
			continue;
		if (find_bucket(rate, wanted[i].kind, wanted[i].name, wanted[i].limit, now)->left <
		    1)
			return wanted[i].kind;
	}
	for (unsigned i = 0; i < WANTED; i++)
		if (!span_empty(wanted[i].name) || wanted[i].kind != BIMI_RATE_HOST)
			find_bucket(rate, wanted[i].kind, wanted[i].name, wanted[i].limit, now)
			    ->left -= 1;
	return BIMI_RATE_OPEN;
}

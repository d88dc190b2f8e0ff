/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How often web servers are asked: in all, for the records of one domain, and of one host. Whoever
 * sends mail chooses both; without bounds, he could have us ask a host as often as he likes.
 */
#ifndef BIMI_RATE_H
#define BIMI_RATE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/arena.h"
#include "lib/name.h"
#include "policy/bimi/known.h"

/* Of an hour; what was not used in the last hour may be used at once. */
struct bimi_rate_limits {
	unsigned all, domain, host;
};

enum bimi_rate_result { BIMI_RATE_OPEN, BIMI_RATE_ALL, BIMI_RATE_DOMAIN, BIMI_RATE_HOST };
extern const struct name_code bimi_rate_names[]; /* "open" "all" "domain" "host" */
enum { BIMI_RATE_RESULTS = BIMI_RATE_HOST + 1 };

struct bimi_rate;

struct bimi_rate *bimi_rate_new(const struct bimi_rate_limits *limits, struct arena *arena);

/* Whether what OFFER names may be fetched at NOW (nanoseconds, any clock that only goes forward).
 * BIMI_RATE_OPEN: it counts; else nothing does, and it is the limit in the way. */
enum bimi_rate_result bimi_rate_take(struct bimi_rate *rate, const struct bimi_offer *offer,
				     int64_t now);

#endif

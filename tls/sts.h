/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * MTA-STS (RFC 8461): the TXT record at _mta-sts.DOMAIN and the policy that it announces.
 */
#ifndef TLS_STS_H
#define TLS_STS_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/arena.h"
#include "lib/name.h"
#include "lib/span.h"
#include "lib/why.h"

enum {
	STS_POLICY_MAX = 65536,
	STS_PATTERNS_MAX = 256,
	STS_ID_MAX = 32,
	STS_AGE_MAX = 31557600 /* seconds */
};

/* Section 3.1: a TXT record that does not begin with "v=STSv1;" is not one. */
bool sts_record_is(struct span text);

/* The id of such a record, in ARENA; NULL with a reason when the record is not valid. */
const char *sts_record_parse(struct arena *arena, struct span text, struct why *why);

enum sts_mode { STS_NONE, STS_TESTING, STS_ENFORCE };
extern const struct name_code sts_mode_names[];

struct sts_policy {
	enum sts_mode mode;
	uint32_t max_age; /* seconds; one that is larger than STS_AGE_MAX counts as that */
	unsigned count;
	const char *patterns[STS_PATTERNS_MAX]; /* lower case: "mx.example.com", "*.example.com" */
};

/* Section 3.2, by its grammar; only empty lines are accepted beside it. -1 with a reason: no policy
 * can be taken from TEXT. Strings live in ARENA. */
int sts_policy_parse(struct arena *arena, struct span text, struct sts_policy *policy,
		     struct why *why);

/* Whether a TLS policy of Postfix and a log line can hold NAME: letters, digits, "-", "_", ".". */
bool sts_is_host_name(struct span name);

/* Section 4.1: "*." stands for exactly one label. HOST is lower case, without a final dot. */
bool sts_policy_allows(const struct sts_policy *policy, const char *host);

#endif

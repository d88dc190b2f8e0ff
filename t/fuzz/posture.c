/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tls/sts, tls/tlsrpt, policy/bimi/record: what is taken from a text fulfils its contract. The
 * first byte chooses the parser.
 */
#include <assert.h>
#include <string.h>

#include "lib/arena.h"
#include "policy/bimi/record.h"
#include "t/lib/fuzz.h"
#include "tls/sts.h"
#include "tls/tlsrpt.h"

static void check_policy(struct arena *arena, struct span text)
{
	struct sts_policy policy;
	struct why why;

	if (sts_policy_parse(arena, text, &policy, &why) == -1)
		return;
	assert(policy.count <= STS_PATTERNS_MAX && policy.max_age <= STS_AGE_MAX);
	assert(policy.count > 0 || policy.mode == STS_NONE);
	for (unsigned i = 0; i < policy.count; i++)
		assert(strpbrk(policy.patterns[i], " \r\n\t") == NULL);
	(void)sts_policy_allows(&policy, "mx.example.com");
}

static void check_bimi(struct arena *arena, struct span text)
{
	struct bimi_record record;
	struct why why;

	if (bimi_record_parse(arena, text, &record, &why) == 0)
		assert(record.declined == (*record.location == '\0' && *record.authority == '\0'));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = span_make(data + (size > 0), size - (size > 0));
	struct arena *arena = arena_new(0);
	const char *id;
	struct why why;

	switch (size > 0 ? data[0] % 4 : 0) {
	case 0:
		check_policy(arena, text);
		break;
	case 1:
		id = sts_record_parse(arena, text, &why);
		assert(id == NULL || (strlen(id) >= 1 && strlen(id) <= 32));
		break;
	case 2:
		(void)tlsrpt_record_parse(arena, text, &why);
		break;
	case 3:
		check_bimi(arena, text);
		break;
	}
	arena_free(arena);
	return 0;
}

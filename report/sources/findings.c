/* SPDX-License-Identifier: BSD-2-Clause */
#include "report/sources/findings.h"

#include <assert.h>
#include <inttypes.h>

enum {
	REPLAY_MORE = 100,
	REPLAY_PERCENT = 120,
	STREAM_MIN = 100,
	COMPLAINTS_PER_1000 = 1,
	COMPLAINTS_HIGH_PER_1000 = 3
};

const struct name_code finding_kind_names[] = {{"unsigned-host", FINDING_UNSIGNED_HOST},
					       {"foreign-key", FINDING_FOREIGN_KEY},
					       {"partner-unaligned", FINDING_PARTNER_UNALIGNED},
					       {"spf-only", FINDING_SPF_ONLY},
					       {"old-key", FINDING_OLD_KEY},
					       {"replay", FINDING_REPLAY},
					       {"tls", FINDING_TLS},
					       {"complaints", FINDING_COMPLAINTS},
					       {"complaints-high", FINDING_COMPLAINTS_HIGH},
					       {"not-authorized", FINDING_NOT_AUTHORIZED},
					       {"not-asked", FINDING_NOT_ASKED},
					       {NULL, 0}};

/* ---- flows ---- */

static bool tell_flow(const struct flow *flow, enum finding_kind kind, const char *text,
		      struct finding *finding)
{
	*finding = (struct finding){.kind = kind,
				    .domain = flow->domain,
				    .subject = flow->name,
				    .messages = flow->all.messages - flow->all.passed,
				    .text = text};
	return true;
}

static bool judge_decided(const struct flow *flow, struct arena *arena, struct finding *finding)
{
	int64_t failed = flow->all.messages - flow->all.passed;

	if (flow->decision != FLOW_PARTNER || failed == 0)
		return false;
	return tell_flow(flow, FINDING_PARTNER_UNALIGNED,
			 arena_printf(arena,
				      "%" PRId64 " messages of the partner %s failed: they have"
				      " neither a signature nor an envelope in your name",
				      failed, flow->name),
			 finding);
}

static bool judge_own(const struct flow *flow, struct arena *arena, struct finding *finding)
{
	int64_t failed = flow->all.messages - flow->all.passed;

	return failed > 0 &&
	       tell_flow(flow, FINDING_UNSIGNED_HOST,
			 arena_printf(arena,
				      "%" PRId64 " messages of your own hosts failed:"
				      " a host does not sign, or signs for another domain",
				      failed),
			 finding);
}

static bool judge_spf_only(const struct flow *flow, struct arena *arena, struct finding *finding)
{
	int64_t failed = flow->all.messages - flow->all.passed;

	return failed > 0 &&
	       tell_flow(flow, FINDING_SPF_ONLY,
			 arena_printf(arena,
				      "%" PRId64 " messages of a host that your SPF record names"
				      " failed: they are not signed, and their envelope is not"
				      " aligned",
				      failed),
			 finding);
}

bool finding_of_flow(const struct flow *flow, struct arena *arena, struct finding *finding)
{
	assert(flow->all.passed <= flow->all.messages);
	if (judge_decided(flow, arena, finding))
		return true;
	if (flow->decision == FLOW_IGNORE)
		return false;
	switch (flow->class) {
	case SOURCE_OURS:
		return judge_own(flow, arena, finding);
	case SOURCE_PARTNER:
		return flow->decision == FLOW_UNDECIDED &&
		       tell_flow(flow, FINDING_FOREIGN_KEY,
				 arena_printf(arena,
					      "somebody signs with %s, whose key is in your DNS but"
					      " not in your keyring",
					      flow->name),
				 finding);
	case SOURCE_SPF_ONLY:
		return judge_spf_only(flow, arena, finding);
	case SOURCE_OLD_KEY:
		return tell_flow(
		    flow, FINDING_OLD_KEY,
		    arena_printf(arena, "%s is no longer published, but still in use", flow->name),
		    finding);
	case SOURCE_FORWARDED:
	case SOURCE_MODIFIED:
	case SOURCE_UNKNOWN:
	case SOURCE_CLASSES:
		break;
	}
	return false;
}

/* ---- counts ---- */

bool finding_is_replay(int64_t passed, int64_t signatures)
{
	assert(passed >= 0 && signatures >= 0);
	return passed - signatures > REPLAY_MORE &&
	       (double)passed * 100 > (double)signatures * REPLAY_PERCENT;
}

bool finding_of_complaints(int64_t complaints, int64_t messages, enum finding_kind *kind)
{
	double share;

	if (messages < STREAM_MIN || complaints <= 0)
		return false;
	share = (double)complaints * 1000 / (double)messages;
	*kind = share >= COMPLAINTS_HIGH_PER_1000 ? FINDING_COMPLAINTS_HIGH : FINDING_COMPLAINTS;
	return share >= COMPLAINTS_PER_1000;
}

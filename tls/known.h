/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the policy service holds in memory, of each domain: the answers that were last given, for
 * as long as DNS says, and its MTA-STS policy, until that expires. For several threads.
 *
 * It also says when a policy may be fetched: one fetch at a time for a domain, and after a failure
 * not for a while with the same id (RFC 8461 section 3.3), longer each time.
 *
 * Times are wall seconds, but UNTIL of an answer: clock_mono().
 */
#ifndef TLS_KNOWN_H
#define TLS_KNOWN_H

#include "store/policies.h"
#include "tls/answer.h"
#include "tls/fetch.h"

struct known;

enum { KNOWN_ENTRIES_MAX = 262144 };

/* Answers that outlive the process: memory of KNOWN_SHARED_BYTES, zeroed at first, that the next
 * process is given as well. A domain that was asked about lately is answered at once then, so that
 * its client, which may have lost one connection, need not wait while that process can be lost. */
enum { KNOWN_SHARED_BYTES = 8 << 20 };

/* SHARED: such memory, or NULL. Lives until the process ends. */
struct known *known_new(void *shared);

/* ---- answers ---- */

/* True: OUT has the answer that was kept for DOMAIN (of any bytes), and *KIND what it is. *AGES: it
 * ends within a few seconds, so that the next one should be found out now. */
bool known_answer(struct known *cache, struct span domain, enum answer_map map, struct buf *out,
		  enum level_kind *kind, bool *ages);

void known_keep_answers(struct known *cache, const char *domain, enum level_kind kind,
			const char *const answers[ANSWER_MAPS], int64_t until);
void known_forget_answers(struct known *cache, const char *domain);

/* ---- policies ---- */

void known_put_policy(struct known *cache, const struct policies_row *row);

/* The policy that is held and has not expired at NOW. Strings live in ARENA. */
void known_held(struct known *cache, struct arena *arena, const char *domain, int64_t now,
		struct sts_held *held);

/* Notes that mail for DOMAIN is sent. True when it is the first time today. */
bool known_note_use(struct known *cache, const char *domain, int64_t now);

/* Domains in use whose policy was fetched a day ago or longer, at most MAX, and not being fetched;
 * one that another host fetched is first left to that host for an hour. What has expired is
 * forgotten. Strings live in ARENA. */
unsigned known_list_due(struct known *cache, struct arena *arena, int64_t now, const char **domains,
			unsigned max);

/* ---- fetches ---- */

enum known_fetch {
	KNOWN_FETCH_BEGINS, /* the caller fetches, and calls known_end_fetch() */
	KNOWN_FETCH_RUNS,   /* another one does */
	KNOWN_FETCH_WAITS   /* not yet again; WHY has the last failure */
};
enum known_fetch known_begin_fetch(struct known *cache, const char *domain, const char *id,
				   int64_t now, struct why *why);

/* OUTCOME FETCH_DONE: after known_put_policy(). WHY: what is wrong else. */
void known_end_fetch(struct known *cache, const char *domain, const char *id,
		     enum fetch_outcome outcome, const struct why *why, int64_t now);

/* Until the fetch of DOMAIN has ended, or DEADLINE (clock_mono()). WHY: why it failed, or "". */
void known_wait_fetch(struct known *cache, const char *domain, int64_t deadline, struct why *why);

struct known_stats {
	uint64_t entries, policies;
	/* of the policies in use, when known_list_due() was last called */
	uint64_t overdue; /* should have been renewed a day ago */
	int64_t oldest;   /* when the oldest was fetched, wall seconds; 0: there is none */
};
void known_stats(struct known *cache, struct known_stats *stats);

#endif

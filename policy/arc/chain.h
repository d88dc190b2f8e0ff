/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The Authenticated Received Chain of a message (RFC 8617): collected, checked for structure, and
 * validated. Fed with the header as policy/dkim/check keeps it; the newest ARC-Message-Signature is
 * enrolled in the pass that verifies the DKIM signatures (policy/dkim/bodypass.h), so that the body
 * is hashed once.
 *
 *   arc_header          every field of the header
 *   arc_end_of_headers  before dkimcheck_end_of_headers: structure; lookups of keys start
 *   arc_await           before dkimcheck_finish: the key of the newest message signature
 *   arc_finish          after it: all seals; the verdict
 *
 * Chain Validation Status (section 4.4): none, pass or fail. Every error is a fail, for ever and
 * for everybody (section 5.2.1); where DNS did not answer the verdict says so, for our own
 * decisions.
 */
#ifndef POLICY_ARC_CHAIN_H
#define POLICY_ARC_CHAIN_H

#include "dns/dns.h"
#include "lib/arena.h"
#include "lib/buf.h"
#include "policy/dkim/check.h"
#include "policy/result/verdict.h"

struct arc_rules {
	bool accept_partial_body; /* as for DKIM: l= of the message signature may be short */
	int64_t clock_drift;      /* seconds granted to x= */
};

struct arc;

/* Everything lives in ARENA; the chain's lookups in SCOPE. NOW: wall seconds. */
struct arc *arc_new(const struct arc_rules *rules, struct dkimcheck *dkim, struct arena *arena,
		    struct dns_scope *scope, int64_t now);
void arc_header(struct arc *arc, const struct dkimengine_field *field);
void arc_end_of_headers(struct arc *arc);
void arc_await(struct arc *arc);
void arc_finish(struct arc *arc, struct arc_verdict *out);

/* ---- for a sealer (section 5.1) ---- */

/* The instance of the next set, as soon as the header has ended. 0: the chain cannot go on (its
 * newest seal says cv=fail, or it has 50 sets). */
unsigned arc_next_instance(const struct arc *arc);

/* The value of the newest seal; empty: there is none. */
struct span arc_newest_seal(const struct arc *arc);

/* In place of arc_end_of_headers, await and finish: nothing is looked up or verified, because the
 * chain was, earlier, with TOLD as the result. A set that was added to it since then, by ourselves,
 * holds. OUT->temporary: the sets do not fit together, so that the chain cannot go on. */
void arc_resume(struct arc *arc, enum auth_result told, struct arc_verdict *out);

/* Appends the sets of a chain that is good, as the next seal signs them. */
void arc_canonical(const struct arc *arc, struct buf *out);

#endif

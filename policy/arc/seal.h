/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Seals one message (RFC 8617 section 5.1): the three fields of the next ARC set.
 */
#ifndef POLICY_ARC_SEAL_H
#define POLICY_ARC_SEAL_H

#include "keys/keyring.h"
#include "policy/arc/chain.h"

struct arcseal;

/* The three values, without the name, the colon and the blank after it; folds as CRLF HTAB. To be
 * put on top of the message in this order. */
struct arcseal_fields {
	const char *results; /* ARC-Authentication-Results */
	const char *message; /* ARC-Message-Signature */
	const char *seal;    /* ARC-Seal */
};

/* At the end of the header: FIELDS is all of it. NULL: the chain on the message cannot go on
 * (arc_next_instance). All of it lives in ARENA. */
struct arcseal *arcseal_new(const struct arc *arc, const struct dkimengine_field *fields,
			    const struct signing_key *key, struct arena *arena, int64_t now);
void arcseal_body(struct arcseal *seal, struct span chunk);

/*
 * After arc_finish. RESULTS: an authres-payload, all our results together (section 4.1.1). A chain
 * that fails is sealed as broken, alone (section 5.1.2), but not where it fails only because DNS
 * did not answer: the next hop may know better, and no seal is needed. -1 with a reason: no seal;
 * *LATER: a later try may make one.
 */
int arcseal_finish(struct arcseal *seal, const struct arc_verdict *verdict, const char *results,
		   struct arcseal_fields *out, bool *later, struct why *why);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a chain of sealers that the operator trusts says of a message (RFC 8617 section 7.2).
 */
#ifndef POLICY_ARC_TRUST_H
#define POLICY_ARC_TRUST_H

#include "lib/arena.h"
#include "mail/domain.h"
#include "policy/result/verdict.h"

enum { ARCTRUST_SETS_TOLD = 10 /* in a comment, the newest first */ };

/* Is the newest seal one of a domain that SEALERS name? */
bool arctrust_is_sealer(const struct domain_pattern *sealers, unsigned count,
			const struct verdict *verdict);

/*
 * Does it stand for the author's domain? The chain must pass, and nothing may
 * have been added above what its newest message signature signs. Whoever handed the message on
 * without a break down to us must be trusted, from the newest set to the one that counts: an
 * untrusted hop could have changed what older sets spoke of. The ARC-Authentication-Results of a
 * trusted set count when they have dmarc=pass for the author's domain, or, without any dmarc=, an
 * aligned dkim=pass or spf=pass. NULL: no; else the text for logs and for the report's comment
 * (section 7.2.2).
 */
const char *arctrust_find(const struct domain_pattern *sealers, unsigned count,
			  const struct verdict *verdict, struct arena *arena);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Writing our Authentication-Results field, RFC 8601.
 */
#ifndef POLICY_AUTHRES_H
#define POLICY_AUTHRES_H

#include "lib/arena.h"
#include "policy/result/verdict.h"

enum { AUTHRES_DKIM_MAX = 25 }; /* signatures written: those that pass first */

/*
 * The value of our field for VERDICT: folded with LF HTAB, without the name and the first blank.
 * Values from the network are quoted where the grammar needs it; what an honest value cannot hold
 * is left out.
 *
 * iprev= when there was a client address; spf= for MAIL FROM (smtp.mailfrom), or for the null
 * sender's HELO (smtp.helo); spf= for HELO beside a MAIL FROM if HELO has a result other than none;
 * dkim= for each signature, or dkim=none; arc=, with the client's address; dmarc=, with
 * policy.dmarc as it is after t=y; bimi= where BIMI is evaluated.
 */
const char *authres_write(struct arena *arena, const char *authserv_id,
			  const struct verdict *verdict);

#endif

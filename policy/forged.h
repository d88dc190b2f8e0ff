/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The fields of an inbound message that only this host, or this program, may have written: forged
 * ones are removed, whatever else is done with the message.
 *
 *   Authentication-Results        that carry our authserv-id (RFC 8601 section 5)
 *   ARC-Authentication-Results    likewise, unless they belong to a chain that holds (RFC 8617
 *                                 section 5.2), which their removal would break
 *   Received-SPF                  that claim to be ours (RFC 7208 section 9.1)
 *   X-Countersign-Quarantine      all: mailbox filters sort by it
 *   BIMI-Location, BIMI-Indicator, BIMI-Logo-Preference
 *                                 all: mail programs show the logo that they name, and only a
 *                                 receiver that has evaluated BIMI may write them
 *                                 (draft-brand-indicators-for-message-identification); also with
 *                                 bytes in the name that no name has: some reader drops them
 */
#ifndef POLICY_FORGED_H
#define POLICY_FORGED_H

#include <stdbool.h>

#include "lib/span.h"
#include "policy/result/verdict.h"

/* The mark of a message that a policy quarantines. Its value is QUARANTINE_VALUE and nothing else,
 * so that the simplest rule of a mailbox filter matches it. */
#define QUARANTINE_FIELD "X-Countersign-Quarantine"
#define QUARANTINE_VALUE "yes"

enum forged_kind {
	FORGED_AUTHRES,
	FORGED_ARC_RESULTS,
	FORGED_RECEIVED_SPF,
	FORGED_QUARANTINE,
	FORGED_BIMI_LOCATION,
	FORGED_BIMI_INDICATOR,
	FORGED_BIMI_PREFERENCE,
	FORGED_DISGUISED, /* one of the last three; the name is the field's own */
	FORGED_KINDS,
	FORGED_NONE = FORGED_KINDS
};

/* Of the field; NULL: FORGED_DISGUISED. */
const char *forged_name(enum forged_kind kind);

/* Which of them a field can be by its NAME: blanks at its end do not matter. */
enum forged_kind forged_kind_of(struct span name);

/* Must a field of KIND be removed? HOST: our host's name, or NULL. */
bool forged_is(enum forged_kind kind, struct span value, const char *authserv_id, const char *host);

/* Decided when the chain has been: do fields of KIND that forged_is() picked stay for its sake? A
 * chain fails for want of a DNS answer only here, and may hold for the next reader. */
bool forged_stays(enum forged_kind kind, const struct arc_verdict *arc);

#endif

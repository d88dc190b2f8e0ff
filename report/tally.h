/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Makes the ledger's row from a verdict: what RFC 9990 reports about a message.
 */
#ifndef REPORT_TALLY_H
#define REPORT_TALLY_H

#include "lib/arena.h"
#include "policy/result/verdict.h"
#include "store/ledger.h"

/*
 * The row that counts a message with this verdict. False: nothing to count (no policy record
 * applied; the client has no address; the message is deferred and will come again). RCPT_DOMAIN:
 * the recipients' domain if they share one, else NULL. RECEIVED: wall seconds. Texts live in ARENA
 * or in VERDICT.
 *
 * What differs between messages of one sender is not part of the row's identity, or there would be
 * a row for each message: signatures are sorted, and their explanations are only notes.
 */
bool tally_row(const struct verdict *verdict, const char *rcpt_domain, int64_t received,
	       struct arena *arena, struct ledger_row *row);

#endif

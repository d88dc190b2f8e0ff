/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Between a verdict and the ledger's rows: what RFC 9990 wants counted about a message.
 */
#ifndef REPORT_TALLY_H
#define REPORT_TALLY_H

#include "lib/arena.h"
#include "policy/result/verdict.h"
#include "store/ledger.h"

/*
 * The row that counts a message with this verdict. False: nothing to count (no policy record
 * applied; the client has no address; the message is put off and will come again). RCPT_DOMAIN:
 * the recipients' domain if they share one, else NULL. RECEIVED: wall seconds. Texts live in ARENA
 * or in VERDICT.
 *
 * What varies with each message of one sender stays out of the row's identity, or rows would grow
 * with the mail: signatures are put in one order, their explanations are only notes.
 */
bool tally_row(const struct verdict *verdict, const char *rcpt_domain, int64_t received,
	       struct arena *arena, struct ledger_row *row);

#endif

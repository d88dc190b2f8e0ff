/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Addresses that do not work are sent nothing for a while, and longer each time. There are two
 * signs: the server refuses the mail at once (which may be an accident: it takes three in a row),
 * or a bounce says that the address is dead.
 */
#ifndef REPORT_SUPPRESS_H
#define REPORT_SUPPRESS_H

#include "report/inspect.h"
#include "store/outbox.h"

/* FIRST: length of the first pause in seconds; doubled each time, up to a year. 0, or -1. */
int suppress_refusal(struct outbox *outbox, const char *address, const char *reply, int64_t first,
		     int64_t now, struct why *why);

/* A mail was accepted. That proves little, because the MTA of this host may accept everything: a
 * suppressed address is forgotten only if no bounce came for the length of a first pause. */
int suppress_success(struct outbox *outbox, const char *address, int64_t first, int64_t now,
		     struct why *why);

/* A permanent bounce: suppresses the address now and marks its last delivery failed. 1: it already
 * was. */
int suppress_bounce(struct outbox *outbox, const char *address, const struct inspection *bounce,
		    int64_t first, int64_t now, struct why *why);

#endif

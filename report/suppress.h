/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Addresses that do not work get nothing for a while, and longer each time. Two things tell: the
 * server refuses the mail at once (that may be an accident: it takes three in a row), or a bounce
 * comes back, which says that the address is dead.
 */
#ifndef REPORT_SUPPRESS_H
#define REPORT_SUPPRESS_H

#include "report/inspect.h"
#include "store/outbox.h"

/* FIRST: seconds of the first pause; it is doubled each time, up to a year. 0, or -1. */
int suppress_refusal(struct outbox *outbox, const char *address, const char *reply, int64_t first,
		     int64_t now, struct why *why);

/* A mail was taken. That is no proof where the MTA of this host takes everything: an address that
 * was suppressed is forgotten only when nothing came back for as long as a first pause. */
int suppress_success(struct outbox *outbox, const char *address, int64_t first, int64_t now,
		     struct why *why);

/* A permanent bounce: suppressed now, and the last delivery there has failed. 1: it was so already.
 */
int suppress_bounce(struct outbox *outbox, const char *address, const struct inspection *bounce,
		    int64_t first, int64_t now, struct why *why);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * milter/session.h played by a scribe: it writes down what it is told, and answers what it was told
 * to. For tests of what calls it.
 */
#ifndef T_LIB_SCRIBE_H
#define T_LIB_SCRIBE_H

#include <stdint.h>

#include "lib/buf.h"
#include "milter/session.h"

/* Set before use; not by threads. */
struct scribe {
	struct buf *said;     /* a line for each call; NULL: nothing is written down */
	struct answer answer; /* to every message */
	bool enough;          /* of a body, at once */
	int64_t wait;         /* nanoseconds that the end of a message takes */
	void (*before_wait)(void);
};
extern struct scribe scribe;

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One connection of an MTA, as the milter protocol (versions 2 to 6) has it: bytes in, calls of
 * milter/session.h, bytes out. No socket, no thread, no clock: milter/native/loop.c has those.
 */
#ifndef MILTER_NATIVE_WIRE_H
#define MILTER_NATIVE_WIRE_H

#include <stdbool.h>

#include "lib/buf.h"
#include "lib/span.h"
#include "lib/why.h"
#include "milter/service.h"

struct wire;

struct wire *wire_new(struct service *service);
void wire_free(struct wire *wire); /* a message under way is given up; NULL is allowed */

enum wire_next {
	WIRE_MORE, /* the rest of the input is not a whole packet */
	WIRE_CLOSE /* after what was put out; nothing more is read */
};

/*
 * Takes all whole packets, if any, off *INPUT and puts the answers into
 * OUT. The end of a message may take as long as session_end() does. WIRE_CLOSE: WHY says what was
 * wrong, or is "" where the MTA took its leave.
 */
enum wire_next wire_take(struct wire *wire, struct span *input, struct buf *out, struct why *why);

/* Between MAIL and its answer or its end. */
bool wire_in_message(const struct wire *wire);

#endif

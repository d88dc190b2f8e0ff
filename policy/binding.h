/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Our results bound to the message that they are about, so that they can be believed when a list
 * manager of this host hands the message back: a property at the end of our
 * Authentication-Results field,
 *
 *	policy.binding=DAY-HMAC
 *
 * where HMAC covers the results, the list, the author's domain, the Message-ID and the chain of
 * seals, with a secret of this host. A message to several lists has one for each. A list manager
 *may fold the field otherwise, change the message's subject and body, and add fields; nothing else
 *stays bound.
 */
#ifndef POLICY_BINDING_H
#define POLICY_BINDING_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/arena.h"
#include "lib/span.h"

enum {
	BINDING_DAYS = 14, /* for how long it holds: a moderator may have to read the message */
	BINDING_MAX = 16   /* of a field: lists that one message is bound to */
};

struct binding {
	const char *secret;
	const char *list;       /* to which the message is sent: the id in the settings */
	const char *author;     /* domain of From */
	const char *message_id; /* the first Message-ID field */
	struct span seal;       /* the value of the newest ARC-Seal; empty: none */
	int64_t now;            /* wall seconds */
};

/* RESULTS, as authres_write() has it or with the bindings to other lists already, with its binding.
 */
const char *binding_write(const struct binding *binding, const char *results, struct arena *arena);

/* The results in VALUE, a field with our name, folded as authres_write() does; NULL: they are not
 * bound to this message. */
const char *binding_read(const struct binding *binding, struct span value, struct arena *arena);

#endif

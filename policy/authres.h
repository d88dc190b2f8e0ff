/*
 * The Authentication-Results field, RFC 8601: reading whose it is, and writing ours.
 */
#ifndef POLICY_AUTHRES_H
#define POLICY_AUTHRES_H

#include "lib/arena.h"
#include "lib/span.h"
#include "policy/verdict.h"

/*
 * Must an inbound field be removed (section 5)? True when its authserv-id is OURS in either case,
 * or when the field cannot be read, so that no other reader can take it for ours.
 */
bool authres_is_ours(struct span value, const char *ours);

/* The value of our field for VERDICT: folded with LF HTAB, without the name and the first blank.
 * Values from the network are quoted or left out where the grammar needs it. */
const char *authres_write(struct arena *arena, const char *authserv_id,
			  const struct verdict *verdict);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Canonicalisation (RFC 6376 section 3.4) and hashing of what DKIM signs. The header forms write
 * into a buffer; the body form streams: bytes in, SHA-256 out, nothing stored but pending blanks.
 */
#ifndef POLICY_DKIM_CANON_H
#define POLICY_DKIM_CANON_H

#include "lib/arena.h"
#include "lib/buf.h"
#include "policy/dkim/signature.h"

/* One header field in canonical form with its final CRLF. VALUE: everything after the colon. */
void canon_header(struct buf *out, enum dkimsig_canon canon, struct span name, struct span value);

/* A signature's own field as it was hashed (RFC 6376 section 3.7): SIGNATURE, the value of its b=
 * in VALUE, taken for empty with all blanks around it, and no final CRLF. */
void canon_own_header(struct buf *out, enum dkimsig_canon canon, struct span name,
		      struct span value, struct span signature);

struct canon_body;

/* Handles live in ARENA (released with it). */
struct canon_body *canon_body_new(struct arena *arena, enum dkimsig_canon canon);
void canon_body_add(struct canon_body *body, struct span chunk); /* any split; bare LF is CRLF */
void canon_body_finish(struct canon_body *body, uint8_t digest[32]);
uint64_t canon_body_length(const struct canon_body *body); /* canonical bytes so far */

/*
 * The hash of the first LENGTH canonical bytes alone (l=, RFC 6376 section 3.5): asked for before
 * the first canon_body_add(), as often as need be, all out of one pass. Read after
 * canon_body_finish(); false when the body has fewer bytes.
 */
void canon_body_want(struct canon_body *body, uint64_t length);
bool canon_body_prefix(const struct canon_body *body, uint64_t length, uint8_t digest[32]);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Odd but valid messages at random, for tests of what reads or signs mail: folded, 8-bit, empty,
 * repeated and long fields, bodies with and without a last line end. The same seed gives the same
 * message.
 */
#ifndef T_LIB_MAILGEN_H
#define T_LIB_MAILGEN_H

#include "lib/arena.h"

struct mailgen_field {
	const char *name;  /* may end with a blank */
	const char *value; /* everything after the colon; folds as CRLF */
};

struct mailgen {
	struct mailgen_field *fields; /* at least one From */
	unsigned field_count;
	struct span body; /* has bare LF line ends and no last line end now and then */
};

void mailgen_make(struct mailgen *mail, struct arena *arena, unsigned seed);

/* The body as SMTP carries it: CRLF everywhere, also at its end. */
struct span mailgen_wire_body(const struct mailgen *mail, struct arena *arena);

/* A number from 0 to N - 1; STATE is the generator's. */
unsigned mailgen_below(uint64_t *state, unsigned n);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The differences between a native engine and another implementation that are known, with their
 * cause: t/differential/differences.txt, lines of
 *
 *     other implementation <TAB> difference <TAB> cause
 *
 * A difference that is not in it is not explained.
 */
#ifndef T_LIB_CAUSES_H
#define T_LIB_CAUSES_H

#include <stdbool.h>

struct causes;

/* For the lines of OTHER; ends the program when the file cannot be read. */
struct causes *causes_load(const char *other);
void causes_free(struct causes *causes);

/* Counts a difference; false: it is not explained. */
bool causes_count(struct causes *causes, const char *difference);

/* How often each was seen, as TAP comments. */
void causes_note(const struct causes *causes);

#endif

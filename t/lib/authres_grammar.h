/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The grammar of RFC 8601 section 2.2, as a checker of what we write.
 */
#ifndef T_LIB_AUTHRES_GRAMMAR_H
#define T_LIB_AUTHRES_GRAMMAR_H

#include "lib/arena.h"
#include "lib/span.h"

/* The field's value without comments and with one blank between its parts, or NULL when it breaks
 * the grammar, has a line end that is no LF HTAB, or a line over 78 characters that could be
 * folded. */
const char *authres_grammar(struct arena *arena, struct span value);

#endif

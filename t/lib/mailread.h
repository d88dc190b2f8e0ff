/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A message from a file, for tools that work on messages: its fields as a milter gets them.
 */
#ifndef T_LIB_MAILREAD_H
#define T_LIB_MAILREAD_H

#include <stdio.h>

#include "lib/arena.h"
#include "lib/span.h"

/* All of FILE, which is closed; ends the program when it is NULL. */
struct span mailread_all(FILE *file, const char *name, struct arena *arena);

struct span mailread_crlf(struct span text, struct arena *arena); /* each LF with its CR */

/* Calls FIELD for each field of MESSAGE (line ends CRLF); returns the body. Ends the program at a
 * line that is not a field. */
typedef void mailread_field(void *arg, struct span name, struct span value);
struct span mailread_header(struct span message, mailread_field *field, void *arg);

#endif

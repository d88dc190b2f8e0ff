/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A message in a file or on standard input, as a milter would be given it.
 */
#ifndef ADMIN_CHECK_MESSAGE_H
#define ADMIN_CHECK_MESSAGE_H

#include "lib/arena.h"
#include "lib/span.h"
#include "lib/why.h"

enum { MESSAGE_FILE_MAX = 256 << 20 };

struct message_field {
	struct span name;  /* with the blanks before the colon, if there are any */
	struct span value; /* everything after the colon; folds are CRLF */
};

struct message_file {
	struct message_field *fields;
	unsigned field_count;
	struct span text;     /* all of it, without the line of an mbox */
	struct span body;     /* as in the file; with CRLF where the file has only LF */
	size_t size;          /* of the file */
	unsigned broken_line; /* of the header: no field, so the body begins with it; 0: none */
};

/* TEXT lives as long as MESSAGE. Line ends may be LF or CRLF; a leading "From " line (mbox) is left
 * out. A line that is not a field ends the header, as in MTAs. */
void message_parse(struct arena *arena, struct span text, struct message_file *message);

/* The message in the file PATH, or on standard input ("-"). -1 with a reason: cannot be read, or
 * too large. */
int message_read(struct arena *arena, const char *path, struct message_file *message,
		 struct why *why);

#endif

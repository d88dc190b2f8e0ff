/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The text of one file of settings with the files it includes put in their places, ready for the
 * grammar's parser, and where each of its lines came from.
 *
 * libconfig 1.5 ends the process on @include of a directory, takes included names from the working
 * directory, and lets numbers wrap around silently. So it never sees an @include, and every number
 * is looked at here first.
 */
#ifndef CONF_SOURCE_H
#define CONF_SOURCE_H

#include "conf/errors.h"
#include "lib/buf.h"

struct conf_line {
	const char *file;
	unsigned line;
};

enum { CONF_NESTING_MAX = 16 };

struct conf_source {
	struct arena *arena;
	struct conf_errors *errors;
	const char *file; /* the outermost one */
	struct buf text;
	struct conf_line *lines;
	unsigned line_count, line_cap;
	bool includes;     /* whether @include is allowed */
	bool failed;       /* the text must not be parsed; errors has the reason */
	unsigned included; /* files */
	unsigned nesting;
	unsigned keys[CONF_NESTING_MAX + 1]; /* of the open groups */
};

/* An included name that is not absolute is taken from the directory of the file that has it. */
void conf_source_file(struct conf_source *source, struct arena *arena, struct conf_errors *errors,
		      const char *path);
void conf_source_text(struct conf_source *source, struct arena *arena, struct conf_errors *errors,
		      const char *name, struct span text);

/* Where LINE (from 1) of the text came from. */
struct conf_line conf_source_line(const struct conf_source *source, unsigned line);

/* What is on LINE, without the blanks around it. */
struct span conf_source_excerpt(const struct conf_source *source, unsigned line);

#endif

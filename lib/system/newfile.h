/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A file that is complete or not there at all: written beside its place, then renamed.
 */
#ifndef LIB_SYSTEM_NEWFILE_H
#define LIB_SYSTEM_NEWFILE_H

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>

#include "lib/span.h"
#include "lib/why.h"

struct newfile {
	FILE *out; /* the caller writes to it, and does not close it */
	char path[PATH_MAX], part[PATH_MAX];
};

/* Begins what will take PATH's place, with MODE, whatever the umask. -1 with WHY. */
int newfile_open(struct newfile *file, const char *path, unsigned mode, struct why *why);

/* Ends it: with KEEP it takes the place of a file of that name. -1: PATH is as it was, without KEEP
 * or because it could not be written, with WHY. */
int newfile_close(struct newfile *file, bool keep, struct why *why);

/* Both, with TEXT between them. */
int newfile_write(const char *path, unsigned mode, struct span text, struct why *why);

#endif

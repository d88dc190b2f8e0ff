/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Other programs: postconf, systemctl, what a plan wants done. None is found but through PATH and
 * the system's own directories.
 */
#ifndef ADMIN_PROGRAM_H
#define ADMIN_PROGRAM_H

#include <stdbool.h>

#include "lib/arena.h"
#include "lib/why.h"

/* Adds /usr/sbin and /sbin to PATH where they are missing: users' shells often have them not. */
void program_path(void);
bool program_there(const char *name);

/* Runs ARGV (ends with NULL); *TEXT is what it wrote to standard output, up to 1 MiB, without the
 * last line end. -1: it could not be run, or failed; the reason has what it said. */
int program_read(struct arena *arena, const char *const *argv, const char **text, struct why *why);

/* Runs COMMAND with sh; what it says goes to standard error with QUIET, else to our own outputs. */
int program_shell(const char *command, bool quiet, struct why *why);

/* TEXT as one word of a shell. */
const char *program_quote(struct arena *arena, const char *text);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A whole file, up to a size.
 */
#ifndef LIB_SYSTEM_READFILE_H
#define LIB_SYSTEM_READFILE_H

#include <stddef.h>

#include "lib/arena.h"
#include "lib/span.h"
#include "lib/why.h"

/* The file PATH in ARENA. Does not wait for a pipe that nobody writes. -1 with WHY, which names
 * PATH; errno is EFBIG when it is larger than MAX bytes. */
int readfile(struct arena *arena, const char *path, size_t max, struct span *text, struct why *why);

/* What is left to read of FD. -1 with WHY, which goes after the name of the file. */
int readfile_fd(struct arena *arena, int fd, size_t max, struct span *text, struct why *why);

#endif

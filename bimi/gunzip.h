/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A logo in the gzip format (RFC 1952), as SVGZ and mark certificates have it.
 */
#ifndef BIMI_GUNZIP_H
#define BIMI_GUNZIP_H

#include <stdbool.h>

#include "lib/arena.h"
#include "lib/span.h"
#include "lib/why.h"

bool gunzip_is(struct span bytes); /* by its first two bytes */

/* *TEXT, in ARENA, is what one member of gzip has, at most MAX bytes. -1 with WHY: it is damaged,
 * it has more, or something follows it. */
int gunzip(struct arena *arena, struct span bytes, size_t max, struct span *text, struct why *why);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * gzip (RFC 1952), written and read. zlib is used here and nowhere else.
 */
#ifndef LIB_CODEC_GZIP_H
#define LIB_CODEC_GZIP_H

#include <stdbool.h>
#include <stdio.h>

#include "lib/arena.h"
#include "lib/span.h"
#include "lib/why.h"

/* Compresses all of IN, from its beginning, into OUT. Equal input gives equal output: no time or
 * name is written. */
int gzip_file(FILE *in, FILE *out, struct why *why);

bool gzip_is(struct span bytes); /* by its first two bytes */

/* *TEXT, in ARENA, is what one member has, at most MAX bytes. -1 with WHY: it is damaged, it has
 * more, or something follows it. */
int gzip_inflate(struct arena *arena, struct span bytes, size_t max, struct span *text,
		 struct why *why);

/* Piece by piece. */
struct gzip_reader;
enum gzip_progress { GZIP_MORE, GZIP_END /* of a member */, GZIP_DAMAGED };

struct gzip_reader *gzip_reader_new(void); /* NULL: zlib could not begin */
void gzip_reader_free(struct gzip_reader *reader);

/* Takes from *IN what it needs to write at most SIZE bytes to OUT; *LENGTH of them were. */
enum gzip_progress gzip_reader_take(struct gzip_reader *reader, struct span *in, char *out,
				    size_t size, size_t *length);

/* A member begins: the next one, or the first again. */
void gzip_reader_restart(struct gzip_reader *reader);

#endif

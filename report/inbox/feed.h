/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bytes that are read one piece after another, whatever they come out of: a range of a file, a
 * MIME part, a compressed file. Nothing is ever held as a whole.
 */
#ifndef REPORT_INBOX_FEED_H
#define REPORT_INBOX_FEED_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/arena.h"
#include "lib/span.h"

struct feed {
	/* Up to SIZE bytes; 0 at the end; -1 with FAULT set. */
	ssize_t (*read)(struct feed *feed, char *data, size_t size);
	int (*rewind)(struct feed *feed); /* begins again; -1 with FAULT set */
	const char *fault;                /* for people, a constant */
};

/* Bytes FROM to TO (-1: the end) of a file that can be read at any place. */
struct feed *feed_file(struct arena *arena, int fd, int64_t from, int64_t to);
struct feed *feed_memory(struct arena *arena, struct span bytes); /* BYTES must live as long */

/* Fills DATA unless the end comes first; the bytes read, or -1. */
ssize_t feed_fill(struct feed *feed, char *data, size_t size);

/* Reads on and begins again: the first bytes, fewer at the end; -1: see feed->fault. */
ssize_t feed_peek(struct feed *feed, char *data, size_t size);

/* The whole text, of at most MAX bytes; -1: FAULT says why not. */
int feed_all(struct feed *feed, struct arena *arena, size_t max, struct span *text);

/* What FROM has, as clean UTF-8 (lib/utf8.h) without an XML declaration at its beginning. */
struct feed *feed_cleaned(struct arena *arena, struct feed *from);
bool feed_was_dirty(const struct feed *cleaned); /* bytes were replaced */

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A growing buffer for text and bytes that are written: in an arena, or on the heap.
 * A buffer has a largest size; what goes past it is dropped and `failed` stays set, so that the
 * writer checks once, at the end.
 */
#ifndef LIB_BUF_H
#define LIB_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/span.h"

struct buf {
	struct arena *arena; /* NULL: heap */
	char *data;          /* not NUL-terminated: see buf_text */
	size_t len;
	size_t cap;
	size_t max;
	bool failed;
};

/* MAX 0: no limit of its own. */
void buf_init(struct buf *buf, struct arena *arena, size_t max);
void buf_free(struct buf *buf); /* only needed for heap buffers; leaves it usable */
void buf_clear(struct buf *buf);

/* Makes room for MORE bytes and a NUL; false when the content would pass the largest size. */
bool buf_grow(struct buf *buf, size_t more);

static inline bool buf_has_room(struct buf *buf, size_t more)
{
	return (buf->cap - buf->len > more && !buf->failed) || buf_grow(buf, more);
}

static inline void buf_add(struct buf *buf, const void *data, size_t len)
{
	if (len == 0 || !buf_has_room(buf, len))
		return;
	memcpy(buf->data + buf->len, data, len);
	buf->len += len;
}

static inline void buf_char(struct buf *buf, char c)
{
	if (buf_has_room(buf, 1))
		buf->data[buf->len++] = c;
}

static inline void buf_string(struct buf *buf, const char *text)
{
	buf_add(buf, text, strlen(text));
}

static inline void buf_span(struct buf *buf, struct span s)
{
	buf_add(buf, s.p, span_len(s));
}

/* Where SIZE bytes more can be written; the caller then adds to buf->len what it wrote. NULL: they
 * would pass the largest size. */
char *buf_reserve(struct buf *buf, size_t size);

void buf_printf(struct buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
void buf_vprintf(struct buf *buf, const char *format, va_list ap)
    __attribute__((format(printf, 2, 0)));

/* The content with a NUL after it; lives until the buffer changes (arena: as long as that). */
const char *buf_text(struct buf *buf);
struct span buf_view(const struct buf *buf);

#endif

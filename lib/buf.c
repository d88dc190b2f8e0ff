/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/buf.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/format.h"
#include "lib/heap.h"

void buf_init(struct buf *buf, struct arena *arena, size_t max)
{
	memset(buf, 0, sizeof *buf);
	buf->arena = arena;
	buf->max = max == 0 ? SIZE_MAX / 4 : max;
}

void buf_free(struct buf *buf)
{
	if (buf->arena == NULL)
		free(buf->data);
	buf_init(buf, buf->arena, buf->max);
}

void buf_clear(struct buf *buf)
{
	buf->len = 0;
	buf->failed = false;
}

/* CAP is at most MAX and a NUL, so that a caller that finds room in it need not compare with MAX.
 */
bool buf_grow(struct buf *buf, size_t more)
{
	size_t cap = buf->cap == 0 ? 128 : buf->cap;
	char *data;

	assert(buf->len <= buf->max && buf->len <= buf->cap);
	if (buf->failed || more > buf->max - buf->len) {
		buf->failed = true;
		return false;
	}
	if (buf->cap - buf->len > more)
		return true;
	while (cap - buf->len <= more)
		cap *= 2;
	if (cap > buf->max + 1)
		cap = buf->max + 1;
	if (buf->arena != NULL) {
		data = arena_alloc(buf->arena, cap);
		if (buf->len > 0)
			memcpy(data, buf->data, buf->len);
	} else {
		data = heap_resize(buf->data, cap, 1);
	}
	buf->data = data;
	buf->cap = cap;
	return true;
}

char *buf_reserve(struct buf *buf, size_t size)
{
	return buf_grow(buf, size) ? buf->data + buf->len : NULL;
}

void buf_vprintf(struct buf *buf, const char *format, va_list ap)
{
	size_t room = buf->cap - buf->len, len;
	va_list again;

	va_copy(again, ap);
	len = format_text(room > 0 ? buf->data + buf->len : NULL, room, format, ap);
	if (len < room && buf_has_room(buf, len)) {
		buf->len += len;
	} else if (buf_has_room(buf, len)) {
		format_text(buf->data + buf->len, len + 1, format, again);
		buf->len += len;
	}
	va_end(again);
}

void buf_printf(struct buf *buf, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	buf_vprintf(buf, format, ap);
	va_end(ap);
}

const char *buf_text(struct buf *buf)
{
	if (buf->data == NULL) {
		bool failed = buf->failed;

		buf->failed = false;
		(void)buf_grow(buf, 0);
		buf->failed = failed;
	}
	assert(buf->data != NULL && buf->len < buf->cap);
	buf->data[buf->len] = '\0';
	return buf->data;
}

struct span buf_view(const struct buf *buf)
{
	return span_make(buf->data, buf->len);
}

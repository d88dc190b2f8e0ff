#include "lib/buf.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

/* Makes room for MORE bytes and a NUL; false when the content would pass the largest size. */
static bool grow(struct buf *buf, size_t more)
{
	size_t cap = buf->cap == 0 ? 128 : buf->cap;
	char *data;

	if (buf->failed || more > buf->max - buf->len) {
		buf->failed = true;
		return false;
	}
	if (buf->cap - buf->len > more)
		return true;
	while (cap - buf->len <= more)
		cap *= 2;
	if (buf->arena != NULL) {
		data = arena_alloc(buf->arena, cap);
		if (buf->len > 0)
			memcpy(data, buf->data, buf->len);
	} else {
		data = realloc(buf->data, cap);
		if (data == NULL)
			abort();
	}
	buf->data = data;
	buf->cap = cap;
	return true;
}

void buf_add(struct buf *buf, const void *data, size_t len)
{
	if (len == 0 || !grow(buf, len))
		return;
	memcpy(buf->data + buf->len, data, len);
	buf->len += len;
}

char *buf_reserve(struct buf *buf, size_t size)
{
	return grow(buf, size) ? buf->data + buf->len : NULL;
}

void buf_char(struct buf *buf, char c)
{
	buf_add(buf, &c, 1);
}

void buf_string(struct buf *buf, const char *text)
{
	buf_add(buf, text, strlen(text));
}

void buf_span(struct buf *buf, struct span s)
{
	buf_add(buf, s.p, span_len(s));
}

void buf_vprintf(struct buf *buf, const char *format, va_list ap)
{
	size_t room = buf->cap - buf->len;
	va_list again;
	int len;

	va_copy(again, ap);
	len = vsnprintf(room > 0 ? buf->data + buf->len : NULL, room, format, ap);
	assert(len >= 0);
	if ((size_t)len < room && grow(buf, (size_t)len)) {
		buf->len += (size_t)len;
	} else if (grow(buf, (size_t)len)) {
		vsnprintf(buf->data + buf->len, (size_t)len + 1, format, again);
		buf->len += (size_t)len;
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
		(void)grow(buf, 0);
		buf->failed = failed;
	}
	buf->data[buf->len] = '\0';
	return buf->data;
}

struct span buf_view(const struct buf *buf)
{
	return span_make(buf->data, buf->len);
}

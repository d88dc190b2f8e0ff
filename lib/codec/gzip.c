/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/codec/gzip.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "lib/buf.h"
#include "lib/heap.h"

enum { PIECE = 32 * 1024, GZIP_FORMAT = 15 + 16 /* window bits, and 16 for gzip's header */ };

/* ---- writing ---- */

/* Compresses the input so far; with Z_FINISH everything that is left. */
static int deflate_into(z_stream *stream, int flush, FILE *out)
{
	unsigned char piece[PIECE];
	int code;

	do {
		size_t len;

		stream->next_out = piece;
		stream->avail_out = sizeof piece;
		code = deflate(stream, flush);
		len = sizeof piece - stream->avail_out;
		/* cppcheck-suppress uninitvar ; deflate() has filled what is written */
		if (code == Z_STREAM_ERROR || fwrite(piece, 1, len, out) != len)
			return -1;
	} while (stream->avail_out == 0);
	assert(stream->avail_in == 0);
	return 0;
}

int gzip_file(FILE *in, FILE *out, struct why *why)
{
	unsigned char piece[PIECE];
	z_stream stream = {.zalloc = Z_NULL};
	int result = 0;

	if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, GZIP_FORMAT, 8,
			 Z_DEFAULT_STRATEGY) != Z_OK)
		return why_set(why, "gzip: out of memory");
	rewind(in);
	errno = 0;
	while (result == 0 && !feof(in) && !ferror(in)) {
		stream.next_in = piece;
		stream.avail_in = (unsigned)fread(piece, 1, sizeof piece, in);
		result = deflate_into(&stream, feof(in) ? Z_FINISH : Z_NO_FLUSH, out);
	}
	deflateEnd(&stream);
	if (result == 0 && !ferror(in) && fflush(out) == 0)
		return 0;
	return why_set(why, "it cannot be compressed: %s", strerror(errno));
}

/* ---- reading ---- */

struct gzip_reader {
	z_stream stream;
};

bool gzip_is(struct span bytes)
{
	return span_len(bytes) >= 2 && memcmp(bytes.p, "\x1f\x8b", 2) == 0;
}

struct gzip_reader *gzip_reader_new(void)
{
	struct gzip_reader *reader = heap_zero(sizeof *reader);

	if (inflateInit2(&reader->stream, GZIP_FORMAT) == Z_OK)
		return reader;
	free(reader);
	return NULL;
}

void gzip_reader_free(struct gzip_reader *reader)
{
	if (reader != NULL)
		inflateEnd(&reader->stream);
	free(reader);
}

void gzip_reader_restart(struct gzip_reader *reader)
{
	(void)inflateReset(&reader->stream);
}

enum gzip_progress gzip_reader_take(struct gzip_reader *reader, struct span *in, char *out,
				    size_t size, size_t *length)
{
	z_stream *stream = &reader->stream;
	size_t have = span_len(*in);
	int code;

	assert(size > 0 && size <= UINT_MAX);
	stream->next_in = (unsigned char *)(uintptr_t)in->p;
	stream->avail_in = have < UINT_MAX ? (unsigned)have : UINT_MAX;
	stream->next_out = (unsigned char *)out;
	stream->avail_out = (unsigned)size;
	code = inflate(stream, Z_SYNC_FLUSH);
	in->p = (const char *)stream->next_in;
	*length = size - stream->avail_out;
	if (code == Z_STREAM_END)
		return GZIP_END;
	return code == Z_OK || code == Z_BUF_ERROR ? GZIP_MORE : GZIP_DAMAGED;
}

/* GZIP_MORE: OUT is full, or IN ends early. */
static enum gzip_progress inflate_all(struct gzip_reader *reader, struct span *in, struct buf *out)
{
	enum gzip_progress progress = GZIP_MORE;
	size_t length = 1;

	while (progress == GZIP_MORE && length > 0) {
		char *room = buf_reserve(out, PIECE);

		if (room == NULL)
			break;
		progress = gzip_reader_take(reader, in, room, PIECE, &length);
		out->len += length;
	}
	return progress;
}

int gzip_inflate(struct arena *arena, struct span bytes, size_t max, struct span *text,
		 struct why *why)
{
	struct gzip_reader *reader = gzip_reader_new();
	enum gzip_progress progress;
	struct buf out;

	if (reader == NULL)
		return why_set(why, "no memory to read it");
	buf_init(&out, arena, max + PIECE);
	progress = inflate_all(reader, &bytes, &out);
	gzip_reader_free(reader);
	if (out.failed || out.len > max)
		return why_set(why, "it has more than %zu bytes when uncompressed", max);
	if (progress == GZIP_MORE)
		return why_set(why, "its compressed data ends early");
	if (progress == GZIP_DAMAGED)
		return why_set(why, "its compressed data is damaged");
	if (!span_empty(bytes))
		return why_set(why, "something follows its compressed data");
	*text = buf_view(&out);
	return 0;
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "bimi/gunzip.h"

#include <limits.h>
#include <zlib.h>

#include "lib/buf.h"

enum { PIECE = 16384, WINDOW_GZIP = 15 + 16 };

bool gunzip_is(struct span bytes)
{
	return span_len(bytes) >= 2 && bytes.p[0] == '\x1f' && bytes.p[1] == '\x8b';
}

/* Z_STREAM_END, or why it did not come to that. */
static int inflate_all(z_stream *stream, struct buf *out)
{
	int status = Z_OK;

	while (status == Z_OK) {
		char *room = buf_reserve(out, PIECE);

		if (room == NULL)
			return Z_MEM_ERROR;
		stream->next_out = (Bytef *)room;
		stream->avail_out = PIECE;
		status = inflate(stream, Z_NO_FLUSH);
		out->len += PIECE - stream->avail_out;
	}
	return status;
}

int gunzip(struct arena *arena, struct span bytes, size_t max, struct span *text, struct why *why)
{
	z_stream stream = {.next_in = (Bytef *)(uintptr_t)bytes.p};
	struct buf out;
	int status;

	if (span_len(bytes) > INT_MAX)
		return why_set(why, "it is too large");
	stream.avail_in = (uInt)span_len(bytes);
	if (inflateInit2(&stream, WINDOW_GZIP) != Z_OK)
		return why_set(why, "no memory to read it");
	buf_init(&out, arena, max + PIECE);
	status = inflate_all(&stream, &out);
	inflateEnd(&stream);
	if (status == Z_MEM_ERROR || out.len > max)
		return why_set(why, "it has more than %zu bytes when uncompressed", max);
	if (status == Z_BUF_ERROR)
		return why_set(why, "its compressed data ends early");
	if (status != Z_STREAM_END)
		return why_set(why, "its compressed data is damaged");
	if (stream.avail_in > 0)
		return why_set(why, "something follows its compressed data");
	*text = buf_view(&out);
	return 0;
}

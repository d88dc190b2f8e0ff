/* SPDX-License-Identifier: BSD-2-Clause */
#include "report/gzip.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <zlib.h>

enum { PIECE = 32 * 1024, GZIP_FORMAT = 15 + 16 /* window bits, and 16 for gzip's header */ };

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
	return why_set(why, "the report cannot be compressed: %s", strerror(errno));
}

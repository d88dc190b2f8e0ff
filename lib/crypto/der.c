/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/crypto/der.h"

/*
 * X.690 section 8.1.3: one byte below 128, or 0x80 + n and n bytes; section 10.1: the shortest
 * form.
 */
static bool take_length(struct span *in, size_t *length)
{
	const unsigned char *p = (const unsigned char *)in->p;
	size_t left = span_len(*in), bytes;

	if (left == 0)
		return false;
	if (p[0] < 0x80) {
		*length = p[0];
		in->p += 1;
		return true;
	}
	bytes = p[0] & 0x7fu;
	if (bytes < 1 || bytes > 2 || left < 1 + bytes)
		return false;
	*length = bytes == 1 ? p[1] : (size_t)p[1] << 8 | p[2];
	in->p += 1 + bytes;
	return *length >= (bytes == 1 ? 0x80u : 0x100u);
}

bool der_take(struct span *in, unsigned tag, struct span *content)
{
	struct span rest = *in;
	size_t length;

	if (span_empty(rest) || (unsigned char)*rest.p != tag)
		return false;
	rest.p++;
	if (!take_length(&rest, &length) || length > span_len(rest))
		return false;
	*content = span_make(rest.p, length);
	in->p = rest.p + length;
	return true;
}

bool der_take_positive(struct span *in, struct span *bytes)
{
	struct span rest = *in;

	if (!der_take(&rest, DER_INTEGER, bytes) || span_empty(*bytes) || (*bytes->p & 0x80) != 0)
		return false;
	if (*bytes->p == 0)
		bytes->p++;
	if (span_empty(*bytes) || *bytes->p == 0)
		return false;
	*in = rest;
	return true;
}

void der_put(struct buf *out, unsigned tag, struct span content)
{
	size_t length = span_len(content);

	buf_char(out, (char)tag);
	if (length >= 0x100) {
		buf_char(out, (char)0x82);
		buf_char(out, (char)(length >> 8));
	} else if (length >= 0x80) {
		buf_char(out, (char)0x81);
	}
	buf_char(out, (char)length);
	buf_span(out, content);
	if (length > 0xffff)
		out->failed = true;
}

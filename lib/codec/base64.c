/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Decoding walks the text once with a table that says for each byte: its six bits, a blank to skip,
 * or a fault. Where four of the first kind stand together they become three bytes at once; else
 * bits are collected in one word and handed out a byte at a time, so that blanks may stand
 * anywhere. The result is never longer than three quarters of the text: one allocation.
 */
#include "lib/codec/base64.h"

#include <assert.h>
#include <string.h>

enum { BAD = 0, BLANK = 65, PAD = 66 }; /* other entries: value + 1 */

static const uint8_t meaning[256] = {
    [' '] = BLANK, ['\t'] = BLANK, ['\r'] = BLANK, ['\n'] = BLANK, ['='] = PAD, ['A'] = 1,
    ['B'] = 2,     ['C'] = 3,      ['D'] = 4,      ['E'] = 5,      ['F'] = 6,   ['G'] = 7,
    ['H'] = 8,     ['I'] = 9,      ['J'] = 10,     ['K'] = 11,     ['L'] = 12,  ['M'] = 13,
    ['N'] = 14,    ['O'] = 15,     ['P'] = 16,     ['Q'] = 17,     ['R'] = 18,  ['S'] = 19,
    ['T'] = 20,    ['U'] = 21,     ['V'] = 22,     ['W'] = 23,     ['X'] = 24,  ['Y'] = 25,
    ['Z'] = 26,    ['a'] = 27,     ['b'] = 28,     ['c'] = 29,     ['d'] = 30,  ['e'] = 31,
    ['f'] = 32,    ['g'] = 33,     ['h'] = 34,     ['i'] = 35,     ['j'] = 36,  ['k'] = 37,
    ['l'] = 38,    ['m'] = 39,     ['n'] = 40,     ['o'] = 41,     ['p'] = 42,  ['q'] = 43,
    ['r'] = 44,    ['s'] = 45,     ['t'] = 46,     ['u'] = 47,     ['v'] = 48,  ['w'] = 49,
    ['x'] = 50,    ['y'] = 51,     ['z'] = 52,     ['0'] = 53,     ['1'] = 54,  ['2'] = 55,
    ['3'] = 56,    ['4'] = 57,     ['5'] = 58,     ['6'] = 59,     ['7'] = 60,  ['8'] = 61,
    ['9'] = 62,    ['+'] = 63,     ['/'] = 64,
};

/* Four characters at a time, as long as there is nothing else: how many bytes they gave. */
static size_t decode_fours(struct span *text, uint8_t *out)
{
	const unsigned char *p = (const unsigned char *)text->p;
	const unsigned char *end = (const unsigned char *)text->end;
	uint8_t *to = out;

	for (; end - p >= 4; p += 4, to += 3) {
		unsigned a = meaning[p[0]] - 1u, b = meaning[p[1]] - 1u;
		unsigned c = meaning[p[2]] - 1u, d = meaning[p[3]] - 1u;

		if ((a | b | c | d) > 63)
			break;
		to[0] = (uint8_t)(a << 2 | b >> 4);
		to[1] = (uint8_t)(b << 4 | c >> 2);
		to[2] = (uint8_t)(c << 6 | d);
	}
	text->p = (const char *)p;
	return (size_t)(to - out);
}

/*
 * RFC 6376 section 2.10:
 *   base64string = ALPHADIGITPS *([FWS] ALPHADIGITPS) [ [FWS] "=" [ [FWS] "=" ] ]
 */
bool base64_decode(struct arena *arena, struct span text, const uint8_t **data, size_t *length)
{
	size_t size = span_len(text) / 4 * 3 + 3;
	uint8_t *out = arena_alloc(arena, size);
	size_t chars = 0, pads = 0, used = 0;
	uint32_t bits = 0;

	for (;; text.p++) {
		uint8_t code;

		if (chars % 4 == 0 && pads == 0)
			used += decode_fours(&text, out + used);
		if (text.p == text.end)
			break;
		code = meaning[(unsigned char)*text.p];
		if (code == BLANK)
			continue;
		if (code == PAD) {
			pads++;
			continue;
		}
		if (code == BAD || pads > 0)
			return false;
		bits = bits << 6 | (uint32_t)(code - 1);
		if (chars++ % 4 != 0)
			out[used++] = (uint8_t)(bits >> (6 - 2 * ((chars - 1) % 4)));
	}
	if (chars % 4 == 1 || pads != (4 - chars % 4) % 4)
		return false;
	assert(used <= size);
	*data = out;
	*length = used;
	return true;
}

void base64_encode(struct buf *out, const uint8_t *data, size_t length)
{
	static const char alphabet[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < length; i += 3) {
		size_t have = length - i < 3 ? length - i : 3;
		uint32_t bits = (uint32_t)data[i] << 16;
		char four[4];

		if (have > 1)
			bits |= (uint32_t)data[i + 1] << 8;
		if (have > 2)
			bits |= data[i + 2];
		four[0] = alphabet[bits >> 18];
		four[1] = alphabet[bits >> 12 & 63];
		four[2] = have > 1 ? alphabet[bits >> 6 & 63] : '=';
		four[3] = have > 2 ? alphabet[bits & 63] : '=';
		buf_add(out, four, sizeof four);
	}
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "audit/probe/hello.h"

#include <string.h>
#include <unistd.h>

#include "lib/buf.h"

enum { HELLO_RANDOM = 64 };
enum { HEADER = 5, GROUP = 0x11ec, RECORD_MAX = REPLY_LINE_MAX - HEADER };
enum { TYPE_ALERT = 21, TYPE_HANDSHAKE = 22, SERVER_HELLO = 2, EXTENSION_KEY_SHARE = 51 };
enum { ALERT_FATAL = 2, ALERT_HANDSHAKE_FAILURE = 40, ALERT_PARAMETER = 47, ALERT_VERSION = 70 };

/* ---- writing (RFC 8446 section 4.1.2) ---- */

static void put_number(struct buf *out, unsigned number, unsigned bytes)
{
	while (bytes-- > 0)
		buf_char(out, (char)(number >> (8 * bytes) & 0xff));
}

static void put_extensions(struct buf *out, const char *host)
{
	/* supported_versions, supported_groups, signature_algorithms, psk_key_exchange_modes,
	 * key_share */
	static const char rest[] = "\0\x2b\0\3\2\3\4"
				   "\0\x0a\0\4\0\2\x11\xec"
				   "\0\x0d\0\x12\0\x10\4\3\5\3\6\3\x08\4\x08\5\x08\6\x08\7\4\1"
				   "\0\x2d\0\2\1\1"
				   "\0\x33\0\2\0";
	unsigned length = (unsigned)strlen(host);

	put_number(out, 0, 2); /* server_name (RFC 6066 section 3) */
	put_number(out, length + 5, 2);
	put_number(out, length + 3, 2);
	put_number(out, 0, 1);
	put_number(out, length, 2);
	buf_string(out, host);
	buf_add(out, rest, sizeof rest); /* its last byte is the NUL */
}

static void write_hello(struct buf *out, const char *host, const uint8_t random[HELLO_RANDOM])
{
	static const char suites[] = "\0\6\x13\1\x13\2\x13\3\1";
	struct buf extensions;
	unsigned body;

	buf_init(&extensions, NULL, 0);
	put_extensions(&extensions, host);
	body = 2 + 32 + 1 + 32 + (unsigned)sizeof suites + 2 + (unsigned)extensions.len;
	put_number(out, TYPE_HANDSHAKE << 16 | 0x0301, 3);
	put_number(out, body + 4, 2);
	put_number(out, 1, 1);
	put_number(out, body, 3);
	put_number(out, 0x0303, 2);
	buf_add(out, random, 32);
	put_number(out, 32, 1);
	buf_add(out, random + 32, 32);
	buf_add(out, suites, sizeof suites); /* the NUL: no compression */
	put_number(out, (unsigned)extensions.len, 2);
	buf_add(out, extensions.data, extensions.len);
	buf_free(&extensions);
}

/* ---- reading ---- */

/* Takes BYTES off REST as a number; -1: they are not there. */
static long take_number(struct span *rest, unsigned bytes)
{
	long number = 0;

	if (span_len(*rest) < bytes)
		return -1;
	while (bytes-- > 0)
		number = number << 8 | (unsigned char)*rest->p++;
	return number;
}

/* Takes what follows a length of so many BYTES off REST. */
static bool take_part(struct span *rest, unsigned bytes, struct span *part)
{
	long length = take_number(rest, bytes);

	if (length < 0 || (size_t)length > span_len(*rest))
		return false;
	*part = (struct span){rest->p, rest->p + length};
	rest->p += length;
	return true;
}

size_t hello_length(struct span answer)
{
	struct span rest = answer;
	long length;

	if (span_len(answer) < HEADER)
		return 0;
	(void)take_number(&rest, 3);
	length = take_number(&rest, 2);
	return HEADER + (size_t)length;
}

/* RFC 8446 section 4.1.4: a ServerHello with this "random" is a HelloRetryRequest. */
static bool is_retry(struct span random)
{
	static const unsigned char mark[32] = {0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11,
					       0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
					       0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e,
					       0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c};

	return span_same(random, span_make(mark, sizeof mark));
}

static enum probe_answer read_extensions(struct span extensions)
{
	while (!span_empty(extensions)) {
		long type = take_number(&extensions, 2);
		struct span data;

		if (type < 0 || !take_part(&extensions, 2, &data))
			return PROBE_UNKNOWN;
		if (type == EXTENSION_KEY_SHARE)
			return take_number(&data, 2) == GROUP ? PROBE_YES : PROBE_NO;
	}
	return PROBE_UNKNOWN;
}

static enum probe_answer read_server_hello(struct span record)
{
	struct span hello, random, session, extensions;

	if (take_number(&record, 1) != SERVER_HELLO || !take_part(&record, 3, &hello) ||
	    take_number(&hello, 2) < 0 || span_len(hello) < 32)
		return PROBE_UNKNOWN;
	random = (struct span){hello.p, hello.p + 32};
	hello.p += 32;
	if (!take_part(&hello, 1, &session) || take_number(&hello, 3) < 0)
		return PROBE_UNKNOWN;
	if (!is_retry(random))
		return PROBE_NO; /* of a version that has no groups like this */
	return take_part(&hello, 2, &extensions) ? read_extensions(extensions) : PROBE_UNKNOWN;
}

enum probe_answer hello_read(struct span answer)
{
	long type = take_number(&answer, 1), alert;
	struct span record;

	if (type < 0 || take_number(&answer, 2) < 0 || !take_part(&answer, 2, &record))
		return PROBE_UNKNOWN;
	if (type == TYPE_HANDSHAKE)
		return read_server_hello(record);
	if (type != TYPE_ALERT || take_number(&record, 1) != ALERT_FATAL)
		return PROBE_UNKNOWN;
	alert = take_number(&record, 1);
	return alert == ALERT_HANDSHAKE_FAILURE || alert == ALERT_PARAMETER ||
		       alert == ALERT_VERSION
		   ? PROBE_NO
		   : PROBE_UNKNOWN;
}

enum probe_answer hello_try(struct talk *talk, const char *host)
{
	uint8_t random[HELLO_RANDOM];
	struct span answer;
	struct buf out;
	size_t length = 0;

	if (getentropy(random, sizeof random) != 0 || strlen(host) > 253)
		return PROBE_UNKNOWN;
	buf_init(&out, NULL, 0);
	write_hello(&out, host, random);
	(void)talk_say(talk, buf_view(&out));
	buf_free(&out);
	if (talk_bytes(talk, HEADER, &answer))
		length = hello_length(answer);
	if (length == 0 || length > RECORD_MAX || !talk_bytes(talk, length, &answer))
		return PROBE_UNKNOWN;
	return hello_read(answer);
}

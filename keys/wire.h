/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a worker and the key process say to each other, in packets over SOCK_SEQPACKET pairs. The
 * supervisor gives both an end of one, the link. Over it the worker only sends lanes: one octet,
 * and with it an end of another pair (SCM_RIGHTS). Over a lane it sends requests, one at a time,
 * each of which has one reply. Numbers are in the machine's order; both ends are one program.
 *
 *     request = count[4] 1*TASKS item      item   = number[8] type[1] purpose[1] digest[32]
 *     reply   = count[4] 1*TASKS answer    answer = outcome[1] length[2] *length OCTET
 *
 * The key process does not trust a worker, nor does a worker trust what it reads: both parsers take
 * (pointer, end) and are exact.
 */
#ifndef KEYS_WIRE_H
#define KEYS_WIRE_H

#include <stddef.h>
#include <stdint.h>

#include "lib/crypto/type.h"
#include "lib/name.h"

enum {
	KEYWIRE_LANES = 64, /* of a link */
	KEYWIRE_TASKS = 16,
	KEYWIRE_SIGNATURE_MAX = CRYPT_RSA_MAX_BITS / 8,
	KEYWIRE_HEAD = 4,
	KEYWIRE_ITEM = 10 + CRYPT_DIGEST_LEN,
	KEYWIRE_REQUEST_MAX = KEYWIRE_HEAD + KEYWIRE_TASKS * KEYWIRE_ITEM,
	KEYWIRE_REPLY_MAX = KEYWIRE_HEAD + KEYWIRE_TASKS * (3 + KEYWIRE_SIGNATURE_MAX)
};

struct keywire_item {
	uint64_t number;
	uint8_t type;    /* enum crypt_type */
	uint8_t purpose; /* enum key_purpose */
	uint8_t digest[CRYPT_DIGEST_LEN];
};

struct keywire_request {
	unsigned count;
	struct keywire_item items[KEYWIRE_TASKS];
};

/* OUT has KEYWIRE_REQUEST_MAX bytes; returns how many are used. */
size_t keywire_put_request(const struct keywire_request *request, uint8_t *out);
int keywire_parse_request(const uint8_t *p, const uint8_t *end, struct keywire_request *request);

enum keywire_outcome {
	KEYWIRE_SIGNED,
	KEYWIRE_UNKNOWN, /* there is no such key now */
	KEYWIRE_IDLE,    /* it is retired or revoked */
	KEYWIRE_PURPOSE, /* the settings do not sign for that with it */
	KEYWIRE_LIMITED, /* over sign.max_rate */
	KEYWIRE_FAILED,  /* OpenSSL cannot */
	KEYWIRE_OUTCOMES
};
extern const struct name_code keywire_outcome_names[]; /* for counting */

struct keywire_answer {
	enum keywire_outcome outcome;
	uint16_t length;
	const uint8_t *signature; /* in the packet */
};

struct keywire_reply {
	unsigned count;
	struct keywire_answer answers[KEYWIRE_TASKS];
};

/* OUT has KEYWIRE_REPLY_MAX bytes; returns how many are used. */
size_t keywire_put_reply(const struct keywire_reply *reply, uint8_t *out);
int keywire_parse_reply(const uint8_t *p, const uint8_t *end, struct keywire_reply *reply);

#endif

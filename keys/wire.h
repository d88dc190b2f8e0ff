/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a worker and the key process say to each other, in packets. The supervisor gives both an end
 * of a SOCK_SEQPACKET pair, the link, over which the worker sends its requests, several at a time.
 * Each thread of it that waits for a reply has a lane, another such pair: the first request that
 * names a lane brings the other end of it (SCM_RIGHTS), in place of an earlier one of that number.
 * A request has one reply, over its lane. Keys of the shared store are not known to the key process
 * until it is given one, sealed, after it has answered that it does not know the key. Numbers are
 * in the machine's order; both ends are one program.
 *
 *     request = lane[4] count[4] 1*TASKS item    item   = number[8] type[1] purpose[1] digest[32]
 *             / lane[4] 1[4] item sealed         sealed = 1*SEALED_MAX OCTET   (keys/sealing.h)
 *     reply   = count[4] 1*TASKS answer          answer = outcome[1] length[2] *length OCTET
 *
 * The key process does not trust a worker, nor does a worker trust what it reads: both parsers take
 * (pointer, end) and are exact.
 */
#ifndef KEYS_WIRE_H
#define KEYS_WIRE_H

#include <stddef.h>
#include <stdint.h>

#include "keys/sealing.h"
#include "lib/crypto/type.h"
#include "lib/name.h"

enum {
	KEYWIRE_LANES = 64, /* of a link */
	KEYWIRE_TASKS = 16,
	KEYWIRE_SIGNATURE_MAX = CRYPT_RSA_MAX_BITS / 8,
	KEYWIRE_HEAD = 4,
	KEYWIRE_ITEM = 10 + CRYPT_DIGEST_LEN,
	KEYWIRE_REQUEST_MAX = 2 * KEYWIRE_HEAD + KEYWIRE_TASKS * KEYWIRE_ITEM + SEALED_MAX,
	KEYWIRE_REPLY_MAX = KEYWIRE_HEAD + KEYWIRE_TASKS * (3 + KEYWIRE_SIGNATURE_MAX)
};

struct keywire_item {
	uint64_t number;
	uint8_t type;    /* enum crypt_type */
	uint8_t purpose; /* enum key_purpose */
	uint8_t digest[CRYPT_DIGEST_LEN];
};

struct keywire_request {
	unsigned lane; /* below KEYWIRE_LANES */
	unsigned count;
	struct keywire_item items[KEYWIRE_TASKS];
	struct span sealed; /* the key of the only item, or empty; in the packet */
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
	KEYWIRE_FOREIGN, /* it is sealed with a key that this host does not have */
	KEYWIRE_BAD,     /* what is sealed is not that key */
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

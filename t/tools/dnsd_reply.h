/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From a query to its reply, as bytes (RFC 1035 section 4, RFC 6891 for EDNS).
 */
#ifndef T_TOOLS_DNSD_REPLY_H
#define T_TOOLS_DNSD_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dns/wire.h"
#include "t/tools/dnsd_zone.h"

enum { REPLY_HEADER = 12, REPLY_MAX = 65535, REPLY_EDNS_SIZE = 1232 };

struct reply_query {
	char name[WIRE_TEXT_MAX]; /* lower case, no final dot, "" the root */
	uint16_t type;
	uint16_t class;
	size_t question_end; /* offset behind the question */
	bool edns;
	size_t edns_size;
};

struct reply {
	uint8_t data[REPLY_MAX];
	size_t length;
	unsigned rcode;
	bool truncated;
};

/* Reads a query. False: nothing to reply to. RCODE is not 0 if all there is to say is an error. */
bool reply_read(const uint8_t *data, size_t size, struct reply_query *query, unsigned *rcode);

/* DATA is the query's packet. MAX: the largest reply; what is longer has the TC bit and nothing
 * else. REPLY_TRUNCATE does the same whatever the length is; REPLY_DROP is the caller's. */
void reply_make(const struct zone *zone, const uint8_t *data, const struct reply_query *query,
		unsigned rcode, enum reply_fault fault, size_t max, struct reply *reply);

const char *reply_type_text(unsigned type, char room[12]);
const char *reply_rcode_text(unsigned rcode);

#endif

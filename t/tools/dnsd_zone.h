/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The zone of the test server: a file of lines
 *
 *     name TTL TYPE data
 *
 * A AAAA PTR NS CNAME MX TXT, and SOA with the negative TTL as its only data. Names are whole, the
 * final dot may be missing, \DDD stands for that byte. TXT takes several strings: "a" "b c"; inside
 * quotes \" \\ and \DDD stand for that byte; a string over 255 is cut into several. "*.name" is a
 * wildcard (RFC 4592). '#' and ';' begin a comment. There is a SOA for the root if there is none.
 *
 *     name 0 FAULT kind [type] [ms]
 *
 * spoils the answers for that name, or for one type: drop, servfail, refuse, truncate as dnsd's
 * options; nxdata says NXDOMAIN and gives the data; wrong gives all records of the name, whatever
 * the type; late sends the answer MS milliseconds later; notcp is truncate, and TCP is silent.
 */
#ifndef T_TOOLS_DNSD_ZONE_H
#define T_TOOLS_DNSD_ZONE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/why.h"

enum {
	ZONE_A = 1,
	ZONE_NS = 2,
	ZONE_CNAME = 5,
	ZONE_SOA = 6,
	ZONE_PTR = 12,
	ZONE_MX = 15,
	ZONE_TXT = 16,
	ZONE_AAAA = 28,
	ZONE_FAULT = 65280 /* not on the wire */
};

enum reply_fault {
	REPLY_GOOD,
	REPLY_DROP,
	REPLY_SERVFAIL,
	REPLY_REFUSED,
	REPLY_TRUNCATE,
	REPLY_NXDATA,
	REPLY_WRONG,
	REPLY_LATE,
	REPLY_NO_TCP,
	REPLY_LOWER /* the question comes back in lower case */
};

struct zone_record {
	const struct zone_record *next; /* of the same name, in the order of the file */
	uint16_t type;
	uint32_t ttl;
	const uint8_t *data; /* as on the wire */
	size_t length;
};

struct zone;

/* NEGATIVE_TTL is that of the root's SOA. NULL with a reason (file, line, fault). */
struct zone *zone_load(const char *path, uint32_t negative_ttl, struct why *why);
void zone_free(struct zone *zone);

/* What answers for NAME (lower case, no final dot, "" the root): its own records, or those of the
 * wildcard that covers it. False: the name does not exist. */
bool zone_find(const struct zone *zone, const char *name, const struct zone_record **records);

/* How the answer to a question for NAME and TYPE is to be spoilt; *DELAY is in milliseconds. */
enum reply_fault zone_fault(const struct zone *zone, const char *name, unsigned type,
			    uint32_t *delay);

/* The nearest SOA at or above NAME, and where it is. */
const struct zone_record *zone_soa(const struct zone *zone, const char *name, const char **owner);

#endif

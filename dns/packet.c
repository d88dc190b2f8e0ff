/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every offset is checked against the end before it is used; names are skipped, never followed, so
 * that a walk is linear whatever the counts in the header claim.
 */
#include "dns/packet.h"

#include <stdbool.h>

#include "dns/wire.h"

enum { HEADER = 12, TYPE_SOA = 6, CLASS_IN = 1, TTL_MAX = 0x7fffffff };

struct walk {
	const uint8_t *data;
	size_t size;
	size_t at;
};

struct resource {
	unsigned type;
	unsigned class;
	uint32_t ttl;
	size_t data; /* offset */
	size_t end;
};

static bool read_number(struct walk *walk, unsigned bytes, uint32_t *number)
{
	if (walk->size - walk->at < bytes)
		return false;
	*number = 0;
	while (bytes-- > 0)
		*number = *number << 8 | walk->data[walk->at++];
	return true;
}

static bool skip_name(struct walk *walk)
{
	return wire_name_skip(walk->data, walk->size, &walk->at);
}

/* RFC 1035 section 4.1.2: QNAME QTYPE QCLASS */
static bool skip_question(struct walk *walk)
{
	uint32_t number;

	return skip_name(walk) && read_number(walk, 4, &number);
}

/* RFC 1035 section 4.1.3: NAME TYPE CLASS TTL RDLENGTH RDATA */
static bool read_resource(struct walk *walk, struct resource *resource)
{
	uint32_t type, class, length;

	if (!skip_name(walk) || !read_number(walk, 2, &type) || !read_number(walk, 2, &class) ||
	    !read_number(walk, 4, &resource->ttl) || !read_number(walk, 2, &length) ||
	    walk->size - walk->at < length)
		return false;
	resource->type = type;
	resource->class = class;
	resource->data = walk->at;
	walk->at += length;
	resource->end = walk->at;
	return true;
}

/* RFC 1035 section 3.3.13: MNAME RNAME SERIAL REFRESH RETRY EXPIRE MINIMUM */
static bool read_minimum(const struct walk *walk, const struct resource *soa, uint32_t *minimum)
{
	struct walk data = {walk->data, soa->end, soa->data};

	for (unsigned name = 0; name < 2; name++) {
		if (!skip_name(&data))
			return false;
	}
	if (data.size - data.at != 20)
		return false;
	data.at += 16;
	return read_number(&data, 4, minimum);
}

/* RFC 2181 section 8: a TTL with the uppermost bit set counts as 0. */
static uint32_t limit_ttl(uint32_t ttl)
{
	return ttl > TTL_MAX ? 0 : ttl;
}

static uint32_t lesser_of(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

uint32_t packet_negative_ttl(const void *packet, size_t size)
{
	struct walk walk = {packet, size, 4};
	uint32_t questions, answers, authorities, minimum, least = TTL_MAX;
	struct resource resource;

	if (size < HEADER || !read_number(&walk, 2, &questions) ||
	    !read_number(&walk, 2, &answers) || !read_number(&walk, 2, &authorities))
		return 0;
	walk.at = HEADER;
	for (; questions > 0; questions--) {
		if (!skip_question(&walk))
			return 0;
	}
	for (; answers > 0; answers--) {
		if (!read_resource(&walk, &resource))
			return 0;
		least = lesser_of(least, limit_ttl(resource.ttl));
	}
	for (; authorities > 0; authorities--) {
		if (!read_resource(&walk, &resource))
			return 0;
		if (resource.type == TYPE_SOA && resource.class == CLASS_IN)
			break;
	}
	if (authorities == 0 || !read_minimum(&walk, &resource, &minimum))
		return 0;
	return lesser_of(least, lesser_of(limit_ttl(resource.ttl), limit_ttl(minimum)));
}

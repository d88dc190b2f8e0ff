/* SPDX-License-Identifier: BSD-2-Clause */
#include "t/tools/dnsd_reply.h"

#include <stdio.h>
#include <string.h>

#include "lib/name.h"

enum {
	HEADER = REPLY_HEADER,
	CLASS_IN = 1,
	TYPE_OPT = 41,
	CNAMES_MAX = 16,
	ANY_TYPE = 0, /* not one of DNS */
	NOERROR = 0,
	FORMERR = 1,
	SERVFAIL = 2,
	NXDOMAIN = 3,
	NOTIMP = 4,
	REFUSED = 5
};

static const struct name_code rcodes[] = {
    {"NOERROR", NOERROR},
    {"FORMERR", FORMERR},
    {"SERVFAIL", SERVFAIL},
    {"NXDOMAIN", NXDOMAIN},
    {"NOTIMP", NOTIMP},
    {"REFUSED", REFUSED},
    {NULL, 0},
};

static const struct name_code types[] = {
    {"A", ZONE_A},   {"NS", ZONE_NS},   {"CNAME", ZONE_CNAME}, {"SOA", ZONE_SOA}, {"PTR", ZONE_PTR},
    {"MX", ZONE_MX}, {"TXT", ZONE_TXT}, {"AAAA", ZONE_AAAA},   {"DS", 43},        {"DNSKEY", 48},
    {NULL, 0},
};

const char *reply_type_text(unsigned type, char room[12])
{
	const char *text = name_text(types, (int)type);

	if (*text != '?')
		return text;
	snprintf(room, 12, "TYPE%u", type);
	return room;
}

const char *reply_rcode_text(unsigned rcode)
{
	return name_text(rcodes, (int)rcode);
}

static unsigned get16(const uint8_t *data)
{
	return (unsigned)data[0] << 8 | data[1];
}

/* ---- the query ---- */

/* The OPT record, if it is what follows the question (it is in every query seen in practice). */
static void read_edns(const uint8_t *data, size_t size, struct reply_query *query)
{
	size_t at = query->question_end;

	if (get16(data + 10) == 0 || size - at < 11 || data[at] != 0 ||
	    get16(data + at + 1) != TYPE_OPT)
		return;
	query->edns = true;
	query->edns_size = get16(data + at + 3);
}

bool reply_read(const uint8_t *data, size_t size, struct reply_query *query, unsigned *rcode)
{
	size_t name;

	memset(query, 0, sizeof *query);
	*rcode = FORMERR;
	query->question_end = HEADER;
	if (size < HEADER || (data[2] & 0x80) != 0)
		return false;
	if (get16(data + 4) != 1)
		return true;
	name = wire_name_text(data + HEADER, size - HEADER, query->name);
	if (name == 0 || size - HEADER - name < 4)
		return true;
	if (strcmp(query->name, ".") == 0)
		query->name[0] = '\0';
	query->type = (uint16_t)get16(data + HEADER + name);
	query->class = (uint16_t)get16(data + HEADER + name + 2);
	query->question_end = HEADER + name + 4;
	read_edns(data, size, query);
	*rcode = (data[2] & 0x78) != 0 ? NOTIMP : query->class != CLASS_IN ? REFUSED : NOERROR;
	return true;
}

/* ---- the reply ---- */

static void put(struct reply *reply, const void *data, size_t size)
{
	if (reply->truncated || size > sizeof reply->data - reply->length) {
		reply->truncated = true;
		return;
	}
	memcpy(reply->data + reply->length, data, size);
	reply->length += size;
}

static void put16(struct reply *reply, unsigned number)
{
	const uint8_t bytes[2] = {(uint8_t)(number >> 8), (uint8_t)number};

	put(reply, bytes, sizeof bytes);
}

static void count(struct reply *reply, size_t section)
{
	unsigned n = get16(reply->data + section) + 1;

	reply->data[section] = (uint8_t)(n >> 8);
	reply->data[section + 1] = (uint8_t)n;
}

static void put_record(struct reply *reply, size_t section, const uint8_t *owner,
		       size_t owner_length, const struct zone_record *record)
{
	put(reply, owner, owner_length);
	put16(reply, record->type);
	put16(reply, CLASS_IN);
	put16(reply, record->ttl >> 16);
	put16(reply, record->ttl & 0xffff);
	put16(reply, (unsigned)record->length);
	put(reply, record->data, record->length);
	count(reply, section);
}

/* RFC 2308 section 3: a negative answer has the SOA, its TTL not over the minimum (its last four
 * octets). */
static void put_soa(const struct zone *zone, const char *name, struct reply *reply)
{
	const char *owner;
	const struct zone_record *soa = zone_soa(zone, name, &owner);
	struct zone_record limited = *soa;
	const uint8_t *minimum = soa->data + soa->length - 4;
	uint32_t seconds = (uint32_t)get16(minimum) << 16 | get16(minimum + 2);
	uint8_t wire[WIRE_NAME_MAX];

	if (limited.ttl > seconds)
		limited.ttl = seconds;
	put_record(reply, 8, wire, wire_name_make(owner, strlen(owner), wire), &limited);
}

/* Records of TYPE, or the alias that stands in their place. Returns how many there were. */
static unsigned put_matching(struct reply *reply, const uint8_t *owner, size_t owner_length,
			     const struct zone_record *records, unsigned type,
			     const struct zone_record **alias)
{
	unsigned found = 0;

	*alias = NULL;
	for (; records != NULL; records = records->next) {
		if (records->type == ZONE_FAULT)
			continue;
		if (records->type == ZONE_CNAME && type != ZONE_CNAME)
			*alias = records;
		if (records->type != type && type != ANY_TYPE && records != *alias)
			continue;
		put_record(reply, 6, owner, owner_length, records);
		found++;
	}
	return found;
}

/* RFC 1034 section 4.3.2, and 3.6.2 for aliases; a chain that does not end is left open. */
static void put_answer(const struct zone *zone, const struct reply_query *query, unsigned type,
		       struct reply *reply)
{
	static const uint8_t question[2] = {0xc0, HEADER};
	const struct zone_record *records, *alias;
	const uint8_t *owner = question;
	size_t owner_length = sizeof question;
	char name[WIRE_TEXT_MAX];

	memcpy(name, query->name, sizeof name);
	for (unsigned i = 0; i < CNAMES_MAX; i++) {
		bool exists = zone_find(zone, name, &records);

		if (put_matching(reply, owner, owner_length, records, type, &alias) == 0) {
			reply->rcode = exists ? NOERROR : NXDOMAIN;
			put_soa(zone, name, reply);
			return;
		}
		if (alias == NULL)
			return;
		owner = alias->data;
		owner_length = alias->length;
		wire_name_text(owner, owner_length, name);
	}
}

static void begin(const uint8_t *data, const struct reply_query *query, struct reply *reply)
{
	reply->length = 0;
	reply->truncated = false;
	put(reply, data, query->question_end);
	reply->data[2] = (uint8_t)(0x80 | (data[2] & 0x79)); /* QR, opcode and RD as asked */
	if ((data[2] & 1) == 0)
		reply->data[2] |= 4; /* AA; to a client that wants recursion we are a resolver */
	memset(reply->data + 4, 0, HEADER - 4);
	reply->data[5] = query->question_end > HEADER;
}

/* RFC 6891 section 6.1.2 */
static void put_opt(struct reply *reply)
{
	static const uint8_t opt[11] = {0, 0, TYPE_OPT, REPLY_EDNS_SIZE >> 8,
					REPLY_EDNS_SIZE & 255};

	put(reply, opt, sizeof opt);
	count(reply, 10);
}

/* The length of a label is below any letter. */
static void lower_question(const struct reply_query *query, struct reply *reply)
{
	for (size_t i = HEADER; i + 4 < query->question_end; i++)
		reply->data[i] = (uint8_t)char_lower(reply->data[i]);
}

void reply_make(const struct zone *zone, const uint8_t *data, const struct reply_query *query,
		unsigned rcode, enum reply_fault fault, size_t max, struct reply *reply)
{
	begin(data, query, reply);
	reply->rcode = rcode;
	if (rcode == NOERROR && fault == REPLY_SERVFAIL)
		reply->rcode = SERVFAIL;
	else if (rcode == NOERROR && fault == REPLY_REFUSED)
		reply->rcode = REFUSED;
	else if (rcode == NOERROR)
		put_answer(zone, query, fault == REPLY_WRONG ? ANY_TYPE : query->type, reply);
	if (rcode == NOERROR && fault == REPLY_NXDATA)
		reply->rcode = NXDOMAIN;
	if (query->edns)
		put_opt(reply);
	if (reply->truncated || reply->length > max || fault == REPLY_TRUNCATE) {
		begin(data, query, reply);
		if (query->edns)
			put_opt(reply);
		reply->data[2] |= 2; /* TC */
		reply->truncated = true;
	}
	reply->data[3] = (uint8_t)(0x80 | reply->rcode); /* RA */
	if (fault == REPLY_LOWER)
		lower_question(query, reply);
}

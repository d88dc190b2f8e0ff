/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An answer is one block: the head, the records, their texts. Each record's data is looked at
 * twice, by the same reader: once to know the size of its text, once to write it.
 */
#include "dns/answer.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "dns/wire.h"
#include "lib/heap.h"
#include "lib/name.h"

static const struct name_code types[] = {
    {"A", DNS_TYPE_A},           {"AAAA", DNS_TYPE_AAAA},   {"MX", DNS_TYPE_MX},
    {"PTR", DNS_TYPE_PTR},       {"TXT", DNS_TYPE_TXT},     {"NS", DNS_TYPE_NS},
    {"SOA", DNS_TYPE_SOA},       {"CNAME", DNS_TYPE_CNAME}, {"SRV", DNS_TYPE_SRV},
    {"DS", DNS_TYPE_DS},         {"RRSIG", DNS_TYPE_RRSIG}, {"TLSA", DNS_TYPE_TLSA},
    {"DNSKEY", DNS_TYPE_DNSKEY}, {"SPF", DNS_TYPE_SPF},     {NULL, 0},
};

static const struct name_code statuses[] = {
    {"data", DNS_DATA},
    {"no data", DNS_NODATA},
    {"no name", DNS_NXDOMAIN},
    {"temporary failure", DNS_TEMPFAIL},
    {NULL, 0},
};

/* A failure is remembered for so long: enough to break a storm, too short to hide a recovery. */
enum { FAILURE_TTL = 1 };

#define FAILURE(why, seconds)                                                                      \
	{                                                                                          \
		.public = {.status = DNS_TEMPFAIL, .reason = (why), .ttl = (seconds) }             \
	}

struct answer answer_no_budget = FAILURE("too many lookups for one message", 0);
struct answer answer_crowded = FAILURE("too many questions under way", 0);
struct answer answer_impossible = {.public = {.status = DNS_NXDOMAIN}};
static struct answer too_large = FAILURE("answer too large", FAILURE_TTL);
static struct answer malformed = FAILURE("malformed record", FAILURE_TTL);

const char *dns_type_text(enum dns_type type)
{
	return name_text(types, (int)type);
}

const char *dns_status_text(enum dns_status status)
{
	return name_text(statuses, (int)status);
}

/*
 * Each reader fills RECORD and, where TEXT is not NULL, the text; it returns the text's length, or
 * -1 for data that its type does not have.
 */
typedef long reader(const struct rdata *rdata, struct dns_record *record, char *text);

/* RFC 1035 section 3.4.1; RFC 3596 section 2.2 */
static long read_address(const struct rdata *rdata, struct dns_record *record, size_t length)
{
	if (rdata->length != length)
		return -1;
	memcpy(record->address, rdata->data, length);
	return 0;
}

static long read_a(const struct rdata *rdata, struct dns_record *record, char *text)
{
	(void)text;
	return read_address(rdata, record, 4);
}

static long read_aaaa(const struct rdata *rdata, struct dns_record *record, char *text)
{
	(void)text;
	return read_address(rdata, record, 16);
}

/* RFC 1035 section 3.3.12: one name */
static long read_name(const struct rdata *rdata, size_t at, char *text)
{
	char own[WIRE_TEXT_MAX];
	size_t length;

	if (at >= rdata->length ||
	    wire_name_text(rdata->data + at, rdata->length - at, own) != rdata->length - at)
		return -1;
	length = strlen(own);
	if (text != NULL)
		memcpy(text, own, length);
	return (long)length;
}

static long read_ptr(const struct rdata *rdata, struct dns_record *record, char *text)
{
	(void)record;
	return read_name(rdata, 0, text);
}

/* RFC 1035 section 3.3.9: a preference of two octets and a name */
static long read_mx(const struct rdata *rdata, struct dns_record *record, char *text)
{
	if (rdata->length < 3)
		return -1;
	record->preference = (uint16_t)(rdata->data[0] << 8 | rdata->data[1]);
	return read_name(rdata, 2, text);
}

static unsigned read_number(const struct rdata *rdata, size_t at)
{
	return (unsigned)rdata->data[at] << 8 | rdata->data[at + 1];
}

static uint32_t read_number32(const struct rdata *rdata, size_t at)
{
	return (uint32_t)read_number(rdata, at) << 16 | read_number(rdata, at + 2);
}

/* RFC 2782: priority, weight and port of two octets each, and a name */
static long read_srv(const struct rdata *rdata, struct dns_record *record, char *text)
{
	if (rdata->length < 7)
		return -1;
	record->preference = (uint16_t)read_number(rdata, 0);
	record->weight = (uint16_t)read_number(rdata, 2);
	record->port = (uint16_t)read_number(rdata, 4);
	return read_name(rdata, 6, text);
}

/* RFC 1035 section 3.3.13: two names and five numbers of four octets, of which the first is the
 * serial */
static long read_soa(const struct rdata *rdata, struct dns_record *record, char *text)
{
	char own[WIRE_TEXT_MAX];
	size_t first = wire_name_text(rdata->data, rdata->length, own), second;

	if (first == 0)
		return -1;
	second = wire_name_text(rdata->data + first, rdata->length - first, own);
	if (second == 0 || rdata->length - first - second != 20)
		return -1;
	record->serial = read_number32(rdata, first + second);
	return read_name(&(struct rdata){rdata->data, first}, 0, text);
}

static long read_tail(const struct rdata *rdata, size_t at, char *text)
{
	if (rdata->length <= at)
		return -1;
	if (text != NULL)
		memcpy(text, rdata->data + at, rdata->length - at);
	return (long)(rdata->length - at);
}

/* RFC 6698 section 2.1: usage, selector, matching type, data */
static long read_tlsa(const struct rdata *rdata, struct dns_record *record, char *text)
{
	if (rdata->length < 4)
		return -1;
	memcpy(record->numbers, rdata->data, 3);
	return read_tail(rdata, 3, text);
}

/* RFC 4034 section 5.1: key tag, algorithm, digest type, digest */
static long read_ds(const struct rdata *rdata, struct dns_record *record, char *text)
{
	if (rdata->length < 5)
		return -1;
	record->preference = (uint16_t)read_number(rdata, 0);
	memcpy(record->numbers, rdata->data + 2, 2);
	return read_tail(rdata, 4, text);
}

/* RFC 4034 section 2.1: flags, protocol, algorithm, key */
static long read_dnskey(const struct rdata *rdata, struct dns_record *record, char *text)
{
	if (rdata->length < 5)
		return -1;
	record->preference = (uint16_t)read_number(rdata, 0);
	memcpy(record->numbers, rdata->data + 2, 2);
	return read_tail(rdata, 4, text);
}

/* RFC 4034 section 3.1: type covered, algorithm, labels, TTL, end, begin, key tag, signer's name,
 * signature */
static long read_rrsig(const struct rdata *rdata, struct dns_record *record, char *text)
{
	enum { SIGNER = 18 };
	char own[WIRE_TEXT_MAX];
	size_t signer;

	if (rdata->length <= SIGNER)
		return -1;
	signer = wire_name_text(rdata->data + SIGNER, rdata->length - SIGNER, own);
	if (signer == 0 || rdata->length == SIGNER + signer)
		return -1;
	record->preference = (uint16_t)read_number(rdata, 0);
	record->serial = read_number32(rdata, 4);
	record->ends = read_number32(rdata, 8);
	record->begins = read_number32(rdata, 12);
	return read_name(&(struct rdata){rdata->data + SIGNER, signer}, 0, text);
}

/* RFC 1035 section 3.3.14: one or more strings, each with its length in the octet in front */
static long read_txt(const struct rdata *rdata, struct dns_record *record, char *text)
{
	size_t at = 0, used = 0;

	(void)record;
	if (rdata->length == 0)
		return -1;
	while (at < rdata->length) {
		size_t string = rdata->data[at++];

		if (string > rdata->length - at)
			return -1;
		if (text != NULL)
			memcpy(text + used, rdata->data + at, string);
		used += string;
		at += string;
	}
	return (long)used;
}

static reader *reader_of(enum dns_type type)
{
	switch (type) {
	case DNS_TYPE_A:
		return read_a;
	case DNS_TYPE_PTR:
	case DNS_TYPE_NS:
	case DNS_TYPE_CNAME:
		return read_ptr;
	case DNS_TYPE_SOA:
		return read_soa;
	case DNS_TYPE_SRV:
		return read_srv;
	case DNS_TYPE_DS:
		return read_ds;
	case DNS_TYPE_DNSKEY:
		return read_dnskey;
	case DNS_TYPE_RRSIG:
		return read_rrsig;
	case DNS_TYPE_TLSA:
		return read_tlsa;
	case DNS_TYPE_MX:
		return read_mx;
	case DNS_TYPE_TXT:
	case DNS_TYPE_SPF:
		return read_txt;
	case DNS_TYPE_AAAA:
		return read_aaaa;
	}
	return NULL;
}

static struct answer *make_answer(enum dns_status status, size_t bytes)
{
	struct answer *answer = heap_zero(bytes);

	answer->public.status = status;
	answer->bytes = bytes;
	atomic_init(&answer->references, 1);
	return answer;
}

/* The room that the texts take with their NULs, or the failure that it is. */
static struct answer *measure_rdata(reader *read, const struct rdata *rdata, size_t count,
				    size_t *room)
{
	struct dns_record scratch;
	size_t bytes = 0;

	*room = 0;
	if (count > DNS_RECORDS_MAX)
		return &too_large;
	for (size_t i = 0; i < count; i++) {
		long length = read(&rdata[i], &scratch, NULL);

		if (length == -1)
			return &malformed;
		bytes += rdata[i].length;
		*room += (size_t)length + 1;
	}
	return bytes > DNS_ANSWER_BYTES ? &too_large : NULL;
}

struct answer *answer_data(enum dns_type type, const struct rdata *rdata, size_t count,
			   uint32_t ttl, bool secure)
{
	reader *read = reader_of(type);
	struct answer *answer, *failure;
	struct dns_record *records;
	size_t room;
	char *text;

	assert(read != NULL && count > 0);
	failure = measure_rdata(read, rdata, count, &room);
	if (failure != NULL)
		return failure;
	answer = make_answer(DNS_DATA, sizeof *answer + count * sizeof *records + room);
	records = (struct dns_record *)(answer + 1);
	text = (char *)(records + count);
	for (size_t i = 0; i < count; i++) {
		long length = read(&rdata[i], &records[i], text);

		records[i].text = text;
		records[i].length = (size_t)length;
		text += length + 1;
	}
	answer->public.ttl = ttl;
	answer->public.secure = secure;
	answer->public.count = (unsigned)count;
	answer->public.records = records;
	return answer;
}

struct answer *answer_negative(enum dns_status status, uint32_t ttl, bool secure)
{
	struct answer *answer = make_answer(status, sizeof *answer);

	assert(status == DNS_NODATA || status == DNS_NXDOMAIN);
	answer->public.ttl = ttl;
	answer->public.secure = secure;
	return answer;
}

struct answer *answer_failure(const char *reason)
{
	size_t size = strlen(reason) + 1;
	struct answer *answer = make_answer(DNS_TEMPFAIL, sizeof *answer + size);

	answer->public.reason = memcpy(answer + 1, reason, size);
	answer->public.ttl = FAILURE_TTL;
	return answer;
}

struct answer *answer_take(struct answer *answer)
{
	if (atomic_load_explicit(&answer->references, memory_order_relaxed) != 0)
		atomic_fetch_add_explicit(&answer->references, 1, memory_order_relaxed);
	return answer;
}

void answer_drop(struct answer *answer)
{
	if (answer == NULL || atomic_load_explicit(&answer->references, memory_order_relaxed) == 0)
		return;
	if (atomic_fetch_sub_explicit(&answer->references, 1, memory_order_acq_rel) == 1)
		free(answer);
}

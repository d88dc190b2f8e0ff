/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dns/answer: any record data. The first byte chooses the type, then each record is a length of two
 * bytes and so much data. Texts end inside the answer's memory; names go back to the wire.
 */
#include <assert.h>
#include <string.h>

#include "dns/answer.h"
#include "dns/wire.h"
#include "t/lib/fuzz.h"

static const enum dns_type types[] = {DNS_TYPE_A,    DNS_TYPE_PTR, DNS_TYPE_MX,    DNS_TYPE_TXT,
				      DNS_TYPE_AAAA, DNS_TYPE_SOA, DNS_TYPE_SRV,   DNS_TYPE_DS,
				      DNS_TYPE_TLSA, DNS_TYPE_NS,  DNS_TYPE_RRSIG, DNS_TYPE_DNSKEY};

static size_t split(const uint8_t *data, size_t size, struct rdata *rdata)
{
	size_t count = 0;

	while (size >= 2 && count <= DNS_RECORDS_MAX) {
		size_t length = (size_t)data[0] << 8 | data[1];

		data += 2;
		size -= 2;
		if (length > size)
			length = size;
		rdata[count].data = data;
		rdata[count++].length = length;
		data += length;
		size -= length;
	}
	return count;
}

static void check_name(const struct dns_record *record)
{
	uint8_t wire[WIRE_NAME_MAX];
	char again[WIRE_TEXT_MAX];

	if (strchr(record->text, '\\') != NULL || strcmp(record->text, ".") == 0)
		return;
	assert(wire_name_text(wire, wire_name_make(record->text, record->length, wire), again) > 0);
	assert(strcmp(again, record->text) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rdata rdata[DNS_RECORDS_MAX + 1];
	enum dns_type type =
	    size > 0 ? types[data[0] % (sizeof types / sizeof *types)] : DNS_TYPE_A;
	size_t count = size > 0 ? split(data + 1, size - 1, rdata) : 0;
	struct answer *answer;

	if (count == 0)
		return 0;
	answer = answer_data(type, rdata, count, 1, false);
	assert((answer->public.count > 0) == (answer->public.status == DNS_DATA));
	for (unsigned i = 0; i < answer->public.count; i++) {
		const struct dns_record *record = &answer->public.records[i];

		assert(record->text[record->length] == '\0');
		assert(record->length <= DNS_ANSWER_BYTES);
		if (type == DNS_TYPE_PTR || type == DNS_TYPE_MX || type == DNS_TYPE_SRV ||
		    type == DNS_TYPE_SOA || type == DNS_TYPE_NS || type == DNS_TYPE_RRSIG)
			check_name(record);
	}
	answer_drop(answer);
	return 0;
}

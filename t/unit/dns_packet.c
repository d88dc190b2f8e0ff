/* SPDX-License-Identifier: BSD-2-Clause */
/* dns/: names on the wire, negative TTLs from packets, answers from record data. */
#include <stdio.h>
#include <string.h>

#include "dns/answer.h"
#include "dns/packet.h"
#include "dns/wire.h"
#include "t/lib/tap.h"

struct bytes {
	const char *data;
	size_t length;
};

#define BYTES(text)                                                                                \
	{                                                                                          \
		(text), sizeof(text) - 1                                                           \
	}

/* ---- names ---- */

static const struct {
	struct bytes wire;
	const char *text; /* NULL: no name */
} name_cases[] = {
    {BYTES("\0"), "."},
    {BYTES("\3FoO\4Test\0"), "foo.test"},
    {BYTES("\3a.b\0"), "a\\046b"},
    {BYTES("\4a\\ \xff\0"), "a\\092\\032\\255"},
    {BYTES("\1\0\1\177\0"), "\\000.\\127"},
    {BYTES("\3foo"), NULL},
    {BYTES("\3fo"), NULL},
    {BYTES("\300\014"), NULL},
    {BYTES("\100a\0"), NULL},
    {BYTES(""), NULL},
};

static void test_wire_text(void)
{
	uint8_t wire[300];
	char text[WIRE_TEXT_MAX];

	for (size_t i = 0; i < sizeof name_cases / sizeof *name_cases; i++) {
		size_t length = name_cases[i].wire.length;
		size_t took =
		    wire_name_text((const uint8_t *)name_cases[i].wire.data, length, text);

		is_text(took > 0 ? text : NULL, name_cases[i].text, "name %zu", i);
		is_int(took, name_cases[i].text != NULL ? length : 0, "its octets");
	}
	for (size_t i = 0; i < 300; i++)
		wire[i] = i % 2 == 0 ? 1 : 0xff;
	wire[254] = 0;
	is_int(wire_name_text(wire, 300, text), 255, "127 labels fill a name");
	is_int(strlen(text), 127 * 4 + 126, "as text, in the room for the longest one");
	wire[254] = 1;
	wire[256] = 0;
	is_int(wire_name_text(wire, 300, text), 0, "128 do not fit");
}

static void make_case(const char *name, size_t want)
{
	uint8_t wire[WIRE_NAME_MAX];
	char text[WIRE_TEXT_MAX];
	size_t made = wire_name_make(name, strlen(name), wire);

	is_int(made, want, "make \"%.40s\"", name);
	if (made > 1) {
		is_int(wire_name_text(wire, made, text), made, "and back");
		is_text(text, name, "the same");
	}
}

static void test_wire_make(void)
{
	char name[300];

	make_case("", 1);
	make_case("a", 3);
	make_case("foo.test", 10);
	make_case("a..b", 0);
	make_case(".a", 0);
	make_case("a.", 0);
	make_case(".", 0);
	memset(name, 'x', sizeof name);
	name[63] = '\0';
	make_case(name, 65);
	name[63] = 'x';
	name[64] = '\0';
	make_case(name, 0);
	for (size_t i = 0; i < 253; i++)
		name[i] = i % 2 == 0 ? 'y' : '.';
	name[253] = '\0';
	make_case(name, 255);
	name[253] = 'y';
	name[254] = '\0';
	make_case(name, 0);
}

static void test_wire_skip(void)
{
	uint8_t wire[400];
	size_t offset = 0;

	memset(wire, 50, sizeof wire);
	wire[51 * 5 - 1] = 0;
	ok(!wire_name_skip(wire, sizeof wire, &offset), "five labels of 50 do not end after 254");
	wire[51 * 4] = 49;
	ok(wire_name_skip(wire, sizeof wire, &offset) && offset == 255, "255 octets are a name");
	wire[51 * 4] = 50;
	wire[51 * 5] = 0;
	offset = 0;
	ok(!wire_name_skip(wire, sizeof wire, &offset) && offset == 0, "256 are none");
}

/* ---- packets ---- */

#define HEADER(answers, authorities) "\0\1\201\200\0\1\0" answers "\0" authorities "\0\0"
#define QUESTION                     "\1x\4test\0\0\20\0\1" /* offset 12; "test" is at 14 */
#define CNAME(ttl)                   "\300\014\0\5\0\1" ttl "\0\4\1y\300\016"
#define SOA(ttl, minimum)                                                                          \
	"\300\016\0\6\0\1" ttl "\0\26"                                                             \
	"\0\0\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4" minimum
#define SOA_COMPRESSED(ttl, minimum)                                                               \
	"\300\016\0\6\0\1" ttl "\0\30"                                                             \
	"\300\014\300\016\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4" minimum
#define NS "\0\0\2\0\1\0\0\0\1\0\2\300\016"

static const struct {
	const char *what;
	struct bytes packet;
	uint32_t ttl;
} packet_cases[] = {
    {"minimum below the TTL", BYTES(HEADER("\0", "\1") QUESTION SOA("\0\0\0\100", "\0\0\0\77")),
     63},
    {"TTL below the minimum", BYTES(HEADER("\0", "\1") QUESTION SOA("\0\0\0\7", "\0\0\0\77")), 7},
    {"compressed names", BYTES(HEADER("\0", "\1") QUESTION SOA_COMPRESSED("\0\1\0\0", "\0\1\0\1")),
     65536},
    {"another record in front", BYTES(HEADER("\0", "\2") QUESTION NS SOA("\0\0\0\7", "\0\0\0\77")),
     7},
    {"an alias with a shorter TTL",
     BYTES(HEADER("\1", "\1") QUESTION CNAME("\0\0\0\5") SOA("\0\0\0\7", "\0\0\0\77")), 5},
    {"an alias with a longer TTL",
     BYTES(HEADER("\1", "\1") QUESTION CNAME("\0\0\0\10") SOA("\0\0\0\7", "\0\0\0\77")), 7},
    {"no SOA", BYTES(HEADER("\0", "\1") QUESTION NS), 0},
    {"nothing", BYTES(HEADER("\0", "\0") QUESTION), 0},
    {"SOA in the answer only", BYTES(HEADER("\1", "\0") QUESTION SOA("\0\0\0\7", "\0\0\0\7")), 0},
    {"uppermost bit of the TTL", BYTES(HEADER("\0", "\1") QUESTION SOA("\200\0\0\7", "\0\0\0\7")),
     0},
    {"uppermost bit of the minimum",
     BYTES(HEADER("\0", "\1") QUESTION SOA("\0\0\0\7", "\377\377\377\377")), 0},
    {"a name that points forward",
     BYTES(HEADER("\0", "\1") QUESTION "\300\100\0\6\0\1\0\0\0\7\0\26\0\0\0\0\0\1\0\0\0\2\0\0\0\3"
				       "\0\0\0\4\0\0\0\5"),
     0},
    {"a name that points at itself",
     BYTES(HEADER("\0", "\1") QUESTION "\300\30\0\6\0\1\0\0\0\7\0\26\0\0\0\0\0\1\0\0\0\2\0\0\0\3"
				       "\0\0\0\4\0\0\0\5"),
     0},
    {"more records claimed than there are",
     BYTES("\0\1\201\200\0\1\377\377\377\377\0\0" QUESTION SOA("\0\0\0\7", "\0\0\0\7")), 0},
    {"a SOA with one octet too much",
     BYTES(HEADER("\0", "\1") QUESTION "\300\016\0\6\0\1\0\0\0\7\0\27\0\0\0\0\0\1\0\0\0\2\0\0\0\3"
				       "\0\0\0\4\0\0\0\5\0"),
     0},
};

static void test_packets(void)
{
	for (size_t i = 0; i < sizeof packet_cases / sizeof *packet_cases; i++) {
		const struct bytes *packet = &packet_cases[i].packet;
		uint32_t cut = 0;

		is_int(packet_negative_ttl(packet->data, packet->length), packet_cases[i].ttl, "%s",
		       packet_cases[i].what);
		for (size_t length = 0; length < packet->length; length++)
			cut |= packet_negative_ttl(packet->data, length);
		is_int(cut, 0, "cut anywhere it has none");
	}
}

/* ---- answers ---- */

static const struct {
	enum dns_type type;
	struct bytes data;
	const char *text; /* NULL: malformed */
} data_cases[] = {
    {DNS_TYPE_A, BYTES("\300\0\2\1"), ""},
    {DNS_TYPE_A, BYTES("\300\0\2"), NULL},
    {DNS_TYPE_A, BYTES("\300\0\2\1\0"), NULL},
    {DNS_TYPE_A, BYTES(""), NULL},
    {DNS_TYPE_AAAA, BYTES("0123456789abcdef"), ""},
    {DNS_TYPE_AAAA, BYTES("0123"), NULL},
    {DNS_TYPE_PTR, BYTES("\1A\4TEST\0"), "a.test"},
    {DNS_TYPE_PTR, BYTES("\0"), "."},
    {DNS_TYPE_PTR, BYTES("\1a\0x"), NULL},
    {DNS_TYPE_PTR, BYTES("\1a"), NULL},
    {DNS_TYPE_PTR, BYTES(""), NULL},
    {DNS_TYPE_MX, BYTES("\0\12\1a\0"), "a"},
    {DNS_TYPE_MX, BYTES("\0\0\0"), "."},
    {DNS_TYPE_MX, BYTES("\0\0"), NULL},
    {DNS_TYPE_MX, BYTES("\0\0\1a"), NULL},
    {DNS_TYPE_TXT, BYTES("\2ab\1c"), "abc"},
    {DNS_TYPE_TXT, BYTES("\0"), ""},
    {DNS_TYPE_TXT, BYTES("\0\0\1x"), "x"},
    {DNS_TYPE_TXT, BYTES(""), NULL},
    {DNS_TYPE_TXT, BYTES("\3ab"), NULL},
    {DNS_TYPE_TXT, BYTES("\2ab\1"), NULL},
};

static void test_data(void)
{
	for (size_t i = 0; i < sizeof data_cases / sizeof *data_cases; i++) {
		struct rdata rdata = {(const uint8_t *)data_cases[i].data.data,
				      data_cases[i].data.length};
		struct answer *answer = answer_data(data_cases[i].type, &rdata, 1, 60, true);
		bool good = data_cases[i].text != NULL;

		is_text(good ? answer->public.records[0].text : answer->public.reason,
			good ? data_cases[i].text : "malformed record", "%s %zu",
			dns_type_text(data_cases[i].type), i);
		is_int(answer->public.status, good ? DNS_DATA : DNS_TEMPFAIL, "its status");
		ok(answer->public.secure == good, "is it secure");
		answer_drop(answer);
	}
}

static void test_one_bad_record(void)
{
	const struct rdata rdata[2] = {{(const uint8_t *)"\1a", 2}, {(const uint8_t *)"\2a", 2}};
	struct answer *answer = answer_data(DNS_TYPE_TXT, rdata, 2, 60, false);

	is_int(answer->public.status, DNS_TEMPFAIL, "one malformed record spoils the answer");
	is_int(answer->public.count, 0, "which has no records then");
	answer_drop(answer);
	answer = answer_take(answer_failure("why"));
	answer_drop(answer);
	is_text(answer->public.reason, "why", "a reference keeps it");
	answer_drop(answer);
	answer_drop(NULL);
}

int main(void)
{
	test_wire_text();
	test_wire_make();
	test_wire_skip();
	test_packets();
	test_data();
	test_one_bad_record();
	return tap_done();
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* report/destination: which addresses a rua names, and which of them may get the report. */
#include "policy/dmarc/destination.h"

#include <string.h>

#include "lib/buf.h"
#include "lib/clock.h"
#include "t/lib/dns_memory.h"
#include "t/lib/tap.h"

static const struct {
	const char *name, *rua, *want;
} lists[] = {
    {"one", "mailto:a@example.com", "a@example.com"},
    {"in order", "mailto:b@example.com,mailto:a@example.org", "b@example.com a@example.org"},
    {"blanks", " mailto:a@example.com ,\t mailto:b@example.com ", "a@example.com b@example.com"},
    {"scheme in capitals", "MAILTO:a@example.com", "a@example.com"},
    {"host in lower case", "mailto:A@Example.COM", "A@example.com"},
    {"U-labels",
     "mailto:a@b\xc3\xbc"
     "cher.example",
     "a@xn--bcher-kva.example"},
    {"percent-encoded", "mailto:a%2Db%40example%2ecom", "a-b@example.com"},
    {"an encoded exclamation mark", "mailto:a%21b@example.com", "a!b@example.com"},
    {"an encoded comma", "mailto:a%2Cb@example.com", ""},
    {"a size", "mailto:a@example.com!10m", "a@example.com"},
    {"a size that is none", "mailto:a@example.com!x,mailto:b@example.com",
     "a@example.com b@example.com"},
    {"header fields", "mailto:a@example.com?subject=x%0d%0aBcc:y", "a@example.com"},
    {"https", "https://example.com/,mailto:a@example.com", "a@example.com"},
    {"no scheme", "a@example.com", ""},
    {"empty parts", ",,mailto:a@example.com,", "a@example.com"},
    {"nothing", "", ""},
    {"no host", "mailto:a@", ""},
    {"no local part", "mailto:@example.com", ""},
    {"two at signs", "mailto:a@b@example.com", ""},
    {"line end", "mailto:a%0d%0aRCPT%20TO:<b@example.com>@example.com", ""},
    {"line end behind", "mailto:a@example.com%0d%0aX", ""},
    {"NUL", "mailto:a%00@example.com", ""},
    {"blank", "mailto:a b@example.com", ""},
    {"angle brackets", "mailto:<a@example.com>", ""},
    {"quoted", "mailto:\"a\"@example.com", ""},
    {"dots", "mailto:.a@example.com,mailto:a.@example.com,mailto:a..b@example.com", ""},
    {"dots inside", "mailto:a.b.c@example.com", "a.b.c@example.com"},
    {"a bad escape", "mailto:a%4@example.com,mailto:a%zz@example.com,mailto:a@example.com%2", ""},
    {"an address literal", "mailto:a@[192.0.2.1]", ""},
    {"the same twice", "mailto:a@example.com,mailto:a@EXAMPLE.com!1k", "a@example.com"},
    {"too many",
     "mailto:1@x.example,mailto:2@x.example,mailto:3@x.example,mailto:4@x.example,"
     "mailto:5@x.example,mailto:6@x.example,mailto:7@x.example,mailto:8@x.example,"
     "mailto:9@x.example,mailto:10@x.example,mailto:11@x.example",
     "1@x.example 2@x.example 3@x.example 4@x.example 5@x.example 6@x.example 7@x.example"
     " 8@x.example 9@x.example 10@x.example"},
};

static void test_lists(void)
{
	for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
		struct arena *arena = arena_new(0);
		struct destination list[DESTINATION_MAX];
		unsigned count = destination_parse(arena, span_of(lists[i].rua), list);
		struct buf have;

		buf_init(&have, arena, 0);
		for (unsigned k = 0; k < count; k++)
			buf_printf(&have, "%s%s", k > 0 ? " " : "", list[k].address);
		is_text(buf_text(&have), lists[i].want, "%s", lists[i].name);
		arena_free(arena);
	}
}

static void test_unusable(void)
{
	static const struct {
		const char *rua, *want;
	} cases[] = {
	    {"mailto:a@example.com", NULL},
	    {"mailto:a@example.com,mailto:b@example.com!10m", NULL},
	    {"dmarc@example.com", "dmarc@example.com"},
	    {"mailto:a@example.com, https://example.com/r", "https://example.com/r"},
	    {"mailto:@x , mailto:b@example.com,", "mailto:@x \"\""},
	    {"", "\"\""},
	    {"mailto:\x1b[2J\n@x", "mailto:?[2J?@x"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct arena *arena = arena_new(0);

		is_text(destination_unusable(arena, span_of(cases[i].rua)), cases[i].want,
			"cannot be used in \"%s\"", cases[i].rua);
		arena_free(arena);
	}
}

/* zone: "name text" lines; a text "!" fails. */
static const struct {
	const char *name, *zone, *domain, *rua;
	enum destination_answer want;
	const char *address;
} checks[] = {
    {"own host", "", "example.com", "mailto:a@example.com", DESTINATION_YES, "a@example.com"},
    {"same organization", "_dmarc.example.com v=DMARC1; p=none\n", "example.com",
     "mailto:a@reports.example.com", DESTINATION_YES, "a@reports.example.com"},
    {"a record below", "_dmarc.example.com v=DMARC1; p=none\n", "news.example.com",
     "mailto:a@example.com", DESTINATION_YES, "a@example.com"},
    {"not asked for", "", "blue.example.com", "mailto:a@red.example.net", DESTINATION_NO, NULL},
    {"agreed", "blue.example.com._report._dmarc.red.example.net v=DMARC1\n", "blue.example.com",
     "mailto:a@red.example.net", DESTINATION_YES, "a@red.example.net"},
    {"agreed for all", "*._report._dmarc.red.example.net v=DMARC1;\n", "blue.example.com",
     "mailto:a@red.example.net", DESTINATION_YES, "a@red.example.net"},
    {"not by the organization of the host",
     "blue.example.com._report._dmarc.example.net v=DMARC1\n", "blue.example.com",
     "mailto:a@red.example.net", DESTINATION_NO, NULL},
    {"another record", "blue.example.com._report._dmarc.red.example.net v=spf1 -all\n",
     "blue.example.com", "mailto:a@red.example.net", DESTINATION_NO, NULL},
    {"one of several",
     "blue.example.com._report._dmarc.red.example.net x\n"
     "blue.example.com._report._dmarc.red.example.net v=DMARC1;\n",
     "blue.example.com", "mailto:a@red.example.net", DESTINATION_YES, "a@red.example.net"},
    {"another address",
     "blue.example.com._report._dmarc.red.example.net v=DMARC1; rua=mailto:b@red.example.net\n",
     "blue.example.com", "mailto:a@red.example.net", DESTINATION_YES, "b@red.example.net"},
    {"another host",
     "blue.example.com._report._dmarc.red.example.net v=DMARC1; rua=mailto:b@example.org\n",
     "blue.example.com", "mailto:a@red.example.net", DESTINATION_NO, NULL},
    {"the lookup fails", "blue.example.com._report._dmarc.red.example.net !\n", "blue.example.com",
     "mailto:a@red.example.net", DESTINATION_LATER, NULL},
    {"the walk fails", "_dmarc.example.com !\n", "a.example.com", "mailto:a@b.example.com",
     DESTINATION_LATER, NULL},
    {"too long a name", "",
     "a123456789.a123456789.a123456789.a123456789.a123456789.a123456789.a123456789."
     "a123456789.a123456789.a123456789.a123456789.a123456789.a123456789.example.com",
     "mailto:a@b123456789.b123456789.b123456789.b123456789.b123456789.b123456789.b123456789."
     "b123456789.b123456789.example.net",
     DESTINATION_NO, NULL},
};

static void add_zone(struct dns *dns, const char *zone)
{
	struct span rest = span_of(zone), line;
	bool more = true;

	while (span_split(&rest, &more, '\n', &line)) {
		char text[512], *space;

		if (span_empty(line))
			continue;
		memcpy(text, line.p, span_len(line));
		text[span_len(line)] = '\0';
		space = strchr(text, ' ');
		*space++ = '\0';
		dns_memory_add(dns, text, DNS_TYPE_TXT, space, strlen(space), NULL);
		if (strcmp(space, "!") == 0)
			dns_memory_mode(dns, text, 0, DNS_MEMORY_SERVFAIL);
	}
}

static void test_checks(void)
{
	const struct dmarc_rules rules = {.discovery = DMARC_TREEWALK, .authors_max = 4};

	for (size_t i = 0; i < sizeof checks / sizeof checks[0]; i++) {
		struct arena *arena = arena_new(0);
		struct dns *dns = dns_new_memory(NULL);
		struct dns_scope *scope = dns_scope_new(dns, 100, CLOCK_SECOND);
		struct destination list[DESTINATION_MAX] = {{NULL, NULL}};
		struct why why = {""};
		enum destination_answer have;

		add_zone(dns, checks[i].zone);
		is_int(destination_parse(arena, span_of(checks[i].rua), list), 1, "%s: parses",
		       checks[i].name);
		have = destination_check(scope, &rules, arena, DESTINATION_RUA, checks[i].domain,
					 &list[0], &why);
		is_int(have, checks[i].want, "%s (%s)", checks[i].name, why.text);
		if (have == DESTINATION_YES)
			is_text(list[0].address, checks[i].address, "%s: to", checks[i].name);
		else
			ok(why.text[0] != '\0', "%s: says why", checks[i].name);
		dns_scope_free(scope);
		dns_free(dns);
		arena_free(arena);
	}
}

int main(void)
{
	test_unusable();
	test_lists();
	test_checks();
	return tap_done();
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* tls/tlsrpt, policy/bimi/record: RFC 8460, the BIMI draft. */
#include <stdio.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/buf.h"
#include "policy/bimi/record.h"
#include "t/lib/tap.h"
#include "tls/tlsrpt.h"

struct record_case {
	const char *text;
	const char *want; /* NULL: refused */
};

static const struct record_case tlsrpt_records[] = {
    {"v=TLSRPTv1; rua=mailto:t@a.example", "mailto:t@a.example"},
    {"v=TLSRPTv1;rua=https://a.example/t , mailto:t@a.example;",
     "https://a.example/t , mailto:t@a.example"},
    {"v=TLSRPTv1; rua=http://a.example/", NULL},
    {"v=TLSRPTv1; rua=", NULL},
    {"v=TLSRPTv1; rua=mailto:t", NULL},
    {"v=TLSRPTv1; rua=t@a.example", NULL},
    {"v=TLSRPTv1; rua=mailto:t@a.example,", NULL},
    {"v=TLSRPTv1;", NULL},
    {"v=TLSRPTv1", NULL},
    {"v=tlsrptv1; rua=mailto:t@a.example", NULL},
    {"", NULL},
};

static const struct record_case bimi_records[] = {
    {"v=BIMI1; l=https://a.example/l.svg", "https://a.example/l.svg||"},
    {"v=BIMI1; l=https://a.example/l.svg; a=https://a.example/c.pem",
     "https://a.example/l.svg|https://a.example/c.pem|"},
    {"v=BIMI1; l=; a=https://a.example/c.pem; avp=brand; x=1", "|https://a.example/c.pem|"},
    {"v=BIMI1; l=; a=;", "||declined"},
    {"v=BIMI1; l=", "||declined"},
    {"v=BIMI1; a=https://a.example/c.pem", NULL},
    {"v=BIMI1; l=http://a.example/l.svg", NULL},
    {"v=BIMI1; l=https://a.example/a b.svg", NULL},
    {"v=BIMI1; l=https://", NULL},
    {"v=BIMI1; l=; avp=other", "||declined"},
    {"v=bimi1; l=", NULL},
    {"v=BIMI10; l=", NULL},
    {"l=; v=BIMI1", NULL},
    {"", NULL},
};

#define COUNT(table) (sizeof(table) / sizeof *(table))

static void check_text(const struct record_case *c, const char *have, const char *reason)
{
	if (c->want == NULL)
		ok(have == NULL && *reason != '\0', "refused: \"%s\"", c->text);
	else
		is_text(have, c->want, "%s", c->text);
}

static const char *show_bimi(struct arena *arena, struct span text, struct why *why)
{
	struct bimi_record record;

	if (bimi_record_parse(arena, text, &record, why) == -1)
		return NULL;
	return arena_printf(arena, "%s|%s|%s", record.location, record.authority,
			    record.declined ? "declined" : "");
}

static void test_records(struct arena *arena)
{
	for (size_t i = 0; i < COUNT(tlsrpt_records); i++) {
		struct why why = {""};

		check_text(&tlsrpt_records[i],
			   tlsrpt_record_parse(arena, span_of(tlsrpt_records[i].text), &why),
			   why.text);
	}
	for (size_t i = 0; i < COUNT(bimi_records); i++) {
		struct why why = {""};

		check_text(&bimi_records[i], show_bimi(arena, span_of(bimi_records[i].text), &why),
			   why.text);
	}
}

int main(void)
{
	struct arena *arena = arena_new(0);

	test_records(arena);
	arena_free(arena);
	return tap_done();
}

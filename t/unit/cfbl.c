/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/cfbl.h"

#include <stdio.h>
#include <string.h>

#include "t/lib/tap.h"

static void test_ids(struct arena *arena)
{
	const struct cfbl_message message = {"secret", "example.com", "<1@example.com>"};
	const char *id = cfbl_write(&message, 20420, arena);
	const struct {
		const char *name, *secret, *author, *message_id;
		bool found;
	} cases[] = {
	    {"its message", "secret", "example.com", "<1@example.com>", true},
	    {"without brackets", "secret", "example.com", "1@example.com", true},
	    {"the domain in upper case", "secret", "EXAMPLE.com", "<1@example.com>", true},
	    {"another message", "secret", "example.com", "<2@example.com>", false},
	    {"no message", "secret", "example.com", NULL, false},
	    {"another author", "secret", "example.org", "<1@example.com>", false},
	    {"another host", "other", "example.com", "<1@example.com>", false},
	};
	int32_t day = 0;

	ok(strncmp(id, "20420:", 6) == 0 && strlen(id) == 38, "a day and an HMAC: %s", id);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const struct cfbl_message other = {cases[i].secret, cases[i].author,
						   cases[i].message_id};

		ok(cfbl_check(&other, span_of(id), arena, &day) == cases[i].found, "%s",
		   cases[i].name);
	}
	ok(day == 20420, "the day");
	ok(cfbl_check(&message, span_of(arena_printf(arena, " %.10s\r\n\t%s ", id, id + 10)), arena,
		      &day),
	   "folded");
	ok(cfbl_check(&message,
		      span_of(cfbl_write(&(struct cfbl_message){"secret", "example.com", NULL},
					 20420, arena)),
		      arena, &day),
	   "a Message-ID that came later");
}

static void test_malformed(struct arena *arena)
{
	static const char *const texts[] = {
	    "", ":", "20420", "20420:", "x:0011", "-1:00112233", "99999999999:00", "20421:00"};
	const struct cfbl_message message = {"secret", "example.com", "<1@example.com>"};
	char large[4096];
	int32_t day;

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		ok(!cfbl_check(&message, span_of(texts[i]), arena, &day), "not one: \"%s\"",
		   texts[i]);
	memset(large, '1', sizeof large - 1);
	large[sizeof large - 1] = '\0';
	ok(!cfbl_check(&message, span_of(large), arena, &day), "too long");
}

static void test_addresses(void)
{
	static const struct {
		const char *address, *author, *domain;
		bool may;
	} cases[] = {
	    {"example.com", "example.com", "example.com", true},
	    {"fbl.example.com", "example.com", "example.com", true},
	    {"example.com", "mail.example.com", "mail.example.com", false},
	    {"example.com", "mail.example.com", "example.com", true},
	    {"esp.example", "example.com", "esp.example", true},
	    {"esp.example", "example.com", "example.com", false},
	    {"fbl.esp.example", "example.com", "esp.example", false},
	    {"badexample.com", "example.com", "example.com", false},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		ok(cfbl_may_name(cases[i].address, cases[i].author, cases[i].domain) ==
		       cases[i].may,
		   "%s for %s signed by %s", cases[i].address, cases[i].author, cases[i].domain);
}

int main(void)
{
	struct arena *arena = arena_new(0);

	test_ids(arena);
	test_malformed(arena);
	test_addresses();
	arena_free(arena);
	return tap_done();
}

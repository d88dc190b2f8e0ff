/* SPDX-License-Identifier: BSD-2-Clause */
/* policy/binding: results stay with their message, however they are folded. */
#include <stdio.h>
#include <string.h>

#include "lib/clock.h"
#include "policy/binding.h"
#include "t/lib/tap.h"

#define DAY 20786
#define RESULTS                                                                                    \
	"mx.example.com;\n\tspf=pass (a b) smtp.mailfrom=sender.test;\n\tdmarc=pass "              \
	"header.from=sender.test"

static struct binding make_binding(void)
{
	return (struct binding){.secret = "secret",
				.list = "lists.example.org",
				.author = "sender.test",
				.message_id = "<1@sender.test>",
				.seal = span_of(" i=1; cv=none;\r\n\tb=abc"),
				.now = clock_day_begin(DAY) + 3600};
}

static void test_changes(struct arena *arena)
{
	const struct binding good = make_binding();
	const char *field = binding_write(&good, RESULTS, arena);
	struct binding other = good;

	is_text(binding_read(&good, span_of(field), arena),
		"mx.example.com; spf=pass (a b)\n\tsmtp.mailfrom=sender.test; dmarc=pass "
		"header.from=sender.test",
		"the results come back");
	other.seal = span_of("i=1;cv=none; b=a\r\n bc");
	ok(binding_read(&other, span_of(field), arena) != NULL, "a seal that is folded otherwise");
	other.seal = span_of("");
	ok(binding_read(&other, span_of(field), arena) == NULL, "no seal");
	other = good;
	other.secret = "Secret";
	ok(binding_read(&other, span_of(field), arena) == NULL, "another secret");
	other = good;
	other.list = "lists.example.net";
	ok(binding_read(&other, span_of(field), arena) == NULL, "another list");
	other = good;
	other.author = "other.test";
	ok(binding_read(&other, span_of(field), arena) == NULL, "another author");
	other = good;
	other.message_id = "<2@sender.test>";
	ok(binding_read(&other, span_of(field), arena) == NULL, "another Message-ID");
}

static void test_days(struct arena *arena)
{
	static const struct {
		int days;
		bool holds;
	} cases[] = {{0, true},  {1, true}, {BINDING_DAYS, true}, {BINDING_DAYS + 1, false},
		     {-1, true}, /* a clock that was set back */
		     {-2, false}};
	struct binding binding = make_binding();
	const char *field = binding_write(&binding, RESULTS, arena);

	for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		binding.now = clock_day_begin(DAY + cases[i].days);
		ok((binding_read(&binding, span_of(field), arena) != NULL) == cases[i].holds,
		   "after %d days", cases[i].days);
	}
}

/* The field, with what is made of it. */
static void test_fields(struct arena *arena)
{
	struct binding binding = make_binding();
	const char *field = binding_write(&binding, RESULTS, arena);
	const char *at = strstr(field, "policy.binding=");
	size_t before = (size_t)(at - field);
	const char *const bad[] = {
	    "",
	    "policy.binding=",
	    "mx.example.com; dmarc=pass",
	    "mx.example.com; dmarc=pass policy.binding=20786",
	    "mx.example.com; dmarc=pass policy.binding=20786-",
	    "mx.example.com; dmarc=pass policy.binding=-00112233445566778899aabbccddeeff",
	    "mx.example.com; dmarc=pass "
	    "policy.binding=99999999999-00112233445566778899aabbccddeeff",
	    "mx.example.com; dmarc=pass policy.binding=20786-00112233445566778899aabbccddeeff",
	    arena_printf(arena, "%s x", field),
	    arena_printf(arena, "%s policy.binding=", field),
	    arena_printf(arena, "x%s", field),
	    arena_printf(arena, "%.*s; dkim=pass %s", (int)before, field, at),
	};

	for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++)
		ok(binding_read(&binding, span_of(bad[i]), arena) == NULL, "not \"%s\"", bad[i]);
	ok(binding_read(&binding, span_of(arena_printf(arena, "\r\n %s\r\n", field)), arena) !=
	       NULL,
	   "blanks around it");
}

static void test_several(struct arena *arena)
{
	struct binding binding = make_binding(), other;
	const char *field = RESULTS;
	char list[32];

	for (unsigned i = 0; i < BINDING_MAX; i++) {
		snprintf(list, sizeof list, "l%u.example.org", i);
		binding.list = list;
		field = binding_write(&binding, field, arena);
	}
	for (unsigned i = 0; i < BINDING_MAX; i += 5) {
		snprintf(list, sizeof list, "l%u.example.org", i);
		is_text(binding_read(&binding, span_of(field), arena),
			"mx.example.com; spf=pass (a b)\n\tsmtp.mailfrom=sender.test; dmarc=pass "
			"header.from=sender.test",
			"the results alone, for list %u", i);
	}
	binding.list = "lx.example.org";
	ok(binding_read(&binding, span_of(field), arena) == NULL, "a list to which it did not go");
	ok(binding_read(&binding,
			span_of(arena_printf(arena,
					     "%s policy.binding=%d-00112233445566778899aabb"
					     "ccddeeff",
					     field, DAY)),
			arena) == NULL,
	   "nor by a guess beside them");
	other = make_binding();
	field = binding_write(&other, RESULTS, arena);
	field = arena_printf(arena, "%s; dkim=pass policy.binding=%s", field,
			     strstr(field, "binding=") + strlen("binding="));
	ok(binding_read(&other, span_of(field), arena) == NULL, "results between two bindings");
}

int main(void)
{
	struct arena *arena = arena_new(0);

	test_changes(arena);
	test_days(arena);
	test_fields(arena);
	test_several(arena);
	arena_free(arena);
	return tap_done();
}

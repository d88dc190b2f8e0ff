/* SPDX-License-Identifier: BSD-2-Clause */
/* mail/authres_read: what Authentication-Results fields say. Whose they are: t/unit/authres.c. */
#include <string.h>

#include "lib/buf.h"
#include "mail/authres_read.h"
#include "t/lib/tap.h"

static struct arena *arena;

/* METHOD=RESULT[ptype.name=value,...] for each result; NULL: cannot be read. */
static const char *summary(const char *text)
{
	struct authres_results results;
	struct buf out;

	if (!authres_parse(arena, span_of(text), &results))
		return NULL;
	buf_init(&out, arena, 0);
	for (unsigned i = 0; i < results.count; i++) {
		const struct authres_result *one = &results.items[i];

		buf_printf(&out, "%s%s=%s[", i == 0 ? "" : " ", one->method, one->result);
		for (unsigned k = 0; k < one->property_count; k++)
			buf_printf(&out, "%s%s.%s=%s", k == 0 ? "" : ",", one->properties[k].ptype,
				   one->properties[k].name, one->properties[k].value);
		buf_char(&out, ']');
	}
	return buf_text(&out);
}

static const struct {
	const char *text, *want;
} fields[] = {
    {" mx.example; none", ""},
    {" mx.example 1; none ", ""},
    {" mx.example", ""},
    {" mx.example; spf=pass smtp.mailfrom=a@b.example", "spf=pass[smtp.mailfrom=a@b.example]"},
    {" mx.example;\r\n\tdkim=pass (2048 bit; \"x\" key) header.d=B.example\r\n header.b=\"ab/+=\";"
     "\n dmarc = Fail (p=reject) header . from = c.example",
     "dkim=pass[header.d=B.example,header.b=ab/+=] dmarc=fail[header.from=c.example]"},
    {" mx.example; dkim/1=pass reason=\"good; \\\"really\\\"\" header.i=@b.example",
     "dkim=pass[.reason=good; \"really\",header.i=@b.example]"},
    {" mx.example; dmarc=pass action=none header.from=b.example",
     "dmarc=pass[.action=none,header.from=b.example]"},
    {" mx.example; dkim=pass header.b=ab/+= header.s=x", "dkim=pass[header.b=ab/+=,header.s=x]"},
    {" mx.example; iprev=pass policy.iprev=\"2001:db8::1\"",
     "iprev=pass[policy.iprev=2001:db8::1]"},
    {" mx.example; arc=none smtp.remote-ip=2001:db8::1;", "arc=none[smtp.remote-ip=2001:db8::1]"},
    {" mx.example (dmarc=pass header.from=b.example); spf=none", "spf=none[]"},
    {" mx.example; spf=none (; dmarc=pass header.from=b.example)", "spf=none[]"},
    {" mx.example; x=y reason=\"; dmarc=pass header.from=b.example\"",
     "x=y[.reason=; dmarc=pass header.from=b.example]"},
    {" mx.example; spf=pass smtp.mailfrom=(c)a@b.example(c)",
     "spf=pass[smtp.mailfrom=a@b.example]"},
    {" mx.example; nonesuch=pass", NULL}, /* "none" must stand alone, or be a method's whole name */
    {"", NULL},
    {";", NULL},
    {" mx.example; spf", NULL},
    {" mx.example; spf=", NULL},
    {" mx.example; =pass", NULL},
    {" mx.example; spf=pass smtp.", NULL},
    {" mx.example; spf=pass smtp.mailfrom", NULL},
    {" mx.example; spf=pass smtp.mailfrom=\"a", NULL},
    {" mx.example; spf=pass smtp.mailfrom=a\"b", NULL},
    {" mx.example; spf=pass (open", NULL},
    {" mx.example; spf=pass\rdmarc=pass", NULL},
    {" mx.example; spf=pass smtp.mailfrom=a\x01", NULL},
    {" mx.example 2; spf=pass", NULL},
    {" mx.example; none; spf=pass", NULL},
    {" mx.example;; spf=pass", NULL},
};

static void test_fields(void)
{
	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
		const char *have = summary(fields[i].text);

		if (fields[i].want == NULL)
			ok(have == NULL, "cannot be read: %s", fields[i].text);
		else
			is_text(have, fields[i].want, "%s", fields[i].text);
	}
}

static void test_bounds(void)
{
	struct buf text;

	buf_init(&text, arena, 0);
	buf_string(&text, " mx.example");
	for (unsigned i = 0; i < 100; i++)
		buf_string(&text, "; spf=pass a.b=c");
	ok(summary(buf_text(&text)) != NULL, "a hundred results can be read");
	buf_string(&text, "; spf=pass");
	ok(summary(buf_text(&text)) == NULL, "one more cannot");
	buf_clear(&text);
	buf_string(&text, " mx.example; spf=pass");
	for (unsigned i = 0; i < 16; i++)
		buf_string(&text, " a.b=c");
	ok(summary(buf_text(&text)) != NULL, "sixteen properties can be read");
	buf_string(&text, " a.b=c");
	ok(summary(buf_text(&text)) == NULL, "one more cannot");
}

static const struct {
	const char *text;
	unsigned instance;
	const char *rest;
} instances[] = {
    {" i=1; mx.example; none", 1, "mx.example; none"},
    {"i=50;mx", 50, "mx"},
    {" (a) i (b) = (c) 07 (d) ; (e) mx", 7, "mx"},
    {" i=0; mx", 0, NULL},
    {" i=51; mx", 0, NULL},
    {" i=1 mx", 0, NULL},
    {" I=1; mx", 0, NULL},
    {" i=; mx", 0, NULL},
    {" i=001; mx", 0, NULL},
    {" mx; i=1", 0, NULL},
    {"", 0, NULL},
};

static void test_instances(void)
{
	for (size_t i = 0; i < sizeof instances / sizeof *instances; i++) {
		struct span value = span_of(instances[i].text);

		is_int(authres_instance(&value), instances[i].instance, "instance of \"%s\"",
		       instances[i].text);
		if (instances[i].rest != NULL)
			ok(span_eq(value, instances[i].rest), "and what comes after it");
	}
}

int main(void)
{
	arena = arena_new(0);
	test_fields();
	test_bounds();
	test_instances();
	arena_free(arena);
	return tap_done();
}

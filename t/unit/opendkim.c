/* SPDX-License-Identifier: BSD-2-Clause */
/* admin/migrate/opendkim_text: lines, data sets, and the two tables. */
#include "admin/migrate/opendkim_text.h"

#include <string.h>

#include "lib/buf.h"
#include "t/lib/tap.h"

static struct arena *arena;

static const struct {
	const char *text, *want; /* line:name=value| for each */
} lines[] = {
    {"", ""},
    {"\n \n#x\n", ""},
    {"Domain example.com", "1:Domain=example.com|"},
    {"# c\r\n\r\n  Selector\t s1 # why\r\nKeyFile  /a b \n", "3:Selector=s1|4:KeyFile=/a b|"},
    {"Syslog", "1:Syslog=|"},
    {"a b#c\nd", "1:a=b|2:d=|"},
};

static void test_lines(void)
{
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
		struct span rest = span_of(lines[i].text), name, value;
		unsigned line = 0;
		struct buf seen;

		buf_init(&seen, arena, 0);
		while (opendkim_line(&rest, &line, &name, &value))
			buf_printf(&seen, "%u:%s=%s|", line, arena_span(arena, name),
				   arena_span(arena, value));
		is_text(buf_text(&seen), lines[i].want, "lines %zu", i);
	}
}

static const struct {
	const char *value, *where;
	enum opendkim_kind kind;
} datasets[] = {
    {"/etc/x", "/etc/x", OPENDKIM_FILE},
    {"file:/etc/x", "/etc/x", OPENDKIM_FILE},
    {"refile: /etc/x", "/etc/x", OPENDKIM_REFILE},
    {"ReFile:/etc/x", "/etc/x", OPENDKIM_REFILE},
    {"a,b", "a,b", OPENDKIM_LIST},
    {"csl:a,b", "a,b", OPENDKIM_LIST},
    {"dsn:mysql://u:p@h/d", "mysql://u:p@h/d", OPENDKIM_OTHER},
    {"ldap://h/", "//h/", OPENDKIM_OTHER},
    {"", "", OPENDKIM_LIST},
};

static void test_datasets(void)
{
	for (size_t i = 0; i < sizeof datasets / sizeof *datasets; i++) {
		struct span where;

		is_int(opendkim_dataset(span_of(datasets[i].value), &where), datasets[i].kind,
		       "kind of \"%s\"", datasets[i].value);
		is_text(arena_span(arena, where), datasets[i].where, "its place");
	}
}

static const struct {
	const char *value, *want;
} keys[] = {
    {"example.com:s1:/k/s1.private", "example.com s1 /k/s1.private"},
    {"%:mail:/k/%/mail.private", "% mail /k/%/mail.private"},
    {" example.com : s1 : /k/x : rsa-sha256", "example.com s1 /k/x"},
    {"example.com:s1", NULL},
    {"example.com::/k", NULL},
    {":s1:/k", NULL},
    {"", NULL},
    {"example.com:s1:MIICXAIBAAKBgQ", NULL},
};

static void test_keys(void)
{
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
		struct opendkim_key key;
		struct why why = {""};
		int result = opendkim_key_parse(span_of("k"), span_of(keys[i].value), &key, &why);

		if (keys[i].want == NULL)
			ok(result == -1, "\"%s\": %s", keys[i].value, why.text);
		else
			is_text(arena_printf(arena, "%s %s %s", arena_span(arena, key.domain),
					     arena_span(arena, key.selector),
					     arena_span(arena, key.path)),
				keys[i].want, "key");
	}
}

static const struct {
	const char *text;
	enum opendkim_kind kind;
	const char *want; /* domain, then < for what is below it, ! for some users */
} authors[] = {
    {"*@example.com", OPENDKIM_REFILE, "example.com"},
    {"*@example.com", OPENDKIM_FILE, NULL},
    {"news-*@example.com", OPENDKIM_FILE, NULL},
    {"example.com", OPENDKIM_REFILE, NULL},
    {".example.com", OPENDKIM_REFILE, NULL},
    {"*@.example.com", OPENDKIM_REFILE, NULL},
    {"example.com", OPENDKIM_FILE, "example.com"},
    {".example.com", OPENDKIM_FILE, "example.com<"},
    {"*@*.example.com", OPENDKIM_REFILE, "example.com<"},
    {"alice@.example.com", OPENDKIM_FILE, "example.com<!"},
    {"alice@example.com", OPENDKIM_FILE, "example.com!"},
    {"news-*@example.com", OPENDKIM_REFILE, "example.com!"},
    {"*", OPENDKIM_REFILE, ""},
    {"*", OPENDKIM_FILE, ""},
    {"*@*", OPENDKIM_REFILE, ""},
    {"postmaster@*", OPENDKIM_REFILE, "!"},
    {"*@*", OPENDKIM_FILE, NULL},
    {"*@ex*.com", OPENDKIM_REFILE, NULL},
    {"a@", OPENDKIM_FILE, NULL},
    {"a@b@c", OPENDKIM_FILE, NULL},
    {".", OPENDKIM_FILE, NULL},
};

static void test_authors(void)
{
	for (size_t i = 0; i < sizeof authors / sizeof *authors; i++) {
		struct opendkim_author author;
		struct why why = {""};
		int result =
		    opendkim_author_parse(span_of(authors[i].text), authors[i].kind, &author, &why);

		if (authors[i].want == NULL)
			ok(result == -1, "\"%s\": %s", authors[i].text, why.text);
		else
			is_text(arena_printf(arena, "%s%s%s", arena_span(arena, author.domain),
					     author.below ? "<" : "", author.some ? "!" : ""),
				authors[i].want, "author %s", authors[i].text);
	}
}

static const struct {
	const char *author, *value, *want; /* name of the key, "/" and the signer */
} values[] = {
    {"*@example.com", "a", "a/"},
    {"*@example.com", " b : alice@example.com ", "b/alice@example.com"},
    {"*@example.com", "%", "example.com/"},
    {"*@example.com", "%:%", "example.com/%"},
    {"*@example.com", "c", NULL},
    {"*@example.com", "", NULL},
    {"*@example.com", ":x", NULL},
    {"*", "%", NULL},
};

static void test_values(void)
{
	struct opendkim_key table[3] = {
	    {.name = span_of("b")}, {.name = span_of("example.com")}, {.name = span_of("a")}};

	opendkim_keys_sort(table, 3);
	for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
		struct opendkim_author author;
		const struct opendkim_key *key;
		struct span signer;

		ok(opendkim_author_parse(span_of(values[i].author), OPENDKIM_REFILE, &author,
					 NULL) == 0,
		   "author %s", values[i].author);
		key = opendkim_key_find(table, 3, &author, span_of(values[i].value), &signer);
		is_text(key == NULL ? NULL
				    : arena_printf(arena, "%s/%s", arena_span(arena, key->name),
						   arena_span(arena, signer)),
			values[i].want, "key of \"%s\"", values[i].value);
	}
	ok(opendkim_key_find(NULL, 0, &(struct opendkim_author){.some = false}, span_of("a"),
			     NULL) == NULL,
	   "no keys");
}

int main(void)
{
	arena = arena_new(0);
	test_values();
	test_lines();
	test_datasets();
	test_keys();
	test_authors();
	arena_free(arena);
	return tap_done();
}

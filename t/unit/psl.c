/* SPDX-License-Identifier: BSD-2-Clause */
/* mail/psl: the organizational domain by a list. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mail/psl.h"
#include "t/lib/tap.h"

static const char list[] = "// ===BEGIN ICANN DOMAINS===\n"
			   "com\nuk\nco.uk\n*.ck\n!www.ck\n"
			   "xn--p1ai\n"
			   "// ===END ICANN DOMAINS===\n"
			   "// ===BEGIN PRIVATE DOMAINS===\ngithub.example\n"
			   "// ===END PRIVATE DOMAINS===\n";

static const struct {
	const char *domain, *org;
} cases[] = {
    {"example.com", "example.com"},
    {"a.b.example.com", "example.com"},
    {"com", "com"},
    {"mail.example.co.uk", "example.co.uk"},
    {"co.uk", "co.uk"},
    {"example.uk", "example.uk"},
    {"a.b.c.ck", "b.c.ck"},
    {"b.ck", "b.ck"},
    {"a.www.ck", "www.ck"},
    {"user.github.example", "user.github.example"},
    {"x.user.github.example", "user.github.example"},
    {"a.b.unlisted", "b.unlisted"},
    {"a.b.xn--p1ai", "b.xn--p1ai"},
};

static char path[100];

static bool write_file(const char *text)
{
	FILE *file = fopen(path, "w");
	bool good = file != NULL && fputs(text, file) >= 0;

	return file != NULL && fclose(file) == 0 && good;
}

int main(void)
{
	struct why why = {""};
	struct psl *psl;

	snprintf(path, sizeof path, "%s/list", tap_directory());
	ok(write_file(list), "a list");
	psl = psl_load(path, &why);
	if (!ok(psl != NULL, "is loaded: %s", why.text))
		return tap_done();
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const char *org = psl_org_domain(psl, cases[i].domain);

		is_text(org, cases[i].org, "org domain of %s", cases[i].domain);
		ok(org >= cases[i].domain && org <= cases[i].domain + strlen(cases[i].domain),
		   "is a part of it");
	}
	psl_unload(psl);
	psl_unload(NULL);
	ok(write_file("// nothing\n") && psl_load(path, &why) == NULL, "a list without rules");
	ok(strstr(why.text, "not a public suffix list") != NULL, "says so");
	unlink(path);
	ok(psl_load(path, &why) == NULL && strstr(why.text, path) != NULL, "no file: named");
	return tap_done();
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* keys/keystate and policy/dkim/published: states as text, and what an answer of the DNS says of a
 * key. */
#include <string.h>

#include "keys/keystate.h"
#include "lib/clock.h"
#include "lib/crypto/key.h"
#include "policy/dkim/published.h"
#include "t/lib/dns_memory.h"
#include "t/lib/tap.h"

static struct arena *arena;

/* WANT: the text that it is printed as, or NULL where it is refused. */
static const struct {
	const char *text, *want;
} states[] = {
    {"active", "active\n"},
    {"pending 2026-11-22T22:45:09Z\n", "pending 2026-11-22T22:45:09Z\n"},
    {"  RETIRED\t 2026-01-31T00:00:00Z \r\n", "retired 2026-01-31T00:00:00Z\n"},
    {"revoked\n", "revoked\n"},
    {"", NULL},
    {"actives", NULL},
    {"active2026-11-22T22:45:09Z", NULL},
    {"active:", NULL},
    {"active now", NULL},
    {"active 2026-11-22", NULL},
    {"active 2026-11-22T22:45:09", NULL},
    {"active 2026-11-22T22:45:09z", NULL},
    {"active 2026-11-22 22:45:09Z", NULL},
    {"active 2026-11-22T24:00:00Z", NULL},
    {"active 2026-11-22T22:60:00Z", NULL},
    {"active 2026-13-22T22:45:09Z", NULL},
    {"active 2026-11-22T22:4x:09Z", NULL},
    {"active 2026-11-22T22:45:09Z x", NULL},
    {"active\n2026-11-22T22:45:09Z", NULL},
};

static void test_states(void)
{
	for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
		struct keystatus status = {0};
		struct why why = {""};
		int result = keystate_parse(span_of(states[i].text), &status, &why);

		if (states[i].want == NULL)
			ok(result == -1 && why.text[0] != '\0', "case %zu is refused: %s", i,
			   why.text);
		else
			is_text(result == 0 ? keystate_print(status, arena) : why.text,
				states[i].want, "state");
	}
}

static const struct signing_key *make(enum crypt_type type, const char *selector)
{
	struct crypt_key *key = crypt_key_generate(type, type == CRYPT_RSA ? 1024 : 0, NULL);
	const struct signing_key *made;
	struct buf pem;

	buf_init(&pem, arena, 0);
	crypt_key_pem(key, &pem, NULL);
	made = signing_key_make(arena, "example.com", selector, buf_view(&pem), NULL);
	crypt_key_free(key);
	return made;
}

/* The answer with these records (ended by NULL) about KEY. */
static const char *judged(const struct signing_key *key, const char *const *records,
			  const char **detail)
{
	struct dns_settings settings = {0};
	struct dns *dns = dns_new_memory(&settings);
	const char *name = signing_key_name(key, arena);
	struct dns_scope *scope;
	enum published published;

	for (; *records != NULL; records++)
		dns_memory_add(dns, name, DNS_TYPE_TXT, *records, strlen(*records), NULL);
	scope = dns_scope_new(dns, 4, CLOCK_SECOND);
	published = published_judge(dns_wait(published_start(scope, key)), key, arena, detail);
	dns_scope_free(scope);
	dns_free(dns);
	return published_text(published);
}

/* %s is the p= of the key's own record. */
static const struct {
	const char *record, *want, *detail;
} records[] = {
    {"v=DKIM1; k=rsa; p=%s", "matches", NULL},
    {"p=%s", "matches", NULL},
    {"v=DKIM1; t=y; n=old; p=%s", "matches", "t=y"},
    {"v=DKIM1; h=sha1:sha256; s=email; p=%s", "matches", NULL},
    {"v=DKIM1; h=sha1; p=%s", "differs", "sha256"},
    {"v=DKIM1; s=tlsrpt; p=%s", "differs", "email"},
    {"v=DKIM1; k=rsa; p=", "revoked", NULL},
    {"v=DKIM1; k=rsa", "differs", "p= is missing"},
    {"v=DKIM1; k=ed25519; p=%s", "differs", "no key record"},
    {"v=spf1 -all", "differs", "no key record"},
};

static void test_published(void)
{
	const struct signing_key *key = make(CRYPT_RSA, "s1"), *other = make(CRYPT_RSA, "s2");
	const struct signing_key *small = make(CRYPT_ED25519, "e1");
	const char *p = strstr(signing_key_record(key), "p=") + 2;
	const char *one[2] = {NULL, NULL}, *two[3] = {NULL, NULL, NULL}, *detail;

	is_text(judged(key, one, &detail), "absent", "no record");
	for (size_t i = 0; i < sizeof records / sizeof *records; i++) {
		const char *hole = strstr(records[i].record, "%s");

		one[0] = hole == NULL
			     ? records[i].record
			     : arena_printf(arena, "%.*s%s", (int)(hole - records[i].record),
					    records[i].record, p);
		is_text(judged(key, one, &detail), records[i].want, "%s", records[i].record);
		ok(records[i].detail == NULL ? detail == NULL
					     : detail != NULL && strstr(detail, records[i].detail),
		   "detail: %s", detail == NULL ? "none" : detail);
	}
	one[0] = signing_key_record(other);
	is_text(judged(key, one, &detail), "differs", "another RSA key");
	is_text(judged(small, one, &detail), "differs", "a key of another type");
	one[0] = signing_key_record(small);
	is_text(judged(small, one, &detail), "matches", "an Ed25519 key");
	two[0] = signing_key_record(key);
	two[1] = "v=spf1 -all";
	is_text(judged(key, two, &detail), "differs", "two records (%s)", detail);
}

static void test_failure(void)
{
	const struct dns_answer answer = {.status = DNS_TEMPFAIL, .reason = "SERVFAIL"};
	const char *detail;

	is_int(published_judge(&answer, make(CRYPT_ED25519, "e1"), arena, &detail),
	       PUBLISHED_UNKNOWN, "no answer is not a fact");
	is_text(detail, "SERVFAIL", "with its reason");
}

int main(void)
{
	arena = arena_new(0);
	test_states();
	test_published();
	test_failure();
	arena_free(arena);
	return tap_done();
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* lib/crypto/aead, keys/sealing and keys/held: what is sealed comes back whole or not at all. */
#include "keys/sealing.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "keys/held.h"
#include "lib/crypto/aead.h"
#include "t/lib/tap.h"

#define OURS   "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
#define THEIRS "YWJjZGVmZ2hpamFiY2RlZmdoaWphYmNkZWZnaGlqYWI="

static struct arena *arena;

/* ---- lib/crypto/aead ---- */

static bool is_opened(const uint8_t *key, const char *header, struct span sealed, const char *want)
{
	struct buf plain;
	struct why why;
	bool good;

	buf_init(&plain, arena, 0);
	good = aead_open(key, span_of(header), sealed, &plain, &why) == 0;
	return good && span_eq(buf_view(&plain), want);
}

static void test_aead(void)
{
	uint8_t key[AEAD_KEY_LEN], other[AEAD_KEY_LEN];
	struct buf sealed, again;
	unsigned changed = 0;

	ok(aead_make_key(key, NULL) == 0 && aead_make_key(other, NULL) == 0 &&
	       memcmp(key, other, sizeof key) != 0,
	   "two keys differ");
	buf_init(&sealed, arena, 0);
	buf_init(&again, arena, 0);
	is_int(aead_seal(key, span_of("h"), span_of("secret"), &sealed, NULL), 0, "sealed");
	is_int(sealed.len, 6 + AEAD_OVERHEAD, "so long");
	aead_seal(key, span_of("h"), span_of("secret"), &again, NULL);
	ok(!span_same(buf_view(&sealed), buf_view(&again)), "never twice the same bytes");
	ok(is_opened(key, "h", buf_view(&sealed), "secret"), "opened");
	ok(!is_opened(other, "h", buf_view(&sealed), "secret"), "not with another key");
	ok(!is_opened(key, "g", buf_view(&sealed), "secret"), "not with another header");
	for (size_t i = 0; i < sealed.len; i++) {
		sealed.data[i] ^= 1;
		changed += is_opened(key, "h", buf_view(&sealed), "secret");
		sealed.data[i] ^= 1;
	}
	is_int(changed, 0, "not with any byte changed");
	for (size_t i = 0; i < sealed.len; i++)
		changed += is_opened(key, "h", span_make(sealed.data, i), "secret");
	is_int(changed, 0, "nor cut short");
	buf_clear(&again);
	is_int(aead_seal(key, span_of(""), span_of(""), &again, NULL), 0, "nothing is sealed, too");
	ok(is_opened(key, "", buf_view(&again), ""), "and opened");
}

/* ---- the file ---- */

static const struct {
	const char *text, *fault; /* NULL: it is right */
} files[] = {
    {OURS "\n", NULL},
    {"# a remark\n\n" OURS "\n" THEIRS, NULL},
    {"", "it has no key"},
    {"# only a remark\n", "it has no key"},
    {"c2hvcnQ=\n", "line 1 is not a key: 32 bytes in base 64"},
    {OURS "\n" OURS "x\n", "line 2 is not a key: 32 bytes in base 64"},
    {OURS "\n" OURS "\n" OURS "\n" OURS "\n" OURS "\n" OURS "\n" OURS "\n" OURS "\n" OURS,
     "it has more than 8 keys"},
};

static void test_files(void)
{
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		struct why why = {""};
		struct sealing *sealing = sealing_parse(span_of(files[i].text), &why);

		ok((sealing != NULL) == (files[i].fault == NULL), "file %zu", i);
		is_text(why.text, files[i].fault == NULL ? "" : files[i].fault, "its fault");
		sealing_free(sealing);
	}
}

static void test_making(void)
{
	const char *directory = arena_printf(arena, "%s/keys", tap_directory());
	const char *file = arena_printf(arena, "%s/" SEALING_FILE, directory);
	struct sealing *sealing;
	struct stat status;
	struct why why = {""};

	mkdir(directory, 0750);
	ok(sealing_load(directory, KEYRING_PRIVATE, &why) == NULL, "there is none: %s", why.text);
	is_int(sealing_make(directory, &why), 0, "one is made %s", why.text);
	ok(stat(file, &status) == 0 && (status.st_mode & 07777) == 0640, "for owner and group");
	is_int(sealing_make(directory, &why), -1, "never twice: %s", why.text);
	sealing = sealing_load(directory, KEYRING_PRIVATE, &why);
	ok(sealing != NULL, "and read");
	sealing_free(sealing);
	chmod(file, 0644);
	ok(sealing_load(directory, KEYRING_PRIVATE, &why) == NULL, "not if all can read it: %s",
	   why.text);
}

/* ---- keys ---- */

static void seal_text(const struct sealing *sealing, const char *domain, struct span text,
		      struct buf *out)
{
	struct why why = {""};

	buf_init(out, arena, 0);
	is_int(sealing_seal(sealing, domain, "s1", text, out, &why), 0, "sealed %s", why.text);
}

static void test_keys(void)
{
	struct sealing *ours = sealing_parse(span_of(OURS), NULL);
	struct sealing *theirs = sealing_parse(span_of(THEIRS), NULL);
	struct sealing *both = sealing_parse(span_of(THEIRS "\n" OURS), NULL);
	const struct signing_key *key;
	enum sealing_outcome outcome;
	struct buf pem, sealed;
	struct why why = {""};

	buf_init(&pem, arena, 0);
	keyring_make_pem(2048, &pem, NULL);
	seal_text(ours, "example.com", buf_view(&pem), &sealed);
	ok(memmem(sealed.data, sealed.len, "PRIVATE", 7) == NULL, "nothing of it can be read");
	key = sealing_open(ours, buf_view(&sealed), arena, &outcome, &why);
	ok(key != NULL && outcome == SEALING_OPENED, "opened %s", why.text);
	is_text(signing_key_domain(key), "example.com", "with its domain");
	is_text(signing_key_selector(key), "s1", "and selector");
	is_int(signing_key_bits(key), 2048, "and bits");
	ok(sealing_open(both, buf_view(&sealed), arena, &outcome, &why) != NULL,
	   "a host with two keys opens it, too");
	ok(sealing_open(theirs, buf_view(&sealed), arena, &outcome, &why) == NULL, "%s", why.text);
	is_int(outcome, SEALING_FOREIGN, "not a host with another one");
	sealed.data[sealed.len / 2] ^= 1;
	ok(sealing_open(ours, buf_view(&sealed), arena, &outcome, &why) == NULL, "%s", why.text);
	is_int(outcome, SEALING_BAD, "nor one that was changed");
	ok(sealing_open(ours, span_of("CSK"), arena, &outcome, &why) == NULL, "%s", why.text);
	is_int(outcome, SEALING_BAD, "nor what is not a sealed key");
	seal_text(ours, "example.com", span_of("no key"), &sealed);
	ok(sealing_open(ours, buf_view(&sealed), arena, &outcome, &why) == NULL, "%s", why.text);
	is_int(outcome, SEALING_BAD, "nor something else that is sealed");
	seal_text(ours, "Example.com", buf_view(&pem), &sealed);
	ok(sealing_open(ours, buf_view(&sealed), arena, &outcome, &why) == NULL, "%s", why.text);
	sealing_free(ours);
	sealing_free(theirs);
	sealing_free(both);
}

/* ---- keys/held ---- */

static struct held *held; /* for as long as the process */

static struct served *hold_key(unsigned i)
{
	struct arena *own = arena_new(0);
	struct buf pem;
	const struct signing_key *key;
	char domain[32];

	snprintf(domain, sizeof domain, "%u.example.com", i);
	buf_init(&pem, own, 0);
	keyring_make_pem(0, &pem, NULL);
	key = signing_key_make(own, domain, "s1", buf_view(&pem), NULL);
	return held_add(held, key, own);
}

static void test_held(void)
{
	struct served *first, *again;
	uint64_t numbers[6];
	unsigned kept = 0;
	char line[256];

	held = held_new(3);
	first = hold_key(0);
	numbers[0] = signing_key_number(first->key);
	ok(held_find(held, numbers[0] + 1) == NULL, "a key that is not there");
	again = held_find(held, numbers[0]);
	ok(again == first, "one that is");
	held_return(held, again);
	for (unsigned i = 1; i < 6; i++) {
		struct served *served = hold_key(i);

		numbers[i] = signing_key_number(served->key);
		held_return(held, served);
	}
	for (unsigned i = 0; i < 6; i++) {
		struct served *served = held_find(held, numbers[i]);

		kept += served != NULL;
		if (served != NULL)
			held_return(held, served);
	}
	is_int(kept, 3, "as many are kept as may be");
	ok(held_find(held, numbers[0]) == NULL, "the one that was not asked for longest has left");
	is_text(signing_key_domain(first->key), "0.example.com", "but who uses it has it");
	held_return(held, first);
	again = held_find(held, numbers[3]);
	ok(again != NULL, "the oldest that is left");
	atomic_store(&again->limited, true);
	held_return(held, again);
	ok(held_find_limited(held, line, sizeof line), "over its rate");
	is_text(line, "key s1 of 3.example.com", "by name");
	ok(!held_find_limited(held, line, sizeof line), "once");
	held_return(held, hold_key(6));
	again = held_find(held, numbers[3]);
	ok(again != NULL && held_find(held, numbers[4]) == NULL, "asking for it has kept it");
	held_return(held, again);
}

int main(void)
{
	arena = arena_new(0);
	test_aead();
	test_files();
	test_making();
	test_keys();
	test_held();
	arena_free(arena);
	return tap_done();
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* What policy/dkim/sign writes, an independent verifier accepts: libopendkim, on many odd messages.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <opendkim/dkim.h>

#include "lib/buf.h"
#include "lib/clock.h"
#include "lib/crypto/key.h"
#include "policy/dkim/sign.h"
#include "policy/dkim/signature.h"
#include "t/lib/mailgen.h"
#include "t/lib/tap.h"

enum { MESSAGES = 1200, KEYS = 3 };

/* The real time: the library compares x= with that, whatever time it is told to sign at. */
static int64_t now;
static struct arena *keeper;
static const struct signing_key *keys[KEYS];
static const char *records[KEYS];

static const struct signing_key *make_key(enum crypt_type type, unsigned bits, const char *selector)
{
	struct crypt_key *key = crypt_key_generate(type, bits, NULL);
	struct buf pem;

	buf_init(&pem, keeper, 0);
	crypt_key_pem(key, &pem, NULL);
	crypt_key_free(key);
	return signing_key_make(keeper, "mail.example.com", selector, buf_view(&pem), NULL);
}

static void *zeroed(void *closure, size_t size)
{
	(void)closure;
	return calloc(1, size + 64);
}

static void release(void *closure, void *p)
{
	(void)closure;
	free(p);
}

static DKIM_CBSTAT lookup(DKIM *dkim, DKIM_SIGINFO *sig, unsigned char *buffer, size_t size)
{
	(void)dkim;
	for (unsigned i = 0; i < KEYS; i++) {
		if (strcmp((const char *)dkim_sig_getselector(sig),
			   signing_key_selector(keys[i])) == 0) {
			snprintf((char *)buffer, size, "%s", records[i]);
			return DKIM_CBSTAT_CONTINUE;
		}
	}
	return DKIM_CBSTAT_NOTFOUND;
}

static DKIM_LIB *open_library(void)
{
	DKIM_LIB *library = dkim_init(zeroed, release);
	unsigned flags = DKIM_LIBFLAGS_BADSIGHANDLES;

	dkim_options(library, DKIM_OP_SETOPT, DKIM_OPTS_FLAGS, &flags, sizeof flags);
	dkim_set_key_lookup(library, lookup);
	return library;
}

/* ---- signing ---- */

static const char *const oversign[] = {"From", "To", "Cc", "Subject", "Date"};

static struct signer *sign(const struct mailgen *mail, const struct signer_rules *rules,
			   struct arena *arena, uint64_t *state)
{
	struct signer *signer = signer_new(rules, arena, now);
	struct span rest = mail->body;

	for (unsigned i = 0; i < mail->field_count; i++)
		signer_header(signer, span_of(mail->fields[i].name),
			      span_of(mail->fields[i].value));
	while (!span_empty(rest)) {
		size_t n = 1 + mailgen_below(state, (unsigned)span_len(rest));

		signer_body(signer, span_make(rest.p, n));
		rest.p += n;
	}
	return signer;
}

/* ---- verifying ---- */

static void give_header(DKIM *dkim, struct arena *arena, const char *name, const char *value)
{
	char *text = arena_printf(arena, "%s:%s", name, value);

	dkim_header(dkim, (unsigned char *)text, strlen(text));
}

/* How many of the signatures pass. */
static unsigned verified(DKIM_LIB *library, const struct mailgen *mail, struct arena *arena,
			 const char *const *values, unsigned count)
{
	struct span body = mailgen_wire_body(mail, arena);
	DKIM_SIGINFO **signatures;
	unsigned passed = 0;
	DKIM_STAT status;
	int found = 0;
	DKIM *dkim = dkim_verify(library, (const unsigned char *)"test", NULL, &status);

	give_header(dkim, arena, "X-First", " 1");
	for (unsigned i = 0; i < count; i++)
		give_header(dkim, arena, "DKIM-Signature", arena_printf(arena, " %s", values[i]));
	for (unsigned i = 0; i < mail->field_count; i++)
		give_header(dkim, arena, mail->fields[i].name, mail->fields[i].value);
	dkim_eoh(dkim);
	dkim_body(dkim, (unsigned char *)arena_span(arena, body), span_len(body));
	dkim_eom(dkim, NULL);
	if (dkim_getsiglist(dkim, &signatures, &found) == DKIM_STAT_OK) {
		for (int i = 0; i < found; i++) {
			dkim_sig_process(dkim, signatures[i]);
			passed += (dkim_sig_getflags(signatures[i]) & DKIM_SIGFLAG_PASSED) != 0 &&
				  dkim_sig_getbh(signatures[i]) == DKIM_SIGBH_MATCH;
		}
	}
	dkim_free(dkim);
	return passed;
}

static void show(const struct mailgen *mail, const char *value)
{
	tap_note("DKIM-Signature: %s", value);
	for (unsigned i = 0; i < mail->field_count; i++)
		tap_note("%s:%s", mail->fields[i].name, mail->fields[i].value);
	tap_note("%.*s", (int)span_len(mail->body), mail->body.p);
}

static void test_messages(DKIM_LIB *library)
{
	unsigned passed = 0, accepted = 0, made = 0;
	uint64_t state = 1;

	for (unsigned seed = 0; seed < MESSAGES; seed++) {
		struct signer_rules rules = {.header_canon = seed / 2 % 2,
					     .body_canon = seed % 2,
					     .oversign = oversign,
					     .oversign_count = seed % 6,
					     .timestamp = seed % 3 != 0,
					     .expire = seed % 4 * 86400};
		struct arena *arena = arena_new(0);
		const char *values[2];
		struct dkimsig parsed;
		struct mailgen mail;
		struct signer *signer;
		unsigned good;

		mailgen_make(&mail, arena, seed);
		signer = sign(&mail, &rules, arena, &state);
		values[0] = signer_finish(signer, keys[seed % 2], NULL);
		values[1] = signer_finish(signer, keys[2], NULL);
		for (unsigned i = 0; i < 2; i++) {
			made += values[i] != NULL;
			accepted +=
			    dkimsig_parse(arena, span_of(values[i]), &parsed, NULL) == AUTH_NONE;
		}
		good = verified(library, &mail, arena, values, 2);
		if (good != 2 && passed == 2 * seed)
			show(&mail, values[0]);
		passed += good;
		arena_free(arena);
	}
	is_int(made, 2 * MESSAGES, "%d messages signed with RSA and Ed25519", MESSAGES);
	is_int(accepted, 2 * MESSAGES, "our own parser accepts the fields");
	is_int(passed, 2 * MESSAGES, "libopendkim verifies all of them");
}

/* So that a verifier that says yes to everything is noticed. */
static void test_changed(DKIM_LIB *library)
{
	struct signer_rules rules = {.header_canon = DKIMSIG_RELAXED,
				     .body_canon = DKIMSIG_RELAXED,
				     .oversign = oversign,
				     .oversign_count = 5};
	struct mailgen_field fields[] = {
	    {"From", " a@example.com"}, {"Subject", " x"}, {"Subject", " y"}};
	struct mailgen mail = {fields, 2, span_of("text\r\n")};
	uint64_t state = 1;
	const char *value = signer_finish(sign(&mail, &rules, keeper, &state), keys[0], NULL);

	is_int(verified(library, &mail, keeper, &value, 1), 1, "as it was");
	mail.field_count = 3;
	is_int(verified(library, &mail, keeper, &value, 1), 0, "a second Subject is noticed");
	mail.field_count = 2;
	mail.body = span_of("text!\r\n");
	is_int(verified(library, &mail, keeper, &value, 1), 0, "a changed body too");
}

int main(void)
{
	DKIM_LIB *library = open_library();

	now = clock_wall();
	keeper = arena_new(0);
	keys[0] = make_key(CRYPT_RSA, 2048, "s2026a");
	keys[1] = make_key(CRYPT_RSA, 1024, "a-long-selector.with.four.labels");
	keys[2] = make_key(CRYPT_ED25519, 0, "e2026a");
	for (unsigned i = 0; i < KEYS; i++)
		records[i] = signing_key_record(keys[i]);
	test_messages(library);
	test_changed(library);
	dkim_close(library);
	arena_free(keeper);
	return tap_done();
}

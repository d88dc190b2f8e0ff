/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The two DKIM engines against each other: odd messages, signed here in odd ways with signature
 * fields as no sane signer writes them, every second one then damaged, and verified by both. What
 * was not damaged must pass; for the rest both must have the same opinion. What libopendkim cannot
 * verify is counted by its reason, which must be one that t/differential/differences.txt explains.
 *
 *   dkim_differential.test [COUNT [SEED]]
 */
#include <stdlib.h>
#include <string.h>

#include "dns/dns.h"
#include "lib/codec/base64.h"
#include "lib/buf.h"
#include "lib/clock.h"
#include "lib/crypto/hash.h"
#include "lib/crypto/key.h"
#include "policy/dkim/canon.h"
#include "policy/dkim/check.h"
#include "t/lib/causes.h"
#include "t/lib/dns_memory.h"
#include "t/lib/mailgen.h"
#include "t/lib/tap.h"

enum { COUNT = 2000, FIELDS_MAX = 200, NAMES_MAX = 40, TAGS_MAX = 16, NOW = 1795341723 };

static const struct {
	const char *selector, *algorithm;
	enum crypt_type type;
	unsigned bits;
} kinds[] = {{"r1", "rsa-sha256", CRYPT_RSA, 1024},
	     {"r1", "rsa-sha256", CRYPT_RSA, 1024},
	     {"r2", "rsa-sha256", CRYPT_RSA, 2048},
	     {"e1", "ed25519-sha256", CRYPT_ED25519, 256},
	     {"e1", "Ed25519-SHA256", CRYPT_ED25519, 256}};
enum { KINDS = sizeof kinds / sizeof *kinds };

static struct crypt_key *keys[KINDS];
static struct dns *zone;
static struct dkimcheck_engine *engine;

struct message {
	struct arena *arena;
	uint64_t *state; /* of chance */
	struct mailgen_field fields[FIELDS_MAX];
	unsigned count;
	struct span body;
	bool closed;  /* h= names a DKIM-Signature field more than there is: none may be added */
	bool spoiled; /* not all signatures can pass */
};

static unsigned chance(struct message *message, unsigned n)
{
	return mailgen_below(message->state, n);
}

static const char *pick(struct message *message, const char *const *from, unsigned count)
{
	return from[chance(message, count)];
}

#define PICK(message, array) pick((message), (array), sizeof(array) / sizeof *(array))

static const char *base64_text(struct arena *arena, const void *data, size_t length)
{
	struct buf buf;

	buf_init(&buf, arena, 0);
	base64_encode(&buf, data, length);
	return buf_text(&buf);
}

static void make_keys(struct arena *arena)
{
	const struct dns_settings settings = {0};

	zone = dns_new_memory(&settings);
	for (unsigned i = 0; i < KINDS; i++) {
		struct span public;
		const char *name, *record;

		if (i > 0 && strcmp(kinds[i].selector, kinds[i - 1].selector) == 0) {
			keys[i] = keys[i - 1];
			continue;
		}
		keys[i] = crypt_key_generate(kinds[i].type, kinds[i].bits, NULL);
		crypt_key_public(keys[i], arena, &public, NULL);
		name = arena_printf(arena, "%s._domainkey.example.com", kinds[i].selector);
		record = arena_printf(arena, "v=DKIM1; k=%s; p=%s",
				      kinds[i].type == CRYPT_RSA ? "rsa" : "ed25519",
				      base64_text(arena, public.p, span_len(public)));
		dns_memory_add(zone, name, DNS_TYPE_TXT, record, strlen(record), NULL);
	}
}

/* ---- a signature ---- */

/* The K-th field of that name, counted from the last one, or NULL. */
static const struct mailgen_field *kth_field(const struct message *message, struct span name,
					     unsigned k)
{
	for (unsigned i = message->count; i-- > 0;)
		if (span_isame(span_trim(span_of(message->fields[i].name)), name) && k-- == 0)
			return &message->fields[i];
	return NULL;
}

static const char *odd_case(struct message *message, struct span name)
{
	char *text = arena_span(message->arena, name);

	for (char *p = text; *p != '\0'; p++)
		if (char_is_alpha((unsigned char)*p) && chance(message, 4) == 0)
			*p ^= 0x20;
	return text;
}

static const char *some_name(struct message *message)
{
	static const char *const others[] = {"Absent", "x", "Cc", "From", "To", "Subject"};
	unsigned which = chance(message, 10);

	if (which == 0 && chance(message, 3) == 0)
		return "DKIM-Signature";
	if (which < 3)
		return PICK(message, others);
	return arena_span(
	    message->arena,
	    span_trim(span_of(message->fields[chance(message, message->count)].name)));
}

/* Writes h= to TAG and what it means to SIGNED. */
static void choose_fields(struct message *message, struct buf *tag, enum dkimsig_canon canon,
			  struct buf *signed_text, bool *closed)
{
	static const char *const colons[] = {":",  ":",  ":",       ":",
					     " :", ": ", ":\r\n\t", "\r\n :\r\n "};
	unsigned names = 1 + chance(message, chance(message, 10) == 0 ? NAMES_MAX : 8);
	unsigned from = chance(message, names);
	struct span chosen[NAMES_MAX];

	buf_string(tag, "h=");
	for (unsigned i = 0; i < names; i++) {
		const char *name = i == from ? "From" : some_name(message);
		const struct mailgen_field *field;
		unsigned k = 0;

		chosen[i] = span_of(name);
		for (unsigned before = 0; before < i; before++)
			k += span_isame(chosen[before], chosen[i]);
		field = kth_field(message, chosen[i], k);
		if (field != NULL)
			canon_header(signed_text, canon, span_of(field->name),
				     span_of(field->value));
		else if (span_ieq(chosen[i], "DKIM-Signature"))
			*closed = true;
		buf_string(tag, i == 0 ? "" : PICK(message, colons));
		buf_string(tag, odd_case(message, chosen[i]));
	}
}

/* bh= and perhaps l=. */
static const char *body_tags(struct message *message, enum dkimsig_canon canon,
			     const char **length_tag)
{
	struct canon_body *body = canon_body_new(message->arena, canon);
	struct canon_body *part = canon_body_new(message->arena, canon);
	uint8_t digest[CRYPT_DIGEST_LEN];
	uint64_t length;

	canon_body_add(body, message->body);
	canon_body_finish(body, digest);
	length = canon_body_length(body);
	*length_tag = NULL;
	if (chance(message, 5) == 0) {
		length = chance(message, 4) == 0 ? length : chance(message, (unsigned)length + 1);
		if (chance(message, 12) == 0) {
			length = canon_body_length(body) + 1 + chance(message, 3);
			message->spoiled = true;
		}
		*length_tag = arena_printf(message->arena, "l=%llu", (unsigned long long)length);
		canon_body_want(part, length);
		canon_body_add(part, message->body);
		canon_body_finish(part, digest);
		canon_body_prefix(part, length, digest);
	}
	return arena_printf(message->arena, "bh=%s",
			    base64_text(message->arena, digest, sizeof digest));
}

struct tags {
	const char *texts[TAGS_MAX];
	unsigned count;
};

static void add_tag(struct tags *tags, const char *text)
{
	if (text != NULL)
		tags->texts[tags->count++] = text;
}

static void optional_tags(struct message *message, struct tags *tags)
{
	static const char *const some[] = {"z=From:a=40b|To:=20c",
					   "i=@example.com",
					   "q=dns/txt",
					   "x=1795341999",
					   "t=1795341000",
					   "i=a=20b@news.example.com",
					   "i=\"a@b\"@example.com",
					   "unknown=",
					   "web=1",
					   "xb=2",
					   "n=caf\xc3\xa9",
					   "T=1",
					   "t=1000"};
	unsigned which = chance(message, 24);

	if (which < sizeof some / sizeof *some && (which < 7 || chance(message, 4) == 0))
		add_tag(tags, some[which]);
}

static void shuffle(struct message *message, struct tags *tags)
{
	if (chance(message, 2) == 0)
		return;
	for (unsigned i = tags->count; i > 1; i--) {
		unsigned other = chance(message, i);
		const char *text = tags->texts[i - 1];

		tags->texts[i - 1] = tags->texts[other];
		tags->texts[other] = text;
	}
}

/* The tags one after the other; SIGNATURE with blanks within and around stands for b=. */
static const char *assemble(struct message *message, const struct tags *tags, uint64_t seed,
			    const char *signature)
{
	static const char *const gaps[] = {" ", " ", " ", "", "\r\n\t", "  ", "\t", " \r\n "};
	static const char *const folds[] = {"", "", "", " ", "\r\n ", "\t"};
	uint64_t state = seed; /* the same both times */
	struct buf value;

	buf_init(&value, message->arena, 0);
	for (unsigned i = 0; i < tags->count; i++) {
		buf_string(&value, gaps[mailgen_below(&state, 8)]);
		buf_string(&value, tags->texts[i]);
		if (strcmp(tags->texts[i], "b=") == 0) {
			uint64_t own = state;

			for (const char *p = signature; *p != '\0'; p++) {
				buf_string(&value, mailgen_below(&own, 9) == 0
						       ? folds[mailgen_below(&own, 6)]
						       : "");
				buf_char(&value, *p);
			}
			buf_string(&value, *signature == '\0' ? "" : folds[mailgen_below(&own, 6)]);
		} else if (mailgen_below(&state, 12) == 0) {
			buf_string(&value, gaps[mailgen_below(&state, 8)]);
		}
		if (i + 1 < tags->count || mailgen_below(&state, 3) == 0)
			buf_char(&value, ';');
	}
	return buf_text(&value);
}

static void put_on_top(struct message *message, const char *name, const char *value)
{
	message->spoiled = message->spoiled || message->closed;
	memmove(message->fields + 1, message->fields, message->count * sizeof *message->fields);
	message->fields[0] = (struct mailgen_field){name, value};
	message->count++;
}

static void sign(struct message *message)
{
	static const char *const canons[] = {"simple", "relaxed"};
	static const char *const domains[] = {"d=example.com", "d=Example.COM", "d= example.com"};
	enum dkimsig_canon header = chance(message, 2), body = chance(message, 2);
	unsigned kind = chance(message, KINDS);
	uint64_t seed = chance(message, 1u << 30);
	struct arena *arena = message->arena;
	const char *length, *bh = body_tags(message, body, &length), *name = "DKIM-Signature";
	struct crypt_hash *hash = crypt_hash_new(arena);
	uint8_t digest[CRYPT_DIGEST_LEN];
	struct tags tags = {.count = 0};
	bool closed = false;
	struct span signature;
	struct buf h, text;

	buf_init(&h, arena, 0);
	buf_init(&text, arena, 0);
	choose_fields(message, &h, header, &text, &closed);
	add_tag(&tags, "v=1");
	add_tag(&tags, arena_printf(arena, "a=%s", kinds[kind].algorithm));
	if (header != DKIMSIG_SIMPLE || body != DKIMSIG_SIMPLE || chance(message, 2) == 0)
		add_tag(&tags, arena_printf(arena, "c=%s/%s", canons[header], canons[body]));
	add_tag(&tags, PICK(message, domains));
	add_tag(&tags, arena_printf(arena, "s=%s", kinds[kind].selector));
	add_tag(&tags, buf_text(&h));
	add_tag(&tags, bh);
	add_tag(&tags, length);
	optional_tags(message, &tags);
	add_tag(&tags, "b=");
	shuffle(message, &tags);
	if (chance(message, 10) == 0)
		name = chance(message, 2) ? "dkim-signature" : "DKIM-Signature ";
	canon_header(&text, header, span_of(name), span_of(assemble(message, &tags, seed, "")));
	crypt_hash_add(hash, text.data, text.len - 2);
	crypt_hash_finish(hash, digest);
	crypt_key_sign(keys[kind], digest, arena, &signature, NULL);
	put_on_top(
	    message, name,
	    assemble(message, &tags, seed, base64_text(arena, signature.p, span_len(signature))));
	message->closed = message->closed || closed;
}

/* ---- damage ---- */

/* TEXT with a byte or two changed, put in or taken out. */
static struct span damaged(struct message *message, struct span text, bool header)
{
	static const char *const bits[] = {" ",    "\t", "\r\n ", "a",       "A",  ";",
					   "=",    "0",  "\xe9",  ":",       "\r", "\v",
					   "\r\n", "\n", ".",     "\r\n\r\n"};
	const char *bit = bits[chance(message, header ? 12 : 16)];
	const char *at = text.p + chance(message, (unsigned)span_len(text) + 1);
	size_t cut = chance(message, 3) == 0 ? 0 : chance(message, 3);
	struct buf out;

	buf_init(&out, message->arena, 0);
	buf_span(&out, (struct span){text.p, at});
	if (chance(message, 3) != 0)
		buf_string(&out, bit);
	at += (size_t)(text.end - at) < cut ? (size_t)(text.end - at) : cut;
	buf_span(&out, (struct span){at, text.end});
	return buf_view(&out);
}

static void damage_field(struct message *message, unsigned i)
{
	struct span value = damaged(message, span_of(message->fields[i].value), true);

	message->fields[i].value = arena_span(message->arena, value);
}

static void move_field(struct message *message)
{
	unsigned from = chance(message, message->count), to = chance(message, message->count);
	struct mailgen_field field = message->fields[from];

	memmove(message->fields + from, message->fields + from + 1,
		(message->count - from - 1) * sizeof field);
	memmove(message->fields + to + 1, message->fields + to,
		(message->count - to - 1) * sizeof field);
	message->fields[to] = field;
}

static void damage(struct message *message)
{
	switch (chance(message, 8)) {
	case 0:
		put_on_top(message, "Received", " from elsewhere");
		break;
	case 1:
		move_field(message);
		break;
	case 2:
		message->fields[message->count] = message->fields[chance(message, message->count)];
		message->count++;
		break;
	case 3:
		damage_field(message, chance(message, message->count));
		break;
	case 4:
	case 5:
		damage_field(message, chance(message, message->count < 3 ? message->count : 3));
		break;
	default:
		message->body = damaged(message, message->body, false);
		break;
	}
}

/* ---- both engines ---- */

static void verify(struct message *message, enum dkimcheck_choice choice, struct verdict *verdict)
{
	const struct dkimcheck_rules rules = {.engine = choice,
					      .max_signatures = 10,
					      .min_rsa_bits = 1024,
					      .accept_partial_body = true,
					      .accept_added_fields = true,
					      .clock_drift = 300};
	struct dns_scope *scope = dns_scope_new(zone, 100, CLOCK_SECOND);
	struct dkimcheck *check = dkimcheck_new(engine, &rules, message->arena, scope, NOW);
	struct span rest = message->body;

	memset(verdict, 0, sizeof *verdict);
	for (unsigned i = 0; i < message->count; i++)
		dkimcheck_header(check, span_of(message->fields[i].name),
				 span_of(message->fields[i].value));
	dkimcheck_end_of_headers(check, "example.com");
	while (!span_empty(rest)) {
		size_t n = 1 + chance(message, (unsigned)span_len(rest));

		dkimcheck_body(check, span_make(rest.p, n));
		rest.p += n;
	}
	dkimcheck_finish(check, verdict);
	dns_scope_free(scope);
}

struct tally {
	unsigned signatures, passed, no_opinion, differ, broken;
	struct causes *causes;
};

static void show(const struct message *message, unsigned seed, const char *what)
{
	tap_note("message %u: %s", seed, what);
	for (unsigned i = 0; i < message->count; i++)
		tap_note("%s:%s", message->fields[i].name, message->fields[i].value);
	tap_note("%.*s", (int)span_len(message->body), message->body.p);
}

static bool same(const struct dkim_verdict *a, const struct dkim_verdict *b)
{
	return a->result == b->result && a->partial == b->partial && strcmp(a->why, b->why) == 0;
}

static void compare(struct tally *tally, const struct message *message, unsigned seed, bool whole,
		    const struct verdict *ours, const struct verdict *library)
{
	for (unsigned i = 0; i < ours->dkim_count; i++) {
		const struct dkim_verdict *one = &ours->dkim[i], *other = &library->dkim[i];

		tally->signatures++;
		tally->passed += one->result == AUTH_PASS;
		if (other->result == AUTH_NEUTRAL && one->result != AUTH_NEUTRAL) {
			tally->no_opinion++;
			if (!causes_count(tally->causes, other->why) && tally->differ++ < 5)
				show(message, seed, other->why);
		} else if (!same(one, other) && tally->differ++ < 5) {
			show(message, seed,
			     arena_printf(message->arena,
					  "signature %u: ours %s (%s), libopendkim %s (%s)", i,
					  auth_text(one->result), one->why,
					  auth_text(other->result), other->why));
		}
		if (whole && one->result != AUTH_PASS && tally->broken++ < 5)
			show(message, seed, one->why);
	}
}

/* Blanks before a colon. */
static void odd_name(struct message *message)
{
	static const char *const gaps[] = {" ", "\t", "  \t ", " \t"};
	struct mailgen_field *field = &message->fields[chance(message, message->count)];

	field->name = arena_printf(message->arena, "%s%s", field->name, PICK(message, gaps));
}

static void long_body(struct message *message)
{
	struct buf body;

	buf_init(&body, message->arena, 0);
	for (unsigned lines = chance(message, 9000); lines > 0; lines--)
		buf_printf(&body, "%u %s%s", lines, chance(message, 3) ? "words of a line" : " \t ",
			   chance(message, 4) ? "\r\n" : "  ");
	buf_span(&body, message->body);
	message->body = buf_view(&body);
}

static struct span with_crlf(struct arena *arena, struct span body)
{
	struct buf out;

	buf_init(&out, arena, 0);
	for (const char *p = body.p; p < body.end; p++) {
		if (*p == '\n' && (p == body.p || p[-1] != '\r'))
			buf_char(&out, '\r');
		buf_char(&out, *p);
	}
	return buf_view(&out);
}

static bool has_bare_lf(struct span body)
{
	for (const char *p = body.p; p < body.end; p++)
		if (*p == '\n' && (p == body.p || p[-1] != '\r'))
			return true;
	return false;
}

static void try_one(struct tally *tally, struct arena *arena, unsigned seed)
{
	struct message *message = arena_make(arena, struct message);
	uint64_t state = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
	struct verdict ours, library, both;
	struct mailgen mail;
	bool whole;

	mailgen_make(&mail, arena, seed);
	*message = (struct message){.arena = arena, .state = &state, .body = mail.body};
	for (; message->count < mail.field_count && message->count < FIELDS_MAX - 20;
	     message->count++)
		message->fields[message->count] = mail.fields[message->count];
	if (chance(message, 10) == 0)
		odd_name(message);
	if (chance(message, 100) == 0)
		long_body(message);
	if (chance(message, 5) != 0)
		message->body = with_crlf(arena, message->body);
	message->spoiled = has_bare_lf(message->body); /* no pass, whoever signed it */
	for (unsigned signatures = 1 + chance(message, 3); signatures > 0; signatures--)
		sign(message);
	whole = chance(message, 2) == 0;
	for (unsigned times = whole ? 0 : 1 + chance(message, 2); times > 0; times--)
		damage(message);
	verify(message, DKIMCHECK_NATIVE, &ours);
	verify(message, DKIMCHECK_OPENDKIM, &library);
	compare(tally, message, seed, whole && !message->spoiled, &ours, &library);
	verify(message, DKIMCHECK_BOTH, &both);
	if (both.disagreement_count > 0 && tally->differ++ < 5)
		show(message, seed, both.disagreements[0]);
}

int main(int argc, char **argv)
{
	unsigned count = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : COUNT;
	unsigned seed = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 1;
	struct arena *forever = arena_new(0), *arena = arena_new(0);
	struct tally tally = {.causes = causes_load("libopendkim")};

	make_keys(forever);
	engine = dkimcheck_engine_new(NULL);
	for (unsigned i = 0; i < count; i++) {
		try_one(&tally, arena, seed + i);
		arena_reset(arena);
	}
	tap_note("%u messages, %u signatures: %u pass, of %u libopendkim says nothing", count,
		 tally.signatures, tally.passed, tally.no_opinion);
	causes_note(tally.causes);
	causes_free(tally.causes);
	is_int(tally.broken, 0, "signatures that are whole pass");
	is_int(tally.differ, 0, "no difference that is not explained");
	ok(tally.passed > tally.signatures / 4 && tally.passed < tally.signatures * 9 / 10,
	   "some pass, some do not");
	dkimcheck_engine_free(engine);
	dns_free(zone);
	for (unsigned i = 0; i < KINDS; i++)
		if (i == 0 || keys[i] != keys[i - 1])
			crypt_key_free(keys[i]);
	arena_free(arena);
	arena_free(forever);
	return tap_done();
}

/*
 * The signatures of one message on their way to a verdict:
 *
 *   a field arrives      the gate (policy/dkimsig) reads it; its key's lookup starts
 *   end of the header    which signatures are looked at is chosen: aligned with the author first,
 *                        then in the message's order, then those that the gate refused. What can be
 *                        judged already is settled. The rest is given to the library
 *   body                 put into lines that end with CRLF, then to the library
 *   finish               the keys are awaited and judged (policy/dkimkey); only a signature whose
 *                        key is right is verified
 *
 * The library takes every DKIM-Signature field for a signature to verify, and a signature may
 * itself sign such fields (RFC 6376 section 3.5, h=). So all signatures that do not are verified in
 * one run, which sees no other DKIM-Signature field; and each one that does has a run of its own,
 * with its own field first and then just those that it signs, the last ones (section 5.4.2).
 *
 * Nothing here costs more than the message's size times the number of signatures looked at.
 */
#include "policy/dkimcheck.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base64.h"
#include "lib/buf.h"
#include "policy/canon.h"
#include "policy/crypt.h"
#include "policy/dkimkey.h"
#include "policy/dkimlib.h"
#include "policy/dkimsig.h"
#include "policy/domain.h"

enum {
	RSA_BITS_LEAST = 1024,    /* RFC 8301 section 3.2 */
	NAMES_BITS = 1024,        /* of the filter of names that h= lists */
	FIELDS_MAX = 4000,        /* that the library is given */
	SEARCH_MAX = 4000000,     /* names in h= times fields, for one message */
	LINE_MAX_BYTES = 1 << 20, /* the library keeps a line of the body for each signature */
	SIGNED_SIGNATURES = 3     /* DKIM-Signature fields that one signature may sign */
};

struct dkimcheck_engine {
	struct dkimlib *lib;
};

struct signature;

struct field {
	struct field *next;
	struct span text; /* "Name:value" */
	struct span name; /* without blanks behind it */
	bool is_signature;
	struct signature *signature; /* NULL also for those beyond what is kept */
	bool odd; /* holds a control character that the library takes for a blank */
};

struct signature {
	struct dkimsig parsed;
	struct field *field;
	enum auth_result gate; /* AUTH_NONE: passed */
	const char *gate_why;
	const char *key_name;
	struct dns_lookup *lookup;
	bool chosen;
	bool settled; /* the verdict is final */
	struct dkimlib_run *run;
	unsigned index; /* in RUN */
	struct dkim_verdict verdict;
};

struct dkimcheck {
	struct dkimcheck_engine *engine;
	struct dkimcheck_rules rules;
	struct arena *arena;
	struct dns_scope *scope;
	int64_t now;

	struct field *fields, **fields_end;
	struct signature *signatures[DKIM_VERDICTS_MAX];
	unsigned count;
	unsigned lookups;
	unsigned dropped; /* beyond DKIM_VERDICTS_MAX */
	bool decided;     /* the header has ended */
	unsigned open;    /* chosen and not settled */

	struct dkimlib_run *runs[DKIM_VERDICTS_MAX];
	unsigned run_count;
	struct canon_body *lengths[2]; /* by enum dkimsig_canon; where an l= asks for it */
	bool body_begun, body_cr, body_bare_cr;
	size_t body_line; /* bytes of the line that has not ended */
};

/* ---- the engine ---- */

struct dkimcheck_engine *dkimcheck_engine_new(struct why *why)
{
	struct dkimcheck_engine *engine;
	struct dkimlib *lib = dkimlib_new(why);

	if (lib == NULL)
		return NULL;
	engine = calloc(1, sizeof *engine);
	if (engine == NULL)
		abort();
	engine->lib = lib;
	return engine;
}

void dkimcheck_engine_free(struct dkimcheck_engine *engine)
{
	if (engine == NULL)
		return;
	dkimlib_free(engine->lib);
	free(engine);
}

struct dkimcheck *dkimcheck_new(struct dkimcheck_engine *engine,
				const struct dkimcheck_rules *rules, struct arena *arena,
				struct dns_scope *scope, int64_t now)
{
	struct dkimcheck *check = arena_make(arena, struct dkimcheck);

	check->engine = engine;
	check->rules = *rules;
	if (check->rules.max_signatures > DKIM_VERDICTS_MAX)
		check->rules.max_signatures = DKIM_VERDICTS_MAX;
	if (check->rules.min_rsa_bits < RSA_BITS_LEAST)
		check->rules.min_rsa_bits = RSA_BITS_LEAST;
	check->arena = arena;
	check->scope = scope;
	check->now = now;
	check->fields_end = &check->fields;
	return check;
}

/* ---- the header ---- */

static void start_key(struct dkimcheck *check, struct signature *signature)
{
	signature->key_name = arena_printf(check->arena, "%s._domainkey.%s",
					   signature->parsed.selector, signature->parsed.domain);
	signature->lookup = dns_start(check->scope, signature->key_name, DNS_TYPE_TXT);
	check->lookups++;
}

static void add_signature(struct dkimcheck *check, struct field *field, struct span value)
{
	struct signature *signature;
	struct why why;

	if (check->count == DKIM_VERDICTS_MAX) {
		check->dropped++;
		return;
	}
	signature = arena_make(check->arena, struct signature);
	check->signatures[check->count++] = signature;
	field->signature = signature;
	signature->field = field;
	signature->gate = dkimsig_parse(check->arena, value, &signature->parsed, &why);
	if (signature->gate != AUTH_NONE)
		signature->gate_why = arena_string(check->arena, why.text);
	else if (check->lookups < check->rules.max_signatures)
		start_key(check, signature);
}

/* What the library takes for a blank in relaxed header canonicalization, or for the end. */
static bool is_odd(struct span value)
{
	for (const char *p = value.p; p < value.end; p++) {
		bool bare_cr = *p == '\r' && (p + 1 == value.end || p[1] != '\n');

		if (bare_cr || *p == '\v' || *p == '\f' || *p == '\0')
			return true;
	}
	return false;
}

static size_t count_of(struct span text, char c)
{
	size_t count = 0;

	for (const char *p = text.p; p < text.end; p++)
		count += *p == c;
	return count;
}

/* "Name:value" with folds as CRLF, without a CRLF at the end. */
static struct span field_text(struct arena *arena, struct span name, struct span value)
{
	char *text, *to;
	char last = '\0';

	if (span_len(value) >= 2 && value.end[-2] == '\r' && value.end[-1] == '\n')
		value.end -= 2;
	text = arena_alloc(arena, span_len(name) + span_len(value) + count_of(value, '\n') + 1);
	memcpy(text, name.p, span_len(name));
	to = text + span_len(name);
	*to++ = ':';
	for (const char *p = value.p; p < value.end; last = *p++) {
		if (*p == '\n' && last != '\r')
			*to++ = '\r';
		*to++ = *p;
	}
	return (struct span){text, to};
}

/* The name without the blanks that may stand before the colon. They are kept in the text, where
 * simple canonicalization needs them, but for HTAB, with which the library takes no field. */
void dkimcheck_header(struct dkimcheck *check, struct span name, struct span value)
{
	struct field *field = arena_make(check->arena, struct field);
	struct span bare = span_trim(name);

	if (memchr(name.p, '\t', span_len(name)) != NULL)
		name = bare;
	field->text = field_text(check->arena, name, value);
	field->name = (struct span){field->text.p, field->text.p + span_len(bare)};
	field->odd = is_odd(value);
	*check->fields_end = field;
	check->fields_end = &field->next;
	field->is_signature = span_ieq(bare, "DKIM-Signature");
	if (field->is_signature)
		add_signature(check, field, value);
}

/* ---- verdicts ---- */

static void settle(struct dkimcheck *check, struct signature *signature, enum auth_result result,
		   const char *why)
{
	signature->verdict.result = result;
	signature->verdict.why = arena_string(check->arena, why);
	if (!signature->settled)
		check->open--;
	signature->settled = true;
}

#define SETTLE(check, signature, result, ...)                                                      \
	settle((check), (signature), (result), arena_printf((check)->arena, __VA_ARGS__))

static void begin_verdict(struct signature *signature)
{
	const struct dkimsig *parsed = &signature->parsed;
	struct dkim_verdict *verdict = &signature->verdict;

	verdict->domain = parsed->domain;
	verdict->selector = parsed->selector;
	verdict->identity = parsed->identity;
	verdict->algorithm = parsed->algorithm;
	verdict->signature = parsed->short_signature;
	verdict->why = "";
}

/* RFC 6376 section 3.5: t= and x= are for the verifier to judge, hence "policy". */
static bool time_allows(struct dkimcheck *check, struct signature *signature)
{
	const struct dkimsig *parsed = &signature->parsed;
	int64_t drift = check->rules.clock_drift;

	if (parsed->expires >= 0 && check->now > parsed->expires + drift)
		settle(check, signature, AUTH_POLICY, "expired: x= is past (RFC 6376 section 3.5)");
	else if (parsed->timestamp > check->now + drift)
		settle(check, signature, AUTH_POLICY,
		       "signed in the future: t= is to come (RFC 6376 section 3.5)");
	else if (parsed->timestamp >= 0 && parsed->timestamp < DKIMLIB_EPOCH)
		settle(check, signature, AUTH_NEUTRAL,
		       "a t= before the year 2002 cannot be verified here");
	return !signature->settled;
}

/* ---- keys ---- */

/* RFC 6376 section 3.6.2.2: more than one record is undefined; but other TXT records (a wildcard)
 * may stand beside the key. */
static bool pick_key(struct dkimcheck *check, struct signature *signature,
		     const struct dns_answer *answer, struct dkimkey *key)
{
	const char *name = signature->key_name;
	unsigned good = 0;
	struct why why, first = {""};

	for (unsigned i = 0; i < answer->count; i++) {
		struct span text = span_make(answer->records[i].text, answer->records[i].length);
		struct dkimkey one;

		if (dkimkey_parse(check->arena, text, &one, &why) == 0) {
			*key = one;
			good++;
		} else if (first.text[0] == '\0') {
			first = why;
		}
	}
	if (good > 1)
		SETTLE(check, signature, AUTH_PERMERROR,
		       "%u key records at %s (RFC 6376 section 3.6.2.2)", good, name);
	else if (good == 0)
		SETTLE(check, signature, AUTH_PERMERROR,
		       "the record at %s is no key: %s (RFC 6376 section 3.6.1)", name, first.text);
	return good == 1;
}

/* The record as the library takes it: RSA as SubjectPublicKeyInfo, and no other tag. */
static const char *key_record(struct arena *arena, const struct dkimkey *key)
{
	struct span data = span_make(key->data, key->length);
	struct buf buf;

	if (key->type == DKIMKEY_RSA && !crypt_rsa_spki(data, arena, &data))
		return NULL;
	buf_init(&buf, arena, DKIMLIB_RECORD_MAX);
	buf_string(&buf, key->type == DKIMKEY_RSA ? "p=" : "k=ed25519; p=");
	base64_encode(&buf, (const uint8_t *)data.p, span_len(data));
	return buf.failed ? NULL : buf_text(&buf);
}

/* RFC 6376 sections 3.6.1 and 6.1.2: does the record allow this signature? */
static bool key_allows(struct dkimcheck *check, struct signature *signature,
		       const struct dkimkey *key)
{
	const struct dkimsig *parsed = &signature->parsed;
	bool rsa = parsed->alg == DKIMSIG_RSA_SHA256;

	if (key->length == 0)
		settle(check, signature, AUTH_PERMERROR,
		       "the key is revoked: its p= is empty (RFC 6376 section 3.6.1)");
	else if (rsa != (key->type == DKIMKEY_RSA))
		settle(check, signature, AUTH_PERMERROR,
		       "the key's k= is not of the signature's a= (RFC 6376 section 6.1.2)");
	else if (!key->sha256)
		settle(check, signature, AUTH_PERMERROR,
		       "the key's h= does not include sha256 (RFC 6376 section 6.1.2)");
	else if (!key->email)
		settle(check, signature, AUTH_PERMERROR,
		       "the key's s= does not include email (RFC 6376 section 3.6.1)");
	else if (key->strict && !domain_equal(parsed->identity_domain, parsed->domain))
		settle(check, signature, AUTH_PERMERROR,
		       "the key's t=s wants i= to be at d= itself (RFC 6376 section 3.6.1)");
	return !signature->settled;
}

static bool size_allows(struct dkimcheck *check, struct signature *signature,
			const struct dkimkey *key)
{
	if (key->type != DKIMKEY_RSA)
		return true;
	if (key->bits < RSA_BITS_LEAST)
		SETTLE(check, signature, AUTH_PERMERROR,
		       "an RSA key of %u bits is too short (RFC 8301 section 3.2)", key->bits);
	else if (key->bits < check->rules.min_rsa_bits)
		SETTLE(check, signature, AUTH_POLICY,
		       "an RSA key of %u bits is shorter than the %u that are asked for here",
		       key->bits, check->rules.min_rsa_bits);
	return !signature->settled;
}

static void judge_key(struct dkimcheck *check, struct signature *signature,
		      const struct dns_answer *answer)
{
	const char *record;
	struct dkimkey key;

	if (answer->status == DNS_TEMPFAIL)
		SETTLE(check, signature, AUTH_TEMPERROR,
		       "no answer for the key at %s: %s (RFC 6376 section 6.1.2)",
		       signature->key_name, answer->reason);
	else if (answer->status != DNS_DATA)
		SETTLE(check, signature, AUTH_PERMERROR, "no key at %s (RFC 6376 section 6.1.2)",
		       signature->key_name);
	if (signature->settled || !pick_key(check, signature, answer, &key))
		return;
	signature->verdict.testing = key.testing;
	signature->verdict.key_bits = key.bits;
	if (!key_allows(check, signature, &key) || !size_allows(check, signature, &key))
		return;
	record = key_record(check->arena, &key);
	if (record == NULL)
		SETTLE(check, signature, AUTH_NEUTRAL,
		       "an RSA key of %u bits is longer than can be verified here", key.bits);
	else if (signature->run != NULL)
		dkimlib_key(signature->run, signature->index, record);
}

/* ---- the choice ---- */

enum { RANK_EQUAL, RANK_RELATED, RANK_OTHER, RANK_REFUSED, RANKS };

static int rank_of(const struct signature *signature, const char *author)
{
	const char *domain = signature->parsed.domain;

	if (signature->gate != AUTH_NONE)
		return RANK_REFUSED;
	if (author == NULL)
		return RANK_OTHER;
	if (domain_equal(domain, author))
		return RANK_EQUAL;
	if (domain_is_below(domain, author) || domain_is_below(author, domain))
		return RANK_RELATED;
	return RANK_OTHER;
}

static void choose(struct dkimcheck *check, const char *author)
{
	unsigned chosen = 0;

	for (int rank = 0; rank < RANKS; rank++) {
		for (unsigned i = 0; i < check->count; i++) {
			struct signature *signature = check->signatures[i];

			if (chosen == check->rules.max_signatures)
				return;
			if (rank_of(signature, author) != rank)
				continue;
			signature->chosen = true;
			begin_verdict(signature);
			check->open++;
			chosen++;
		}
	}
}

/* What is known at the end of the header: the gate, the times, perhaps the key. */
static void judge_early(struct dkimcheck *check, struct signature *signature)
{
	const struct dns_answer *answer;

	if (signature->gate != AUTH_NONE) {
		settle(check, signature, signature->gate, signature->gate_why);
		return;
	}
	if (!time_allows(check, signature))
		return;
	if (signature->parsed.has_length && signature->parsed.length > INT64_MAX) {
		settle(check, signature, AUTH_PERMERROR,
		       "l= is more than the body has (RFC 6376 section 3.5)");
		return;
	}
	if (signature->lookup == NULL)
		start_key(check, signature);
	answer = dns_lookup_answer(signature->lookup);
	if (answer != NULL)
		judge_key(check, signature, answer);
}

/* ---- what the library is given ---- */

/* A set of names that may hold too many: a field more is no harm. */
struct names {
	uint64_t bits[NAMES_BITS / 64];
};

static unsigned name_slot(struct span name)
{
	uint32_t hash = 2166136261u;

	for (const char *p = name.p; p < name.end; p++)
		hash = (hash ^ (uint32_t)char_lower((unsigned char)*p)) * 16777619u;
	return (hash ^ hash >> 16) % NAMES_BITS;
}

static bool names_have(const struct names *names, struct span name)
{
	unsigned slot = name_slot(name);

	return (names->bits[slot / 64] >> slot % 64 & 1) != 0;
}

static void names_add(struct names *names, const struct dkimsig *parsed)
{
	struct span rest = parsed->headers, name;
	bool more = true;

	while (dkimsig_next_name(&rest, &more, &name)) {
		unsigned slot = name_slot(name);

		names->bits[slot / 64] |= UINT64_C(1) << slot % 64;
	}
}

static bool is_open(const struct signature *signature)
{
	return signature->chosen && !signature->settled;
}

/* Fields that the library would canonicalize wrongly, signed relaxed (RFC 6376 section 3.4.2). */
static bool signs_odd_field(const struct dkimcheck *check, const struct signature *signature)
{
	struct names names = {{0}};

	if (signature->parsed.header_canon != DKIMSIG_RELAXED)
		return false;
	names_add(&names, &signature->parsed);
	for (const struct field *field = check->fields; field != NULL; field = field->next)
		if (field->odd && (field == signature->field || names_have(&names, field->name)))
			return true;
	return false;
}

/* The library looks at each field for each name. */
static void limit_search(struct dkimcheck *check, const struct names *names)
{
	uint64_t fields = 0, left = SEARCH_MAX;

	for (const struct field *field = check->fields; field != NULL; field = field->next)
		fields += field->is_signature || names_have(names, field->name);
	for (unsigned i = 0; i < check->count; i++) {
		struct signature *signature = check->signatures[i];
		uint64_t cost = fields * signature->parsed.header_names;

		if (!is_open(signature))
			continue;
		if (cost > left || fields > FIELDS_MAX)
			settle(check, signature, AUTH_NEUTRAL,
			       "signs too many fields to be verified here");
		else
			left -= cost;
	}
}

static struct dkimlib_run *begin_run(struct dkimcheck *check)
{
	struct dkimlib_run *run = dkimlib_run_new(check->engine->lib, check->arena);

	check->runs[check->run_count++] = run;
	return run;
}

static void run_common(struct dkimcheck *check, const struct names *names)
{
	struct dkimlib_run *run = NULL;
	unsigned index = 0;

	for (unsigned i = 0; i < check->count && run == NULL; i++)
		if (is_open(check->signatures[i]) && check->signatures[i]->parsed.signatures == 0)
			run = begin_run(check);
	if (run == NULL)
		return;
	for (struct field *field = check->fields; field != NULL; field = field->next) {
		struct signature *signature = field->signature;

		if (!field->is_signature && names_have(names, field->name)) {
			dkimlib_field(run, field->text);
		} else if (signature != NULL && is_open(signature) &&
			   signature->parsed.signatures == 0) {
			dkimlib_field(run, field->text);
			signature->run = run;
			signature->index = index++;
		}
	}
	dkimlib_end_of_header(run);
}

/* How many DKIM-Signature fields there are besides that of SIGNATURE; and whether the last WANTED
 * of them have passed the gate. */
static unsigned other_signatures(const struct dkimcheck *check, const struct signature *signature,
				 unsigned wanted, bool *passed)
{
	unsigned others = 0, at = 0;

	for (const struct field *field = check->fields; field != NULL; field = field->next)
		others += field->is_signature && field != signature->field;
	*passed = true;
	for (const struct field *field = check->fields; field != NULL; field = field->next) {
		if (!field->is_signature || field == signature->field || at++ + wanted < others)
			continue;
		if (field->signature == NULL || field->signature->gate != AUTH_NONE)
			*passed = false;
	}
	return others;
}

/* A run for one that signs DKIM-Signature fields. A name that finds none (section 5.4.2: nothing
 * is hashed for it) cannot be told to the library, which would take the signature's own field. */
static void run_alone(struct dkimcheck *check, struct signature *signature,
		      const struct names *names)
{
	unsigned wanted = signature->parsed.signatures, others, at = 0;
	bool passed;

	others = other_signatures(check, signature, wanted, &passed);
	if (wanted > SIGNED_SIGNATURES || wanted > others || !passed) {
		settle(check, signature, AUTH_NEUTRAL,
		       "h= lists DKIM-Signature in a way that cannot be verified here");
		return;
	}
	signature->run = begin_run(check);
	signature->index = 0;
	dkimlib_field(signature->run, signature->field->text);
	for (struct field *field = check->fields; field != NULL; field = field->next) {
		bool feed = field->is_signature
				? field != signature->field && at++ + wanted >= others
				: names_have(names, field->name);

		if (feed)
			dkimlib_field(signature->run, field->text);
	}
	dkimlib_end_of_header(signature->run);
}

static void measure_body(struct dkimcheck *check, const struct signature *signature)
{
	enum dkimsig_canon canon = signature->parsed.body_canon;

	if (signature->parsed.has_length && check->lengths[canon] == NULL)
		check->lengths[canon] = canon_body_new(check->arena, canon);
}

static void start_runs(struct dkimcheck *check)
{
	struct names names = {{0}};

	for (unsigned i = 0; i < check->count; i++) {
		struct signature *signature = check->signatures[i];

		if (is_open(signature) && signs_odd_field(check, signature))
			settle(check, signature, AUTH_NEUTRAL,
			       "a signed field holds a control character (RFC 5322 section 2.2)");
		if (is_open(signature))
			names_add(&names, &signature->parsed);
	}
	limit_search(check, &names);
	run_common(check, &names);
	for (unsigned i = 0; i < check->count; i++) {
		struct signature *signature = check->signatures[i];

		if (is_open(signature) && signature->run == NULL)
			run_alone(check, signature, &names);
		if (is_open(signature))
			measure_body(check, signature);
	}
}

void dkimcheck_end_of_headers(struct dkimcheck *check, const char *author)
{
	check->decided = true;
	choose(check, author);
	for (unsigned i = 0; i < check->count; i++)
		if (check->signatures[i]->chosen)
			judge_early(check, check->signatures[i]);
	if (check->open > 0)
		start_runs(check);
}

/* ---- the body ---- */

static void give_up(struct dkimcheck *check, const char *why)
{
	for (unsigned i = 0; i < check->count; i++)
		if (is_open(check->signatures[i]))
			settle(check, check->signatures[i], AUTH_NEUTRAL, why);
}

/* Of the lines that PART holds or goes on with; what is left at its end is counted on. */
static size_t longest_line(struct dkimcheck *check, struct span part)
{
	size_t longest = 0;
	const char *lf;

	while ((lf = memchr(part.p, '\n', span_len(part))) != NULL) {
		size_t line = check->body_line + (size_t)(lf - part.p);

		longest = line > longest ? line : longest;
		check->body_line = 0;
		part.p = lf + 1;
	}
	check->body_line += span_len(part);
	return check->body_line > longest ? check->body_line : longest;
}

static void put_body(struct dkimcheck *check, struct span part)
{
	if (span_empty(part))
		return;
	check->body_begun = true;
	if (longest_line(check, part) > LINE_MAX_BYTES) {
		give_up(check, "a line of the body is too long to be verified here");
		return;
	}
	for (unsigned i = 0; i < check->run_count; i++)
		dkimlib_body(check->runs[i], part);
	for (unsigned i = 0; i < 2; i++)
		if (check->lengths[i] != NULL)
			canon_body_add(check->lengths[i], part);
}

static bool has_bare_lf(struct span chunk)
{
	const char *lf, *p = chunk.p;

	while (p < chunk.end && (lf = memchr(p, '\n', (size_t)(chunk.end - p))) != NULL) {
		if (lf == chunk.p || lf[-1] != '\r')
			return true;
		p = lf + 1;
	}
	return false;
}

static bool has_bare_cr(struct span chunk)
{
	const char *cr, *p = chunk.p;

	while (p < chunk.end && (cr = memchr(p, '\r', (size_t)(chunk.end - p))) != NULL) {
		if (cr + 1 == chunk.end || cr[1] != '\n')
			return true;
		p = cr + 1;
	}
	return false;
}

static void put_with_crlf(struct dkimcheck *check, struct span chunk)
{
	char out[4096];
	size_t used = 0;
	char last = '\0';

	for (const char *p = chunk.p; p < chunk.end; last = *p++) {
		if (used + 2 > sizeof out) {
			put_body(check, span_make(out, used));
			used = 0;
		}
		if (*p == '\n' && last != '\r')
			out[used++] = '\r';
		out[used++] = *p;
	}
	put_body(check, span_make(out, used));
}

/* A CR at the end of a chunk waits for what follows it. */
void dkimcheck_body(struct dkimcheck *check, struct span chunk)
{
	if (check->open == 0 || span_empty(chunk))
		return;
	if (check->body_cr) {
		bool line_end = *chunk.p == '\n';

		put_body(check, span_of(line_end ? "\r\n" : "\r"));
		chunk.p += line_end;
		check->body_bare_cr = check->body_bare_cr || !line_end;
	}
	check->body_cr = !span_empty(chunk) && chunk.end[-1] == '\r';
	chunk.end -= check->body_cr;
	check->body_bare_cr = check->body_bare_cr || has_bare_cr(chunk);
	if (has_bare_lf(chunk))
		put_with_crlf(check, chunk);
	else
		put_body(check, chunk);
}

bool dkimcheck_body_done(const struct dkimcheck *check)
{
	return check->decided && check->open == 0;
}

/* RFC 6376 section 3.4.3 and 3.4.4: a last line without CRLF gets one. */
static void end_body(struct dkimcheck *check)
{
	uint8_t digest[32];

	if (check->body_cr) {
		put_body(check, span_of("\r"));
		check->body_bare_cr = true;
	}
	if (check->body_begun && check->body_line > 0)
		put_body(check, span_of("\r\n"));
	for (unsigned i = 0; i < 2; i++)
		if (check->lengths[i] != NULL)
			canon_body_finish(check->lengths[i], digest);
}

/* ---- the end ---- */

/* RFC 6376 section 8.2 (l=) and 3.6.1 (t=y): what a good signature is worth is for us to say. */
static void settle_good(struct dkimcheck *check, struct signature *signature)
{
	const struct dkim_verdict *verdict = &signature->verdict;

	if (verdict->partial && !check->rules.accept_partial_body)
		settle(check, signature, AUTH_POLICY,
		       "good, but l= leaves a part of the body unsigned (RFC 6376 section 8.2)");
	else if (verdict->testing && !check->rules.accept_testing_keys)
		settle(check, signature, AUTH_POLICY,
		       "good, but the key says that it is for tests (RFC 6376 section 3.6.1)");
	else
		SETTLE(check, signature, AUTH_PASS,
		       "good: %s, %u-bit key%s%s (RFC 6376 section 6.1.3)", verdict->algorithm,
		       verdict->key_bits, verdict->testing ? " for tests" : "",
		       verdict->partial ? ", a part of the body is unsigned" : "");
}

static void settle_result(struct dkimcheck *check, struct signature *signature)
{
	const struct dkimsig *parsed = &signature->parsed;
	const char *text;

	if (check->body_bare_cr && parsed->body_canon == DKIMSIG_RELAXED) {
		settle(
		    check, signature, AUTH_NEUTRAL,
		    "a CR without LF in the body cannot be verified here (RFC 6376 section 5.3)");
		return;
	}
	signature->verdict.partial =
	    parsed->has_length &&
	    parsed->length < canon_body_length(check->lengths[parsed->body_canon]);
	switch (dkimlib_result(signature->run, signature->index, &text)) {
	case DKIMLIB_GOOD:
		settle_good(check, signature);
		break;
	case DKIMLIB_BAD_SIGNATURE:
		settle(
		    check, signature, AUTH_FAIL,
		    "the signature does not match the header and the key (RFC 6376 section 6.1.3)");
		break;
	case DKIMLIB_BAD_BODY:
		settle(check, signature, AUTH_FAIL,
		       "the body is not the one that was signed (RFC 6376 section 6.1.3)");
		break;
	case DKIMLIB_SHORT_BODY:
		settle(check, signature, AUTH_PERMERROR,
		       "l= is more than the body has (RFC 6376 section 3.5)");
		break;
	case DKIMLIB_REFUSED:
		SETTLE(check, signature, AUTH_NEUTRAL, "cannot be verified here: %s", text);
		break;
	case DKIMLIB_BROKEN:
		SETTLE(check, signature, AUTH_TEMPERROR, "could not be verified: %s", text);
		break;
	}
}

static void judge_keys(struct dkimcheck *check)
{
	for (unsigned i = 0; i < check->count; i++) {
		struct signature *signature = check->signatures[i];

		if (is_open(signature))
			judge_key(check, signature, dns_wait(signature->lookup));
	}
}

static void list_verdicts(struct dkimcheck *check, struct verdict *out)
{
	out->dkim = arena_array(check->arena, check->count, sizeof *out->dkim);
	out->dkim_count = 0;
	for (unsigned i = 0; i < check->count; i++)
		if (check->signatures[i]->chosen)
			out->dkim[out->dkim_count++] = check->signatures[i]->verdict;
	out->dkim_ignored = check->count - out->dkim_count + check->dropped;
}

void dkimcheck_finish(struct dkimcheck *check, struct verdict *out)
{
	end_body(check);
	judge_keys(check);
	for (unsigned i = 0; i < check->run_count && check->open > 0; i++)
		dkimlib_end_of_body(check->runs[i]);
	for (unsigned i = 0; i < check->count; i++)
		if (is_open(check->signatures[i]))
			settle_result(check, check->signatures[i]);
	list_verdicts(check, out);
}

const char *dkimcheck_domain(const struct dkimcheck *check, unsigned i)
{
	for (unsigned at = 0; at < check->count; at++) {
		const struct signature *signature = check->signatures[at];
		bool counts = check->decided ? signature->chosen : signature->lookup != NULL;

		if (counts && signature->gate == AUTH_NONE && i-- == 0)
			return signature->parsed.domain;
	}
	return NULL;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The signatures of one message on their way to a verdict:
 *
 *   a field arrives      the gate (policy/dkim/signature) reads it; its key's lookup starts
 *   end of the header    which signatures are looked at is chosen: aligned with the author first,
 *                        then in the message's order, then those that the gate refused. What can be
 *                        judged already is settled. The rest is given to the engine
 *   body                 to the engine, as it came
 *   finish               the keys are awaited and judged (policy/dkim/judge); what has a key that
 * may be used is for the engine to verify, and its result becomes a verdict
 *
 * Every rule is here, and the same for every engine. With two engines each has its own pass over
 * the message; the verdict is the first one's, and the second is only compared with it.
 *
 * Nothing here costs more than the message's size times the number of signatures looked at.
 */
#include "policy/dkim/check.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/heap.h"
#include "mail/domain.h"
#include "policy/dkim/addition.h"
#include "policy/dkim/bodypass.h"
#include "policy/dkim/explain.h"
#include "policy/dkim/judge.h"
#include "policy/dkim/native.h"
#include "policy/dkim/opendkim.h"
#include "policy/dkim/opendkim_engine.h"
#include "policy/dkim/signature.h"

enum {
	KEYS_KEPT = 2048, /* decoded, by the native engine */
	OTHERS_MAX = 1    /* signatures enrolled by others */
};

enum { PASS_NATIVE, PASS_OPENDKIM, PASSES };

struct dkimcheck_engine {
	struct dkimlib *lib;
	struct keycache *keys;
};

struct signature {
	struct dkimsig parsed;
	const struct dkimengine_field *field;
	enum auth_result gate; /* AUTH_NONE: passed */
	const char *gate_why;
	const char *key_name;
	struct dns_lookup *lookup;
	const struct dkimkey *key; /* may be used */
	bool chosen;
	bool settled;                          /* the verdict is final */
	struct dkimengine_task *tasks[PASSES]; /* NULL: not enrolled there */
	struct dkim_verdict verdict;
};

struct dkimcheck {
	struct dkimcheck_engine *engine;
	struct dkimcheck_rules rules;
	struct arena *arena;
	struct dns_scope *scope;
	int64_t now;

	struct dkimengine_field *fields, **fields_end;
	struct addition_counts counts;
	struct signature *signatures[DKIM_VERDICTS_MAX];
	unsigned count;
	unsigned lookups;
	unsigned dropped; /* beyond DKIM_VERDICTS_MAX */
	bool decided;     /* the header has ended */
	bool bare_lf;     /* the body has a LF without CR */
	bool body_cr;     /* what came of the body ends with CR */
	unsigned open;    /* chosen and not settled */
	struct bodypass passes[PASSES];
	unsigned deciding; /* the pass whose results become verdicts */
	unsigned enrolled; /* signatures of others */
};

/* ---- the engine ---- */

struct dkimcheck_engine *dkimcheck_engine_new(struct why *why)
{
	struct dkimcheck_engine *engine;
	struct dkimlib *lib = dkimlib_new(why);

	if (lib == NULL)
		return NULL;
	engine = heap_zero(sizeof *engine);
	engine->lib = lib;
	engine->keys = keycache_new(KEYS_KEPT);
	return engine;
}

void dkimcheck_engine_free(struct dkimcheck_engine *engine)
{
	if (engine == NULL)
		return;
	dkimlib_free(engine->lib);
	keycache_free(engine->keys);
	free(engine);
}

void dkimcheck_engine_flush(struct dkimcheck_engine *engine)
{
	keycache_flush(engine->keys);
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
	if (check->rules.min_rsa_bits < KEYJUDGE_RSA_BITS_LEAST)
		check->rules.min_rsa_bits = KEYJUDGE_RSA_BITS_LEAST;
	check->arena = arena;
	check->scope = scope;
	check->now = now;
	check->fields_end = &check->fields;
	bodypass_init(&check->passes[PASS_NATIVE], &dkimnative_engine, engine->keys, arena,
		      check->rules.max_signatures + OTHERS_MAX);
	bodypass_init(&check->passes[PASS_OPENDKIM], &dkimlib_engine, engine->lib, arena,
		      check->rules.max_signatures);
	check->deciding = check->rules.engine == DKIMCHECK_OPENDKIM ? PASS_OPENDKIM : PASS_NATIVE;
	return check;
}

/* ---- the header ---- */

static void start_key(struct dkimcheck *check, struct signature *signature)
{
	signature->key_name = keyjudge_name(check->arena, &signature->parsed);
	signature->lookup = dns_start(check->scope, signature->key_name, DNS_TYPE_TXT);
	check->lookups++;
}

static void add_signature(struct dkimcheck *check, struct dkimengine_field *field)
{
	struct signature *signature;
	struct why why;

	if (check->count == DKIM_VERDICTS_MAX) {
		check->dropped++;
		return;
	}
	signature = arena_make(check->arena, struct signature);
	check->signatures[check->count++] = signature;
	signature->field = field;
	signature->gate = dkimsig_parse(check->arena, field->value, &signature->parsed, &why);
	if (signature->gate == AUTH_NONE)
		field->sig = &signature->parsed;
	else
		signature->gate_why = arena_string(check->arena, why.text);
	if (signature->gate == AUTH_NONE && check->lookups < check->rules.max_signatures)
		start_key(check, signature);
}

const struct dkimengine_field *dkimcheck_header(struct dkimcheck *check, struct span name,
						struct span value)
{
	struct dkimengine_field *field = dkimengine_field_new(check->arena, name, value);

	*check->fields_end = field;
	check->fields_end = &field->next;
	addition_note(&check->counts, field->name);
	field->is_signature = span_ieq(field->name, "DKIM-Signature");
	if (field->is_signature)
		add_signature(check, field);
	return field;
}

/* ---- verdicts ---- */

static bool is_open(const struct signature *signature)
{
	return signature->chosen && !signature->settled;
}

static void settle_signature(struct dkimcheck *check, struct signature *signature,
			     enum auth_result result, const char *why)
{
	signature->verdict.result = result;
	signature->verdict.why = arena_string(check->arena, why);
	assert(signature->chosen);
	assert(signature->settled || check->open > 0);
	if (!signature->settled)
		check->open--;
	signature->settled = true;
}

#define SETTLE(check, signature, result, ...)                                                      \
	settle_signature((check), (signature), (result), arena_printf((check)->arena, __VA_ARGS__))

static void begin_verdict(struct signature *signature)
{
	const struct dkimsig *parsed = &signature->parsed;
	struct dkim_verdict *verdict = &signature->verdict;

	verdict->domain = parsed->domain;
	verdict->selector = parsed->selector;
	verdict->identity = parsed->identity;
	verdict->algorithm = parsed->algorithm;
	verdict->signature = parsed->short_signature;
	verdict->headers = parsed->headers;
	verdict->why = "";
}

/* RFC 6376 section 3.5: t= and x= are for the verifier to judge, hence "policy". */
static bool time_allows(struct dkimcheck *check, struct signature *signature)
{
	const struct dkimsig *parsed = &signature->parsed;
	int64_t drift = check->rules.clock_drift;

	if (parsed->expires >= 0 && check->now > parsed->expires + drift)
		settle_signature(check, signature, AUTH_POLICY,
				 "expired: x= is past (RFC 6376 section 3.5)");
	else if (parsed->timestamp > check->now + drift)
		settle_signature(
		    check, signature, AUTH_POLICY,
		    "signed in the future: t= is later than now (RFC 6376 section 3.5)");
	return !signature->settled;
}

/* ---- keys ---- */

static void judge_key(struct dkimcheck *check, struct signature *signature,
		      const struct dns_answer *answer)
{
	struct dkimkey *key = arena_make(check->arena, struct dkimkey);
	const char *why;
	enum auth_result result =
	    keyjudge(check->arena, signature->key_name, answer, &signature->parsed,
		     check->rules.min_rsa_bits, key, &why);

	signature->verdict.testing = key->testing;
	signature->verdict.key_bits = key->bits;
	if (result == AUTH_NONE)
		signature->key = key;
	else
		settle_signature(check, signature, result, why);
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

static void choose_signatures(struct dkimcheck *check, const char *author)
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
		settle_signature(check, signature, signature->gate, signature->gate_why);
		return;
	}
	if (!time_allows(check, signature))
		return;
	if (signature->parsed.has_length && signature->parsed.length > INT64_MAX) {
		settle_signature(check, signature, AUTH_PERMERROR,
				 "l= is larger than the body (RFC 6376 section 3.5)");
		return;
	}
	if (signature->lookup == NULL)
		start_key(check, signature);
	answer = dns_lookup_answer(signature->lookup);
	if (answer != NULL)
		judge_key(check, signature, answer);
}

/* ---- what an engine's result is worth ---- */

/* RFC 6376 section 8.2 (l=) and 3.6.1 (t=y): the verifier decides what a good signature is worth.
 */
static const char bare_lf_why[] = "good only if a LF without CR ends a line, which not every "
				  "reader accepts (RFC 5322 section 2.3)";

/* RFC 6376 section 8.15: what reads as the message may not be what was signed. */
const char *dkimcheck_added_field(const struct dkimcheck *check, const struct dkimsig *sig)
{
	return check->rules.accept_added_fields ? NULL : addition_find(&check->counts, sig);
}

static void settle_good(struct dkimcheck *check, struct signature *signature)
{
	const struct dkim_verdict *verdict = &signature->verdict;
	const char *added = dkimcheck_added_field(check, &signature->parsed);

	if (check->bare_lf)
		settle_signature(check, signature, AUTH_POLICY, bare_lf_why);
	else if (added != NULL)
		SETTLE(check, signature, AUTH_POLICY,
		       "good, but there are several %s fields, and not all are signed "
		       "(RFC 5322 section 3.6, RFC 6376 section 8.15)",
		       added);
	else if (verdict->partial && !check->rules.accept_partial_body)
		settle_signature(
		    check, signature, AUTH_POLICY,
		    "good, but l= leaves a part of the body unsigned (RFC 6376 section 8.2)");
	else if (verdict->testing && !check->rules.accept_testing_keys)
		settle_signature(
		    check, signature, AUTH_POLICY,
		    "good, but the key is marked as a test key (RFC 6376 section 3.6.1)");
	else
		SETTLE(check, signature, AUTH_PASS,
		       "good: %s, %u-bit key%s%s (RFC 6376 section 6.1.3)", verdict->algorithm,
		       verdict->key_bits, verdict->testing ? " for tests" : "",
		       verdict->partial ? ", a part of the body is unsigned" : "");
}

static void settle_result(struct dkimcheck *check, struct signature *signature,
			  const struct dkimengine_task *task)
{
	signature->verdict.partial = task->partial;
	switch (task->result) {
	case DKIMENGINE_GOOD:
		settle_good(check, signature);
		break;
	case DKIMENGINE_BAD_SIGNATURE:
		settle_signature(
		    check, signature, AUTH_FAIL,
		    "the signature does not match the header and the key (RFC 6376 section 6.1.3)");
		break;
	case DKIMENGINE_BAD_BODY:
		settle_signature(
		    check, signature, AUTH_FAIL,
		    "the body is not the one that was signed (RFC 6376 section 6.1.3)");
		break;
	case DKIMENGINE_SHORT_BODY:
		settle_signature(check, signature, AUTH_PERMERROR,
				 "l= is larger than the body (RFC 6376 section 3.5)");
		break;
	case DKIMENGINE_REFUSED:
		settle_signature(check, signature, AUTH_NEUTRAL, task->why);
		break;
	case DKIMENGINE_OPEN:
	case DKIMENGINE_BROKEN:
		SETTLE(check, signature, AUTH_TEMPERROR, "could not be verified: %s",
		       task->why == NULL ? "no result" : task->why);
		break;
	}
}

/* ---- the engines' passes ---- */

static struct dkimengine_task *deciding_task(const struct dkimcheck *check,
					     const struct signature *signature)
{
	assert(signature->tasks[check->deciding] != NULL);
	return signature->tasks[check->deciding];
}

static bool is_used(const struct dkimcheck *check, unsigned pass)
{
	return check->rules.engine == DKIMCHECK_BOTH || pass == check->deciding;
}

static void enrol_signatures(struct dkimcheck *check)
{
	for (unsigned i = 0; i < check->count; i++) {
		struct signature *signature = check->signatures[i];

		for (unsigned pass = 0; pass < PASSES && is_open(signature); pass++)
			if (is_used(check, pass))
				signature->tasks[pass] = bodypass_enrol(
				    &check->passes[pass], signature->field, &signature->parsed);
	}
}

/* What the deciding engine refuses at once is settled. */
static void begin_passes(struct dkimcheck *check)
{
	for (unsigned pass = 0; pass < PASSES; pass++)
		bodypass_begin(&check->passes[pass], check->fields);
	for (unsigned i = 0; i < check->count; i++) {
		struct signature *signature = check->signatures[i];

		if (is_open(signature) &&
		    deciding_task(check, signature)->result != DKIMENGINE_OPEN)
			settle_result(check, signature, deciding_task(check, signature));
	}
}

void dkimcheck_end_of_headers(struct dkimcheck *check, const char *author)
{
	assert(!check->decided);
	check->decided = true;
	choose_signatures(check, author);
	for (unsigned i = 0; i < check->count; i++)
		if (check->signatures[i]->chosen)
			judge_early(check, check->signatures[i]);
	enrol_signatures(check);
	begin_passes(check);
}

struct dkimengine_task *dkimcheck_enrol(struct dkimcheck *check,
					const struct dkimengine_field *field,
					const struct dkimsig *sig)
{
	assert(!check->decided && check->enrolled < OTHERS_MAX);
	check->enrolled++;
	return bodypass_enrol(&check->passes[PASS_NATIVE], field, sig);
}

const char *dkimcheck_body_fault(const struct dkimcheck *check)
{
	return check->bare_lf ? bare_lf_why : NULL;
}

const struct dkimengine_field *dkimcheck_fields(const struct dkimcheck *check)
{
	return check->fields;
}

struct keycache *dkimcheck_keys(const struct dkimcheck *check)
{
	return check->engine->keys;
}

/* An engine takes a LF alone for the end of a line (canon.h), because a signer's MTA would have
 * made it one; another verifier hashes it as it is. */
static void look_for_bare_lf(struct dkimcheck *check, struct span chunk)
{
	const char *lf, *p = chunk.p;

	while (!check->bare_lf && (lf = memchr(p, '\n', (size_t)(chunk.end - p))) != NULL) {
		check->bare_lf = lf == chunk.p ? !check->body_cr : lf[-1] != '\r';
		p = lf + 1;
	}
	check->body_cr = chunk.end[-1] == '\r';
}

void dkimcheck_body(struct dkimcheck *check, struct span chunk)
{
	if (dkimcheck_body_done(check) || span_empty(chunk))
		return;
	look_for_bare_lf(check, chunk);
	for (unsigned pass = 0; pass < PASSES; pass++)
		bodypass_body(&check->passes[pass], chunk);
}

bool dkimcheck_body_done(const struct dkimcheck *check)
{
	return check->decided && check->open == 0 && check->enrolled == 0;
}

/* A signature that was settled since keeps a task without a key: no longer wanted. */
static void finish_passes(struct dkimcheck *check)
{
	for (unsigned pass = 0; pass < PASSES; pass++) {
		for (unsigned i = 0; i < check->count; i++) {
			struct signature *signature = check->signatures[i];

			if (is_open(signature) && signature->tasks[pass] != NULL)
				signature->tasks[pass]->key = signature->key;
		}
		bodypass_finish(&check->passes[pass]);
	}
}

/* ---- the end ---- */

static void judge_keys(struct dkimcheck *check)
{
	for (unsigned i = 0; i < check->count; i++) {
		struct signature *signature = check->signatures[i];

		if (is_open(signature) && signature->key == NULL)
			judge_key(check, signature, dns_wait(signature->lookup));
	}
}

static void compare_engines(struct dkimcheck *check, struct verdict *out)
{
	for (unsigned i = 0; i < check->count; i++) {
		const struct signature *signature = check->signatures[i];
		const char *text;

		if (!is_open(signature))
			continue;
		text = dkimengine_disagreement(
		    check->arena, check->passes[PASS_NATIVE].engine, signature->tasks[PASS_NATIVE],
		    check->passes[PASS_OPENDKIM].engine, signature->tasks[PASS_OPENDKIM],
		    dns_lookup_answer(signature->lookup));
		verdict_disagree(out, text);
		out->dkim_disagrees |= text != NULL;
	}
}

static void explain_signature(struct dkimcheck *check, struct signature *signature)
{
	struct steps steps = {.arena = check->arena};

	dkimexplain(&steps, check->fields, signature->field, signature->key_name,
		    signature->lookup == NULL ? NULL : dns_lookup_answer(signature->lookup),
		    signature->key);
	signature->verdict.steps = steps.items;
	signature->verdict.step_count = steps.count;
}

static void list_verdicts(struct dkimcheck *check, struct verdict *out)
{
	out->dkim = arena_array(check->arena, check->count, sizeof *out->dkim);
	out->dkim_count = 0;
	for (unsigned i = 0; i < check->count; i++)
		if (check->signatures[i]->chosen) {
			if (check->rules.explain)
				explain_signature(check, check->signatures[i]);
			out->dkim[out->dkim_count++] = check->signatures[i]->verdict;
		}
	out->dkim_ignored = check->count - out->dkim_count + check->dropped;
}

void dkimcheck_finish(struct dkimcheck *check, struct verdict *out)
{
	judge_keys(check);
	if (!dkimcheck_body_done(check))
		finish_passes(check);
	if (check->rules.engine == DKIMCHECK_BOTH && check->open > 0)
		compare_engines(check, out);
	for (unsigned i = 0; i < check->count; i++)
		if (is_open(check->signatures[i]))
			settle_result(check, check->signatures[i],
				      deciding_task(check, check->signatures[i]));
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

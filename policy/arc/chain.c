/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The order is that of RFC 8617 section 5.2: collect (step 1), the newest cv (2), structure (3),
 * the newest message signature (4), the seals from the newest to the oldest (6). Older message
 * signatures are not verified: step 5 is optional and proves nothing that a decision here rests on.
 *
 * The first thing that is wrong ends the chain, and is told. What hashes the seals goes upwards
 * once: each seal signs all sets below it and its own two other fields.
 */
#include "policy/arc/chain.h"

#include <assert.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/crypto/hash.h"
#include "mail/authres_read.h"
#include "mail/taglist.h"
#include "policy/dkim/canon.h"
#include "policy/dkim/judge.h"
#include "policy/dkim/native.h"

enum { SETS_MAX = TAGLIST_INSTANCE_MAX };

enum part { PART_RESULTS, PART_MESSAGE, PART_SEAL, PARTS };

static const char *const part_names[PARTS] = {"ARC-Authentication-Results", "ARC-Message-Signature",
					      "ARC-Seal"};

/* A signature with its key. */
struct signature {
	struct dkimsig sig;
	const char *key_name;
	struct dns_lookup *lookup;
	struct dkimengine_task *task; /* NULL: not to be verified yet */
};

struct set {
	const struct dkimengine_field *fields[PARTS];
	struct span results; /* the payload of ARC-Authentication-Results */
	struct signature message, seal;
	uint8_t digest[CRYPT_DIGEST_LEN]; /* of what the seal signs */
};

struct arc {
	const struct arc_rules *rules;
	struct dkimcheck *dkim;
	struct arena *arena;
	struct dns_scope *scope;
	int64_t now;
	struct set *sets[SETS_MAX + 1]; /* by instance */
	unsigned newest;
	unsigned fields;
	const char *fault; /* what ends the chain, or NULL */
	bool temporary;    /* ... because DNS did not answer */
};

struct arc *arc_new(const struct arc_rules *rules, struct dkimcheck *dkim, struct arena *arena,
		    struct dns_scope *scope, int64_t now)
{
	struct arc *arc = arena_make(arena, struct arc);

	arc->rules = rules;
	arc->dkim = dkim;
	arc->arena = arena;
	arc->scope = scope;
	arc->now = now;
	return arc;
}

static void fail_chain(struct arc *arc, const char *why)
{
	if (arc->fault == NULL)
		arc->fault = why;
}

#define FAIL(arc, ...) fail_chain((arc), arena_printf((arc)->arena, __VA_ARGS__))

/* ---- step 1: collecting ---- */

/* The set of INSTANCE with a place for PART. NULL: what comes is of no use. */
static struct set *place_field(struct arc *arc, unsigned instance, enum part part,
			       const struct dkimengine_field *field)
{
	struct set *set;

	assert(instance >= 1 && instance <= SETS_MAX);
	set = arc->sets[instance];
	if (set == NULL)
		set = arc->sets[instance] = arena_make(arc->arena, struct set);
	if (set->fields[part] != NULL) {
		FAIL(arc, "two %s fields with i=%u (RFC 8617 section 5.2 step 3.A)",
		     part_names[part], instance);
		return NULL;
	}
	set->fields[part] = field;
	if (instance > arc->newest)
		arc->newest = instance;
	return set;
}

static void read_results(struct arc *arc, const struct dkimengine_field *field)
{
	struct span payload = field->value;
	unsigned instance = authres_instance(&payload);
	struct set *set;

	if (instance == 0) {
		FAIL(arc, "an ARC-Authentication-Results field without its instance "
			  "(RFC 8617 section 4.2.1)");
		return;
	}
	set = place_field(arc, instance, PART_RESULTS, field);
	if (set != NULL)
		set->results = payload;
}

static void read_signature(struct arc *arc, enum part part, const struct dkimengine_field *field)
{
	enum dkimsig_kind kind = part == PART_SEAL ? DKIMSIG_ARC_SEAL : DKIMSIG_ARC_MESSAGE;
	struct signature *signature;
	struct dkimsig sig;
	struct set *set;
	struct why why;

	if (dkimsig_parse_kind(arc->arena, kind, field->value, &sig, &why) != AUTH_NONE) {
		FAIL(arc, "%s i=%u: %s", part_names[part], sig.instance, why.text);
		return;
	}
	set = place_field(arc, sig.instance, part, field);
	if (set == NULL)
		return;
	signature = part == PART_SEAL ? &set->seal : &set->message;
	signature->sig = sig;
}

void arc_header(struct arc *arc, const struct dkimengine_field *field)
{
	enum part part = 0;

	if (!span_istarts(field->name, "ARC-"))
		return;
	while (part < PARTS && !span_ieq(field->name, part_names[part]))
		part++;
	if (part == PARTS)
		return;
	if (++arc->fields > PARTS * SETS_MAX)
		fail_chain(arc, "more than 50 ARC sets (RFC 8617 section 5.2 step 1)");
	if (arc->fields > PARTS * SETS_MAX)
		return;
	if (part == PART_RESULTS)
		read_results(arc, field);
	else
		read_signature(arc, part, field);
}

/* ---- steps 2 and 3: structure ---- */

static void check_set(struct arc *arc, unsigned instance)
{
	const struct set *set = arc->sets[instance];
	enum dkimsig_chain want = instance == 1 ? DKIMSIG_CV_NONE : DKIMSIG_CV_PASS;

	if (set == NULL) {
		FAIL(arc, "there is no set with i=%u (RFC 8617 section 5.2 step 3.B)", instance);
		return;
	}
	for (unsigned part = 0; part < PARTS; part++)
		if (set->fields[part] == NULL)
			FAIL(arc, "the set i=%u has no %s (RFC 8617 section 5.2 step 3.A)",
			     instance, part_names[part]);
	if (set->fields[PART_SEAL] != NULL && set->seal.sig.chain != want)
		FAIL(arc, "the seal i=%u does not have cv=%s (RFC 8617 section 5.2 step 3.C)",
		     instance, instance == 1 ? "none" : "pass");
}

static bool ends_in_fail(const struct arc *arc)
{
	const struct set *newest = arc->sets[arc->newest];

	return newest != NULL && newest->fields[PART_SEAL] != NULL &&
	       newest->seal.sig.chain == DKIMSIG_CV_FAIL;
}

static void check_structure(struct arc *arc)
{
	if (ends_in_fail(arc))
		FAIL(arc, "%s found the chain broken: cv=fail (RFC 8617 section 5.2 step 2)",
		     arc->sets[arc->newest]->seal.sig.domain);
	for (unsigned i = arc->newest; i > 0; i--)
		check_set(arc, i);
}

static void start_key(struct arc *arc, struct signature *signature)
{
	signature->key_name = keyjudge_name(arc->arena, &signature->sig);
	signature->lookup = dns_start(arc->scope, signature->key_name, DNS_TYPE_TXT);
}

void arc_end_of_headers(struct arc *arc)
{
	struct set *set;

	if (arc->fields > 0)
		check_structure(arc);
	if (arc->fields == 0 || arc->fault != NULL)
		return;
	set = arc->sets[arc->newest];
	start_key(arc, &set->message);
	for (unsigned i = arc->newest; i > 0; i--)
		start_key(arc, &arc->sets[i]->seal);
	set->message.task =
	    dkimcheck_enrol(arc->dkim, set->fields[PART_MESSAGE], &set->message.sig);
}

/* ---- step 4: the newest message signature ---- */

/* False: it cannot be used, and that ends the chain. */
static bool await_key(struct arc *arc, struct signature *signature, enum part part)
{
	struct dkimkey *key = arena_make(arc->arena, struct dkimkey);
	const char *why;
	enum auth_result result =
	    keyjudge(arc->arena, signature->key_name, dns_wait(signature->lookup), &signature->sig,
		     KEYJUDGE_RSA_BITS_LEAST, key, &why);

	assert(signature->task != NULL);
	if (result == AUTH_NONE) {
		signature->task->key = key;
		return true;
	}
	if (arc->fault == NULL && result == AUTH_TEMPERROR)
		arc->temporary = true;
	FAIL(arc, "%s i=%u: %s", part_names[part], signature->sig.instance, why);
	return false;
}

void arc_await(struct arc *arc)
{
	if (arc->fields > 0 && arc->fault == NULL)
		await_key(arc, &arc->sets[arc->newest]->message, PART_MESSAGE);
}

static const char *result_fault(const struct dkimengine_task *task)
{
	switch (task->result) {
	case DKIMENGINE_GOOD:
		break;
	case DKIMENGINE_BAD_SIGNATURE:
		return "the signature does not match (RFC 6376 section 6.1.3)";
	case DKIMENGINE_BAD_BODY:
		return "the body is not the one that was signed (RFC 6376 section 6.1.3)";
	case DKIMENGINE_SHORT_BODY:
		return "l= is larger than the body (RFC 6376 section 3.5)";
	case DKIMENGINE_OPEN:
	case DKIMENGINE_REFUSED:
	case DKIMENGINE_BROKEN:
		return task->why != NULL ? task->why : "it could not be verified";
	}
	return NULL;
}

static void check_message(struct arc *arc)
{
	const struct signature *message = &arc->sets[arc->newest]->message;
	const char *fault = result_fault(message->task);

	if (fault == NULL)
		fault = dkimcheck_body_fault(arc->dkim);
	if (fault == NULL && message->task->partial && !arc->rules->accept_partial_body)
		fault = "l= leaves a part of the body unsigned (RFC 6376 section 8.2)";
	if (fault == NULL && message->sig.expires >= 0 &&
	    arc->now > message->sig.expires + arc->rules->clock_drift)
		fault = "it is expired: x= is past (RFC 6376 section 3.5)";
	if (fault != NULL)
		FAIL(arc, "ARC-Message-Signature i=%u: %s", arc->newest, fault);
}

/* ---- step 6: the seals ---- */

static struct span full_name(const struct dkimengine_field *field)
{
	return (struct span){field->text.p, field->value.p - 1};
}

static void add_field(struct buf *text, const struct dkimengine_field *field)
{
	canon_header(text, DKIMSIG_RELAXED, full_name(field), field->value);
}

/* Section 5.1.1: ARC-Authentication-Results, ARC-Message-Signature and ARC-Seal of each set from
 * the first on, relaxed; the seal's own b= empty, and no CRLF after it. */
static void hash_sets(struct arc *arc)
{
	struct crypt_hash *hash = crypt_hash_new(arc->arena);
	struct buf text;

	assert(arc->fault == NULL && arc->newest > 0);
	buf_init(&text, arc->arena, 0);
	for (unsigned i = 1; i <= arc->newest; i++) {
		struct set *set = arc->sets[i];
		const struct dkimengine_field *seal = set->fields[PART_SEAL];

		add_field(&text, set->fields[PART_RESULTS]);
		add_field(&text, set->fields[PART_MESSAGE]);
		crypt_hash_add(hash, text.data, text.len);
		buf_clear(&text);
		canon_own_header(&text, DKIMSIG_RELAXED, full_name(seal), seal->value,
				 set->seal.sig.signature);
		crypt_hash_peek(hash, text.data, text.len, set->digest);
		buf_clear(&text);
		add_field(&text, seal); /* its first bytes for the next set */
	}
}

static void check_seal(struct arc *arc, struct set *set)
{
	struct dkimengine_task *task = arena_make(arc->arena, struct dkimengine_task);

	task->field = set->fields[PART_SEAL];
	task->sig = &set->seal.sig;
	set->seal.task = task;
	if (!await_key(arc, &set->seal, PART_SEAL))
		return;
	task->result = dkimnative_verify(dkimcheck_keys(arc->dkim), arc->arena, task, set->digest);
	if (task->result != DKIMENGINE_GOOD)
		FAIL(arc, "ARC-Seal i=%u: %s", set->seal.sig.instance, result_fault(task));
}

/* ---- for a sealer ---- */

unsigned arc_next_instance(const struct arc *arc)
{
	if (ends_in_fail(arc) || arc->newest >= SETS_MAX)
		return 0;
	return arc->newest + 1;
}

struct span arc_newest_seal(const struct arc *arc)
{
	const struct set *newest = arc->sets[arc->newest];

	if (newest == NULL || newest->fields[PART_SEAL] == NULL)
		return span_of("");
	return newest->fields[PART_SEAL]->value;
}

void arc_canonical(const struct arc *arc, struct buf *out)
{
	assert(arc->fault == NULL);
	for (unsigned i = 1; i <= arc->newest; i++)
		for (unsigned part = 0; part < PARTS; part++)
			add_field(out, arc->sets[i]->fields[part]);
}

/* ---- the verdict ---- */

static void describe_sets(struct arc *arc, struct arc_verdict *out)
{
	struct arc_set_verdict *sets = arena_array(arc->arena, arc->newest, sizeof *sets);

	for (unsigned i = 0; i < arc->newest; i++) {
		const struct set *set = arc->sets[i + 1];

		if (set == NULL)
			set = arena_make(arc->arena, struct set);
		sets[i].domain = set->seal.sig.domain == NULL ? "" : set->seal.sig.domain;
		sets[i].selector = set->seal.sig.selector == NULL ? "" : set->seal.sig.selector;
		sets[i].results = set->results;
	}
	out->sets = sets;
	out->count = arc->newest;
}

void arc_finish(struct arc *arc, struct arc_verdict *out)
{
	memset(out, 0, sizeof *out);
	out->why = "the message has no ARC set (RFC 8617 section 5.2 step 1)";
	if (arc->fields == 0)
		return;
	if (arc->fault == NULL)
		check_message(arc);
	if (arc->fault == NULL)
		hash_sets(arc);
	for (unsigned i = arc->newest; i > 0 && arc->fault == NULL; i--)
		check_seal(arc, arc->sets[i]);
	describe_sets(arc, out);
	out->result = arc->fault == NULL ? AUTH_PASS : AUTH_FAIL;
	out->temporary = arc->temporary;
	if (out->result == AUTH_PASS)
		out->added = dkimcheck_added_field(arc->dkim, &arc->sets[arc->newest]->message.sig);
	out->why = arc->fault != NULL ? arc->fault
				      : arena_printf(arc->arena,
						     "%u set%s, the newest sealed by %s (RFC 8617 "
						     "section 5.2)",
						     arc->newest, arc->newest == 1 ? "" : "s",
						     out->sets[arc->newest - 1].domain);
}

void arc_resume(struct arc *arc, enum auth_result told, struct arc_verdict *out)
{
	memset(out, 0, sizeof *out);
	out->why = "the chain was validated when the message arrived";
	out->result = told;
	if (arc->fields == 0)
		return;
	check_structure(arc);
	describe_sets(arc, out);
	if (told == AUTH_NONE)
		out->result = AUTH_PASS; /* its first set is our own */
	out->temporary = arc->fault != NULL && out->result == AUTH_PASS;
	if (arc->fault != NULL)
		out->why = arc->fault;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The message signature is what policy/dkim/sign makes, under another name. The seal is short: it
 * signs the sets before it as they stand, and its own set.
 */
#include "policy/arc/seal.h"

#include <assert.h>

#include "lib/crypto/hash.h"
#include "policy/dkim/canon.h"
#include "policy/dkim/sign.h"
#include "policy/dkim/write.h"

struct arcseal {
	const struct arc *arc;
	const struct signing_key *key;
	struct arena *arena;
	int64_t now;
	struct signer_rules rules;
	struct signer *signer;
};

struct arcseal *arcseal_new(const struct arc *arc, const struct dkimengine_field *fields,
			    const struct signing_key *key, struct arena *arena, int64_t now)
{
	unsigned instance = arc_next_instance(arc);
	struct arcseal *seal;

	if (instance == 0)
		return NULL;
	seal = arena_make(arena, struct arcseal);
	seal->arc = arc;
	seal->key = key;
	seal->arena = arena;
	seal->now = now;
	seal->rules = (struct signer_rules){.header_canon = DKIMSIG_RELAXED,
					    .body_canon = DKIMSIG_RELAXED,
					    .timestamp = true,
					    .instance = instance};
	seal->signer = signer_new(&seal->rules, arena, now);
	for (; fields != NULL; fields = fields->next)
		signer_header(seal->signer, fields->name, fields->value);
	return seal;
}

void arcseal_body(struct arcseal *seal, struct span chunk)
{
	signer_body(seal->signer, chunk);
}

/* RFC 8617 section 4.4 */
static const char *chain_status(const struct arc_verdict *verdict)
{
	if (verdict->count == 0 && verdict->result != AUTH_FAIL)
		return "none";
	return verdict->result == AUTH_PASS ? "pass" : "fail";
}

static void add_field(struct buf *text, const char *name, const char *value)
{
	canon_header(text, DKIMSIG_RELAXED, span_of(name), span_of(value));
}

/* Section 5.1.1, and 5.1.2 for a chain that fails. */
static void hash_sets(const struct arcseal *seal, const struct arc_verdict *verdict,
		      const struct arcseal_fields *own, struct span value,
		      uint8_t digest[CRYPT_DIGEST_LEN])
{
	struct crypt_hash *hash = crypt_hash_new(seal->arena);
	struct buf text;

	buf_init(&text, seal->arena, 0);
	if (verdict->result == AUTH_PASS)
		arc_canonical(seal->arc, &text);
	add_field(&text, "ARC-Authentication-Results", own->results);
	add_field(&text, "ARC-Message-Signature", own->message);
	canon_header(&text, DKIMSIG_RELAXED, span_of("ARC-Seal"), value);
	crypt_hash_add(hash, text.data, text.len - 2); /* without the last CRLF */
	crypt_hash_finish(hash, digest);
}

static int write_seal(struct arcseal *seal, const struct arc_verdict *verdict,
		      struct arcseal_fields *out, struct why *why)
{
	struct key_task task = {.key = seal->key, .purpose = KEY_FOR_ARC};
	struct sigwriter writer;

	sigwriter_begin(&writer, seal->arena, "ARC-Seal");
	sigwriter_number(&writer, "i", seal->rules.instance);
	sigwriter_tag(&writer, "a", sigwriter_algorithm(seal->key));
	sigwriter_number(&writer, "t", seal->now);
	sigwriter_tag(&writer, "cv", chain_status(verdict));
	sigwriter_tag(&writer, "d", signing_key_domain(seal->key));
	sigwriter_tag(&writer, "s", signing_key_selector(seal->key));
	sigwriter_open(&writer);
	hash_sets(seal, verdict, out, buf_view(&writer.out), task.digest);
	keys_sign(&task, 1, seal->arena);
	if (task.failure != NULL)
		return why_set(why, "%s", task.failure);
	sigwriter_signature(&writer, task.signature);
	out->seal = buf_text(&writer.out) + 1;
	return 0;
}

int arcseal_finish(struct arcseal *seal, const struct arc_verdict *verdict, const char *results,
		   struct arcseal_fields *out, bool *later, struct why *why)
{
	struct signer_field field;
	struct key_task task;

	assert(results != NULL);
	*later = false;
	if (verdict->temporary)
		return why_set(why, "the chain could not be validated: DNS did not answer");
	out->results = arena_printf(seal->arena, "i=%u; %s", seal->rules.instance, results);
	if (signer_prepare(seal->signer, seal->key, &task, &field, why) != 0)
		return -1;
	*later = true;
	keys_sign(&task, 1, seal->arena);
	out->message = signer_complete(&field, why);
	return out->message == NULL ? -1 : write_seal(seal, verdict, out, why);
}

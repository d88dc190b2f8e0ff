/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The fields that will be signed are put into canonical form when they arrive and kept as one text;
 * all others are forgotten at once. Each name that is signed has a chain of its fields, newest
 * first, which is the order in which they are hashed (bottom up, RFC 6376 section 5.4.2).
 *
 * What several keys share (the list of names, the body hash) is made once, at the first key.
 * No tag is written that is optional and says nothing.
 */
#include "policy/dkim/sign.h"

#include <assert.h>
#include <string.h>

#include "lib/crypto/hash.h"
#include "policy/dkim/canon.h"
#include "policy/dkim/write.h"

enum {
	NAMES_TEXT_MAX = 3900 /* bytes of h=: some verifiers read no more than 4000 */
};

/* A field in canonical form: a part of signer->fields. */
struct occurrence {
	struct occurrence *before;
	size_t at, len;
};

struct signed_name {
	struct span name;
	bool oversign;
	struct occurrence *last;
};

struct signer {
	const struct signer_rules *rules;
	struct arena *arena;
	int64_t now;
	struct signed_name *names;
	unsigned name_count;
	struct buf fields;
	struct canon_body *body;
	bool body_done;
	uint8_t body_digest[CRYPT_DIGEST_LEN];
};

/* RFC 6376 section 5.4.1, and what else says what a message is and whom an answer reaches. */
static const char *const usual_names[] = {
    "From",
    "Sender",
    "Reply-To",
    "Subject",
    "Date",
    "Message-ID",
    "To",
    "Cc",
    "In-Reply-To",
    "References",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
    "Content-ID",
    "Content-Description",
    "Content-Disposition",
    "Resent-Date",
    "Resent-From",
    "Resent-Sender",
    "Resent-To",
    "Resent-Cc",
    "Resent-Message-ID",
    "List-Id",
    "List-Help",
    "List-Unsubscribe",
    "List-Unsubscribe-Post",
    "List-Subscribe",
    "List-Post",
    "List-Owner",
    "List-Archive",
    "Feedback-ID",
    "CFBL-Address",
    "CFBL-Feedback-ID",
    "Autocrypt",
    "BIMI-Selector",
    "TLS-Report-Domain", /* RFC 8460 section 5.3 */
    "TLS-Report-Submitter",
};

/* Fields that change on the way, or speak for somebody else. */
static const char *const never_names[] = {
    "Return-Path",
    "Received",
    "Authentication-Results",
};

/* ---- which fields ---- */

static bool never_signed(const struct signer *signer, struct span name)
{
	if (span_ieq(name, "DKIM-Signature")) /* RFC 8617 section 4.1.2: ARC should sign them */
		return signer->rules->instance == 0;
	for (size_t i = 0; i < sizeof never_names / sizeof *never_names; i++) {
		if (span_ieq(name, never_names[i]))
			return true;
	}
	return span_istarts(name, "ARC-");
}

static struct signed_name *find_name(struct signer *signer, struct span name)
{
	for (unsigned i = 0; i < signer->name_count; i++) {
		if (span_isame(name, signer->names[i].name))
			return &signer->names[i];
	}
	return NULL;
}

static void add_name(struct signer *signer, const char *text, bool oversign)
{
	struct span name = span_of(text);
	struct signed_name *known = find_name(signer, name);

	if (known == NULL && !span_empty(name) && !never_signed(signer, name)) {
		known = &signer->names[signer->name_count++];
		known->name = name;
	}
	if (known != NULL)
		known->oversign = known->oversign || oversign;
}

static void choose_names(struct signer *signer, const struct signer_rules *rules)
{
	unsigned usual = sizeof usual_names / sizeof *usual_names;
	const char *const *names = rules->header_count > 0 ? rules->headers : usual_names;
	unsigned count = rules->header_count > 0 ? rules->header_count : usual;

	signer->names = arena_array(signer->arena, (size_t)count + rules->oversign_count + 3,
				    sizeof *signer->names);
	add_name(signer, "From", true);
	add_name(signer, "DKIM-Signature", false);
	for (unsigned i = 0; i < count; i++)
		add_name(signer, names[i], false);
	for (unsigned i = 0; i < rules->oversign_count; i++)
		add_name(signer, rules->oversign[i], true);
}

struct signer *signer_new(const struct signer_rules *rules, struct arena *arena, int64_t now)
{
	struct signer *signer = arena_make(arena, struct signer);

	signer->rules = rules;
	signer->arena = arena;
	signer->now = now;
	buf_init(&signer->fields, arena, 0);
	signer->body = canon_body_new(arena, rules->body_canon);
	choose_names(signer, rules);
	return signer;
}

void signer_header(struct signer *signer, struct span name, struct span value)
{
	struct signed_name *known = find_name(signer, span_trim(name));
	struct occurrence *field;

	if (known == NULL)
		return;
	field = arena_make(signer->arena, struct occurrence);
	field->at = signer->fields.len;
	canon_header(&signer->fields, signer->rules->header_canon, name, value);
	field->len = signer->fields.len - field->at;
	field->before = known->last;
	known->last = field;
}

void signer_insert(struct signer *signer, const char *name, const char *value)
{
	add_name(signer, name, true);
	assert(find_name(signer, span_of(name))->last == NULL);
	signer_header(signer, span_of(name), span_of(value));
}

void signer_body(struct signer *signer, struct span chunk)
{
	canon_body_add(signer->body, chunk);
}

/* ---- writing the field ---- */

static const char *field_name(const struct signer *signer)
{
	return signer->rules->instance == 0 ? "DKIM-Signature" : "ARC-Message-Signature";
}

/* RFC 6409 section 8: a submission server adds them where they are missing, and Sendmail does so
 * after its filters. */
static bool may_be_added(struct span name)
{
	return span_ieq(name, "Date") || span_ieq(name, "Message-ID");
}

static size_t times_named(const struct signed_name *name)
{
	size_t times = name->oversign && (name->last != NULL || !may_be_added(name->name)) ? 1 : 0;

	for (const struct occurrence *field = name->last; field != NULL; field = field->before)
		times++;
	return times;
}

/* h=: a name for each of its fields, and one more where no other may be added. */
static int write_names(struct sigwriter *writer, const struct signer *signer, struct why *why)
{
	size_t start = writer->out.len;
	const char *prefix = "h=";

	for (unsigned i = 0; i < signer->name_count; i++) {
		const struct signed_name *name = &signer->names[i];
		size_t times = times_named(name);

		for (; times > 0 && writer->out.len - start < NAMES_TEXT_MAX; times--) {
			const char *text = arena_printf(signer->arena, "%s%.*s:", prefix,
							(int)span_len(name->name), name->name.p);

			sigwriter_piece(writer, *prefix == '\0' ? "" : " ", span_of(text));
			prefix = "";
		}
		if (times > 0)
			return why_set(why,
				       "too many header fields to sign: their names have over %d "
				       "bytes",
				       NAMES_TEXT_MAX);
	}
	assert(writer->out.len > start);
	writer->out.data[writer->out.len - 1] = ';';
	return 0;
}

/* Everything up to the empty b=. */
static int write_unsigned(struct sigwriter *writer, const struct signer *signer,
			  const struct signing_key *key, struct why *why)
{
	static const char *const canons[] = {
	    [DKIMSIG_SIMPLE] = "simple", [DKIMSIG_RELAXED] = "relaxed"};
	const struct signer_rules *rules = signer->rules;

	sigwriter_begin(writer, signer->arena, field_name(signer));
	if (rules->instance == 0)
		sigwriter_tag(writer, "v", "1");
	else
		sigwriter_number(writer, "i", rules->instance);
	sigwriter_tag(writer, "a", sigwriter_algorithm(key));
	sigwriter_tag(writer, "c",
		      arena_printf(signer->arena, "%s/%s", canons[rules->header_canon],
				   canons[rules->body_canon]));
	sigwriter_tag(writer, "d", signing_key_domain(key));
	sigwriter_tag(writer, "s", signing_key_selector(key));
	if (rules->timestamp)
		sigwriter_number(writer, "t", signer->now);
	if (rules->expire > 0)
		sigwriter_number(writer, "x", signer->now + rules->expire);
	if (write_names(writer, signer, why) == -1)
		return -1;
	sigwriter_data(writer, "bh", signer->body_digest, sizeof signer->body_digest);
	sigwriter_open(writer);
	return 0;
}

/* ---- signing ---- */

/* RFC 6376 section 3.7: the fields named in h=, then this one without its last CRLF. */
static void hash_fields(const struct signer *signer, struct span own,
			uint8_t digest[CRYPT_DIGEST_LEN])
{
	struct crypt_hash *hash = crypt_hash_new(signer->arena);
	struct buf text;

	for (unsigned i = 0; i < signer->name_count; i++) {
		const struct occurrence *field = signer->names[i].last;

		for (; field != NULL; field = field->before)
			crypt_hash_add(hash, signer->fields.data + field->at, field->len);
	}
	buf_init(&text, signer->arena, 0);
	canon_header(&text, signer->rules->header_canon, span_of(field_name(signer)), own);
	crypt_hash_add(hash, text.data, text.len - strlen("\r\n"));
	crypt_hash_finish(hash, digest);
}

int signer_prepare(struct signer *signer, const struct signing_key *key, struct key_task *task,
		   struct signer_field *field, struct why *why)
{
	const struct signed_name *from = find_name(signer, span_of("From"));

	assert(signer->name_count > 0 && from != NULL);
	if (from->last == NULL)
		return why_set(why, "the message has no From field (RFC 6376 section 5.4)");
	if (!signer->body_done) {
		canon_body_finish(signer->body, signer->body_digest);
		signer->body_done = true;
	}
	if (write_unsigned(&field->writer, signer, key, why) == -1)
		return why_prefix(why, "%s/%s: ", signing_key_domain(key),
				  signing_key_selector(key));
	*task = (struct key_task){
	    .key = key,
	    .purpose = signer->rules->instance == 0 ? KEY_FOR_DKIM : KEY_FOR_ARC,
	};
	hash_fields(signer, buf_view(&field->writer.out), task->digest);
	field->task = task;
	return 0;
}

const char *signer_complete(struct signer_field *field, struct why *why)
{
	const struct key_task *task = field->task;

	if (task->failure != NULL) {
		why_set(why, "%s/%s: %s", signing_key_domain(task->key),
			signing_key_selector(task->key), task->failure);
		return NULL;
	}
	sigwriter_signature(&field->writer, task->signature);
	return buf_text(&field->writer.out) + 1; /* the first blank is the MTA's */
}

const char *signer_finish(struct signer *signer, const struct signing_key *key, struct why *why)
{
	struct signer_field field;
	struct key_task task;

	if (signer_prepare(signer, key, &task, &field, why) != 0)
		return NULL;
	keys_sign(&task, 1, signer->arena);
	return signer_complete(&field, why);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The body streams through at most two hashes. All the rest is done at the end, for those
 * signatures only whose keys have come and are good:
 *
 *   - the fields are sorted by name, those of one name from the last to the first, so that a name
 *     in h= finds its group by bisection, and its field as the next of the group (section 5.4.2:
 *     bottom up; a name beyond the last field is the null input). A sorted list has no worst case
 *     that a sender could prepare;
 *   - each signature walks its h= over the groups. Where each group stands belongs to the walk: a
 *     group whose mark is not of this walk starts over;
 *   - fields in relaxed form are kept, one after the other, for the next signature.
 */
#include "policy/dkim/native.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "lib/codec/base64.h"
#include "lib/buf.h"
#include "lib/crypto/hash.h"
#include "lib/crypto/public.h"
#include "policy/dkim/canon.h"
#include "policy/dkim/keycache.h"

/* A field of the header. */
struct line {
	const struct dkimengine_field *field;
	unsigned position;
	size_t at, length; /* in state->relaxed; 0: not there yet */
};

/* All fields of one name. */
struct group {
	struct line *first, *end;
	struct line *next; /* of the walk MARK */
	unsigned mark;
};

struct state {
	struct keycache *keys;
	struct arena *arena;
	const struct dkimengine_message *message;
	struct canon_body *bodies[2]; /* by enum dkimsig_canon; NULL: not asked for */
	uint8_t digests[2][CRYPT_DIGEST_LEN];
	struct line *lines;
	unsigned line_count;
	struct group *groups;
	unsigned group_count;
	unsigned walks;
	struct buf relaxed;
	struct crypt_hash *hash;
};

/* ---- the body ---- */

static void *begin(void *shared, const struct dkimengine_message *message)
{
	struct state *state = arena_make(message->arena, struct state);

	state->keys = shared;
	state->arena = message->arena;
	state->message = message;
	for (unsigned i = 0; i < message->count; i++) {
		const struct dkimsig *sig = message->tasks[i].sig;
		struct canon_body **hash = &state->bodies[sig->body_canon];

		if (*hash == NULL)
			*hash = canon_body_new(state->arena, sig->body_canon);
		if (sig->has_length)
			canon_body_want(*hash, sig->length);
	}
	return state;
}

static void body(void *arg, struct span chunk)
{
	struct state *state = arg;

	for (unsigned i = 0; i < 2; i++)
		if (state->bodies[i] != NULL)
			canon_body_add(state->bodies[i], chunk);
}

/* ---- the header in order ---- */

/* RFC 6376 section 3.5, h=: names are compared without regard to case. */
static int compare_names(struct span a, struct span b)
{
	while (!span_empty(a) && !span_empty(b)) {
		int diff = char_lower((unsigned char)*a.p++) - char_lower((unsigned char)*b.p++);

		if (diff != 0)
			return diff;
	}
	return (int)!span_empty(a) - (int)!span_empty(b);
}

/* By name; of the same name the last one comes first. */
static int compare_lines(const void *a, const void *b)
{
	const struct line *one = a, *other = b;
	int diff = compare_names(one->field->name, other->field->name);

	if (diff != 0)
		return diff;
	return one->position < other->position ? 1 : -1;
}

static void sort_header(struct state *state)
{
	const struct dkimengine_field *field;
	unsigned count = 0;

	for (field = state->message->fields; field != NULL; field = field->next)
		count++;
	state->lines = arena_array(state->arena, count + 1, sizeof *state->lines);
	for (field = state->message->fields; field != NULL; field = field->next) {
		state->lines[state->line_count].field = field;
		state->lines[state->line_count].position = state->line_count;
		state->line_count++;
	}
	qsort(state->lines, count, sizeof *state->lines, compare_lines);
}

static void group_header(struct state *state)
{
	struct group *group = NULL;

	state->groups = arena_array(state->arena, state->line_count + 1, sizeof *state->groups);
	for (unsigned i = 0; i < state->line_count; i++) {
		struct line *line = &state->lines[i];

		if (group == NULL || !span_isame(group->first->field->name, line->field->name)) {
			group = &state->groups[state->group_count++];
			group->first = line;
		}
		group->end = line + 1;
	}
}

static int compare_group(const void *name, const void *group)
{
	return compare_names(*(const struct span *)name,
			     ((const struct group *)group)->first->field->name);
}

/* ---- what is signed ---- */

/* The next field that NAME means in this walk, bottom up; never OWN (section 3.5, h=). */
static struct line *next_line(struct state *state, struct span name,
			      const struct dkimengine_field *own)
{
	struct group *group =
	    bsearch(&name, state->groups, state->group_count, sizeof *state->groups, compare_group);

	assert(state->walks > 0); /* 0 is the mark of a group that was not walked yet */
	if (group == NULL)
		return NULL;
	if (group->mark != state->walks) {
		group->mark = state->walks;
		group->next = group->first;
	}
	if (group->next < group->end && group->next->field == own)
		group->next++;
	return group->next < group->end ? group->next++ : NULL;
}

static struct span full_name(const struct dkimengine_field *field)
{
	return (struct span){field->text.p, field->value.p - 1};
}

static void hash_line(struct state *state, struct line *line, enum dkimsig_canon canon)
{
	if (canon == DKIMSIG_SIMPLE) {
		crypt_hash_add(state->hash, line->field->text.p, span_len(line->field->text));
		crypt_hash_add(state->hash, "\r\n", 2);
		return;
	}
	if (line->length == 0) {
		line->at = state->relaxed.len;
		canon_header(&state->relaxed, canon, full_name(line->field), line->field->value);
		line->length = state->relaxed.len - line->at;
	}
	assert(line->at + line->length <= state->relaxed.len);
	crypt_hash_add(state->hash, state->relaxed.data + line->at, line->length);
}

/* Section 3.7: the fields that h= names, then the signature's own without its last CRLF. */
static void hash_header(struct state *state, const struct dkimengine_task *task,
			uint8_t digest[CRYPT_DIGEST_LEN])
{
	struct span rest = task->sig->headers, name;
	struct buf own;
	bool more = true;

	state->walks++;
	while (dkimsig_next_name(&rest, &more, &name)) {
		struct line *line = next_line(state, name, task->field);

		if (line != NULL)
			hash_line(state, line, task->sig->header_canon);
	}
	buf_init(&own, state->arena, 0);
	canon_own_header(&own, task->sig->header_canon, full_name(task->field), task->field->value,
			 task->sig->signature);
	crypt_hash_add(state->hash, own.data, own.len);
	crypt_hash_finish(state->hash, digest);
}

/* ---- verifying ---- */

static struct span decode_base64(struct arena *arena, struct span base64)
{
	const uint8_t *data;
	size_t length;

	if (!base64_decode(arena, base64, &data, &length))
		return span_of("");
	return span_make(data, length);
}

enum dkimengine_result dkimnative_verify(struct keycache *keys, struct arena *arena,
					 struct dkimengine_task *task,
					 const uint8_t digest[CRYPT_DIGEST_LEN])
{
	enum crypt_type type = task->key->type == DKIMKEY_RSA ? CRYPT_RSA : CRYPT_ED25519;
	struct span data = span_make(task->key->data, task->key->length);
	const struct crypt_public *key;
	struct why why;

	key = keycache_get(keys, type, data, arena, &why);
	if (key == NULL) {
		task->why = arena_printf(arena, "a key of %u bits that cannot be verified here: %s",
					 task->key->bits, why.text);
		return DKIMENGINE_REFUSED;
	}
	return crypt_public_verify(key, digest, decode_base64(arena, task->sig->signature))
		   ? DKIMENGINE_GOOD
		   : DKIMENGINE_BAD_SIGNATURE;
}

/* The hash of the body as far as it is signed; NULL when there is less of it than l= says. */
static const uint8_t *body_digest(struct state *state, struct dkimengine_task *task,
				  uint8_t prefix[CRYPT_DIGEST_LEN])
{
	const struct dkimsig *sig = task->sig;

	if (!sig->has_length)
		return state->digests[sig->body_canon];
	task->partial = sig->length < canon_body_length(state->bodies[sig->body_canon]);
	if (!canon_body_prefix(state->bodies[sig->body_canon], sig->length, prefix))
		return NULL;
	return prefix;
}

/* RFC 6376 section 6.1.3. Both are looked at, so that "other body" means that the rest is good. */
static void verify_task(struct state *state, struct dkimengine_task *task)
{
	uint8_t header[CRYPT_DIGEST_LEN], prefix[CRYPT_DIGEST_LEN];
	const uint8_t *have = body_digest(state, task, prefix);
	struct span want = decode_base64(state->arena, task->sig->body_hash);

	hash_header(state, task, header);
	task->result = dkimnative_verify(state->keys, state->arena, task, header);
	if (task->result == DKIMENGINE_REFUSED)
		return;
	if (have == NULL)
		task->result = DKIMENGINE_SHORT_BODY;
	else if (task->result == DKIMENGINE_GOOD &&
		 !span_same(want, span_make(have, CRYPT_DIGEST_LEN)))
		task->result = DKIMENGINE_BAD_BODY;
}

static void finish(void *arg)
{
	struct state *state = arg;

	for (unsigned i = 0; i < 2; i++)
		if (state->bodies[i] != NULL)
			canon_body_finish(state->bodies[i], state->digests[i]);
	state->hash = crypt_hash_new(state->arena);
	buf_init(&state->relaxed, state->arena, 0);
	sort_header(state);
	group_header(state);
	for (unsigned i = 0; i < state->message->count; i++)
		if (state->message->tasks[i].key != NULL)
			verify_task(state, &state->message->tasks[i]);
}

const struct dkimengine dkimnative_engine = {"native", begin, body, finish};

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The library takes every DKIM-Signature field for a signature to verify, and a signature may
 * itself sign such fields (RFC 6376 section 3.5, h=). So all signatures that do not are verified in
 * one run, which sees no other DKIM-Signature field; and each one that does has a run of its own,
 * with its own field first and then just those that it signs, the last ones (section 5.4.2).
 *
 * The body is put into lines that end with CRLF before the library sees it. A CR that ends no line
 * it drops now and then, in either canonicalization: such a body is not verified. How much of a
 * body lies beyond an l= the library does not tell: it is measured beside it.
 *
 * Nothing here costs more than the message's size times the number of signatures.
 */
#include "policy/dkim/opendkim_engine.h"

#include <string.h>

#include "lib/codec/base64.h"
#include "lib/buf.h"
#include "lib/crypto/public.h"
#include "mail/taglist.h"
#include "policy/dkim/canon.h"
#include "policy/dkim/opendkim.h"

enum {
	FIELD_MAX = 8192,         /* bytes of a signature field */
	SIGNED_NAMES_MAX = 4000,  /* bytes of h=, which the library cuts short without a word */
	IDENTITY_MAX = 200,       /* bytes of i= */
	NAMES_BITS = 1024,        /* of the filter of names that h= lists */
	FIELDS_MAX = 4000,        /* that the library is given */
	SEARCH_MAX = 4000000,     /* names in h= times fields, for one message */
	LINE_MAX_BYTES = 1 << 20, /* the library keeps a line of the body for each signature */
	SIGNED_SIGNATURES = 3     /* DKIM-Signature fields that one signature may sign */
};

/* Where a task is in the library. */
struct place {
	struct dkimlib_run *run; /* NULL: not given to it */
	unsigned index;          /* in RUN */
};

struct state {
	struct dkimlib *lib;
	struct arena *arena;
	const struct dkimengine_field *fields;
	struct dkimengine_task *tasks, *tasks_end;
	struct place *places; /* as the tasks */
	struct dkimlib_run **runs;
	unsigned run_count;
	struct canon_body *lengths[2]; /* by enum dkimsig_canon; where an l= asks for it */
	bool body_begun, body_cr, body_bare_cr;
	size_t body_line; /* bytes of the line that has not ended */
};

static struct place *place_of(const struct state *state, const struct dkimengine_task *task)
{
	return &state->places[task - state->tasks];
}

static bool is_open(const struct dkimengine_task *task)
{
	return task->result == DKIMENGINE_OPEN;
}

static void refuse_task(struct dkimengine_task *task, const char *why)
{
	task->result = DKIMENGINE_REFUSED;
	task->why = why;
}

/* ---- forms of a signature that the library reads differently from RFC 6376 ---- */

/* A tag of DKIM but for the case of its letters. */
static bool wrong_case(struct span name)
{
	static const char *const tags[] = {"v", "a", "b", "bh", "c", "d", "h",
					   "i", "l", "q", "s",  "t", "x", "z"};

	for (size_t i = 0; i < sizeof tags / sizeof *tags; i++)
		if (span_ieq(name, tags[i]))
			return !span_eq(name, tags[i]);
	return false;
}

/* The library finds the value of b= by the byte before "=", and takes tag names in either case. */
static const char *odd_tag(const struct taglist *list)
{
	for (unsigned i = 0; i < list->count; i++) {
		struct span name = list->tags[i].name, value = list->tags[i].value;

		if (span_eq(name, "b") && *name.end != '=')
			return "a form of tag \"b =\" that cannot be verified here";
		if (!span_eq(name, "b") && name.end[-1] == 'b' && *name.end == '=')
			return "a form of tag \"...b=\" that cannot be verified here";
		if (wrong_case(name))
			return "a tag name in the wrong case cannot be verified here";
		if (span_eq(name, "i") && span_len(value) > IDENTITY_MAX)
			return "an i= of that length cannot be verified here";
		if (span_eq(name, "h") && span_len(value) > SIGNED_NAMES_MAX)
			return "an h= of that length cannot be verified here";
	}
	return NULL;
}

/* The gate's last part, for this engine alone. NULL: the library may see FIELD. */
static const char *odd_signature(const struct dkimengine_field *field)
{
	struct taglist list;

	if (field->sig == NULL || taglist_parse(&list, field->value, NULL) != 0)
		return "not a signature";
	if (span_len(field->value) > FIELD_MAX)
		return "a signature field of that length cannot be verified here";
	for (const char *p = field->text.p; p < field->text.end; p++)
		if ((unsigned char)*p > 127)
			return "a field with UTF-8 (RFC 8616) cannot be verified here";
	if (field->sig->timestamp >= 0 && field->sig->timestamp < DKIMLIB_EPOCH)
		return "a t= before the year 2002 cannot be verified here";
	return odd_tag(&list);
}

/* ---- what is signed ---- */

/* A set of names that may hold too many: an extra field does no harm. */
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

static void names_add(struct names *names, const struct dkimsig *sig)
{
	struct span rest = sig->headers, name;
	bool more = true;

	while (dkimsig_next_name(&rest, &more, &name)) {
		unsigned slot = name_slot(name);

		names->bits[slot / 64] |= UINT64_C(1) << slot % 64;
	}
}

/* What the library takes for a blank in relaxed header canonicalization, or for the end: control
 * characters, and line ends that are not folds. */
static bool is_odd_value(struct span value)
{
	for (const char *p = value.p; p < value.end; p++) {
		char next = p + 1 == value.end ? '\0' : p[1];

		if (*p == '\v' || *p == '\f' || *p == '\0' || (*p == '\r' && next != '\n') ||
		    (*p == '\n' && !char_is_wsp((unsigned char)next)))
			return true;
	}
	return false;
}

/* Between name and colon stands something else than OTHER or SP. */
static bool is_odd_gap(const struct dkimengine_field *field, char other)
{
	for (const char *p = field->name.end; p + 1 < field->value.p; p++)
		if (*p != ' ' && *p != other)
			return true;
	return false;
}

/* Does it sign a field that the library would canonicalize wrongly (RFC 6376 section 3.4)? */
static bool signs_odd_field(const struct state *state, const struct dkimengine_task *task)
{
	bool relaxed = task->sig->header_canon == DKIMSIG_RELAXED;
	struct names names = {{0}};

	names_add(&names, task->sig);
	for (const struct dkimengine_field *field = state->fields; field != NULL;
	     field = field->next) {
		if (field != task->field && !names_have(&names, field->name))
			continue;
		if (relaxed ? is_odd_value(field->value) || is_odd_gap(field, '\t')
			    : is_odd_gap(field, ' '))
			return true;
	}
	return false;
}

/* The library looks at each field for each name. */
static void limit_search(struct state *state, const struct names *names)
{
	uint64_t fields = 0, left = SEARCH_MAX;

	for (const struct dkimengine_field *field = state->fields; field != NULL;
	     field = field->next)
		fields += field->is_signature || names_have(names, field->name);
	for (struct dkimengine_task *task = state->tasks; task < state->tasks_end; task++) {
		uint64_t cost = fields * task->sig->header_names;

		if (!is_open(task))
			continue;
		if (cost > left || fields > FIELDS_MAX)
			refuse_task(task, "signs too many fields to be verified here");
		else
			left -= cost;
	}
}

/* ---- runs ---- */

static struct dkimlib_run *begin_run(struct state *state)
{
	struct dkimlib_run *run = dkimlib_run_new(state->lib, state->arena);

	state->runs[state->run_count++] = run;
	return run;
}

/* Blanks before the colon are kept, where simple canonicalization needs them; but a HTAB is left
 * out, with which the library takes no field. */
static void feed_field(struct state *state, struct dkimlib_run *run,
		       const struct dkimengine_field *field)
{
	struct buf text;

	if (!is_odd_gap(field, ' ')) {
		dkimlib_field(run, field->text);
		return;
	}
	buf_init(&text, state->arena, 0);
	buf_span(&text, field->name);
	buf_char(&text, ':');
	buf_span(&text, field->value);
	dkimlib_field(run, buf_view(&text));
}

static struct dkimengine_task *common_task(const struct state *state,
					   const struct dkimengine_field *field)
{
	for (struct dkimengine_task *task = state->tasks; task < state->tasks_end; task++)
		if (task->field == field && is_open(task) && task->sig->signatures == 0)
			return task;
	return NULL;
}

/* Ends the header. If the library takes other fields for signatures than these COUNT, their
 * numbers would not fit. */
static void end_header(struct state *state, struct dkimlib_run *run, unsigned count)
{
	dkimlib_end_of_header(run);
	if (dkimlib_sees(run, count))
		return;
	for (struct dkimengine_task *task = state->tasks; task < state->tasks_end; task++)
		if (place_of(state, task)->run == run)
			refuse_task(task,
				    "libopendkim does not read the signatures of this message");
}

static void run_common(struct state *state, const struct names *names)
{
	struct dkimlib_run *run = NULL;
	unsigned index = 0;

	for (struct dkimengine_task *task = state->tasks; task < state->tasks_end; task++)
		if (run == NULL && is_open(task) && task->sig->signatures == 0)
			run = begin_run(state);
	if (run == NULL)
		return;
	for (const struct dkimengine_field *field = state->fields; field != NULL;
	     field = field->next) {
		struct dkimengine_task *task =
		    field->is_signature ? common_task(state, field) : NULL;

		if (!field->is_signature && names_have(names, field->name)) {
			feed_field(state, run, field);
		} else if (task != NULL) {
			feed_field(state, run, field);
			*place_of(state, task) = (struct place){run, index++};
		}
	}
	end_header(state, run, index);
}

/* How many DKIM-Signature fields there are besides that of TASK; and whether the library may see
 * the last WANTED of them. */
static unsigned other_signatures(const struct state *state, const struct dkimengine_task *task,
				 unsigned wanted, bool *good)
{
	unsigned others = 0, at = 0;

	for (const struct dkimengine_field *field = state->fields; field != NULL;
	     field = field->next)
		others += field->is_signature && field != task->field;
	*good = true;
	for (const struct dkimengine_field *field = state->fields; field != NULL;
	     field = field->next) {
		if (!field->is_signature || field == task->field || at++ + wanted < others)
			continue;
		if (odd_signature(field) != NULL)
			*good = false;
	}
	return others;
}

/* A run for one that signs DKIM-Signature fields. A name that finds none (section 5.4.2: nothing
 * is hashed for it) cannot be told to the library, which would take the signature's own field. */
static void run_alone(struct state *state, struct dkimengine_task *task, const struct names *names)
{
	unsigned wanted = task->sig->signatures, others, at = 0;
	struct dkimlib_run *run;
	bool good = wanted <= SIGNED_SIGNATURES;

	others = good ? other_signatures(state, task, wanted, &good) : 0;
	if (!good || wanted > others) {
		refuse_task(task, "h= lists DKIM-Signature in a way that cannot be verified here");
		return;
	}
	run = begin_run(state);
	*place_of(state, task) = (struct place){run, 0};
	feed_field(state, run, task->field);
	for (const struct dkimengine_field *field = state->fields; field != NULL;
	     field = field->next) {
		bool wants = field->is_signature ? field != task->field && at++ + wanted >= others
						 : names_have(names, field->name);

		if (wants)
			feed_field(state, run, field);
	}
	end_header(state, run, 1 + wanted);
}

static void measure_body(struct state *state, const struct dkimengine_task *task)
{
	enum dkimsig_canon canon = task->sig->body_canon;

	if (task->sig->has_length && state->lengths[canon] == NULL)
		state->lengths[canon] = canon_body_new(state->arena, canon);
}

static void *begin(void *shared, const struct dkimengine_message *message)
{
	struct state *state = arena_make(message->arena, struct state);
	struct names names = {{0}};

	state->lib = shared;
	state->arena = message->arena;
	state->fields = message->fields;
	state->tasks = message->tasks;
	state->tasks_end = message->tasks + message->count;
	state->places = arena_array(message->arena, message->count, sizeof *state->places);
	state->runs = arena_array(message->arena, message->count + 1, sizeof *state->runs);
	for (struct dkimengine_task *task = state->tasks; task < state->tasks_end; task++) {
		const char *why = odd_signature(task->field);

		if (why == NULL && signs_odd_field(state, task))
			why = "a signed field contains a control character (RFC 5322 section 2.2)";
		if (why != NULL)
			refuse_task(task, why);
		else
			names_add(&names, task->sig);
	}
	limit_search(state, &names);
	run_common(state, &names);
	for (struct dkimengine_task *task = state->tasks; task < state->tasks_end; task++) {
		if (is_open(task) && place_of(state, task)->run == NULL)
			run_alone(state, task, &names);
		if (is_open(task))
			measure_body(state, task);
	}
	return state;
}

/* ---- the body ---- */

static void give_up(struct state *state, const char *why)
{
	for (struct dkimengine_task *task = state->tasks; task < state->tasks_end; task++)
		if (is_open(task))
			refuse_task(task, why);
	state->run_count = 0;
}

/* Of the lines that PART holds or goes on with; what is left at its end is counted on. */
static size_t longest_line(struct state *state, struct span part)
{
	size_t longest = 0;
	const char *lf;

	while ((lf = memchr(part.p, '\n', span_len(part))) != NULL) {
		size_t line = state->body_line + (size_t)(lf - part.p);

		longest = line > longest ? line : longest;
		state->body_line = 0;
		part.p = lf + 1;
	}
	state->body_line += span_len(part);
	return state->body_line > longest ? state->body_line : longest;
}

static void put_body(struct state *state, struct span part)
{
	if (span_empty(part))
		return;
	state->body_begun = true;
	if (longest_line(state, part) > LINE_MAX_BYTES) {
		give_up(state, "a line of the body is too long to be verified here");
		return;
	}
	for (unsigned i = 0; i < state->run_count; i++)
		dkimlib_body(state->runs[i], part);
	for (unsigned i = 0; i < 2; i++)
		if (state->lengths[i] != NULL)
			canon_body_add(state->lengths[i], part);
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

static void put_with_crlf(struct state *state, struct span chunk)
{
	char out[4096];
	size_t used = 0;
	char last = '\0';

	for (const char *p = chunk.p; p < chunk.end; last = *p++) {
		if (used + 2 > sizeof out) {
			put_body(state, span_make(out, used));
			used = 0;
		}
		if (*p == '\n' && last != '\r')
			out[used++] = '\r';
		out[used++] = *p;
	}
	put_body(state, span_make(out, used));
}

/* A CR at the end of a chunk waits for what follows it. */
static void body(void *arg, struct span chunk)
{
	struct state *state = arg;

	if (state->run_count == 0 || span_empty(chunk))
		return;
	if (state->body_cr) {
		bool line_end = *chunk.p == '\n';

		put_body(state, span_of(line_end ? "\r\n" : "\r"));
		chunk.p += line_end;
		state->body_bare_cr = state->body_bare_cr || !line_end;
	}
	state->body_cr = !span_empty(chunk) && chunk.end[-1] == '\r';
	chunk.end -= state->body_cr;
	state->body_bare_cr = state->body_bare_cr || has_bare_cr(chunk);
	if (has_bare_lf(chunk))
		put_with_crlf(state, chunk);
	else
		put_body(state, chunk);
}

/* RFC 6376 section 3.4.3 and 3.4.4: a last line without CRLF gets one. */
static void end_body(struct state *state)
{
	uint8_t digest[CRYPT_DIGEST_LEN];

	if (state->body_cr) {
		put_body(state, span_of("\r"));
		state->body_bare_cr = true;
	}
	if (state->body_begun && state->body_line > 0)
		put_body(state, span_of("\r\n"));
	for (unsigned i = 0; i < 2; i++)
		if (state->lengths[i] != NULL)
			canon_body_finish(state->lengths[i], digest);
}

/* ---- the end ---- */

/* The record as the library takes it: RSA as SubjectPublicKeyInfo, and no other tag. */
static const char *key_record(struct arena *arena, const struct dkimkey *key)
{
	struct span data = span_make(key->data, key->length);
	struct buf buf;

	if (key->type == DKIMKEY_RSA && !crypt_public_spki(data, arena, &data))
		return NULL;
	buf_init(&buf, arena, DKIMLIB_RECORD_MAX);
	buf_string(&buf, key->type == DKIMKEY_RSA ? "p=" : "k=ed25519; p=");
	base64_encode(&buf, (const uint8_t *)data.p, span_len(data));
	return buf.failed ? NULL : buf_text(&buf);
}

static void give_key(struct state *state, struct dkimengine_task *task)
{
	const char *record = key_record(state->arena, task->key);

	if (record != NULL)
		dkimlib_key(place_of(state, task)->run, place_of(state, task)->index, record);
	else
		refuse_task(task,
			    arena_printf(state->arena,
					 "an RSA key of %u bits is longer than can be verified "
					 "here",
					 task->key->bits));
}

static void conclude_task(struct state *state, struct dkimengine_task *task)
{
	const struct dkimsig *sig = task->sig;
	const char *text;

	if (state->body_bare_cr) {
		refuse_task(
		    task,
		    "a CR without LF in the body cannot be verified here (RFC 6376 section 5.3)");
		return;
	}
	task->partial =
	    sig->has_length && sig->length < canon_body_length(state->lengths[sig->body_canon]);
	task->result =
	    dkimlib_result(place_of(state, task)->run, place_of(state, task)->index, &text);
	if (task->result == DKIMENGINE_REFUSED)
		task->why = arena_printf(state->arena, "cannot be verified here: %s", text);
	else if (task->result == DKIMENGINE_BROKEN)
		task->why = text;
}

static void finish(void *arg)
{
	struct state *state = arg;

	end_body(state);
	for (struct dkimengine_task *task = state->tasks; task < state->tasks_end; task++)
		if (is_open(task) && task->key != NULL)
			give_key(state, task);
	for (unsigned i = 0; i < state->run_count; i++)
		dkimlib_end_of_body(state->runs[i]);
	for (struct dkimengine_task *task = state->tasks; task < state->tasks_end; task++)
		if (is_open(task) && task->key != NULL)
			conclude_task(state, task);
}

const struct dkimengine dkimlib_engine = {"libopendkim", begin, body, finish};

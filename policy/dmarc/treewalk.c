/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Queries for all names of a walk are started together, so that a walk costs one answer's time;
 * their answers are then read in the order of the RFC, and what lies beyond the end of the walk is
 * ignored. Names are remembered: the walks of one message share most of them.
 *
 * A missing answer does not always matter: when _dmarc.com fails, mail.example.com and example.com
 * still have the same organizational domain whatever is published there. treewalk_compare() tries
 * every meaning that the unknown names can have (4 for each) and believes only what all agree on.
 */
#include "policy/dmarc/treewalk.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "mail/domain.h"

enum {
	WALK_LABELS = 7, /* section 4.10 step 4 */
	GUESSES_MAX = 3, /* unknown names that are tried out: 64 combinations */
	RECORD_SHOWN = 300
};

static const char prefix[] = "_dmarc.";

/* ---- the names of a walk, section 4.10 steps 1, 3, 4 and 7 ---- */

/* The name after NAME, NULL after the last. "If x < 8, remove the left-most label; if x >= 8,
 * remove the left-most labels until 7 remain." */
static const char *next_name(const char *name)
{
	return domain_labels(name) > WALK_LABELS ? domain_last(name, WALK_LABELS)
						 : domain_parent(name);
}

void treewalk_start_name(struct dns_scope *scope, const char *name, dns_follow *call,
			 const void *arg)
{
	char query[sizeof prefix + DNS_NAME_MAX];

	if (strlen(name) > DNS_NAME_MAX)
		return;
	snprintf(query, sizeof query, "%s%s", prefix, name);
	if (call != NULL)
		dns_start_follow(scope, query, DNS_TYPE_TXT, call, arg);
	else
		dns_start(scope, query, DNS_TYPE_TXT);
}

void treewalk_start(struct dns_scope *scope, const char *domain)
{
	for (const char *name = domain; name != NULL; name = next_name(name))
		treewalk_start_name(scope, name, NULL, NULL);
}

/* ---- one name ---- */

static bool is_local_psd(const struct treewalk *walk, const char *name)
{
	for (unsigned i = 0; i < walk->psd_count; i++)
		if (domain_equal(walk->psd_domains[i], name))
			return true;
	return false;
}

/* Steps 2 and 6: records of another kind or version are discarded; so are several DMARC records. */
static void read_records(struct treewalk *walk, struct treewalk_name *name,
			 const struct dns_answer *answer)
{
	unsigned found = 0;

	for (unsigned i = 0; i < answer->count; i++) {
		const struct dns_record *txt = &answer->records[i];
		struct dmarc_record *record = arena_make(walk->arena, struct dmarc_record);
		struct why why = {""};

		if (dmarc_record_parse(walk->arena, span_make(txt->text, txt->length), record,
				       &why) == -1)
			continue;
		if (++found > 1)
			break;
		name->record = record;
		if (!record->usable)
			name->fault = arena_string(walk->arena, why.text);
	}
	if (found > 1) {
		name->record = NULL;
		name->fault = "several DMARC records, all discarded (RFC 9989 section 4.10)";
	}
}

static enum treewalk_mark mark_of(const struct treewalk *walk, const struct treewalk_name *name)
{
	if (is_local_psd(walk, name->name))
		return TREEWALK_PSD;
	if (name->status == DNS_TEMPFAIL)
		return TREEWALK_UNKNOWN;
	if (name->record == NULL)
		return TREEWALK_NOTHING;
	switch (name->record->psd) {
	case DMARC_PSD_YES:
		return TREEWALK_PSD;
	case DMARC_PSD_NO:
		return TREEWALK_NOT_PSD;
	case DMARC_PSD_UNKNOWN:
		break;
	}
	return TREEWALK_RECORD;
}

static void note_name(const struct treewalk *walk, const struct treewalk_name *name)
{
	const char *fault = name->fault;

	if (walk->steps == NULL)
		return;
	if (name->record != NULL)
		steps_add(walk->steps, "%s%s: %.*s%s%s", prefix, name->name, RECORD_SHOWN,
			  name->record->text, fault != NULL ? ": " : "",
			  fault != NULL ? fault : "");
	else
		steps_add(walk->steps, "%s%s: %s", prefix, name->name,
			  fault != NULL                  ? fault
			  : name->status == DNS_NXDOMAIN ? "no such name"
							 : "no DMARC record");
	if (is_local_psd(walk, name->name))
		steps_add(walk->steps, "%s: treated as psd=y by configuration", name->name);
}

/* Takes ANSWER for what is at TEXT. */
static const struct treewalk_name *remember_answer(struct treewalk *walk, const char *text,
						   const struct dns_answer *answer)
{
	struct treewalk_name *name = arena_make(walk->arena, struct treewalk_name);

	name->name = text;
	name->status = answer->status;
	if (answer->status == DNS_TEMPFAIL)
		name->fault = arena_string(walk->arena, answer->reason);
	else
		read_records(walk, name, answer);
	name->mark = mark_of(walk, name);
	name->next = walk->seen;
	walk->seen = name;
	note_name(walk, name);
	return name;
}

static const struct treewalk_name *find_name(const struct treewalk *walk, const char *text)
{
	const struct treewalk_name *name = walk->seen;

	while (name != NULL && !domain_equal(name->name, text))
		name = name->next;
	return name;
}

/* NULL only when WAIT is false and the answer is not there. */
static const struct treewalk_name *look_up(struct treewalk *walk, const char *text, bool wait)
{
	const struct treewalk_name *name = find_name(walk, text);
	const struct dns_answer *answer;
	struct dns_lookup *lookup;

	if (name != NULL)
		return name;
	lookup =
	    dns_start(walk->scope, arena_printf(walk->arena, "%s%s", prefix, text), DNS_TYPE_TXT);
	answer = wait ? dns_wait(lookup) : dns_lookup_answer(lookup);
	return answer == NULL ? NULL : remember_answer(walk, text, answer);
}

const struct treewalk_name *treewalk_look(struct treewalk *walk, const char *name)
{
	return look_up(walk, name, true);
}

/* ---- a walk ---- */

static bool follow_path(struct treewalk *walk, const char *domain, struct treewalk_path *path,
			bool wait)
{
	memset(path, 0, sizeof *path);
	path->domain = domain;
	for (const char *text = domain; text != NULL; text = next_name(text)) {
		const struct treewalk_name *name = look_up(walk, text, wait);

		if (name == NULL)
			return false;
		assert(path->count < TREEWALK_MAX);
		path->names[path->count++] = name;
		path->unknown += name->mark == TREEWALK_UNKNOWN;
		if (name->mark == TREEWALK_PSD || name->mark == TREEWALK_NOT_PSD)
			break;
	}
	return true;
}

void treewalk_run(struct treewalk *walk, const char *domain, struct treewalk_path *path)
{
	follow_path(walk, domain, path, true);
}

bool treewalk_peek(struct treewalk *walk, const char *domain, struct treewalk_path *path)
{
	return follow_path(walk, domain, path, false);
}

/*
 * Section 4.10.2, from the longest name to the shortest: psd=n is the organizational domain; psd=y,
 * but not at the start, makes it the name one label below; otherwise the name with the fewest
 * labels that has a record; otherwise the start. MARKS: what the names of PATH mean.
 */
static const char *select_org(const struct treewalk_path *path, const enum treewalk_mark *marks)
{
	const char *fewest = path->domain;

	for (unsigned i = 0; i < path->count; i++) {
		unsigned labels = domain_labels(path->names[i]->name);

		switch (marks[i]) {
		case TREEWALK_NOT_PSD:
			return domain_last(path->domain, labels);
		case TREEWALK_PSD:
			return i == 0 ? path->domain : domain_last(path->domain, labels + 1);
		case TREEWALK_RECORD:
			fewest = domain_last(path->domain, labels);
			break;
		case TREEWALK_NOTHING:
		case TREEWALK_UNKNOWN:
			break;
		}
	}
	return fewest;
}

const char *treewalk_org(const struct treewalk_path *path)
{
	enum treewalk_mark marks[TREEWALK_MAX];

	for (unsigned i = 0; i < path->count; i++)
		marks[i] = path->names[i]->mark;
	return path->unknown > 0 ? NULL : select_org(path, marks);
}

/* ---- two walks with answers missing ---- */

struct unknowns {
	const struct treewalk_name *names[2 * TREEWALK_MAX];
	unsigned count;
};

static unsigned index_of(const struct unknowns *unknowns, const struct treewalk_name *name)
{
	unsigned i = 0;

	while (i < unknowns->count && unknowns->names[i] != name)
		i++;
	return i;
}

static void collect_unknowns(struct unknowns *unknowns, const struct treewalk_path *path)
{
	for (unsigned i = 0; i < path->count; i++) {
		const struct treewalk_name *name = path->names[i];

		if (name->mark == TREEWALK_UNKNOWN && index_of(unknowns, name) == unknowns->count)
			unknowns->names[unknowns->count++] = name;
	}
}

/* The organizational domain if the unknown names mean what CODE says, two bits for each. */
static const char *guess_org(const struct treewalk_path *path, const struct unknowns *unknowns,
			     unsigned code)
{
	static const enum treewalk_mark meaning[4] = {TREEWALK_NOTHING, TREEWALK_RECORD,
						      TREEWALK_PSD, TREEWALK_NOT_PSD};
	enum treewalk_mark marks[TREEWALK_MAX];

	for (unsigned i = 0; i < path->count; i++) {
		marks[i] = path->names[i]->mark;
		if (marks[i] == TREEWALK_UNKNOWN)
			marks[i] = meaning[code >> 2 * index_of(unknowns, path->names[i]) & 3];
	}
	return select_org(path, marks);
}

enum treewalk_same treewalk_compare(const struct treewalk_path *a, const struct treewalk_path *b)
{
	struct unknowns unknowns = {.count = 0};
	bool same = false, different = false;

	collect_unknowns(&unknowns, a);
	collect_unknowns(&unknowns, b);
	if (unknowns.count > GUESSES_MAX)
		return TREEWALK_UNDECIDED;
	for (unsigned code = 0; code < 1u << 2 * unknowns.count; code++) {
		if (domain_equal(guess_org(a, &unknowns, code), guess_org(b, &unknowns, code)))
			same = true;
		else
			different = true;
	}
	if (same && different)
		return TREEWALK_UNDECIDED;
	assert(same || different);
	return same ? TREEWALK_SAME : TREEWALK_DIFFERENT;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The document is a tree of known elements, one table. Text of a leaf is kept where it stands
 * first; when a reason, a result or a record ends, what was kept becomes a struct of it. Unknown
 * elements (extensions, RFC 9990 section 5) are passed over with all that is in them.
 */
#include "report/inbox/aggregate.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/clock.h"
#include "report/inbox/normal.h"
#include "report/inbox/wire.h"
#include "report/inbox/xmlread.h"

enum element {
	NOWHERE, /* no root yet */
	UNKNOWN,
	FEEDBACK,
	VERSION_,
	METADATA,
	PUBLISHED,
	RECORD,
	ORG_NAME,
	EMAIL,
	CONTACT,
	REPORT_ID,
	RANGE,
	ERROR_,
	GENERATOR,
	BEGIN,
	END,
	DOMAIN_,
	P,
	SP,
	NP,
	FO,
	ADKIM,
	ASPF,
	TESTING,
	DISCOVERY,
	PCT,
	ROW,
	IDENTIFIERS,
	RESULTS,
	SOURCE_IP,
	COUNT,
	EVALUATED,
	DISPOSITION,
	DKIM_ALIGNED,
	SPF_ALIGNED,
	REASON,
	TYPE,
	COMMENT,
	HEADER_FROM,
	ENVELOPE_FROM,
	ENVELOPE_TO,
	DKIM,
	DKIM_DOMAIN,
	DKIM_SELECTOR,
	DKIM_RESULT,
	DKIM_HUMAN,
	SPF,
	SPF_DOMAIN,
	SPF_SCOPE,
	SPF_RESULT,
	SPF_HUMAN,
	ELEMENTS
};

static const struct {
	const char *name;
	enum element parent, self;
} elements[] = {
    {"feedback", NOWHERE, FEEDBACK},
    {"record", FEEDBACK, RECORD},
    {"row", RECORD, ROW},
    {"source_ip", ROW, SOURCE_IP},
    {"count", ROW, COUNT},
    {"policy_evaluated", ROW, EVALUATED},
    {"disposition", EVALUATED, DISPOSITION},
    {"dkim", EVALUATED, DKIM_ALIGNED},
    {"spf", EVALUATED, SPF_ALIGNED},
    {"reason", EVALUATED, REASON},
    {"type", REASON, TYPE},
    {"comment", REASON, COMMENT},
    {"identifiers", RECORD, IDENTIFIERS},
    {"identities", RECORD, IDENTIFIERS},
    {"header_from", IDENTIFIERS, HEADER_FROM},
    {"envelope_from", IDENTIFIERS, ENVELOPE_FROM},
    {"envelope_to", IDENTIFIERS, ENVELOPE_TO},
    {"auth_results", RECORD, RESULTS},
    {"dkim", RESULTS, DKIM},
    {"domain", DKIM, DKIM_DOMAIN},
    {"selector", DKIM, DKIM_SELECTOR},
    {"result", DKIM, DKIM_RESULT},
    {"human_result", DKIM, DKIM_HUMAN},
    {"spf", RESULTS, SPF},
    {"domain", SPF, SPF_DOMAIN},
    {"scope", SPF, SPF_SCOPE},
    {"result", SPF, SPF_RESULT},
    {"human_result", SPF, SPF_HUMAN},
    {"version", FEEDBACK, VERSION_},
    {"report_metadata", FEEDBACK, METADATA},
    {"org_name", METADATA, ORG_NAME},
    {"email", METADATA, EMAIL},
    {"extra_contact_info", METADATA, CONTACT},
    {"report_id", METADATA, REPORT_ID},
    {"date_range", METADATA, RANGE},
    {"begin", RANGE, BEGIN},
    {"end", RANGE, END},
    {"error", METADATA, ERROR_},
    {"generator", METADATA, GENERATOR},
    {"policy_published", FEEDBACK, PUBLISHED},
    {"domain", PUBLISHED, DOMAIN_},
    {"p", PUBLISHED, P},
    {"sp", PUBLISHED, SP},
    {"np", PUBLISHED, NP},
    {"fo", PUBLISHED, FO},
    {"adkim", PUBLISHED, ADKIM},
    {"aspf", PUBLISHED, ASPF},
    {"testing", PUBLISHED, TESTING},
    {"discovery_method", PUBLISHED, DISCOVERY},
    {"pct", PUBLISHED, PCT},
};

enum { STACK_MAX = 80, COUNT_MAX = 1000000000, ERRORS_MAX = 16 };
#define EARLIEST INT64_C(1325376000) /* 2012-01-01: DMARC was published that January */

struct reading {
	struct inbox_writer *writer;
	const struct inbox_hint *hint;
	struct arena *arena;     /* of the document */
	struct arena *row_arena; /* of the record */
	enum element stack[STACK_MAX];
	unsigned depth;
	struct buf text;             /* of the leaf */
	const char *value[ELEMENTS]; /* of leaves, where they stand first */
	const char *errors[ERRORS_MAX];
	unsigned error_count;
	struct inbox_reason reasons[AGGREGATE_LIST_MAX];
	struct inbox_dkim dkim[AGGREGATE_DKIM_MAX];
	struct inbox_spf spf[AGGREGATE_LIST_MAX];
	unsigned reason_count, dkim_count, spf_count;
	uint64_t records;
	int64_t rows, messages, refused;
	char root[64]; /* the first element */
	bool found;    /* a feedback element */
	bool repairing;
	bool too_many;
};

static struct span value_of(const struct reading *reading, enum element leaf)
{
	return span_of(reading->value[leaf]);
}

static const char *clean_value(struct reading *reading, struct arena *arena, enum element leaf)
{
	return wire_text(arena, value_of(reading, leaf));
}

/* ---- the parts of a record ---- */

/* "arc=pass as[1].d=example.net ..." in a comment; what big receivers write of a forwarded message.
 */
static const char *find_arc(struct arena *arena, const char *comment)
{
	struct span word = span_of(comment == NULL ? NULL : strstr(comment, "arc="));

	if (span_empty(word))
		return NULL;
	word.p += 4;
	for (const char *p = word.p; p < word.end; p++)
		if (!char_is_alpha((unsigned char)*p))
			word.end = p;
	return span_empty(word) ? NULL : arena_lower(arena, word);
}

static void end_reason(struct reading *reading)
{
	struct arena *arena = reading->row_arena;
	struct inbox_reason *reason;
	const char *raw, *comment = clean_value(reading, arena, COMMENT);

	if (reading->reason_count < AGGREGATE_LIST_MAX) {
		reason = &reading->reasons[reading->reason_count++];
		reason->type = normal_reason(arena, value_of(reading, TYPE), &raw);
		if (raw != NULL)
			comment =
			    comment == NULL
				? raw
				: wire_text(arena,
					    span_of(arena_printf(arena, "%s: %s", raw, comment)));
		reason->comment = comment;
		reason->arc = find_arc(arena, comment);
	} else {
		writer_note(reading->writer, false, "a row has more than %d reasons",
			    AGGREGATE_LIST_MAX);
	}
	reading->value[TYPE] = reading->value[COMMENT] = NULL;
}

static void end_dkim(struct reading *reading)
{
	struct arena *arena = reading->row_arena;
	struct inbox_dkim *dkim;

	if (reading->dkim_count < AGGREGATE_DKIM_MAX) { /* RFC 9990 section 3.1.3 */
		dkim = &reading->dkim[reading->dkim_count++];
		dkim->domain = normal_domain(arena, value_of(reading, DKIM_DOMAIN));
		dkim->selector = clean_value(reading, arena, DKIM_SELECTOR);
		dkim->result =
		    normal_dkim_result(arena, value_of(reading, DKIM_RESULT), &dkim->raw);
		dkim->human_result = clean_value(reading, arena, DKIM_HUMAN);
	} else {
		writer_note(reading->writer, false, "a row has more than %d DKIM results",
			    AGGREGATE_DKIM_MAX);
	}
	reading->value[DKIM_DOMAIN] = reading->value[DKIM_SELECTOR] = NULL;
	reading->value[DKIM_RESULT] = reading->value[DKIM_HUMAN] = NULL;
}

/* The result for MAIL FROM comes first: it is what DMARC looks at. */
static void end_spf(struct reading *reading)
{
	struct arena *arena = reading->row_arena;
	struct inbox_spf spf = {0};
	const char *scope = clean_value(reading, arena, SPF_SCOPE);
	unsigned at = reading->spf_count;

	spf.domain = normal_domain(arena, value_of(reading, SPF_DOMAIN));
	spf.scope = scope == NULL ? NULL : arena_lower(arena, span_of(scope));
	spf.result = normal_spf_result(arena, value_of(reading, SPF_RESULT), &spf.raw);
	spf.human_result = clean_value(reading, arena, SPF_HUMAN);
	if (at == AGGREGATE_LIST_MAX) {
		writer_note(reading->writer, false, "a row has more than %d SPF results",
			    AGGREGATE_LIST_MAX);
	} else {
		if (spf.scope != NULL && strcmp(spf.scope, "mfrom") == 0)
			for (; at > 0; at--)
				reading->spf[at] = reading->spf[at - 1];
		reading->spf[at] = spf;
		reading->spf_count++;
	}
	reading->value[SPF_DOMAIN] = reading->value[SPF_SCOPE] = NULL;
	reading->value[SPF_RESULT] = reading->value[SPF_HUMAN] = NULL;
}

/* ---- a record ---- */

static int refuse_row(struct reading *reading, const char *what, enum element leaf)
{
	const char *value = reading->value[leaf];

	reading->refused++;
	writer_note(reading->writer, true, "row %" PRIu64 " refused: %s%s%.64s%s", reading->records,
		    what, value == NULL ? "" : " \"", value == NULL ? "" : value,
		    value == NULL ? "" : "\"");
	return -1;
}

static int read_source(struct reading *reading, struct inbox_row *row)
{
	bool repaired = false;
	uint64_t count;

	if (!span_number(span_trim(value_of(reading, COUNT)), COUNT_MAX, &count))
		return refuse_row(reading, "invalid count", COUNT);
	row->count = (int64_t)count;
	row->source_ip = normal_ip(reading->row_arena, value_of(reading, SOURCE_IP), &repaired);
	if (row->source_ip == NULL && count > 0)
		return refuse_row(reading, "invalid source_ip", SOURCE_IP);
	if (repaired)
		writer_note(reading->writer, true, "source_ip was written as \"%.64s\"",
			    reading->value[SOURCE_IP]);
	return 0;
}

static void note_word(struct reading *reading, const char *name, const char *raw, const char *meant)
{
	if (raw != NULL)
		writer_note(reading->writer, true, "%s \"%.64s\" is read as \"%s\"", name, raw,
			    meant);
}

static void read_evaluation(struct reading *reading, struct inbox_row *row)
{
	struct arena *arena = reading->row_arena;
	const char *raw;

	row->disposition = normal_disposition(arena, value_of(reading, DISPOSITION), &raw);
	note_word(reading, "disposition", raw, row->disposition);
	row->dkim = normal_aligned(arena, value_of(reading, DKIM_ALIGNED), &raw);
	note_word(reading, "policy_evaluated/dkim", raw, row->dkim);
	row->spf = normal_aligned(arena, value_of(reading, SPF_ALIGNED), &raw);
	note_word(reading, "policy_evaluated/spf", raw, row->spf);
	row->header_from = normal_domain(arena, value_of(reading, HEADER_FROM));
	row->envelope_from = normal_domain(arena, value_of(reading, ENVELOPE_FROM));
	row->envelope_to = normal_domain(arena, value_of(reading, ENVELOPE_TO));
	if (row->header_from == NULL && row->count > 0)
		writer_note(reading->writer, true, "a row has no header_from");
}

static void put_row(struct reading *reading, const struct inbox_row *row)
{
	struct inbox_writer *writer = reading->writer;

	writer_put(writer, INBOX_PART_ROW, row);
	for (unsigned i = 0; i < reading->reason_count; i++)
		writer_put(writer, INBOX_PART_REASON, &reading->reasons[i]);
	for (unsigned i = 0; i < reading->dkim_count; i++) {
		if (reading->dkim[i].selector == NULL) /* RFC 9990 section 3.1.1.13 */
			writer_note(writer, false, "a DKIM result has no selector");
		writer_put(writer, INBOX_PART_DKIM, &reading->dkim[i]);
	}
	for (unsigned i = 0; i < reading->spf_count; i++)
		writer_put(writer, INBOX_PART_SPF, &reading->spf[i]);
	reading->rows++;
	reading->messages += row->count;
}

static void end_record(struct reading *reading)
{
	struct inbox_row row = {0};

	reading->records++;
	if (read_source(reading, &row) == 0) {
		read_evaluation(reading, &row);
		put_row(reading, &row);
	}
	for (enum element leaf = SOURCE_IP; leaf < ELEMENTS; leaf++)
		reading->value[leaf] = NULL;
	reading->reason_count = reading->dkim_count = reading->spf_count = 0;
	arena_reset(reading->row_arena);
	reading->too_many = reading->records > AGGREGATE_ROWS_MAX ||
			    (reading->rows == 0 && reading->refused > AGGREGATE_BAD_ROWS_MAX);
}

/* ---- events ---- */

static bool is_leaf(enum element element)
{
	switch (element) {
	case NOWHERE:
	case UNKNOWN:
	case FEEDBACK:
	case METADATA:
	case PUBLISHED:
	case RECORD:
	case RANGE:
	case ROW:
	case IDENTIFIERS:
	case RESULTS:
	case EVALUATED:
	case REASON:
	case DKIM:
	case SPF:
		return false;
	default:
		return true;
	}
}

static enum element find_element(enum element parent, const char *name)
{
	for (size_t i = 0; i < sizeof elements / sizeof elements[0]; i++)
		if (elements[i].parent == parent && strcmp(elements[i].name, name) == 0)
			return elements[i].self;
	return parent == NOWHERE ? NOWHERE : UNKNOWN;
}

static enum element current_element(const struct reading *reading)
{
	return reading->depth == 0 ? NOWHERE : reading->stack[reading->depth - 1];
}

static int close_element(void *arg);

/* Where end tags are missing, a part of the report that begins within another ends that. */
static void close_up_to_parent(struct reading *reading, const char *name)
{
	unsigned depth = reading->depth;

	while (depth > 0 && (reading->stack[depth - 1] == UNKNOWN ||
			     find_element(reading->stack[depth - 1], name) == UNKNOWN))
		depth--;
	while (depth > 0 && reading->depth > depth)
		close_element(reading);
}

static int open_element(void *arg, const char *name)
{
	struct reading *reading = arg;
	enum element element = find_element(current_element(reading), name);

	if (element == UNKNOWN && reading->repairing) {
		close_up_to_parent(reading, name);
		element = find_element(current_element(reading), name);
	}
	if (reading->depth == STACK_MAX)
		return -1;
	if (reading->root[0] == '\0')
		snprintf(reading->root, sizeof reading->root, "%s", name);
	if (element == FEEDBACK && reading->found)
		element = UNKNOWN;
	reading->found |= element == FEEDBACK;
	reading->stack[reading->depth++] = element;
	buf_clear(&reading->text);
	return 0;
}

static int add_text(void *arg, struct span text)
{
	struct reading *reading = arg;

	if (is_leaf(current_element(reading)) && reading->text.len < WIRE_TEXT_MAX) {
		if (span_len(text) > WIRE_TEXT_MAX)
			text.end = text.p + WIRE_TEXT_MAX;
		buf_span(&reading->text, text);
	}
	return 0;
}

static void end_leaf(struct reading *reading, enum element leaf)
{
	struct arena *arena = leaf >= SOURCE_IP ? reading->row_arena : reading->arena;

	if (leaf == ERROR_) {
		if (reading->error_count < ERRORS_MAX)
			reading->errors[reading->error_count++] =
			    wire_text(arena, buf_view(&reading->text));
	} else if (reading->value[leaf] == NULL) {
		reading->value[leaf] = arena_span(arena, buf_view(&reading->text));
	}
	buf_clear(&reading->text);
}

static int close_element(void *arg)
{
	struct reading *reading = arg;
	enum element element = current_element(reading);

	if (reading->depth == 0)
		return 0;
	reading->depth--;
	if (is_leaf(element))
		end_leaf(reading, element);
	else if (element == REASON)
		end_reason(reading);
	else if (element == DKIM)
		end_dkim(reading);
	else if (element == SPF)
		end_spf(reading);
	else if (element == RECORD)
		end_record(reading);
	return reading->writer->stopped || reading->too_many;
}

static const struct xmlread_events events = {open_element, add_text, close_element};

/* ---- the head ---- */

static int64_t read_time(struct reading *reading, enum element leaf, const char *name)
{
	int64_t at;

	switch (normal_time(value_of(reading, leaf), &at)) {
	case NORMAL_TIME:
		break;
	case NORMAL_TIME_REPAIRED:
		writer_note(reading->writer, true, "%s was written as \"%.64s\"", name,
			    reading->value[leaf]);
		break;
	case NORMAL_TIME_UNKNOWN:
		writer_note(reading->writer, true, "%s \"%.64s\" is not a time", name,
			    reading->value[leaf] == NULL ? "" : reading->value[leaf]);
		break;
	}
	return at;
}

static void check_range(struct reading *reading, const struct inbox_aggregate *head)
{
	struct inbox_writer *writer = reading->writer;
	int64_t length;

	if (head->begin == INBOX_NO_TIME || head->end == INBOX_NO_TIME)
		return;
	length = head->end - head->begin;
	if (length < 0)
		writer_note(writer, false, "its time range ends before it begins");
	else if (length == 0)
		writer_note(writer, false, "its time range is empty");
	else if (length > 32 * 86400)
		writer_note(writer, false, "implausible time range: over 32 days");
	else if (length > 86400)
		writer_note(writer, false, "its time range is %" PRId64 " hours",
			    (length + 3599) / 3600);
	if (head->begin < EARLIEST)
		writer_note(writer, false, "implausible time: before DMARC was published");
	if (head->begin > reading->hint->now + 86400 || head->end > reading->hint->now + 2 * 86400)
		writer_note(writer, false, "implausible time: in the future");
}

static const char *read_policy(struct reading *reading, enum element leaf, const char *name)
{
	const char *raw, *policy;

	if (reading->value[leaf] == NULL)
		return NULL;
	policy = normal_policy(reading->arena, value_of(reading, leaf), &raw);
	note_word(reading, name, raw == NULL && value_of(reading, leaf).p[0] == '\0' ? "" : raw,
		  policy);
	return policy;
}

static const char *read_letter(struct reading *reading, enum element leaf, const char *name,
			       const char *letters)
{
	struct span text = span_trim(value_of(reading, leaf));
	char c = span_len(text) > 0 ? (char)char_lower((unsigned char)*text.p) : '\0';

	if (reading->value[leaf] == NULL)
		return NULL;
	if (c != '\0' && strchr(letters, c) != NULL)
		return arena_printf(reading->arena, "%c", c);
	writer_note(reading->writer, true, "%s \"%.64s\" is not known", name, reading->value[leaf]);
	return NULL;
}

/* The organization of a reporter who does not name it. */
static const char *guess_org(struct reading *reading, const char *email)
{
	const char *at = email == NULL ? NULL : strrchr(email, '@');
	struct span name = span_of(reading->hint->name), part;
	bool more = true;

	writer_note(reading->writer, true, "org_name is empty");
	if (at != NULL && at[1] != '\0')
		return normal_domain(reading->arena, span_of(at + 1));
	if (memchr(name.p, '!', span_len(name)) != NULL && span_split(&name, &more, '!', &part))
		return normal_domain(reading->arena, part);
	return NULL;
}

static void read_published(struct reading *reading, struct inbox_aggregate *head)
{
	struct arena *arena = reading->arena;
	const char *discovery = clean_value(reading, arena, DISCOVERY);

	head->domain = normal_domain(arena, value_of(reading, DOMAIN_));
	head->p = read_policy(reading, P, "p");
	head->sp = read_policy(reading, SP, "sp");
	head->np = read_policy(reading, NP, "np");
	head->adkim = read_letter(reading, ADKIM, "adkim", "rs");
	head->aspf = read_letter(reading, ASPF, "aspf", "rs");
	head->testing = read_letter(reading, TESTING, "testing", "yn");
	head->fo = clean_value(reading, arena, FO);
	head->pct = clean_value(reading, arena, PCT);
	head->discovery = discovery == NULL ? NULL : arena_lower(arena, span_of(discovery));
}

static void put_head(struct reading *reading)
{
	struct arena *arena = reading->arena;
	struct inbox_aggregate head = {.version = clean_value(reading, arena, VERSION_),
				       .org_name = clean_value(reading, arena, ORG_NAME),
				       .email = clean_value(reading, arena, EMAIL),
				       .contact = clean_value(reading, arena, CONTACT),
				       .generator = clean_value(reading, arena, GENERATOR),
				       .rows = reading->rows,
				       .messages = reading->messages,
				       .refused = reading->refused};

	head.report_id = normal_report_id(arena, value_of(reading, REPORT_ID));
	if (head.report_id == NULL)
		writer_note(reading->writer, true, "report_id is missing");
	if (head.org_name == NULL)
		head.org_name = guess_org(reading, head.email);
	head.begin = read_time(reading, BEGIN, "begin");
	head.end = read_time(reading, END, "end");
	check_range(reading, &head);
	read_published(reading, &head);
	writer_put(reading->writer, INBOX_PART_AGGREGATE, &head);
	for (unsigned i = 0; i < reading->error_count; i++)
		writer_item(reading->writer, INBOX_PART_ERROR, reading->errors[i]);
}

/* ---- the document ---- */

static void clear_reading(struct reading *reading)
{
	memset(reading->value, 0, sizeof reading->value);
	reading->depth = reading->error_count = 0;
	reading->reason_count = reading->dkim_count = reading->spf_count = 0;
	reading->records = 0;
	reading->rows = reading->messages = reading->refused = 0;
	reading->root[0] = '\0';
	reading->found = reading->too_many = false;
	buf_clear(&reading->text);
}

/* After the end of a document whose end tags are missing; a text that was cut off is dropped. */
static void close_all(struct reading *reading)
{
	if (reading->depth > 0 && is_leaf(current_element(reading)))
		reading->depth--;
	while (reading->depth > 0)
		close_element(reading);
}

/* One that is in UTF-16 has no bytes to be replaced. */
static bool is_wide(struct feed *feed)
{
	char first[4];

	return feed_peek(feed, first, sizeof first) >= 2 &&
	       (memcmp(first, "\xff\xfe", 2) == 0 || memcmp(first, "\xfe\xff", 2) == 0 ||
		first[0] == '\0' || first[1] == '\0');
}

static enum xmlread_result read_again(struct reading *reading, struct feed *feed, struct why *why)
{
	struct feed *cleaned = is_wide(feed) ? NULL : feed_cleaned(reading->arena, feed);
	const char *first = arena_string(reading->arena, why->text);
	enum xmlread_result result;

	if (feed->rewind(feed) != 0)
		return XMLREAD_REFUSED;
	writer_restart(reading->writer);
	clear_reading(reading);
	reading->repairing = true;
	result = xmlread_walk(cleaned == NULL ? feed : cleaned, true, &events, reading, why);
	if (result == XMLREAD_BROKEN)
		close_all(reading);
	writer_note(reading->writer, true, "the XML is not well-formed, and was repaired: %s",
		    first);
	if (cleaned != NULL && feed_was_dirty(cleaned))
		writer_note(reading->writer, true, "bytes that are not UTF-8 were replaced");
	return result == XMLREAD_BROKEN ? XMLREAD_DONE : result;
}

/* Whether what was read is a report at all. */
static int check_document(struct reading *reading, enum xmlread_result result, struct why *why)
{
	if (result == XMLREAD_REFUSED)
		return -1;
	if (reading->too_many && reading->rows > 0)
		return why_set(why, "more than %d records", AGGREGATE_ROWS_MAX);
	if (!reading->found)
		return why_set(why, "its root element is \"%s\", not \"feedback\"", reading->root);
	if (span_empty(span_trim(value_of(reading, DOMAIN_))))
		return why_set(why, "it does not name a policy domain");
	if (reading->rows == 0 && reading->refused > 0)
		return why_set(why, "none of its %" PRId64 " rows can be used: %s",
			       reading->refused,
			       reading->writer->note_count == 0 ? "" : reading->writer->notes[0]);
	return 0;
}

int aggregate_read(struct inbox_writer *writer, struct feed *feed, const struct inbox_hint *hint,
		   struct why *why)
{
	struct arena *arena = arena_new(0), *row_arena = arena_new(0);
	struct reading *reading = arena_make(arena, struct reading);
	enum xmlread_result result;
	int status;

	reading->writer = writer;
	reading->hint = hint;
	reading->arena = arena;
	reading->row_arena = row_arena;
	buf_init(&reading->text, NULL, 2 * WIRE_TEXT_MAX + 2);
	result = xmlread_walk(feed, false, &events, reading, why);
	if (result == XMLREAD_BROKEN &&
	    (reading->found || reading->root[0] == '\0' || strcmp(reading->root, "html") != 0))
		result = read_again(reading, feed, why);
	status = check_document(reading, result, why);
	if (status == 0)
		put_head(reading);
	else
		writer_restart(writer);
	buf_free(&reading->text);
	arena_free(row_arena);
	arena_free(arena);
	return status;
}

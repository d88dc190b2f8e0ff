/* SPDX-License-Identifier: BSD-2-Clause */
#include "opinion/case.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define FIRST_LINE "countersign-case 1\n"

const struct name_code case_subject_names[] = {
    {"spf-mfrom", CASE_SPF_MFROM}, {"spf-helo", CASE_SPF_HELO}, {"dkim", CASE_DKIM}, {NULL, 0}};
static const struct name_code part_names[] = {
    {"envelope", CASE_ENVELOPE}, {"keys", CASE_KEYS}, {NULL, 0}};
static const struct name_code type_names[] = {{"A", DNS_TYPE_A},     {"AAAA", DNS_TYPE_AAAA},
					      {"MX", DNS_TYPE_MX},   {"PTR", DNS_TYPE_PTR},
					      {"TXT", DNS_TYPE_TXT}, {NULL, 0}};
static const struct name_code status_names[] = {{"data", DNS_DATA},
						{"nodata", DNS_NODATA},
						{"nxdomain", DNS_NXDOMAIN},
						{"tempfail", DNS_TEMPFAIL},
						{NULL, 0}};

void case_init(struct opinion_case *c)
{
	memset(c, 0, sizeof *c);
	c->id = c->helo = c->mail_from = "";
	c->body = span_make(NULL, 0);
}

/* ---- writing ---- */

static void put_line(struct buf *out, const char *name, struct span value)
{
	buf_printf(out, "%s %zu ", name, span_len(value));
	buf_span(out, value);
	buf_char(out, '\n');
}

static void put_text(struct buf *out, const char *name, const char *text)
{
	if (text != NULL)
		put_line(out, name, span_of(text));
}

static void put_number(struct buf *out, const char *name, int64_t value)
{
	char text[24];

	snprintf(text, sizeof text, "%" PRId64, value);
	put_text(out, name, text);
}

static void put_record(struct buf *out, enum dns_type type, const struct dns_record *record)
{
	struct ip ip;
	char text[IP_TEXT_MAX];

	if (type == DNS_TYPE_A || type == DNS_TYPE_AAAA) {
		ip = ip_from_bytes(record->address, type == DNS_TYPE_A ? 4 : 16);
		put_text(out, "record", ip_text(&ip, text));
		return;
	}
	if (type == DNS_TYPE_MX)
		put_number(out, "preference", record->preference);
	put_line(out, "record", span_make(record->text, record->length));
}

static void put_lookup(struct buf *out, enum case_part part, const struct dns_seen *seen)
{
	struct buf head;

	buf_init(&head, NULL, 0);
	buf_printf(&head, "%s %s %s %s", name_text(part_names, (int)part),
		   name_text(type_names, (int)seen->type),
		   name_text(status_names, (int)seen->answer.status), seen->name);
	put_line(out, "lookup", buf_view(&head));
	buf_free(&head);
	put_text(out, "reason", seen->answer.reason);
	for (unsigned i = 0; i < seen->answer.count; i++)
		put_record(out, seen->type, &seen->answer.records[i]);
}

static void put_results(struct buf *out, const char *name, const struct case_results *results)
{
	for (unsigned i = 0; i < results->count; i++) {
		const struct case_result *result = &results->items[i];
		struct span why = span_of(result->why);
		char text[48];

		snprintf(text, sizeof text, "%s %s",
			 name_text(case_subject_names, (int)result->subject),
			 auth_text(result->result));
		put_text(out, name, text);
		put_text(out, "name", result->name);
		if (span_len(why) > CASE_WHY_MAX)
			why.end = why.p + CASE_WHY_MAX;
		put_line(out, "why", why);
	}
}

static void put_rules(struct buf *out, const struct case_rules *rules)
{
	put_number(out, "max_signatures", rules->max_signatures);
	put_number(out, "min_rsa_bits", rules->min_rsa_bits);
	put_number(out, "clock_drift", rules->clock_drift);
	put_number(out, "accept_partial_body", rules->accept_partial_body);
	put_number(out, "accept_testing_keys", rules->accept_testing_keys);
	put_number(out, "accept_added_fields", rules->accept_added_fields);
}

void case_write(const struct opinion_case *c, struct buf *out)
{
	char client[IP_TEXT_MAX];

	buf_string(out, FIRST_LINE);
	put_text(out, "id", c->id);
	put_number(out, "now", c->now);
	if (c->client.family != 0)
		put_text(out, "client", ip_text(&c->client, client));
	put_text(out, "helo", c->helo);
	put_text(out, "mail_from", c->mail_from);
	put_text(out, "receiver", c->receiver);
	put_text(out, "author", c->author);
	put_number(out, "spf_mfrom", c->spf[SPF_SCOPE_MFROM]);
	put_number(out, "spf_helo", c->spf[SPF_SCOPE_HELO]);
	put_rules(out, &c->rules);
	for (enum case_part part = 0; part < CASE_PARTS; part++)
		for (unsigned i = 0; i < c->lookups[part].count; i++)
			put_lookup(out, part, &c->lookups[part].items[i]);
	for (unsigned i = 0; i < c->field_count; i++)
		put_line(out, "field", c->fields[i]);
	put_line(out, "body", c->body);
	put_results(out, "native", &c->native);
	put_results(out, "library", &c->library);
}

/* ---- reading ---- */

/* How many lines of each kind there are at most is not known before: lists grow. */
struct reader {
	struct arena *arena;
	struct opinion_case *c;
	struct dns_seen *seen; /* the last lookup */
	struct case_result *result;
	struct dns_record *records; /* of that */
	unsigned record_room;
	unsigned record_count; /* of all lookups */
	uint16_t preference;
	unsigned field_room, lookup_room[CASE_PARTS];
};

/* An array of SIZE bytes an item with place for one more than COUNT. */
static void *make_room(struct arena *arena, void *items, unsigned count, unsigned *room,
		       size_t size)
{
	void *more;

	if (count < *room)
		return items;
	*room = *room == 0 ? 4 : *room * 2;
	more = arena_array(arena, *room, size);
	if (count > 0)
		memcpy(more, items, count * size);
	return more;
}

/* The next word of VALUE, without the blank after it. */
static struct span take_word(struct span *value)
{
	const char *blank = memchr(value->p, ' ', span_len(*value));
	struct span word = {value->p, blank == NULL ? value->end : blank};

	value->p = blank == NULL ? value->end : blank + 1;
	return word;
}

static const char *read_text(struct reader *reader, struct span value)
{
	if (memchr(value.p, '\0', span_len(value)) != NULL)
		return NULL;
	return arena_span(reader->arena, value);
}

static bool set_text(struct reader *reader, struct span value, void *to)
{
	const char *text = read_text(reader, value);

	if (text != NULL)
		*(const char **)to = text;
	return text != NULL;
}

static bool set_number(struct reader *reader, struct span value, void *to)
{
	uint64_t number;

	(void)reader;
	if (!span_number(value, INT64_MAX, &number))
		return false;
	*(int64_t *)to = (int64_t)number;
	return true;
}

static bool set_bool(struct reader *reader, struct span value, void *to)
{
	(void)reader;
	*(bool *)to = span_eq(value, "1");
	return span_eq(value, "0") || span_eq(value, "1");
}

static bool set_client(struct reader *reader, struct span value, void *to)
{
	(void)reader;
	return ip_parse(value, to);
}

static bool set_body(struct reader *reader, struct span value, void *to)
{
	(void)reader;
	*(struct span *)to = value;
	return true;
}

static bool add_field(struct reader *reader, struct span value, void *to)
{
	struct opinion_case *c = reader->c;

	(void)to;
	if (c->field_count == CASE_FIELDS_MAX || memchr(value.p, ':', span_len(value)) == NULL)
		return false;
	c->fields = make_room(reader->arena, c->fields, c->field_count, &reader->field_room,
			      sizeof *c->fields);
	c->fields[c->field_count++] = value;
	return true;
}

static bool add_lookup(struct reader *reader, struct span value, void *to)
{
	int part = name_code(part_names, take_word(&value), -1);
	int type = name_code(type_names, take_word(&value), -1);
	int status = name_code(status_names, take_word(&value), -1);
	struct case_lookups *list;

	(void)to;
	if (part < 0 || type < 0 || status < 0 || span_len(value) > DNS_NAME_MAX)
		return false;
	list = &reader->c->lookups[part];
	if (list->count == CASE_LOOKUPS_MAX)
		return false;
	list->items = make_room(reader->arena, list->items, list->count, &reader->lookup_room[part],
				sizeof *list->items);
	reader->seen = &list->items[list->count++];
	reader->records = NULL;
	reader->record_room = 0;
	memset(reader->seen, 0, sizeof *reader->seen);
	reader->seen->type = (enum dns_type)type;
	reader->seen->answer.status = (enum dns_status)status;
	reader->seen->answer.reason = status == DNS_TEMPFAIL ? "" : NULL;
	reader->seen->name = read_text(reader, value);
	return reader->seen->name != NULL;
}

static bool set_reason(struct reader *reader, struct span value, void *to)
{
	(void)to;
	return reader->seen != NULL && reader->seen->answer.status == DNS_TEMPFAIL &&
	       set_text(reader, value, &reader->seen->answer.reason);
}

static bool set_preference(struct reader *reader, struct span value, void *to)
{
	uint64_t number;

	(void)to;
	if (reader->seen == NULL || reader->seen->type != DNS_TYPE_MX ||
	    !span_number(value, UINT16_MAX, &number))
		return false;
	reader->preference = (uint16_t)number;
	return true;
}

static bool read_record(struct reader *reader, struct span value, struct dns_record *record)
{
	enum dns_type type = reader->seen->type;
	struct ip ip;

	memset(record, 0, sizeof *record);
	if (type == DNS_TYPE_A || type == DNS_TYPE_AAAA) {
		if (!ip_parse(value, &ip) || ip.family != (type == DNS_TYPE_A ? 4 : 6))
			return false;
		memcpy(record->address, ip.bytes, sizeof record->address);
		return true;
	}
	if (type != DNS_TYPE_TXT &&
	    (span_empty(value) || memchr(value.p, '\0', span_len(value)) != NULL))
		return false;
	if (type == DNS_TYPE_MX)
		record->preference = reader->preference;
	reader->preference = 0;
	record->text = arena_span(reader->arena, value);
	record->length = span_len(value);
	return true;
}

static bool add_record(struct reader *reader, struct span value, void *to)
{
	struct dns_answer *answer = reader->seen == NULL ? NULL : &reader->seen->answer;

	(void)to;
	if (answer == NULL || answer->status != DNS_DATA || answer->count == DNS_RECORDS_MAX ||
	    reader->record_count == CASE_RECORDS_MAX)
		return false;
	reader->records = make_room(reader->arena, reader->records, answer->count,
				    &reader->record_room, sizeof *reader->records);
	if (!read_record(reader, value, &reader->records[answer->count]))
		return false;
	answer->records = reader->records;
	answer->count++;
	reader->record_count++;
	return true;
}

static bool add_result(struct reader *reader, struct span value, void *to)
{
	int subject = name_code(case_subject_names, take_word(&value), -1);
	int result = name_code(auth_result_names, value, -1);
	struct case_results *results = to;

	if (subject < 0 || result < 0 || results->count == CASE_RESULTS_MAX)
		return false;
	if (results->items == NULL)
		results->items =
		    arena_array(reader->arena, CASE_RESULTS_MAX, sizeof *results->items);
	reader->result = &results->items[results->count++];
	*reader->result = (struct case_result){.subject = (enum case_subject)subject,
					       .result = (enum auth_result)result,
					       .name = "",
					       .why = ""};
	return true;
}

static bool set_name(struct reader *reader, struct span value, void *to)
{
	(void)to;
	return reader->result != NULL && set_text(reader, value, &reader->result->name);
}

static bool set_why(struct reader *reader, struct span value, void *to)
{
	(void)to;
	return reader->result != NULL && span_len(value) <= CASE_WHY_MAX &&
	       set_text(reader, value, &reader->result->why);
}

#define AT(member) offsetof(struct opinion_case, member)

static const struct line {
	const char *name;
	bool (*take)(struct reader *reader, struct span value, void *to);
	size_t offset; /* in the case, of what it sets */
} lines[] = {
    {"id", set_text, AT(id)},
    {"now", set_number, AT(now)},
    {"client", set_client, AT(client)},
    {"helo", set_text, AT(helo)},
    {"mail_from", set_text, AT(mail_from)},
    {"receiver", set_text, AT(receiver)},
    {"author", set_text, AT(author)},
    {"spf_mfrom", set_bool, AT(spf[SPF_SCOPE_MFROM])},
    {"spf_helo", set_bool, AT(spf[SPF_SCOPE_HELO])},
    {"max_signatures", set_number, AT(rules.max_signatures)},
    {"min_rsa_bits", set_number, AT(rules.min_rsa_bits)},
    {"clock_drift", set_number, AT(rules.clock_drift)},
    {"accept_partial_body", set_bool, AT(rules.accept_partial_body)},
    {"accept_testing_keys", set_bool, AT(rules.accept_testing_keys)},
    {"accept_added_fields", set_bool, AT(rules.accept_added_fields)},
    {"lookup", add_lookup, 0},         /* "PART TYPE STATUS NAME" */
    {"reason", set_reason, 0},         /* of a lookup that failed */
    {"preference", set_preference, 0}, /* of the next record, an MX */
    {"record", add_record, 0},         /* of the lookup: an address, a name, a text */
    {"field", add_field, 0},
    {"body", set_body, AT(body)},
    {"native", add_result, AT(native)}, /* "SUBJECT RESULT", as the message was answered */
    {"library", add_result, AT(library)},
    {"name", set_name, 0}, /* of the result: which domain, which signature */
    {"why", set_why, 0},   /* likewise */
};
#undef AT

/* Takes "name length octets" and its LF off REST. */
static bool take_line(struct span *rest, struct span *name, struct span *value)
{
	uint64_t length;

	*name = take_word(rest);
	if (!span_number(take_word(rest), CASE_BYTES_MAX, &length) || span_len(*rest) <= length ||
	    rest->p[length] != '\n')
		return false;
	*value = span_make(rest->p, length);
	rest->p += length + 1;
	return true;
}

static bool obey_line(struct reader *reader, struct span name, struct span value)
{
	for (unsigned i = 0; i < sizeof lines / sizeof lines[0]; i++) {
		if (span_eq(name, lines[i].name))
			return lines[i].take(reader, value, (char *)reader->c + lines[i].offset);
	}
	return false;
}

/* A lookup that has data has records, and only such a one. */
static bool is_whole(const struct opinion_case *c)
{
	for (enum case_part part = 0; part < CASE_PARTS; part++) {
		for (unsigned i = 0; i < c->lookups[part].count; i++) {
			const struct dns_answer *answer = &c->lookups[part].items[i].answer;

			if ((answer->status == DNS_DATA) != (answer->count > 0))
				return false;
		}
	}
	return true;
}

int case_parse(struct span text, struct arena *arena, struct opinion_case *c, struct why *why)
{
	struct reader reader = {.arena = arena, .c = c};
	struct span rest = text, name, value;
	size_t first = strlen(FIRST_LINE);

	case_init(c);
	if (span_len(text) > CASE_BYTES_MAX || span_len(text) < first ||
	    memcmp(text.p, FIRST_LINE, first) != 0)
		return why_set(why, "it does not begin with \"countersign-case 1\"");
	rest.p += first;
	while (!span_empty(rest)) {
		const char *begin = rest.p;

		if (!take_line(&rest, &name, &value))
			return why_set(why, "there is not a whole line at octet %zu",
				       (size_t)(begin - text.p));
		if (!obey_line(&reader, name, value))
			return why_set(why, "the line at octet %zu cannot be understood",
				       (size_t)(begin - text.p));
		assert(rest.p > begin);
	}
	if (!is_whole(c))
		return why_set(why, "a lookup with data has no records, or another one has");
	return 0;
}

struct case_results case_copy_results(const struct case_results *from, struct arena *arena)
{
	struct case_results to = {.items = arena_array(arena, from->count + 1, sizeof *to.items),
				  .count = from->count};

	assert(from->count <= CASE_RESULTS_MAX);
	for (unsigned i = 0; i < from->count; i++) {
		const struct case_result *result = &from->items[i];

		to.items[i] = (struct case_result){result->subject, result->result,
						   arena_string(arena, result->name),
						   arena_string(arena, result->why)};
	}
	return to;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Nodes by name in a hash table; a node exists for each name with records and for all its parents,
 * so that an empty non-terminal is a node without records.
 */
#include "t/tools/dnsd_zone.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dns/wire.h"
#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/name.h"
#include "lib/span.h"

enum { BUCKETS = 4096, DATA_MAX = 65535 };

struct node {
	struct node *next;
	const char *name;
	struct zone_record *records;
	const struct zone_record **last;
};

struct zone {
	struct arena *arena;
	struct node *buckets[BUCKETS];
};

static const struct name_code types[] = {
    {"A", ZONE_A},         {"NS", ZONE_NS}, {"CNAME", ZONE_CNAME}, {"SOA", ZONE_SOA},
    {"PTR", ZONE_PTR},     {"MX", ZONE_MX}, {"TXT", ZONE_TXT},     {"AAAA", ZONE_AAAA},
    {"FAULT", ZONE_FAULT}, {NULL, 0},
};

static const struct name_code fault_kinds[] = {
    {"drop", REPLY_DROP},      {"servfail", REPLY_SERVFAIL},
    {"refuse", REPLY_REFUSED}, {"truncate", REPLY_TRUNCATE},
    {"nxdata", REPLY_NXDATA},  {"wrong", REPLY_WRONG},
    {"late", REPLY_LATE},      {"notcp", REPLY_NO_TCP},
    {"lower", REPLY_LOWER},    {NULL, 0},
};

/* The data of a FAULT, as it is in memory. */
struct fault {
	enum reply_fault kind;
	int type; /* 0: any */
	uint32_t delay;
};

/* ---- names ---- */

static size_t bucket_of(const char *name)
{
	uint32_t hash = 2166136261u;

	for (; *name != '\0'; name++)
		hash = (hash ^ (unsigned char)*name) * 16777619u;
	return hash % BUCKETS;
}

static struct node *find(const struct zone *zone, const char *name)
{
	struct node *node = zone->buckets[bucket_of(name)];

	while (node != NULL && strcmp(node->name, name) != 0)
		node = node->next;
	return node;
}

static const char *parent(const char *name)
{
	const char *dot = strchr(name, '.');

	return dot != NULL ? dot + 1 : name + strlen(name);
}

static struct node *add(struct zone *zone, const char *name)
{
	struct node *node = arena_make(zone->arena, struct node);
	size_t bucket = bucket_of(name);

	node->name = arena_string(zone->arena, name);
	node->next = zone->buckets[bucket];
	zone->buckets[bucket] = node;
	return node;
}

static struct node *find_or_add(struct zone *zone, const char *name)
{
	struct node *node = find(zone, name);

	if (node != NULL)
		return node;
	for (const char *up = name; *up != '\0';) {
		up = parent(up);
		if (find(zone, up) != NULL)
			break;
		add(zone, up);
	}
	return add(zone, name);
}

bool zone_find(const struct zone *zone, const char *name, const struct zone_record **records)
{
	const struct node *node = find(zone, name);
	char wildcard[WIRE_TEXT_MAX + 2];

	while (node == NULL && *name != '\0') {
		name = parent(name);
		if (find(zone, name) == NULL)
			continue;
		snprintf(wildcard, sizeof wildcard, "*%s%s", *name != '\0' ? "." : "", name);
		node = find(zone, wildcard);
		break;
	}
	*records = node != NULL ? node->records : NULL;
	return node != NULL;
}

enum reply_fault zone_fault(const struct zone *zone, const char *name, unsigned type,
			    uint32_t *delay)
{
	const struct zone_record *record;
	struct fault fault;

	*delay = 0;
	if (!zone_find(zone, name, &record))
		return REPLY_GOOD;
	for (; record != NULL; record = record->next) {
		if (record->type != ZONE_FAULT)
			continue;
		memcpy(&fault, record->data, sizeof fault);
		*delay = fault.delay;
		if (fault.type == 0 || fault.type == (int)type)
			return fault.kind;
	}
	*delay = 0;
	return REPLY_GOOD;
}

const struct zone_record *zone_soa(const struct zone *zone, const char *name, const char **owner)
{
	for (;; name = parent(name)) {
		const struct node *node = find(zone, name);
		const struct zone_record *record = node != NULL ? node->records : NULL;

		while (record != NULL && record->type != ZONE_SOA)
			record = record->next;
		*owner = name;
		if (record != NULL || *name == '\0')
			return record;
	}
}

/* ---- the data of a record, from the rest of its line ---- */

typedef bool reader(struct span text, struct buf *out);

/* After a backslash: a byte as three digits, or a character that stands for itself. */
static bool read_escape(struct span *text, struct buf *string)
{
	uint64_t byte;

	if (text->end - text->p >= 3 && char_is_digit((unsigned char)*text->p)) {
		if (!span_number(span_make(text->p, 3), 255, &byte))
			return false;
		buf_char(string, (char)byte);
		text->p += 3;
		return true;
	}
	if (span_empty(*text))
		return false;
	buf_char(string, *text->p++);
	return true;
}

static bool put_name(struct span text, struct buf *out)
{
	uint8_t wire[WIRE_NAME_MAX];
	struct buf name;
	size_t size;

	buf_init(&name, out->arena, WIRE_TEXT_MAX);
	if (span_empty(text))
		return false;
	while (!span_empty(text)) {
		char c = *text.p++;

		if (c != '\\')
			buf_char(&name, c);
		else if (!read_escape(&text, &name))
			return false;
	}
	if (name.failed)
		return false;
	name.len -= name.data[name.len - 1] == '.';
	size = wire_name_make(name.data, name.len, wire);
	buf_add(out, wire, size);
	return size > 0;
}

static bool put_address(struct span text, int family, size_t size, struct buf *out)
{
	char copy[INET6_ADDRSTRLEN];
	uint8_t address[16];

	snprintf(copy, sizeof copy, "%.*s", (int)span_len(text), text.p);
	if (inet_pton(family, copy, address) != 1)
		return false;
	buf_add(out, address, size);
	return true;
}

static bool read_a(struct span text, struct buf *out)
{
	return put_address(text, AF_INET, 4, out);
}

static bool read_aaaa(struct span text, struct buf *out)
{
	return put_address(text, AF_INET6, 16, out);
}

static void put_number(uint32_t number, unsigned bytes, struct buf *out)
{
	while (bytes-- > 0)
		buf_char(out, (char)(number >> (8 * bytes)));
}

static struct span take_word(struct span *rest)
{
	struct span word;

	*rest = span_trim(*rest);
	word = span_make(rest->p, 0);
	while (word.end < rest->end && !char_is_wsp((unsigned char)*word.end))
		word.end++;
	rest->p = word.end;
	return word;
}

static bool read_mx(struct span text, struct buf *out)
{
	struct span number = take_word(&text);
	uint64_t preference;

	if (!span_number(number, UINT16_MAX, &preference))
		return false;
	put_number((uint32_t)preference, 2, out);
	return put_name(span_trim(text), out);
}

static bool read_soa(struct span text, struct buf *out)
{
	uint64_t minimum;

	if (!span_number(text, UINT32_MAX, &minimum))
		return false;
	put_name(span_of("ns.invalid"), out);
	put_name(span_of("hostmaster.invalid"), out);
	put_number(1, 4, out);
	put_number(3600, 4, out);
	put_number(600, 4, out);
	put_number(86400, 4, out);
	put_number((uint32_t)minimum, 4, out);
	return true;
}

/* One string; without quotes it ends at a blank. */
static bool read_string(struct span *text, struct buf *string)
{
	bool quoted = *text->p == '"';

	text->p += quoted;
	while (!span_empty(*text)) {
		char c = *text->p++;

		if (quoted ? c == '"' : char_is_wsp((unsigned char)c))
			return true;
		if (c != '\\')
			buf_char(string, c);
		else if (!read_escape(text, string))
			return false;
	}
	return !quoted;
}

static void put_string(struct span string, struct buf *out)
{
	do {
		size_t part = span_len(string) > 255 ? 255 : span_len(string);

		buf_char(out, (char)part);
		buf_add(out, string.p, part);
		string.p += part;
	} while (!span_empty(string));
}

static bool read_txt(struct span text, struct buf *out)
{
	struct buf string;
	bool good = !span_empty(text);

	buf_init(&string, out->arena, DATA_MAX);
	while (good && !span_empty(text)) {
		buf_clear(&string);
		good = read_string(&text, &string) && !string.failed;
		if (good)
			put_string(buf_view(&string), out);
		text = span_trim(text);
	}
	return good;
}

static bool read_fault(struct span text, struct buf *out)
{
	struct fault fault = {
	    .kind = (enum reply_fault)name_code(fault_kinds, take_word(&text), REPLY_GOOD)};
	struct span word = take_word(&text);
	uint64_t delay = 0;

	fault.type = name_code(types, word, 0);
	if (fault.type != 0)
		word = take_word(&text);
	if (!span_empty(word) && !span_number(word, 60000, &delay))
		return false;
	fault.delay = (uint32_t)delay;
	buf_add(out, &fault, sizeof fault);
	return fault.kind != REPLY_GOOD && (fault.kind == REPLY_LATE) == (delay > 0);
}

static reader *reader_of(int type)
{
	switch (type) {
	case ZONE_FAULT:
		return read_fault;
	case ZONE_A:
		return read_a;
	case ZONE_AAAA:
		return read_aaaa;
	case ZONE_MX:
		return read_mx;
	case ZONE_TXT:
		return read_txt;
	case ZONE_SOA:
		return read_soa;
	default:
		return put_name;
	}
}

/* ---- the file ---- */

static void add_record(struct zone *zone, const char *name, int type, uint32_t ttl,
		       struct span data)
{
	struct node *node = find_or_add(zone, name);
	struct zone_record *record = arena_make(zone->arena, struct zone_record);
	struct zone_record **link = &node->records;

	record->type = (uint16_t)type;
	record->ttl = ttl;
	record->data = (const uint8_t *)arena_span(zone->arena, data);
	record->length = span_len(data);
	if (node->last == NULL)
		*link = record;
	else
		*node->last = record;
	node->last = &record->next;
}

static int bad_line(struct why *why, const char *fault, struct span text)
{
	return why_set(why, "%s: %.*s", fault, (int)(span_len(text) > 80 ? 80 : span_len(text)),
		       text.p);
}

static int read_line(struct zone *zone, struct span line, struct why *why)
{
	struct span name = take_word(&line), ttl = take_word(&line), type = take_word(&line);
	struct buf data, wire;
	uint64_t seconds;
	int code = name_code(types, type, 0);
	char text[WIRE_TEXT_MAX];

	buf_init(&wire, zone->arena, WIRE_NAME_MAX);
	buf_init(&data, zone->arena, DATA_MAX);
	if (!put_name(name, &wire))
		return bad_line(why, "not a name", name);
	if (!span_number(ttl, UINT32_MAX, &seconds))
		return bad_line(why, "not a TTL", ttl);
	if (code == 0)
		return bad_line(why, "not a type", type);
	if (!reader_of(code)(span_trim(line), &data) || data.failed)
		return bad_line(why, "not the data of its type", span_trim(line));
	wire_name_text((const uint8_t *)wire.data, wire.len, text);
	add_record(zone, strcmp(text, ".") == 0 ? "" : arena_string(zone->arena, text), code,
		   (uint32_t)seconds, buf_view(&data));
	return 0;
}

static int read_lines(struct zone *zone, FILE *file, struct why *why)
{
	char *text = NULL;
	size_t room = 0;
	ssize_t length;
	int result = 0;

	for (unsigned number = 1; result == 0; number++) {
		struct span line;

		length = getline(&text, &room, file);
		if (length == -1)
			break;
		line = span_trim(span_make(text, (size_t)length));
		if (span_empty(line) || *line.p == '#' || *line.p == ';')
			continue;
		result = read_line(zone, line, why);
		if (result == -1)
			why_prefix(why, "%u: ", number);
	}
	free(text);
	return result;
}

static void add_root(struct zone *zone, uint32_t negative_ttl)
{
	const char *owner;
	struct buf data;
	char text[16];

	find_or_add(zone, "");
	if (zone_soa(zone, "", &owner) != NULL)
		return;
	buf_init(&data, zone->arena, 0);
	snprintf(text, sizeof text, "%lu", (unsigned long)negative_ttl);
	read_soa(span_of(text), &data);
	add_record(zone, "", ZONE_SOA, negative_ttl, buf_view(&data));
}

struct zone *zone_load(const char *path, uint32_t negative_ttl, struct why *why)
{
	struct zone *zone;
	FILE *file = fopen(path, "r");
	int result;

	if (file == NULL) {
		why_set(why, "%s: %s", path, strerror(errno));
		return NULL;
	}
	zone = calloc(1, sizeof *zone);
	if (zone == NULL)
		abort();
	zone->arena = arena_new(1 << 30);
	result = read_lines(zone, file, why);
	fclose(file);
	if (result == -1) {
		why_prefix(why, "%s:", path);
		zone_free(zone);
		return NULL;
	}
	add_root(zone, negative_ttl);
	return zone;
}

void zone_free(struct zone *zone)
{
	if (zone == NULL)
		return;
	arena_free(zone->arena);
	free(zone);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kinds of values: how each is read from a node of the tree and written back as text.
 *
 * A value that is wrong leaves its field as it was and adds one error, so that all errors of a file
 * are found in one reading.
 */
#include "conf/options.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "lib/clock.h"

static void *field_of(const struct conf_option *option, void *base)
{
	return (char *)base + option->offset;
}

static const void *const_field(const struct conf_option *option, const void *base)
{
	return (const char *)base + option->offset;
}

static const char *kind_text(enum conf_kind kind)
{
	static const char *const texts[] = {
	    [CONF_KIND_GROUP] = "a section",
	    [CONF_KIND_LIST] = "a list",
	    [CONF_KIND_STRING] = "a text in quotes",
	    [CONF_KIND_INTEGER] = "a number",
	    [CONF_KIND_REAL] = "a number with a fraction",
	    [CONF_KIND_BOOL] = "true or false",
	};

	return texts[kind];
}

/* Whether NODE is of KIND; else there is an error. */
static bool is_wanted_kind(const struct conf_reader *reader, const struct conf_option *option,
			   const struct conf_node *node, enum conf_kind kind)
{
	if (node->kind == kind)
		return true;
	conf_option_error(reader, option, node->at, "wanted %s, this is %s", option->type->expects,
			  kind_text(node->kind));
	return false;
}

/* ---- true and false ---- */

static void bool_read(const struct conf_reader *reader, const struct conf_option *option,
		      const struct conf_node *node, void *base)
{
	bool *value = field_of(option, base);

	if (is_wanted_kind(reader, option, node, CONF_KIND_BOOL))
		*value = node->integer != 0;
}

static void bool_write(const struct conf_option *option, const void *base, struct buf *out)
{
	const bool *value = const_field(option, base);

	buf_string(out, *value ? "true" : "false");
}

const struct conf_type conf_type_bool = {"boolean", "true or false", bool_read, bool_write, NULL};

/* ---- numbers, and numbers with a unit ---- */

struct unit {
	const char *name;
	int64_t factor;
};

static const struct unit no_units[] = {{"", 1}, {NULL, 0}};
static const struct unit time_units[] = {
    {"d", 86400 * CLOCK_SECOND}, {"h", 3600 * CLOCK_SECOND}, {"m", 60 * CLOCK_SECOND},
    {"s", CLOCK_SECOND},         {"ms", CLOCK_MS},           {NULL, 0}};
static const struct unit size_units[] = {
    {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"B", 1}, {NULL, 0}};

static const struct unit *units_of(const struct conf_option *option)
{
	if (option->type == &conf_type_duration)
		return time_units;
	return option->type == &conf_type_size ? size_units : no_units;
}

/* In the largest unit that needs no fraction. */
static void put_quantity(const struct unit *units, int64_t value, struct buf *out)
{
	const struct unit *unit = units;

	while (unit[1].name != NULL && value % unit->factor != 0)
		unit++;
	if (value == 0 && units == time_units)
		buf_string(out, "0s");
	else if (value == 0 && units == size_units)
		buf_string(out, "0B");
	else
		buf_printf(out, "%lld%s", (long long)(value / unit->factor), unit->name);
}

static void number_range(const struct conf_option *option, struct buf *out)
{
	put_quantity(units_of(option), option->min, out);
	buf_string(out, " .. ");
	put_quantity(units_of(option), option->max, out);
}

static void set_number(const struct conf_reader *reader, const struct conf_option *option,
		       const struct conf_node *node, int64_t value, void *base)
{
	int64_t *number = field_of(option, base);
	struct buf text;

	if (value >= option->min && value <= option->max) {
		*number = value;
		return;
	}
	buf_init(&text, reader->errors->arena, 0);
	put_quantity(units_of(option), value, &text);
	buf_string(&text, " is out of range (");
	number_range(option, &text);
	conf_option_error(reader, option, node->at, "%s)", buf_text(&text));
}

static void integer_read(const struct conf_reader *reader, const struct conf_option *option,
			 const struct conf_node *node, void *base)
{
	if (is_wanted_kind(reader, option, node, CONF_KIND_INTEGER))
		set_number(reader, option, node, node->integer, base);
}

static void quantity_write(const struct conf_option *option, const void *base, struct buf *out)
{
	const int64_t *number = const_field(option, base);
	const struct unit *units = units_of(option);
	const char *quote = units == no_units ? "" : "\"";

	buf_string(out, quote);
	put_quantity(units, *number, out);
	buf_string(out, quote);
}

const struct conf_type conf_type_integer = {"integer", "a number", integer_read, quantity_write,
					    number_range};

static const struct unit *find_unit(const struct unit *units, struct span name)
{
	while (units->name != NULL && !span_eq(name, units->name))
		units++;
	return units->name == NULL ? NULL : units;
}

static void no_quantity(const struct conf_reader *reader, const struct conf_option *option,
			const struct conf_node *node)
{
	const struct unit *units = units_of(option);
	struct buf names;

	buf_init(&names, reader->errors->arena, 0);
	for (const struct unit *unit = units; unit->name != NULL; unit++)
		buf_printf(&names, "%s%s", unit == units ? "" : ", ", unit->name);
	conf_option_error(
	    reader, option, node->at,
	    "\"%s\" is not a valid %s; use a whole number directly followed by one of %s",
	    node->text, option->type->name, buf_text(&names));
}

/* 1*DIGIT UNIT, without a blank */
static void quantity_read(const struct conf_reader *reader, const struct conf_option *option,
			  const struct conf_node *node, void *base)
{
	struct span digits, name;
	const struct unit *unit;
	uint64_t n;

	if (!is_wanted_kind(reader, option, node, CONF_KIND_STRING))
		return;
	digits = name = span_of(node->text);
	while (name.p < name.end && char_is_digit((unsigned char)*name.p))
		name.p++;
	digits.end = name.p;
	unit = find_unit(units_of(option), name);
	if (unit == NULL || span_empty(digits))
		no_quantity(reader, option, node);
	else if (!span_number(digits, (uint64_t)(INT64_MAX / unit->factor), &n))
		conf_option_error(reader, option, node->at, "\"%s\" is too large", node->text);
	else
		set_number(reader, option, node, (int64_t)n * unit->factor, base);
}

const struct conf_type conf_type_duration = {"duration", "a duration in quotes, such as \"8s\"",
					     quantity_read, quantity_write, number_range};
const struct conf_type conf_type_size = {"size", "a size in quotes, such as \"64KiB\"",
					 quantity_read, quantity_write, number_range};

/* ---- a share, from 0 to 1 ---- */

static void share_read(const struct conf_reader *reader, const struct conf_option *option,
		       const struct conf_node *node, void *base)
{
	int64_t *share = field_of(option, base);
	double value = node->kind == CONF_KIND_REAL ? node->real : (double)node->integer;

	if (node->kind != CONF_KIND_REAL &&
	    !is_wanted_kind(reader, option, node, CONF_KIND_INTEGER))
		return;
	if (value >= 0 && value <= 1)
		*share = (int64_t)(value * CONF_SHARE_ALL + 0.5);
	else
		conf_option_error(reader, option, node->at, "is out of range (0 .. 1)");
}

/* In as few digits as it takes. */
static void share_write(const struct conf_option *option, const void *base, struct buf *out)
{
	const int64_t *share = const_field(option, base);
	char text[16];
	size_t length;

	if (*share % CONF_SHARE_ALL == 0) {
		buf_string(out, *share == 0 ? "0" : "1");
		return;
	}
	length = (size_t)snprintf(text, sizeof text, "0.%06lld", (long long)*share);
	while (text[length - 1] == '0')
		length--;
	buf_add(out, text, length);
}

static void share_range(const struct conf_option *option, struct buf *out)
{
	(void)option;
	buf_string(out, "0 .. 1");
}

const struct conf_type conf_type_share = {"share", "a number from 0 to 1, such as 0.01", share_read,
					  share_write, share_range};

/* ---- permissions ---- */

static void mode_read(const struct conf_reader *reader, const struct conf_option *option,
		      const struct conf_node *node, void *base)
{
	int64_t *mode = field_of(option, base), value = 0;
	const char *p;

	if (!is_wanted_kind(reader, option, node, CONF_KIND_STRING))
		return;
	for (p = node->text; *p >= '0' && *p <= '7' && p - node->text < 5; p++)
		value = value * 8 + (*p - '0');
	if (*p != '\0' || p - node->text < 3 || value > 0777)
		conf_option_error(reader, option, node->at,
				  "\"%s\" is not a valid file mode; use 0 and three octal digits",
				  node->text);
	else
		*mode = value;
}

static void mode_write(const struct conf_option *option, const void *base, struct buf *out)
{
	const int64_t *mode = const_field(option, base);

	buf_printf(out, "\"%04llo\"", (unsigned long long)*mode);
}

static void mode_range(const struct conf_option *option, struct buf *out)
{
	(void)option;
	buf_string(out, "0000 .. 0777");
}

const struct conf_type conf_type_mode = {"file mode", "a file mode in quotes, such as \"0660\"",
					 mode_read, mode_write, mode_range};

/* ---- one of several words ---- */

static void choice_range(const struct conf_option *option, struct buf *out)
{
	for (const struct name_code *c = option->choices; c->name != NULL; c++)
		buf_printf(out, "%s%s", c == option->choices ? "" : " | ", c->name);
}

static void no_choice(const struct conf_reader *reader, const struct conf_option *option,
		      const struct conf_node *node)
{
	const char *given = node->kind == CONF_KIND_STRING ? node->text : "";
	const char *nearest = name_nearest(option->choices, span_of(given));
	struct buf text;

	buf_init(&text, reader->errors->arena, 0);
	for (const struct name_code *c = option->choices; c->name != NULL; c++)
		buf_printf(&text, "%s\"%s\"", c == option->choices ? "" : ", ", c->name);
	if (node->kind != CONF_KIND_STRING)
		conf_option_error(reader, option, node->at, "wanted one of %s, this is %s",
				  buf_text(&text), kind_text(node->kind));
	else if (nearest == NULL)
		conf_option_error(reader, option, node->at, "\"%s\" is not one of %s", given,
				  buf_text(&text));
	else
		conf_option_error(reader, option, node->at,
				  "\"%s\" is not one of %s; did you mean \"%s\"?", given,
				  buf_text(&text), nearest);
}

static void choice_read(const struct conf_reader *reader, const struct conf_option *option,
			const struct conf_node *node, void *base)
{
	const struct name_code *c = option->choices;

	while (c->name != NULL &&
	       (node->kind != CONF_KIND_STRING || strcmp(c->name, node->text) != 0))
		c++;
	if (c->name == NULL)
		no_choice(reader, option, node);
	else
		memcpy(field_of(option, base), &c->code, sizeof c->code);
}

static void choice_write(const struct conf_option *option, const void *base, struct buf *out)
{
	int code;

	memcpy(&code, const_field(option, base), sizeof code);
	conf_quote(name_text(option->choices, code), out);
}

const struct conf_type conf_type_choice = {"choice", "one of several words in quotes", choice_read,
					   choice_write, choice_range};
static_assert(sizeof(enum conf_enforce) == sizeof(int), "a choice is read as an int");

/* ---- texts ---- */

enum { TEXT_MAX = 4096 };

/* The text of NODE in the settings' arena, or NULL after an error. */
static const char *take_text(const struct conf_reader *reader, const struct conf_option *option,
			     const struct conf_node *node)
{
	struct span text;
	struct why why;

	if (node->kind != CONF_KIND_STRING) {
		conf_option_error(reader, option, node->at, "wanted a text in quotes, this is %s",
				  kind_text(node->kind));
		return NULL;
	}
	text = span_of(node->text);
	for (const char *p = text.p; p < text.end; p++) {
		if ((unsigned char)*p < ' ' || *p == 0x7f) {
			conf_option_error(reader, option, node->at, "has a control character");
			return NULL;
		}
	}
	if (span_len(text) > TEXT_MAX) {
		conf_option_error(reader, option, node->at, "is longer than %d characters",
				  TEXT_MAX);
		return NULL;
	}
	if (option->check != NULL && option->check(text, &why) < 0) {
		conf_option_error(reader, option, node->at, "%s", why.text);
		return NULL;
	}
	return arena_span(reader->arena, text);
}

static void text_read(const struct conf_reader *reader, const struct conf_option *option,
		      const struct conf_node *node, void *base)
{
	const char *text = take_text(reader, option, node);
	const char **value = field_of(option, base);

	if (text != NULL && option->min > 0 && *text == '\0')
		conf_option_error(reader, option, node->at, "must not be empty");
	else if (text != NULL)
		*value = text;
}

static void path_read(const struct conf_reader *reader, const struct conf_option *option,
		      const struct conf_node *node, void *base)
{
	if (node->kind == CONF_KIND_STRING && *node->text != '/' && *node->text != '\0')
		conf_option_error(reader, option, node->at, "\"%s\" does not begin with \"/\"",
				  node->text);
	else
		text_read(reader, option, node, base);
}

static void text_write(const struct conf_option *option, const void *base, struct buf *out)
{
	const char *const *value = const_field(option, base);

	conf_quote(*value, out);
}

const struct conf_type conf_type_text = {"text", "a text in quotes", text_read, text_write, NULL};
const struct conf_type conf_type_url = {"URL", "an URL in quotes", text_read, text_write, NULL};
const struct conf_type conf_type_path = {"path", "a path in quotes", path_read, text_write, NULL};

void conf_quote(const char *text, struct buf *out)
{
	buf_char(out, '"');
	for (; *text != '\0'; text++) {
		if (*text == '"' || *text == '\\')
			buf_printf(out, "\\%c", *text);
		else if ((unsigned char)*text < ' ' || *text == 0x7f)
			buf_printf(out, "\\x%02x", (unsigned)*text);
		else
			buf_char(out, *text);
	}
	buf_char(out, '"');
}

/* ---- lists ---- */

static bool is_list(const struct conf_reader *reader, const struct conf_option *option,
		    const struct conf_node *node)
{
	if (node->kind == CONF_KIND_STRING && option->type != &conf_type_records) {
		conf_option_error(reader, option, node->at, "wanted a list: write it as [ \"%s\" ]",
				  node->text);
		return false;
	}
	if (!is_wanted_kind(reader, option, node, CONF_KIND_LIST))
		return false;
	if (node->count < option->min)
		conf_option_error(reader, option, node->at, "must not be empty");
	else if (option->max > 0 && node->count > option->max)
		conf_option_error(reader, option, node->at, "has more than %lld entries",
				  (long long)option->max);
	else
		return true;
	return false;
}

static void texts_read(const struct conf_reader *reader, const struct conf_option *option,
		       const struct conf_node *node, void *base)
{
	struct conf_strings *strings = field_of(option, base);
	bool lone = option->single && node->kind == CONF_KIND_STRING;
	unsigned count = lone ? *node->text != '\0' : node->count;
	const char **items;
	unsigned good = 0;

	if (!lone && !is_list(reader, option, node))
		return;
	items = arena_array(reader->arena, count + 1, sizeof *items);
	for (unsigned i = 0; i < count; i++) {
		items[good] = take_text(reader, option, lone ? node : &node->children[i]);
		if (items[good] != NULL)
			good++;
	}
	strings->items = items;
	strings->count = good;
}

enum { LINE_WIDTH = 88 };

/* The entries of a list, one line for as many as fit. */
static void list_begin(struct buf *out, size_t *line)
{
	buf_string(out, "[ ");
	*line = out->len;
}

static void list_entry(struct buf *out, const char *text, unsigned i, size_t *line)
{
	if (i > 0)
		buf_string(out, ",");
	if (i > 0 && out->len - *line + strlen(text) > LINE_WIDTH - 24) {
		buf_string(out, "\n  ");
		*line = out->len;
	} else if (i > 0) {
		buf_string(out, " ");
	}
	conf_quote(text, out);
}

static void list_end(struct buf *out, unsigned count)
{
	buf_string(out, count == 0 ? "]" : " ]");
}

static void texts_write(const struct conf_option *option, const void *base, struct buf *out)
{
	const struct conf_strings *strings = const_field(option, base);
	size_t line;

	list_begin(out, &line);
	for (unsigned i = 0; i < strings->count; i++)
		list_entry(out, strings->items[i], i, &line);
	list_end(out, strings->count);
}

const struct conf_type conf_type_texts = {"list of texts", "a list such as [ \"a\", \"b\" ]",
					  texts_read, texts_write, NULL};

static void networks_read(const struct conf_reader *reader, const struct conf_option *option,
			  const struct conf_node *node, void *base)
{
	struct conf_networks *networks = field_of(option, base);
	struct ip_network *items;
	unsigned good = 0;

	if (!is_list(reader, option, node))
		return;
	items = arena_array(reader->arena, node->count, sizeof *items);
	for (unsigned i = 0; i < node->count; i++) {
		const char *text = take_text(reader, option, &node->children[i]);

		if (text == NULL)
			continue;
		if (ip_network_parse_entry(span_of(text), &items[good]))
			good++;
		else
			conf_option_error(
			    reader, option, node->children[i].at,
			    "\"%s\" is not a valid network; use an address, or 192.0.2.0/24, "
			    "2001:db8::/32, with ! before it to exclude it",
			    text);
	}
	networks->items = items;
	networks->count = good;
}

static void networks_write(const struct conf_option *option, const void *base, struct buf *out)
{
	const struct conf_networks *networks = const_field(option, base);
	char address[IP_TEXT_MAX], text[IP_TEXT_MAX + 5];
	size_t line;

	list_begin(out, &line);
	for (unsigned i = 0; i < networks->count; i++) {
		const struct ip_network *network = &networks->items[i];
		unsigned whole = network->ip.family == 4 ? 32 : 128;

		ip_text(&network->ip, address);
		if (network->bits == whole)
			snprintf(text, sizeof text, "%s%s", network->excluded ? "!" : "", address);
		else
			snprintf(text, sizeof text, "%s%s/%u", network->excluded ? "!" : "",
				 address, network->bits);
		list_entry(out, text, i, &line);
	}
	list_end(out, networks->count);
}

const struct conf_type conf_type_networks = {
    "list of networks", "a list such as [ \"192.0.2.0/24\" ]", networks_read, networks_write, NULL};

/* ---- records: ( { key = value; ... }, ... ) ---- */

static const struct conf_option *find_field(const struct conf_record *record, const char *name)
{
	for (unsigned i = 0; i < record->count; i++) {
		if (strcmp(record->fields[i].name, name) == 0)
			return &record->fields[i];
	}
	return NULL;
}

enum { FIELDS_MAX = 8 };

static void unknown_field(const struct conf_reader *reader, const struct conf_option *option,
			  const struct conf_node *key)
{
	struct name_code names[FIELDS_MAX + 1] = {{NULL, 0}};
	const char *nearest;

	for (unsigned i = 0; i < option->record->count; i++)
		names[i].name = option->record->fields[i].name;
	nearest = name_nearest(names, span_of(key->name));
	if (nearest == NULL)
		conf_option_error(reader, option, key->at, "unknown key %s", key->name);
	else
		conf_option_error(reader, option, key->at, "unknown key %s; did you mean %s?",
				  key->name, nearest);
}

static void record_read(const struct conf_reader *reader, const struct conf_option *option,
			const struct conf_node *node, void *record)
{
	bool seen[FIELDS_MAX] = {false};

	assert(option->record->count <= FIELDS_MAX);
	memcpy(record, option->record->initial, option->record->size);
	for (unsigned i = 0; i < node->count; i++) {
		const struct conf_node *key = &node->children[i];
		const struct conf_option *f = find_field(option->record, key->name);

		if (f == NULL) {
			unknown_field(reader, option, key);
			continue;
		}
		seen[f - option->record->fields] = true;
		f->type->read(reader, f, key, record);
	}
	for (unsigned i = 0; i < option->record->count; i++) {
		if (option->record->fields[i].required && !seen[i])
			conf_option_error(reader, option, node->at, "the key %s is missing",
					  option->record->fields[i].name);
	}
}

/* "SOCKET", or { socket = "SOCKET"; role = "ROLE"; } */
static bool listener_read(const struct conf_reader *reader, const struct conf_option *option,
			  const struct conf_node *node, struct conf_listener *listener)
{
	*listener = (struct conf_listener){"", CONF_ROLE_AUTO};
	if (node->kind == CONF_KIND_GROUP) {
		record_read(reader, option, node, listener);
		return *listener->socket != '\0';
	}
	listener->socket = take_text(reader, option, node);
	return listener->socket != NULL;
}

static void listeners_read(const struct conf_reader *reader, const struct conf_option *option,
			   const struct conf_node *node, void *base)
{
	struct conf_strings *sockets = field_of(option, base);
	struct conf_listener listener;
	enum conf_role *roles;
	const char **items;
	unsigned good = 0;

	if (!is_list(reader, option, node))
		return;
	items = arena_array(reader->arena, node->count, sizeof *items);
	roles = arena_array(reader->arena, node->count, sizeof *roles);
	for (unsigned i = 0; i < node->count; i++) {
		if (!listener_read(reader, option, &node->children[i], &listener))
			continue;
		items[good] = listener.socket;
		roles[good++] = listener.role;
	}
	*sockets = (struct conf_strings){items, good};
	memcpy((char *)base + option->count_offset, &roles, sizeof roles);
}

static void listeners_write(const struct conf_option *option, const void *base, struct buf *out)
{
	const struct conf_strings *sockets = const_field(option, base);
	const struct conf_option *role = &option->record->fields[1];
	const enum conf_role *roles;
	bool plain = true;

	memcpy(&roles, (const char *)base + option->count_offset, sizeof roles);
	for (unsigned i = 0; i < sockets->count; i++)
		plain = plain && roles[i] == CONF_ROLE_AUTO;
	if (plain) {
		texts_write(option, base, out);
		return;
	}
	buf_string(out, "(");
	for (unsigned i = 0; i < sockets->count; i++) {
		buf_string(out, i == 0 ? "\n  { socket = " : ",\n  { socket = ");
		conf_quote(sockets->items[i], out);
		buf_string(out, "; role = ");
		conf_quote(name_text(role->choices, (int)roles[i]), out);
		buf_string(out, "; }");
	}
	buf_string(out, "\n)");
}

const struct conf_type conf_type_listeners = {"list of sockets", "a list such as [ \"a\", \"b\" ]",
					      listeners_read, listeners_write, NULL};

static void records_read(const struct conf_reader *reader, const struct conf_option *option,
			 const struct conf_node *node, void *base)
{
	char *items;

	if (!is_list(reader, option, node))
		return;
	items = arena_array(reader->arena, node->count, option->record->size);
	for (unsigned i = 0; i < node->count; i++) {
		const struct conf_node *entry = &node->children[i];

		if (entry->kind == CONF_KIND_GROUP)
			record_read(reader, option, entry, items + i * option->record->size);
		else
			conf_option_error(reader, option, entry->at,
					  "wanted { %s = ...; }, this is %s",
					  option->record->fields[0].name, kind_text(entry->kind));
	}
	memcpy(field_of(option, base), &items, sizeof items);
	memcpy((char *)base + option->count_offset, &node->count, sizeof node->count);
}

static void records_write(const struct conf_option *option, const void *base, struct buf *out)
{
	const char *items;
	unsigned count;

	memcpy(&items, const_field(option, base), sizeof items);
	memcpy(&count, (const char *)base + option->count_offset, sizeof count);
	buf_string(out, "(");
	for (unsigned i = 0; i < count; i++) {
		buf_string(out, i == 0 ? "\n  {" : ",\n  {");
		for (unsigned k = 0; k < option->record->count; k++) {
			const struct conf_option *f = &option->record->fields[k];

			buf_printf(out, " %s = ", f->name);
			f->type->write(f, items + i * option->record->size, out);
			buf_char(out, ';');
		}
		buf_string(out, " }");
	}
	buf_string(out, count == 0 ? " )" : "\n)");
}

const struct conf_type conf_type_records = {
    "list of records", "a list such as ( { ... }, { ... } )", records_read, records_write, NULL};

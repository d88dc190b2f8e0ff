/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Settings as text: for a person, for the sample file, and for another process (conf_parse reads it
 * back to the same values).
 */
#include <string.h>

#include "conf/options.h"

enum { WIDTH = 92 };

static void put_value(const struct conf *conf, unsigned i, struct buf *out)
{
	conf_options[i].type->write(&conf_options[i], conf, out);
}

static const char *raw_value(const struct conf *conf, unsigned i, struct arena *arena)
{
	struct buf text;

	buf_init(&text, arena, 0);
	put_value(conf, i, &text);
	return buf_text(&text);
}

/* Where the secret at P ends, or P itself where there is none: what is between ":" and the last "@"
 * of the authority (RFC 3986 section 3.2.1), and the value of a parameter for a password. */
static const char *secret_end(const char *text, const char *p)
{
	static const char *const names[] = {"password=", "sslpassword="};
	const char *begin = strstr(text, "://"), *end, *at = NULL;

	if (begin == NULL || p <= begin + 3)
		return p;
	end = begin + 3 + strcspn(begin + 3, "/?\"");
	for (const char *q = begin + 3; q < end; q++)
		at = *q == '@' ? q : at;
	if (at != NULL && p <= at && p[-1] == ':' &&
	    memchr(begin + 3, ':', (size_t)(p - 1 - begin - 3)) == NULL)
		return at;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		size_t len = strlen(names[i]);

		if ((size_t)(p - begin) > len && strncmp(p - len, names[i], len) == 0)
			return p + strcspn(p, "&\"");
	}
	return p;
}

static const char *without_secrets(const char *text, struct arena *arena)
{
	struct buf out;

	buf_init(&out, arena, 0);
	for (const char *p = text; *p != '\0';) {
		const char *end = secret_end(text, p);

		if (end > p)
			buf_string(&out, "***");
		p = end;
		if (*p != '\0')
			buf_char(&out, *p++);
	}
	return buf_text(&out);
}

const char *conf_value(const struct conf *conf, unsigned i, struct arena *arena)
{
	const char *text = raw_value(conf, i, arena);

	return conf_options[i].type == &conf_type_url ? without_secrets(text, arena) : text;
}

static bool is_changed(const struct conf *conf, const struct conf *defaults, unsigned i)
{
	struct arena *arena = arena_new(0);
	bool same = strcmp(raw_value(conf, i, arena), raw_value(defaults, i, arena)) == 0;

	arena_free(arena);
	return !same;
}

bool conf_changed(const struct conf *conf, unsigned i)
{
	struct conf *defaults = conf_default();
	bool changed = is_changed(conf, defaults, i);

	conf_free(defaults);
	return changed;
}

/* What one conf_write needs everywhere. */
struct writing {
	const struct conf *conf, *defaults;
	enum conf_write_style style;
	struct buf *out;
};

/* TEXT as comment lines behind INDENT. */
static void put_comment(const char *indent, const char *text, struct buf *out)
{
	size_t column = 0;
	struct span rest = span_of(text), word;
	bool more = true;

	while (span_split(&rest, &more, ' ', &word)) {
		if (column == 0 || column + 1 + span_len(word) > WIDTH) {
			buf_printf(out, "%s%s# ", column == 0 ? "" : "\n", indent);
			column = strlen(indent) + 1;
		} else {
			buf_char(out, ' ');
		}
		buf_span(out, word);
		column += 1 + span_len(word);
	}
	buf_char(out, '\n');
}

static void put_documentation(unsigned i, const char *indent, struct buf *out)
{
	struct arena *arena = arena_new(0);
	struct conf_option_info info;

	conf_option_info(i, arena, &info);
	buf_char(out, '\n');
	put_comment(indent, info.doc, out);
	if (info.range != NULL)
		put_comment(indent, arena_printf(arena, "(%s: %s)", info.type, info.range), out);
	else
		put_comment(indent, arena_printf(arena, "(%s)", info.type), out);
	if (info.example != NULL)
		buf_printf(out, "%s# Example: %s\n", indent, info.example);
	arena_free(arena);
}

/* "name = value;", each of its lines behind INDENT and MARK. */
static void put_setting(const char *name, const char *value, const char *indent, const char *mark,
			struct buf *out)
{
	struct span rest = span_of(value), line;
	bool more = true, first = true;

	while (span_split(&rest, &more, '\n', &line)) {
		buf_printf(out, "%s%s%s", first ? "" : "\n", indent, mark);
		if (first)
			buf_printf(out, "%s = ", name);
		buf_span(out, line);
		first = false;
	}
	buf_char(out, ';');
}

/* As a comment; the name of a file must not end it. */
static void put_origin(const struct writing *w, unsigned i)
{
	const char *file;
	unsigned line;

	if (!conf_origin(w->conf, i, &file, &line))
		return;
	buf_string(w->out, "  # ");
	for (; *file != '\0'; file++)
		buf_char(w->out, (unsigned char)*file < ' ' || *file == 0x7f ? '?' : *file);
	buf_printf(w->out, ":%u%s", line,
		   is_changed(w->conf, w->defaults, i) ? "" : ", the default");
}

static struct span section_of(unsigned i)
{
	const char *name = conf_options[i].name, *dot = strchr(name, '.');

	return span_make(name, dot == NULL ? 0 : (size_t)(dot - name));
}

static void put_option(const struct writing *w, unsigned i)
{
	struct span section = section_of(i);
	const char *name = conf_options[i].name + (span_empty(section) ? 0 : span_len(section) + 1);
	const char *indent = span_empty(section) ? "" : "\t";
	const char *mark = w->style == CONF_WRITE_SAMPLE ? "#" : "";
	struct arena *arena = arena_new(0);

	if (w->style == CONF_WRITE_SAMPLE)
		put_documentation(i, indent, w->out);
	put_setting(name,
		    w->style == CONF_WRITE_SHOW ? conf_value(w->conf, i, arena)
						: raw_value(w->conf, i, arena),
		    indent, mark, w->out);
	if (w->style == CONF_WRITE_SHOW)
		put_origin(w, i);
	buf_char(w->out, '\n');
	arena_free(arena);
}

static void open_section(const struct writing *w, const struct conf_section *section)
{
	if (w->style == CONF_WRITE_SAMPLE) {
		buf_char(w->out, '\n');
		put_comment("", section->doc, w->out);
	}
	buf_printf(w->out, "%s: {\n", section->name);
}

/* The options of one section: those from I on that share its name. Returns the next one. */
static unsigned put_section(const struct writing *w, const struct conf_section *section, unsigned i)
{
	bool outside = *section->name == '\0', open = false;

	for (; conf_options[i].name != NULL && conf_option_section(i, section->name); i++) {
		if (w->style == CONF_WRITE_CHANGED && !is_changed(w->conf, w->defaults, i))
			continue;
		if (!open && !outside)
			open_section(w, section);
		open = true;
		put_option(w, i);
	}
	if (open && !outside)
		buf_string(w->out, "};\n");
	return i;
}

void conf_write(const struct conf *conf, enum conf_write_style style, struct buf *out)
{
	struct conf *defaults = conf_default();
	struct writing w = {conf, defaults, style, out};
	unsigned i = 0;

	if (style == CONF_WRITE_SAMPLE)
		buf_string(out,
			   "# The settings of countersign: see countersign.conf(5).\n"
			   "# Every value below is the default; remove the # before a setting to "
			   "change it.\n"
			   "# Files in conf.d beside this one are read after it, in the order of "
			   "their names.\n"
			   "# Check what you wrote with: countersign config check\n");
	for (const struct conf_section *s = conf_sections; s->name != NULL; s++)
		i = put_section(&w, s, i);
	conf_free(defaults);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One pass of lib/codec/markup over at most BIMI_LOGO_READ_MAX bytes, up to a document type.
 * Elements and attributes are compared with the table of bimi/profile.h; what a table cannot say is
 * below.
 */
#include "bimi/logo.h"

#include <assert.h>
#include <string.h>

#include "bimi/profile.h"
#include "bimi/uses.h"
#include "bimi/value.h"
#include "lib/codec/base64.h"
#include "lib/codec/gzip.h"
#include "lib/codec/markup.h"
#include "lib/utf8.h"

enum { DEPTH_MAX = 64, PIECE = 16384 };

static const char svg_namespace[] = "http://www.w3.org/2000/svg";
static const char xml_namespace[] = "http://www.w3.org/XML/1998/namespace";
static const char xlink_namespace[] = "http://www.w3.org/1999/xlink";

struct walk {
	struct bimi_findings *findings;
	struct markup *markup;
	const struct profile_element *open[DEPTH_MAX]; /* NULL: not in the table */
	unsigned depth;
	struct buf title;  /* of the root's title element */
	unsigned children; /* elements in the root so far */
	bool in_title, titled, broken;
	struct uses *uses; /* NULL: the file is too large anyway */
};

struct attribute {
	const char *name, *prefix, *space; /* NULL: without a namespace */
	const char *value;
};

static unsigned line_of(const struct walk *walk)
{
	return markup_line(walk->markup);
}

/* ---- attributes ---- */

static bool is_valid_form(const struct attribute *a)
{
	struct span value = span_trim(span_of(a->value));

	if (strcmp(a->name, "id") == 0)
		return value_is_name(value);
	if (a->space != NULL)
		return strcmp(a->name, "space") != 0 || span_eq(value, "default") ||
		       span_eq(value, "preserve");
	if (strcmp(a->name, "class") == 0)
		return value_is_token_list(value);
	return strcmp(a->name, "preserveAspectRatio") != 0 || value_is_aspect_ratio(value);
}

static bool is_href(const struct attribute *a)
{
	return (a->space == NULL || strcmp(a->space, xlink_namespace) == 0) &&
	       strcmp(a->name, "href") == 0;
}

static bool leaves_file(const struct attribute *a)
{
	if (is_href(a))
		return *a->value != '#' || a->value[1] == '\0';
	return a->space == NULL && profile_is_property(a->name) ? value_leaves_file_as_css(a->value)
								: value_leaves_file(a->value);
}

static void check_value(struct walk *walk, const char *element, const struct attribute *a)
{
	if (leaves_file(a))
		bimi_found(walk->findings, BIMI_LOGO_REFERENCE, line_of(walk),
			   "<%s %s=\"%.80s\"> refers to something outside of the file", element,
			   a->name, a->value);
	if (a->space == NULL && !profile_allows_value(a->name, span_of(a->value)))
		bimi_found(walk->findings, BIMI_LOGO_VALUE, line_of(walk),
			   "<%s %s=\"%.80s\">: allowed is %s", element, a->name, a->value,
			   profile_choices(a->name));
	else if (!is_valid_form(a))
		bimi_found(walk->findings, BIMI_LOGO_VALUE, line_of(walk),
			   "<%s %s=\"%.80s\"> is not a valid value", element, a->name, a->value);
}

static void check_attribute(struct walk *walk, const struct profile_element *element,
			    const struct attribute *a)
{
	bool xml = a->space != NULL && strcmp(a->space, xml_namespace) == 0;
	bool xlink = a->space != NULL && strcmp(a->space, xlink_namespace) == 0;

	if (a->space != NULL && !xml && !xlink) {
		bimi_found(walk->findings, BIMI_LOGO_NAMESPACE, line_of(walk),
			   "<%s %s:%s> is an attribute of another namespace", element->name,
			   a->prefix == NULL ? "" : a->prefix, a->name);
		return;
	}
	if (xml     ? profile_allows_xml(element, a->name)
	    : xlink ? profile_allows_xlink(element, a->name)
		    : profile_allows(element, a->name))
		check_value(walk, element->name, a);
	else
		bimi_found(walk->findings, BIMI_LOGO_ATTRIBUTE, line_of(walk),
			   "<%s> has the attribute %s%s, which SVG Tiny PS does not allow there",
			   element->name,
			   xml     ? "xml:"
			   : xlink ? "xlink:"
				   : "",
			   a->name);
}

/* ---- the root ---- */

static const char *find_value(const struct attribute *attributes, unsigned count, const char *name)
{
	for (unsigned i = 0; i < count; i++)
		if (attributes[i].space == NULL && strcmp(attributes[i].name, name) == 0)
			return attributes[i].value;
	return NULL;
}

/* "0 0 100 100", with blanks or commas between the numbers; the sides are compared as they are
 * written. */
static bool is_square(const char *box)
{
	struct span parts[4];

	for (unsigned i = 0; i < 4; i++) {
		size_t length = strspn(box, "0123456789.+-eE");

		if (length == 0)
			return false;
		parts[i] = span_make(box, length);
		box += length;
		box += strspn(box, " \t\r\n,");
	}
	return *box == '\0' && *parts[2].p != '-' && !span_eq(parts[2], "0") &&
	       span_same(parts[2], parts[3]);
}

static void check_root(struct walk *walk, const struct attribute *attributes, unsigned count)
{
	const char *version = find_value(attributes, count, "version");
	const char *profile = find_value(attributes, count, "baseProfile");
	const char *box = find_value(attributes, count, "viewBox");

	if (version == NULL || strcmp(version, "1.2") != 0)
		bimi_found(walk->findings, BIMI_LOGO_VERSION, line_of(walk), "<svg> has %s%.40s",
			   version == NULL ? "no version" : "version ",
			   version == NULL ? "" : version);
	if (profile == NULL || strcmp(profile, "tiny-ps") != 0)
		bimi_found(walk->findings, BIMI_LOGO_PROFILE, line_of(walk), "<svg> has %s%.40s",
			   profile == NULL ? "no baseProfile" : "baseProfile ",
			   profile == NULL ? "" : profile);
	if (box == NULL)
		bimi_found(walk->findings, BIMI_LOGO_VIEWBOX, line_of(walk),
			   "<svg> has no viewBox");
	else if (!is_square(box))
		bimi_found(walk->findings, BIMI_LOGO_VIEWBOX, line_of(walk),
			   "viewBox=\"%.40s\" is not a square", box);
}

/* An element has one name. */
static void check_names(struct walk *walk, const struct profile_element *element,
			const struct attribute *attributes, unsigned count)
{
	unsigned names = 0;

	for (unsigned i = 0; i < count; i++)
		names += strcmp(attributes[i].name, "id") == 0;
	if (names > 1)
		bimi_found(walk->findings, BIMI_LOGO_ATTRIBUTE, line_of(walk),
			   "<%s> has both id and xml:id", element->name);
}

/* ---- elements ---- */

static struct attribute *read_attributes(struct arena *arena, const struct markup_attribute *from,
					 unsigned count)
{
	struct attribute *list = arena_array(arena, count + 1, sizeof *list);

	for (unsigned i = 0; i < count; i++)
		list[i] = (struct attribute){from[i].name, from[i].prefix, from[i].space,
					     arena_span(arena, from[i].value)};
	return list;
}

/* The element in the table; NULL after what is wrong was said. */
static const struct profile_element *admit_element(struct walk *walk, const char *name,
						   const char *space)
{
	const struct profile_element *element = profile_find(name), *parent;
	bool known = element != NULL && space != NULL && strcmp(space, svg_namespace) == 0;

	if (walk->depth == 0) {
		if (known && element == profile_elements)
			return element;
		bimi_found(walk->findings, BIMI_LOGO_ROOT, line_of(walk),
			   "the document is <%.80s>%s", name,
			   strcmp(name, "svg") == 0 ? " without the namespace of SVG" : "");
		markup_stop(walk->markup);
		return NULL;
	}
	if (space == NULL || strcmp(space, svg_namespace) != 0)
		bimi_found(walk->findings, BIMI_LOGO_NAMESPACE, line_of(walk),
			   "<%.80s> is an element of another namespace", name);
	else if (element == NULL)
		bimi_found(walk->findings, BIMI_LOGO_ELEMENT, line_of(walk),
			   "<%.80s> is not an element of SVG Tiny PS", name);
	parent = walk->open[walk->depth - 1];
	if (known && parent != NULL && (parent->children & element->kind) == 0)
		bimi_found(walk->findings, BIMI_LOGO_PLACE, line_of(walk),
			   "<%s> is not allowed in <%s>", name, parent->name);
	return known ? element : NULL;
}

/* The title comes before all others, and once. */
static void take_child(struct walk *walk, const struct profile_element *element)
{
	bool title = element != NULL && strcmp(element->name, "title") == 0;

	if (title && walk->children > 0)
		bimi_found(walk->findings, BIMI_LOGO_PLACE, line_of(walk),
			   "<title> is not the first element in <svg>%s",
			   walk->titled ? ", which is one" : "");
	walk->in_title = title && !walk->titled;
	walk->titled = walk->titled || title;
	walk->children++;
}

/* What <use> copies; NULL: the element is another one, or refers to nothing here. */
static const char *find_target(const struct profile_element *element,
			       const struct attribute *attributes, unsigned count)
{
	if (element == NULL || strcmp(element->name, "use") != 0)
		return NULL;
	for (unsigned i = 0; i < count; i++)
		if (is_href(&attributes[i]) && *attributes[i].value == '#')
			return attributes[i].value + 1;
	return NULL;
}

static const char *find_id(const struct attribute *attributes, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		if (strcmp(attributes[i].name, "id") == 0)
			return attributes[i].value;
	return NULL;
}

static void check_attributes(struct walk *walk, const struct profile_element *element,
			     const struct attribute *attributes, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		check_attribute(walk, element, &attributes[i]);
	check_names(walk, element, attributes, count);
	if (walk->depth == 0)
		check_root(walk, attributes, count);
}

static void open_element(void *context, const char *name, const char *space,
			 const struct markup_attribute *attributes, unsigned count)
{
	struct walk *walk = context;
	const struct profile_element *element;
	struct attribute *list;

	if (walk->depth == DEPTH_MAX) {
		bimi_found(walk->findings, BIMI_LOGO_DEPTH, line_of(walk),
			   "more than %d elements are nested", DEPTH_MAX);
		markup_stop(walk->markup);
		return;
	}
	element = admit_element(walk, name, space);
	if (markup_has_stopped(walk->markup))
		return;
	list = read_attributes(walk->findings->arena, attributes, count);
	if (element != NULL)
		check_attributes(walk, element, list, count);
	if (walk->uses != NULL)
		uses_open(walk->uses, find_id(list, count), find_target(element, list, count));
	walk->in_title = false;
	if (walk->depth == 1)
		take_child(walk, element);
	walk->open[walk->depth++] = element;
}

static void close_element(void *context)
{
	struct walk *walk = context;

	if (walk->uses != NULL && walk->depth > 0)
		uses_close(walk->uses);
	walk->depth -= walk->depth > 0;
	walk->in_title = false;
}

static void add_text(void *context, struct span piece)
{
	struct walk *walk = context;
	const struct profile_element *element;

	if (walk->depth == 0)
		return;
	if (walk->in_title)
		buf_span(&walk->title, piece);
	element = walk->open[walk->depth - 1];
	piece = span_trim(piece);
	if (element != NULL && !element->text && !span_empty(piece))
		bimi_found(walk->findings, BIMI_LOGO_TEXT, line_of(walk),
			   "there is text in <%s>, which has none", element->name);
}

/* ---- what is not even looked into ---- */

static void refuse_type(void *context)
{
	struct walk *walk = context;

	bimi_found(walk->findings, BIMI_LOGO_DOCTYPE, line_of(walk),
		   "it has a document type declaration; the rest has not been checked");
	markup_stop(walk->markup);
}

static void refuse_instruction(void *context, const char *target)
{
	struct walk *walk = context;

	bimi_found(walk->findings, BIMI_LOGO_INSTRUCTION, line_of(walk),
		   "it has a processing instruction, <?%.80s?>", target);
}

static void keep_error(void *context, unsigned line, const char *message, bool fatal)
{
	struct walk *walk = context;

	(void)fatal;
	if (!walk->broken)
		bimi_found(walk->findings, BIMI_LOGO_XML, line, "it is not well-formed: %s",
			   message);
	walk->broken = true;
}

/* ---- all of it ---- */

static void push_bytes(struct markup *markup, struct span svg)
{
	while (span_len(svg) > PIECE) {
		markup_push(markup, span_make(svg.p, PIECE), false);
		svg.p += PIECE;
	}
	markup_push(markup, svg, true);
}

static void check_uses(struct walk *walk)
{
	enum uses_result result = walk->uses == NULL ? USES_FINE : uses_judge(walk->uses);

	if (result == USES_LOOP)
		bimi_found(walk->findings, BIMI_LOGO_USE, 0, "a <use> is part of what it copies");
	else if (result == USES_TOO_MANY)
		bimi_found(walk->findings, BIMI_LOGO_USE, 0,
			   "with the copies of <use> it draws more than %d elements",
			   USES_DRAWN_MAX);
}

static void check_end(struct walk *walk)
{
	struct span title = span_trim(buf_view(&walk->title));

	if (markup_has_stopped(walk->markup))
		return;
	if (!markup_is_well_formed(walk->markup) && !walk->broken) {
		walk->broken = true;
		bimi_found(walk->findings, BIMI_LOGO_XML, line_of(walk), "it is not well-formed");
	}
	check_uses(walk);
	if (!span_empty(title))
		bimi_fact(walk->findings, "title", title);
	else if (!walk->broken)
		bimi_found(walk->findings, BIMI_LOGO_TITLE, 0, "it has no title");
}

static void walk_document(struct bimi_findings *findings, struct span svg)
{
	static const struct markup_events told = {.open = open_element,
						  .text = add_text,
						  .close = close_element,
						  .doctype = refuse_type,
						  .instruction = refuse_instruction,
						  .error = keep_error};
	struct walk walk = {.findings = findings};

	buf_init(&walk.title, findings->arena, 4096);
	if (span_len(svg) <= BIMI_LOGO_MAX)
		walk.uses = uses_new(findings->arena);
	walk.markup = markup_new(&told, &walk, false, span_of(""));
	if (walk.markup == NULL) {
		bimi_found(findings, BIMI_READER, 0, "no memory to read it");
		return;
	}
	push_bytes(walk.markup, svg);
	check_end(&walk);
	markup_free(walk.markup);
}

/* A NUL would be valid, but then it is UTF-16 that looks like it. */
static bool is_utf8(struct span text)
{
	unsigned length;

	while (!span_empty(text) && *text.p != '\0' && (length = utf8_length(text)) > 0)
		text.p += length;
	return span_empty(text);
}

/* Another encoding can hide from one reader what another one sees; the schema is silent. */
static bool check_encoding(struct bimi_findings *findings, struct span svg)
{
	static const char unread[] = "; the rest has not been checked";
	struct span name = markup_encoding(svg);

	if (!is_utf8(svg))
		bimi_found(findings, BIMI_LOGO_ENCODING, 0, "it is not UTF-8%s", unread);
	else if (!span_empty(name) && !span_ieq(name, "utf-8") && !span_ieq(name, "us-ascii"))
		bimi_found(findings, BIMI_LOGO_ENCODING, 1, "its encoding is %.*s%s",
			   (int)(span_len(name) < 40 ? span_len(name) : 40), name.p, unread);
	else
		return true;
	return false;
}

static void keep_indicator(struct bimi_findings *findings, struct span svg)
{
	struct buf text;

	buf_init(&text, findings->arena, 0);
	base64_encode(&text, (const uint8_t *)svg.p, span_len(svg));
	findings->indicator = buf_text(&text);
}

void bimi_logo_check(struct bimi_findings *findings, struct span bytes, struct span *svg)
{
	unsigned before = bimi_count(findings, BIMI_FAULT);
	struct why why;

	*svg = span_of("");
	if (gzip_is(bytes) &&
	    gzip_inflate(findings->arena, bytes, BIMI_LOGO_READ_MAX, &bytes, &why) == -1) {
		bimi_found(findings, BIMI_LOGO_GZIP, 0, "%s", why.text);
		return;
	}
	if (span_len(bytes) > BIMI_LOGO_MAX)
		bimi_found(
		    findings, BIMI_LOGO_SIZE, 0, "it has %zu bytes of SVG%s", span_len(bytes),
		    span_len(bytes) > BIMI_LOGO_READ_MAX ? "; the rest has not been checked" : "");
	if (span_len(bytes) > BIMI_LOGO_READ_MAX)
		return;
	*svg = bytes;
	if (check_encoding(findings, bytes))
		walk_document(findings, bytes);
	if (bimi_count(findings, BIMI_FAULT) == before && !findings->full)
		keep_indicator(findings, bytes);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One pass of libxml2's push parser over at most BIMI_LOGO_READ_MAX bytes: no document type, so no
 * entities but the five of XML, no network, no tree in memory. Elements and attributes are compared
 * with the table of bimi/profile.h; what a table cannot say is below.
 */
#include "bimi/logo.h"

#include <assert.h>
#include <libxml/parser.h>
#include <string.h>

#include "bimi/gunzip.h"
#include "bimi/profile.h"

enum { DEPTH_MAX = 64, PIECE = 16384 };

static const char svg_namespace[] = "http://www.w3.org/2000/svg";
static const char xml_namespace[] = "http://www.w3.org/XML/1998/namespace";
static const char xlink_namespace[] = "http://www.w3.org/1999/xlink";

struct walk {
	struct bimi_findings *findings;
	xmlParserCtxt *parser;
	const struct profile_element *open[DEPTH_MAX]; /* NULL: not in the table */
	unsigned depth;
	struct buf title; /* of the root's title element */
	bool in_title, broken, ended;
};

struct attribute {
	const char *name, *prefix, *space; /* NULL: without a namespace */
	const char *value;
};

static unsigned line_of(const struct walk *walk)
{
	int line = walk->parser->input == NULL ? 0 : walk->parser->input->line;

	return line > 0 ? (unsigned)line : 0;
}

static void stop_walk(struct walk *walk)
{
	walk->ended = true;
	xmlStopParser(walk->parser);
}

/* ---- attributes ---- */

/* A value that refers to something else than an element of the same file: url(...) of a paint. */
static bool leaves_file(const char *value)
{
	for (const char *p = value; *p != '\0'; p++) {
		if (!span_istarts(span_of(p), "url("))
			continue;
		p += strlen("url(");
		p += strspn(p, " \t\r\n'\"");
		if (*p != '#')
			return true;
	}
	return false;
}

static void check_value(struct walk *walk, const char *element, const struct attribute *a)
{
	bool href = a->space != NULL && strcmp(a->space, xlink_namespace) == 0 &&
		    strcmp(a->name, "href") == 0;

	if (href ? *a->value != '#' || a->value[1] == '\0' : leaves_file(a->value))
		bimi_found(walk->findings, BIMI_LOGO_REFERENCE, line_of(walk),
			   "<%s %s=\"%.80s\"> refers to something outside of the file", element,
			   a->name, a->value);
	if (a->space == NULL &&
	    (strcmp(a->name, "focusable") == 0 ||
	     strcmp(a->name, "externalResourcesRequired") == 0) &&
	    strcmp(a->value, "false") != 0)
		bimi_found(walk->findings, BIMI_LOGO_VALUE, line_of(walk),
			   "<%s %s=\"%.80s\">: only \"false\" is allowed", element, a->name,
			   a->value);
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
	if (xml     ? profile_allows_xml(a->name)
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

/* ---- elements ---- */

static unsigned read_attributes(struct walk *walk, int count, const xmlChar **from,
				struct attribute **out)
{
	struct attribute *list =
	    arena_array(walk->findings->arena, (size_t)count + 1, sizeof *list);

	for (int i = 0; i < count; i++, from += 5) {
		assert(from[4] >= from[3]);
		list[i] = (struct attribute){
		    (const char *)from[0], (const char *)from[1], (const char *)from[2],
		    arena_copy(walk->findings->arena, from[3], (size_t)(from[4] - from[3]))};
	}
	*out = list;
	return (unsigned)count;
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
		stop_walk(walk);
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

static void open_element(void *context, const xmlChar *name, const xmlChar *prefix,
			 const xmlChar *uri, int nb_namespaces, const xmlChar **namespaces,
			 int nb_attributes, int nb_defaulted, const xmlChar **attributes)
{
	struct walk *walk = context;
	const struct profile_element *element;
	struct attribute *list;
	unsigned count;

	(void)prefix, (void)nb_namespaces, (void)namespaces, (void)nb_defaulted;
	if (walk->ended)
		return;
	if (walk->depth == DEPTH_MAX) {
		bimi_found(walk->findings, BIMI_LOGO_DEPTH, line_of(walk),
			   "more than %d elements are nested", DEPTH_MAX);
		stop_walk(walk);
		return;
	}
	element = admit_element(walk, (const char *)name, (const char *)uri);
	if (walk->ended)
		return;
	if (element != NULL) {
		count = read_attributes(walk, nb_attributes, attributes, &list);
		for (unsigned i = 0; i < count; i++)
			check_attribute(walk, element, &list[i]);
		if (walk->depth == 0)
			check_root(walk, list, count);
	}
	walk->in_title = walk->depth == 1 && element != NULL && strcmp(element->name, "title") == 0;
	walk->open[walk->depth++] = element;
}

static void close_element(void *context, const xmlChar *name, const xmlChar *prefix,
			  const xmlChar *uri)
{
	struct walk *walk = context;

	(void)name, (void)prefix, (void)uri;
	if (walk->ended || walk->depth == 0)
		return;
	walk->depth--;
	walk->in_title = false;
}

static void add_text(void *context, const xmlChar *text, int length)
{
	struct walk *walk = context;
	struct span piece = span_make(text, (size_t)length);
	const struct profile_element *element;

	if (walk->ended || walk->depth == 0)
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

static void refuse_type(void *context, const xmlChar *name, const xmlChar *external,
			const xmlChar *system)
{
	struct walk *walk = context;

	(void)name, (void)external, (void)system;
	bimi_found(walk->findings, BIMI_LOGO_DOCTYPE, line_of(walk),
		   "it has a document type declaration; the rest has not been checked");
	stop_walk(walk);
}

static void refuse_instruction(void *context, const xmlChar *target, const xmlChar *data)
{
	struct walk *walk = context;

	(void)data;
	if (!walk->ended)
		bimi_found(walk->findings, BIMI_LOGO_INSTRUCTION, line_of(walk),
			   "it has a processing instruction, <?%.80s?>", (const char *)target);
}

/* Keeps the first error; libxml2 would print it. */
static void keep_error(void *context, xmlError *error)
{
	struct walk *walk = context;

	if (error->level < XML_ERR_ERROR || walk->broken || walk->ended)
		return;
	walk->broken = true;
	bimi_found(walk->findings, BIMI_LOGO_XML, error->line > 0 ? (unsigned)error->line : 0,
		   "it is not well-formed: %s",
		   error->message == NULL ? "no reason" : error->message);
}

/* ---- all of it ---- */

static void push_bytes(struct walk *walk, struct span svg)
{
	while (!walk->ended) {
		size_t left = span_len(svg), n = left < PIECE ? left : PIECE;

		xmlParseChunk(walk->parser, svg.p, (int)n, n == left);
		svg.p += n;
		if (n == left)
			return;
	}
}

static void check_end(struct walk *walk)
{
	struct span title = span_trim(buf_view(&walk->title));

	if (walk->parser->wellFormed == 0 && !walk->broken && !walk->ended) {
		walk->broken = true;
		bimi_found(walk->findings, BIMI_LOGO_XML, line_of(walk), "it is not well-formed");
	}
	if (walk->ended)
		return;
	if (!span_empty(title))
		bimi_fact(walk->findings, "title", title);
	else if (!walk->broken)
		bimi_found(walk->findings, BIMI_LOGO_TITLE, 0, "it has no title");
}

static void walk_document(struct bimi_findings *findings, struct span svg)
{
	xmlSAXHandler handler = {.initialized = XML_SAX2_MAGIC,
				 .startElementNs = open_element,
				 .endElementNs = close_element,
				 .characters = add_text,
				 .cdataBlock = add_text,
				 .internalSubset = refuse_type,
				 .processingInstruction = refuse_instruction,
				 .serror = keep_error};
	struct walk walk = {.findings = findings};

	buf_init(&walk.title, findings->arena, 4096);
	walk.parser = xmlCreatePushParserCtxt(&handler, &walk, NULL, 0, NULL);
	if (walk.parser == NULL) {
		bimi_found(findings, BIMI_READER, 0, "no memory to read it");
		return;
	}
	xmlCtxtUseOptions(walk.parser, XML_PARSE_NONET);
	push_bytes(&walk, svg);
	check_end(&walk);
	xmlFreeParserCtxt(walk.parser);
}

void bimi_logo_prepare(void)
{
	xmlInitParser();
}

void bimi_logo_check(struct bimi_findings *findings, struct span bytes, struct span *svg)
{
	struct why why;

	*svg = span_of("");
	if (gunzip_is(bytes) &&
	    gunzip(findings->arena, bytes, BIMI_LOGO_READ_MAX, &bytes, &why) == -1) {
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
	walk_document(findings, bytes);
}

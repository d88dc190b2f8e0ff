/* SPDX-License-Identifier: BSD-2-Clause */
#include "report/inbox/xmlread.h"

#include <assert.h>
#include <libxml/parser.h>
#include <string.h>

enum { DEPTH_MAX = 64, PIECE = 16384, TEXT_MAX = 1024 * 1024 /* between two tags */ };

struct walk {
	xmlParserCtxt *parser;
	const struct xmlread_events *events;
	void *arg;
	struct why *why;
	unsigned depth;
	size_t text; /* bytes since the last tag */
	bool broken, refused, ended;
};

static void stop_walk(struct walk *walk)
{
	walk->ended = true;
	xmlStopParser(walk->parser);
}

static void refuse_document(struct walk *walk, const char *what)
{
	walk->refused = true;
	why_set(walk->why, "%s", what);
	stop_walk(walk);
}

static void tell(struct walk *walk, int result)
{
	if (result != 0)
		stop_walk(walk);
}

static void open_element(void *context, const xmlChar *name, const xmlChar *prefix,
			 const xmlChar *uri, int nb_namespaces, const xmlChar **namespaces,
			 int nb_attributes, int nb_defaulted, const xmlChar **attributes)
{
	struct walk *walk = context;

	(void)prefix, (void)uri, (void)nb_namespaces, (void)namespaces;
	(void)nb_attributes, (void)nb_defaulted, (void)attributes;
	if (walk->ended)
		return;
	walk->text = 0;
	if (++walk->depth > DEPTH_MAX)
		refuse_document(walk, "its elements are nested too deep");
	else
		tell(walk, walk->events->open(walk->arg, (const char *)name));
}

static void close_element(void *context, const xmlChar *name, const xmlChar *prefix,
			  const xmlChar *uri)
{
	struct walk *walk = context;

	(void)name, (void)prefix, (void)uri;
	if (walk->ended)
		return;
	walk->text = 0;
	walk->depth -= walk->depth > 0;
	tell(walk, walk->events->close(walk->arg));
}

static void add_text(void *context, const xmlChar *text, int length)
{
	struct walk *walk = context;

	if (walk->ended)
		return;
	walk->text += (size_t)length;
	if (walk->text > TEXT_MAX)
		refuse_document(walk, "it has a text of more than 1 MiB");
	else
		tell(walk, walk->events->text(walk->arg, span_make(text, (size_t)length)));
}

/* XML bombs and external entities begin with a document type; no report has one. */
static void refuse_type(void *context, const xmlChar *name, const xmlChar *external,
			const xmlChar *system)
{
	(void)name, (void)external, (void)system;
	refuse_document(context, "it has a document type declaration, which no report has");
}

/* Keeps the first error; libxml2 would print it. */
static void keep_error(void *context, xmlError *error)
{
	struct walk *walk = context;
	struct span text = span_trim(span_of(error->message));

	if (error->level < XML_ERR_FATAL || walk->broken || walk->ended)
		return;
	walk->broken = true;
	why_set(walk->why, "line %d: %.*s", error->line, (int)span_len(text), text.p);
}

static void push_bytes(struct walk *walk, struct feed *from)
{
	char piece[PIECE];
	ssize_t n = 1;

	while (n > 0 && !walk->ended) {
		n = from->read(from, piece, sizeof piece);
		assert(n <= (ssize_t)sizeof piece);
		if (n < 0)
			refuse_document(walk, from->fault);
		else
			xmlParseChunk(walk->parser, piece, (int)n, n == 0);
	}
}

enum xmlread_result xmlread_walk(struct feed *from, bool recover,
				 const struct xmlread_events *events, void *arg, struct why *why)
{
	xmlSAXHandler handler = {.initialized = XML_SAX2_MAGIC,
				 .startElementNs = open_element,
				 .endElementNs = close_element,
				 .characters = add_text,
				 .cdataBlock = add_text,
				 .internalSubset = refuse_type,
				 .serror = keep_error};
	struct walk walk = {.events = events, .arg = arg, .why = why};
	char first[4];
	ssize_t n = feed_fill(from, first, sizeof first);

	if (n < 0) {
		why_set(why, "%s", from->fault);
		return XMLREAD_REFUSED;
	}
	/* the first bytes tell the encoding */
	walk.parser = xmlCreatePushParserCtxt(&handler, &walk, first, (int)n, NULL);
	if (walk.parser == NULL) {
		why_set(why, "no memory to read it");
		return XMLREAD_REFUSED;
	}
	xmlCtxtUseOptions(walk.parser, XML_PARSE_NONET | (recover ? XML_PARSE_RECOVER : 0));
	push_bytes(&walk, from);
	walk.broken |= walk.parser->wellFormed == 0 && !walk.ended;
	xmlFreeParserCtxt(walk.parser);
	if (walk.refused)
		return XMLREAD_REFUSED;
	return walk.ended ? XMLREAD_ENDED : walk.broken ? XMLREAD_BROKEN : XMLREAD_DONE;
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/codec/markup.h"

#include <assert.h>
#include <libxml/parser.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "lib/heap.h"

struct markup {
	const struct markup_events *events;
	void *arg;
	xmlParserCtxt *parser;
	struct markup_attribute *attributes; /* those of an element */
	unsigned room;
	bool broken, stopped;
};

/* libxml2 has five pointers for each: name, prefix, namespace, begin and end of the value. */
static const struct markup_attribute *read_attributes(struct markup *markup, const xmlChar **from,
						      unsigned count)
{
	if (count > markup->room) {
		markup->room = count * 2;
		free(markup->attributes);
		markup->attributes = heap_array(markup->room, sizeof *markup->attributes);
	}
	for (unsigned i = 0; i < count; i++, from += 5) {
		assert(from[4] >= from[3]);
		markup->attributes[i] = (struct markup_attribute){
		    (const char *)from[0], (const char *)from[1], (const char *)from[2],
		    span_make(from[3], (size_t)(from[4] - from[3]))};
	}
	return markup->attributes;
}

static void open_element(void *context, const xmlChar *name, const xmlChar *prefix,
			 const xmlChar *uri, int nb_namespaces, const xmlChar **namespaces,
			 int nb_attributes, int nb_defaulted, const xmlChar **attributes)
{
	struct markup *markup = context;
	unsigned count = (unsigned)nb_attributes;

	(void)prefix, (void)nb_namespaces, (void)namespaces, (void)nb_defaulted;
	if (!markup->stopped)
		markup->events->open(markup->arg, (const char *)name, (const char *)uri,
				     read_attributes(markup, attributes, count), count);
}

static void close_element(void *context, const xmlChar *name, const xmlChar *prefix,
			  const xmlChar *uri)
{
	struct markup *markup = context;

	(void)name, (void)prefix, (void)uri;
	if (!markup->stopped)
		markup->events->close(markup->arg);
}

static void add_text(void *context, const xmlChar *text, int length)
{
	struct markup *markup = context;

	if (!markup->stopped)
		markup->events->text(markup->arg, span_make(text, (size_t)length));
}

static void tell_type(void *context, const xmlChar *name, const xmlChar *external,
		      const xmlChar *system)
{
	struct markup *markup = context;

	(void)name, (void)external, (void)system;
	if (!markup->stopped)
		markup->events->doctype(markup->arg);
}

static void tell_instruction(void *context, const xmlChar *target, const xmlChar *data)
{
	struct markup *markup = context;

	(void)data;
	if (!markup->stopped && markup->events->instruction != NULL)
		markup->events->instruction(markup->arg, (const char *)target);
}

/* libxml2 would print it. */
static void tell_error(void *context, xmlError *error)
{
	struct markup *markup = context;
	bool fatal = error->level >= XML_ERR_FATAL;

	if (error->level < XML_ERR_ERROR || markup->broken || markup->stopped)
		return;
	markup->broken = fatal;
	markup->events->error(markup->arg, error->line > 0 ? (unsigned)error->line : 0,
			      error->message == NULL ? "no reason" : error->message, fatal);
}

struct markup *markup_new(const struct markup_events *events, void *arg, bool recover,
			  struct span first)
{
	xmlSAXHandler handler = {.initialized = XML_SAX2_MAGIC,
				 .startElementNs = open_element,
				 .endElementNs = close_element,
				 .characters = add_text,
				 .cdataBlock = add_text,
				 .internalSubset = tell_type,
				 .processingInstruction = tell_instruction,
				 .serror = tell_error};
	struct markup *markup = heap_zero(sizeof *markup);

	markup->events = events;
	markup->arg = arg;
	markup->parser =
	    xmlCreatePushParserCtxt(&handler, markup, first.p, (int)span_len(first), NULL);
	if (markup->parser == NULL) {
		free(markup);
		return NULL;
	}
	xmlCtxtUseOptions(markup->parser, XML_PARSE_NONET | (recover ? XML_PARSE_RECOVER : 0));
	return markup;
}

void markup_free(struct markup *markup)
{
	if (markup == NULL)
		return;
	xmlFreeParserCtxt(markup->parser);
	free(markup->attributes);
	free(markup);
}

void markup_push(struct markup *markup, struct span piece, bool last)
{
	assert(span_len(piece) <= INT_MAX);
	if (!markup->stopped)
		xmlParseChunk(markup->parser, piece.p, (int)span_len(piece), last);
}

void markup_stop(struct markup *markup)
{
	markup->stopped = true;
	xmlStopParser(markup->parser);
}

bool markup_has_stopped(const struct markup *markup)
{
	return markup->stopped;
}

bool markup_is_well_formed(const struct markup *markup)
{
	return markup->parser->wellFormed != 0;
}

unsigned markup_line(const struct markup *markup)
{
	int line = markup->parser->input == NULL ? 0 : markup->parser->input->line;

	return line > 0 ? (unsigned)line : 0;
}

/* EncodingDecl ::= S 'encoding' Eq ('"' EncName '"' | "'" EncName "'"), from Eq on */
static struct span read_encoding(struct span text)
{
	const char *end;

	text = span_trim(text);
	if (span_empty(text) || *text.p != '=')
		return span_of("");
	text.p++;
	text = span_trim(text);
	if (span_empty(text) || (*text.p != '"' && *text.p != '\''))
		return span_of("");
	end = memchr(text.p + 1, *text.p, span_len(text) - 1);
	return end == NULL ? span_of("") : (struct span){text.p + 1, end};
}

/* XMLDecl ::= '<?xml' VersionInfo EncodingDecl? SDDecl? S? '?>' (XML 1.0 sections 2.8 and 4.3.3) */
struct span markup_encoding(struct span document)
{
	static const char begin[] = "<?xml", word[] = "encoding";
	const char *end, *found;

	if (span_len(document) >= 3 && memcmp(document.p, "\xef\xbb\xbf", 3) == 0)
		document.p += 3;
	if (!span_istarts(document, begin))
		return span_of("");
	end = memchr(document.p, '>', span_len(document));
	if (end == NULL)
		return span_of("");
	found = memmem(document.p, (size_t)(end - document.p), word, sizeof word - 1);
	return found == NULL ? span_of("")
			     : read_encoding((struct span){found + sizeof word - 1, end});
}

void markup_prepare(void)
{
	xmlInitParser();
}

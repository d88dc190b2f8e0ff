/* SPDX-License-Identifier: BSD-2-Clause */
#include "report/xml.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <libxml/xmlwriter.h>
#include <stdlib.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/heap.h"
#include "lib/utf8.h"

struct xml {
	FILE *out;
	xmlTextWriter *writer;
	struct buf clean;
	enum xml_reach reach;
	unsigned depth; /* elements open below the root */
	int error;      /* errno of the first failure */
};

static const xmlChar *to_chars(const char *text)
{
	return (const xmlChar *)text;
}

static void check_result(struct xml *xml, int result)
{
	if (result < 0 && xml->error == 0)
		xml->error = errno != 0 ? errno : EIO;
}

/* libxml2 would write errors to standard error; they are in errno. */
static void keep_silent(void *context, const char *format, ...)
{
	(void)context;
	(void)format;
}

struct xml *xml_new(FILE *out, const char *root, const char *space, enum xml_reach reach)
{
	struct xml *xml = heap_zero(sizeof *xml);
	xmlOutputBuffer *buffer;

	xmlSetGenericErrorFunc(NULL, keep_silent);
	buffer = xmlOutputBufferCreateFile(out, NULL);
	if (buffer == NULL || (xml->writer = xmlNewTextWriter(buffer)) == NULL)
		abort();
	xml->out = out;
	xml->reach = reach;
	buf_init(&xml->clean, NULL, 0);
	errno = 0;
	check_result(xml, xmlTextWriterSetIndent(xml->writer, 1));
	check_result(xml, xmlTextWriterSetIndentString(xml->writer, to_chars("  ")));
	check_result(xml, xmlTextWriterStartDocument(xml->writer, NULL, "UTF-8", NULL));
	check_result(
	    xml, xmlTextWriterStartElementNS(xml->writer, NULL, to_chars(root), to_chars(space)));
	return xml;
}

void xml_open(struct xml *xml, const char *name)
{
	assert(name[0] != '\0');
	if (xml->reach == XML_ROOT_ONLY && xml->depth == 0)
		check_result(xml, xmlTextWriterStartElementNS(xml->writer, NULL, to_chars(name),
							      to_chars("")));
	else
		check_result(xml, xmlTextWriterStartElement(xml->writer, to_chars(name)));
	xml->depth++;
}

void xml_close(struct xml *xml)
{
	assert(xml->depth > 0);
	xml->depth--;
	check_result(xml, xmlTextWriterEndElement(xml->writer));
}

void xml_text(struct xml *xml, const char *name, const char *text)
{
	assert(text != NULL);
	if (!utf8_is_clean(span_of(text))) {
		buf_clear(&xml->clean);
		utf8_clean(&xml->clean, span_of(text));
		text = buf_text(&xml->clean);
	}
	xml_open(xml, name);
	check_result(xml, xmlTextWriterWriteString(xml->writer, to_chars(text)));
	xml_close(xml);
}

void xml_number(struct xml *xml, const char *name, int64_t number)
{
	char text[24];

	snprintf(text, sizeof text, "%" PRId64, number);
	xml_text(xml, name, text);
}

bool xml_failed(const struct xml *xml)
{
	return xml->error != 0;
}

int xml_finish(struct xml *xml, struct why *why)
{
	int error;

	check_result(xml, xmlTextWriterEndDocument(xml->writer));
	xmlFreeTextWriter(xml->writer);
	check_result(xml, fflush(xml->out));
	if (ferror(xml->out))
		check_result(xml, -1);
	error = xml->error;
	buf_free(&xml->clean);
	free(xml);
	return error == 0 ? 0 : why_set(why, "the report cannot be written: %s", strerror(error));
}

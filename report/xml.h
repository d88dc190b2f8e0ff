/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * XML written as it is made: nothing but the open elements is held in memory. libxml2 is used here
 * and nowhere else.
 */
#ifndef REPORT_XML_H
#define REPORT_XML_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "lib/why.h"

struct xml;

/* Are all elements in the namespace, or only the root (a schema without
 * elementFormDefault="qualified")? */
enum xml_reach { XML_ALL_ELEMENTS, XML_ROOT_ONLY };

/* Begins a document in OUT, which the caller closes. SPACE: its namespace. xml_finish() reports a
 * failure on the way. */
struct xml *xml_new(FILE *out, const char *root, const char *space, enum xml_reach reach);
void xml_open(struct xml *xml, const char *name);
void xml_close(struct xml *xml);

/* Writes an element with any text: what XML does not allow becomes U+FFFD. */
void xml_text(struct xml *xml, const char *name, const char *text);
void xml_number(struct xml *xml, const char *name, int64_t number);

/* Something could not be written: the rest is useless. */
bool xml_failed(const struct xml *xml);

/* Closes all elements, writes out what is left and frees XML. -1: something could not be written.
 */
int xml_finish(struct xml *xml, struct why *why);

#endif

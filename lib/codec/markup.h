/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An XML document as a row of events, by libxml2's push parser: no entities but the five of XML, no
 * network, and nothing kept in memory but the names of the open elements.
 */
#ifndef LIB_CODEC_MARKUP_H
#define LIB_CODEC_MARKUP_H

#include <stdbool.h>

#include "lib/span.h"

struct markup_attribute {
	const char *name, *prefix, *space; /* NULL: without a namespace */
	struct span value;
};

/* What is told. Names are local ones; SPACE is the namespace, or NULL. All lives during the call.
 */
struct markup_events {
	void (*open)(void *arg, const char *name, const char *space,
		     const struct markup_attribute *attributes, unsigned count);
	void (*text)(void *arg, struct span text); /* in one or several pieces */
	void (*close)(void *arg);
	void (*doctype)(void *arg);
	void (*instruction)(void *arg, const char *target); /* or NULL */
	/* those up to the first that is fatal, after which the document is not well-formed */
	void (*error)(void *arg, unsigned line, const char *message, bool fatal);
};

struct markup;

/* FIRST: the first four bytes, which tell the encoding, or nothing. RECOVER: goes on where an end
 * tag is missing or a character is wrong, to the end; an end tag that fits no open element closes
 * the innermost. NULL: libxml2 could not begin. */
struct markup *markup_new(const struct markup_events *events, void *arg, bool recover,
			  struct span first);
void markup_free(struct markup *markup);

void markup_push(struct markup *markup, struct span piece, bool last);
void markup_stop(struct markup *markup); /* nothing is told after it */
bool markup_has_stopped(const struct markup *markup);
bool markup_is_well_formed(const struct markup *markup);
unsigned markup_line(const struct markup *markup); /* where it is; 0: not known */

/* The encoding that the document states in its first line; empty: none, or not by the grammar. */
struct span markup_encoding(struct span document);

void markup_prepare(void); /* once, in a process that may open no files later */

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SVG Tiny Portable/Secure as a table: which elements there are, where they may stand, and which
 * attributes they may have.
 */
#ifndef BIMI_PROFILE_H
#define BIMI_PROFILE_H

#include <stdbool.h>

#include "lib/span.h"

struct profile_element {
	const char *name;
	unsigned kind;     /* what it is, as a child */
	unsigned children; /* the kinds it may contain */
	bool text;         /* may it contain text? */
	unsigned groups;   /* of attributes that it shares with others */
	const char *own;   /* attributes of its own, separated by blanks */
};

extern const struct profile_element
    profile_elements[]; /* ends with a NULL name; the first is svg */

const struct profile_element *profile_find(const char *name); /* or NULL */

/* Whether an attribute without a namespace may stand at ELEMENT. */
bool profile_allows(const struct profile_element *element, const char *attribute);

/* Those of the namespaces of XML ("xml:lang") and XLink ("href"; of the element use only). */
bool profile_allows_xml(const struct profile_element *element, const char *attribute);
bool profile_allows_xlink(const struct profile_element *element, const char *attribute);

/* Whether the attribute is a property, whose value CSS reads. */
bool profile_is_property(const char *attribute);

/* The values of an attribute that has only a few, separated by blanks; NULL: it has others. */
const char *profile_choices(const char *attribute);
bool profile_allows_value(const char *attribute, struct span value);

#endif

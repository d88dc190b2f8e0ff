/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * After the attribute tables of SVG Tiny 1.2 (W3C, appendix "Attribute Table" and "Property
 * Index"), without what draft-svg-tiny-ps-abrotman takes away: scripts, animation, interaction,
 * multimedia, references. An attribute that only these give a meaning is not in the table.
 */
#include "bimi/profile.h"

#include <string.h>

/* ---- attributes ---- */

enum group { CORE = 1, CONDITIONAL = 2, PROPERTIES = 4, TRANSFORM = 8 };

static const struct {
	unsigned group;
	const char *names;
} groups[] = {
    {CORE, "id class role rel rev typeof content datatype resource about property"},
    {CONDITIONAL,
     "requiredFeatures requiredExtensions requiredFormats requiredFonts systemLanguage"},
    {PROPERTIES,
     "buffered-rendering color color-rendering direction display display-align fill fill-opacity "
     "fill-rule font-family font-size font-style font-variant font-weight image-rendering "
     "line-increment opacity shape-rendering solid-color solid-opacity stop-color stop-opacity "
     "stroke stroke-dasharray stroke-dashoffset stroke-linecap stroke-linejoin stroke-miterlimit "
     "stroke-opacity stroke-width text-align text-anchor text-rendering unicode-bidi "
     "vector-effect viewport-fill viewport-fill-opacity visibility"},
    {TRANSFORM, "transform"},
};

#define DRAWN (CORE | CONDITIONAL | PROPERTIES | TRANSFORM)

static bool has_word(const char *words, const char *word)
{
	struct span rest = span_of(words), one;
	bool more = true;

	while (span_split(&rest, &more, ' ', &one))
		if (!span_empty(one) && span_eq(one, word))
			return true;
	return false;
}

/* ---- elements ---- */

enum kind {
	ROOT = 1,
	DESCRIPTION = 2, /* title, desc, metadata */
	DRAWING = 4,
	PAINT = 8, /* gradients and colours */
	STOP = 16,
	FONT = 32,
	FONT_PART = 64,
	DEFS = 128
};

#define CONTENT (DESCRIPTION | DRAWING | PAINT | FONT | DEFS)

static const char font_face[] =
    "font-family font-style font-weight font-variant font-stretch unicode-range panose-1 widths "
    "bbox units-per-em stemv stemh slope cap-height x-height accent-height ascent descent "
    "ideographic alphabetic mathematical hanging underline-position underline-thickness "
    "strikethrough-position strikethrough-thickness overline-position overline-thickness "
    "externalResourcesRequired";

const struct profile_element profile_elements[] = {
    {"svg", ROOT, CONTENT, false, CORE | PROPERTIES,
     "version baseProfile width height viewBox preserveAspectRatio focusable "
     "externalResourcesRequired"},
    {"title", DESCRIPTION, 0, true, CORE | CONDITIONAL | PROPERTIES, ""},
    {"desc", DESCRIPTION, 0, true, CORE | CONDITIONAL | PROPERTIES, ""},
    {"metadata", DESCRIPTION, 0, true, CORE | CONDITIONAL | PROPERTIES, ""},
    {"defs", DEFS, CONTENT, false, CORE | PROPERTIES, ""},
    {"g", DRAWING, CONTENT, false, DRAWN, "focusable externalResourcesRequired"},
    {"use", DRAWING, DESCRIPTION, false, DRAWN, "x y focusable externalResourcesRequired"},
    {"path", DRAWING, DESCRIPTION, false, DRAWN, "d pathLength focusable"},
    {"rect", DRAWING, DESCRIPTION, false, DRAWN, "x y width height rx ry focusable"},
    {"circle", DRAWING, DESCRIPTION, false, DRAWN, "cx cy r focusable"},
    {"ellipse", DRAWING, DESCRIPTION, false, DRAWN, "cx cy rx ry focusable"},
    {"line", DRAWING, DESCRIPTION, false, DRAWN, "x1 y1 x2 y2 focusable"},
    {"polyline", DRAWING, DESCRIPTION, false, DRAWN, "points focusable"},
    {"polygon", DRAWING, DESCRIPTION, false, DRAWN, "points focusable"},
    {"text", DRAWING, DESCRIPTION, true, DRAWN, "x y rotate focusable"},
    {"textArea", DRAWING, DESCRIPTION, true, DRAWN, "x y width height focusable"},
    {"linearGradient", PAINT, DESCRIPTION | STOP, false, CORE | PROPERTIES,
     "x1 y1 x2 y2 gradientUnits"},
    {"radialGradient", PAINT, DESCRIPTION | STOP, false, CORE | PROPERTIES,
     "cx cy r gradientUnits"},
    {"stop", STOP, DESCRIPTION, false, CORE | PROPERTIES, "offset"},
    {"solidColor", PAINT, DESCRIPTION, false, CORE | PROPERTIES, ""},
    {"font", FONT, DESCRIPTION | FONT_PART, false, CORE | PROPERTIES,
     "horiz-origin-x horiz-adv-x externalResourcesRequired"},
    {"font-face", FONT_PART, DESCRIPTION, false, CORE, font_face},
    {"glyph", FONT_PART, DESCRIPTION, false, CORE | PROPERTIES,
     "unicode glyph-name arabic-form lang d horiz-adv-x"},
    {"hkern", FONT_PART, DESCRIPTION, false, CORE, "u1 g1 u2 g2 k"},
    {NULL, 0, 0, false, 0, NULL},
};

const struct profile_element *profile_find(const char *name)
{
	for (const struct profile_element *e = profile_elements; e->name != NULL; e++)
		if (strcmp(e->name, name) == 0)
			return e;
	return NULL;
}

bool profile_allows(const struct profile_element *element, const char *attribute)
{
	if (has_word(element->own, attribute))
		return true;
	for (size_t i = 0; i < sizeof groups / sizeof *groups; i++)
		if ((element->groups & groups[i].group) != 0 &&
		    has_word(groups[i].names, attribute))
			return true;
	return false;
}

/* xml:base is left out: it changes what a reference means. */
bool profile_allows_xml(const char *attribute)
{
	return has_word("id lang space", attribute);
}

bool profile_allows_xlink(const struct profile_element *element, const char *attribute)
{
	return strcmp(element->name, "use") == 0 &&
	       has_word("href type role arcrole title show actuate", attribute);
}

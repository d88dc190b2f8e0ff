/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * After the schema in draft-svg-tiny-ps-abrotman, which is a part of SVG Tiny 1.2 (W3C).
 * Differences: fonts may stand where SVG Tiny 1.2 has them (the schema defines them, but lets them
 * stand nowhere); a reference is "xlink:href", as in SVG Tiny 1.2, or "href", as in the schema;
 * xml:base is left out, since it changes what a reference means.
 */
#include "bimi/profile.h"

#include <string.h>

/* ---- attributes ---- */

enum group { CORE = 1, CONDITIONAL = 2, PROPERTIES = 4, TRANSFORM = 8, MEDIA = 16 };

static const struct {
	unsigned group;
	const char *names;
} groups[] = {
    {CORE, "id class role rel rev typeof content datatype resource about property"},
    {CONDITIONAL, "requiredFonts systemLanguage"},
    {PROPERTIES,
     "color color-rendering direction display-align fill fill-opacity fill-rule font-family "
     "font-size font-style font-variant font-weight line-increment solid-color solid-opacity "
     "stop-color stop-opacity stroke stroke-dasharray stroke-dashoffset stroke-linecap "
     "stroke-linejoin stroke-miterlimit stroke-opacity stroke-width text-align text-anchor "
     "unicode-bidi vector-effect"},
    {TRANSFORM, "transform"},
    {MEDIA, "buffered-rendering display image-rendering shape-rendering text-rendering "
	    "viewport-fill viewport-fill-opacity visibility"},
};

#define DRAWN (CORE | CONDITIONAL | PROPERTIES | TRANSFORM)

/* Those that have a few values only. */
static const struct {
	const char *name, *values;
} choices[] = {
    {"buffered-rendering", "auto dynamic static inherit"},
    {"color-rendering", "auto optimizeSpeed optimizeQuality inherit"},
    {"direction", "ltr rtl inherit"},
    {"display",
     "inline block list-item run-in compact marker table inline-table table-row-group "
     "table-header-group table-footer-group table-row table-column-group table-column table-cell "
     "table-caption none inherit"},
    {"display-align", "auto before center after inherit"},
    {"editable", "none"},
    {"externalResourcesRequired", "false"},
    {"fill-rule", "nonzero evenodd inherit"},
    {"focusable", "false"},
    {"font-style", "normal italic oblique inherit"},
    {"font-variant", "normal small-caps inherit"},
    {"font-weight", "normal bold bolder lighter inherit"},
    {"gradientUnits", "userSpaceOnUse objectBoundingBox"},
    {"image-rendering", "auto optimizeSpeed optimizeQuality inherit"},
    {"playbackOrder", "all"},
    {"shape-rendering", "auto optimizeSpeed crispEdges geometricPrecision inherit"},
    {"snapshotTime", "none"},
    {"stroke-linecap", "butt round square inherit"},
    {"stroke-linejoin", "miter round bevel inherit"},
    {"text-align", "start center end inherit"},
    {"text-anchor", "start middle end inherit"},
    {"text-rendering", "auto optimizeSpeed optimizeLegibility geometricPrecision inherit"},
    {"timelineBegin", "onLoad"},
    {"unicode-bidi", "normal embed bidi-override inherit"},
    {"vector-effect", "none non-scaling-stroke inherit"},
    {"visibility", "visible hidden collapse inherit"},
    {"zoomAndPan", "disable"},
};

static bool has_word(const char *words, struct span word)
{
	struct span rest = span_of(words), one;
	bool more = true;

	while (span_split(&rest, &more, ' ', &one))
		if (!span_empty(one) && span_same(one, word))
			return true;
	return false;
}

/* ---- elements ---- */

enum kind {
	ROOT = 1,
	DESCRIPTION = 2, /* desc, metadata */
	DRAWING = 4,
	PAINT = 8, /* gradients and colours */
	STOP = 16,
	FONT = 32,
	FONT_PART = 64,
	DEFS = 128,
	TITLE = 256
};

#define CONTENT (DRAWING | PAINT | FONT | DEFS)

static const char font_face[] =
    "font-family font-style font-weight font-variant font-stretch unicode-range panose-1 widths "
    "bbox units-per-em stemv stemh slope cap-height x-height accent-height ascent descent "
    "ideographic alphabetic mathematical hanging underline-position underline-thickness "
    "strikethrough-position strikethrough-thickness overline-position overline-thickness";

const struct profile_element profile_elements[] = {
    {"svg", ROOT, TITLE | DESCRIPTION | CONTENT, false, CORE | PROPERTIES,
     "version baseProfile width height viewBox preserveAspectRatio contentScriptType focusable "
     "externalResourcesRequired playbackOrder snapshotTime timelineBegin zoomAndPan"},
    {"title", TITLE, 0, true, CORE | CONDITIONAL | MEDIA, ""},
    {"desc", DESCRIPTION, 0, true, CORE | CONDITIONAL | MEDIA, ""},
    {"metadata", DESCRIPTION, 0, true, 0, ""},
    {"defs", DEFS, CONTENT, false, CORE | PROPERTIES, ""},
    {"g", DRAWING, CONTENT, false, DRAWN, ""},
    {"use", DRAWING, 0, false, DRAWN, "x y href"},
    {"path", DRAWING, 0, false, DRAWN, "d pathLength"},
    {"rect", DRAWING, 0, false, DRAWN, "x y width height rx ry"},
    {"circle", DRAWING, 0, false, DRAWN, "cx cy r"},
    {"ellipse", DRAWING, 0, false, DRAWN, "cx cy rx ry"},
    {"line", DRAWING, 0, false, DRAWN, "x1 y1 x2 y2"},
    {"polyline", DRAWING, 0, false, DRAWN, "points"},
    {"polygon", DRAWING, 0, false, DRAWN, "points"},
    {"text", DRAWING, 0, true, DRAWN, "x y rotate editable"},
    {"textArea", DRAWING, 0, true, DRAWN, "x y width height"},
    {"linearGradient", PAINT, STOP, false, CORE | PROPERTIES, "x1 y1 x2 y2 gradientUnits"},
    {"radialGradient", PAINT, STOP, false, CORE | PROPERTIES, "cx cy r gradientUnits"},
    {"stop", STOP, 0, false, CORE | PROPERTIES, "offset"},
    {"solidColor", PAINT, 0, false, CORE | PROPERTIES, ""},
    {"font", FONT, DESCRIPTION | FONT_PART, false, CORE, "horiz-origin-x horiz-adv-x"},
    {"font-face", FONT_PART, DESCRIPTION, false, CORE, font_face},
    {"glyph", FONT_PART, DESCRIPTION, false, CORE,
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
	if (has_word(element->own, span_of(attribute)))
		return true;
	for (size_t i = 0; i < sizeof groups / sizeof *groups; i++)
		if ((element->groups & groups[i].group) != 0 &&
		    has_word(groups[i].names, span_of(attribute)))
			return true;
	return false;
}

bool profile_allows_xml(const struct profile_element *element, const char *attribute)
{
	return (element->groups & CORE) != 0 && has_word("id lang space", span_of(attribute));
}

bool profile_allows_xlink(const struct profile_element *element, const char *attribute)
{
	return strcmp(element->name, "use") == 0 &&
	       has_word("href type role arcrole title show actuate", span_of(attribute));
}

bool profile_is_property(const char *attribute)
{
	for (size_t i = 0; i < sizeof groups / sizeof *groups; i++)
		if ((groups[i].group & (PROPERTIES | MEDIA)) != 0 &&
		    has_word(groups[i].names, span_of(attribute)))
			return true;
	return false;
}

/* ---- values ---- */

const char *profile_choices(const char *attribute)
{
	for (size_t i = 0; i < sizeof choices / sizeof *choices; i++)
		if (strcmp(choices[i].name, attribute) == 0)
			return choices[i].values;
	return NULL;
}

bool profile_allows_value(const char *attribute, struct span value)
{
	const char *values = profile_choices(attribute);

	return values == NULL || has_word(values, span_trim(value));
}

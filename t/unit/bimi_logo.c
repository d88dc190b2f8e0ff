/* SPDX-License-Identifier: BSD-2-Clause */
/* bimi/logo: what SVG Tiny PS has and what it has not. bimi/finding: between two processes. */
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "bimi/examine.h"
#include "lib/codec/gzip.h"
#include "bimi/logo.h"
#include "t/lib/tap.h"

#define HEAD                                                                                       \
	"<svg xmlns=\"http://www.w3.org/2000/svg\" version=\"1.2\" baseProfile=\"tiny-ps\" "       \
	"viewBox=\"0 0 9 9\">"
#define TITLE "<title>x</title>"

static struct arena *arena;

/* The rules that are broken, separated by blanks. */
static const char *broken_rules(const struct bimi_findings *findings)
{
	struct buf out;

	buf_init(&out, arena, 0);
	for (unsigned i = 0; i < findings->count; i++)
		buf_printf(&out, "%s%s", i == 0 ? "" : " ",
			   bimi_rule_name(findings->items[i].rule));
	return buf_text(&out);
}

static struct bimi_findings *check_bytes(struct span bytes)
{
	struct bimi_findings *findings = arena_make(arena, struct bimi_findings);
	struct span svg;

	bimi_findings_init(findings, arena);
	bimi_logo_check(findings, bytes, &svg);
	return findings;
}

/* ---- what may be in it ---- */

static const struct {
	const char *content, *want;
} contents[] = {
    {"<path d=\"M0 0L9 9\"/>", ""},
    {"<rect x=\"0\" y=\"0\" width=\"9\" height=\"9\" rx=\"1\" ry=\"1\"/>", ""},
    {"<circle cx=\"1\" cy=\"1\" r=\"1\"/>", ""},
    {"<ellipse cx=\"1\" cy=\"1\" rx=\"1\" ry=\"2\"/>", ""},
    {"<line x1=\"0\" y1=\"0\" x2=\"1\" y2=\"1\"/>", ""},
    {"<polyline points=\"0 0 1 1\"/>", ""},
    {"<polygon points=\"0 0 1 1 1 0\"/>", ""},
    {"<desc/>", ""},
    {"<metadata/>", ""},
    {"<defs/>", ""},
    {"<g/>", ""},
    {"<g transform=\"scale(2)\" fill=\"#fff\" stroke=\"none\"/>", ""},
    {"<path d=\"\" fill=\"url(#a)\"/>", ""},
    {"<path d=\"\" fill=\"url( '#a' ) red\"/>", ""},
    {"<use xmlns:xlink=\"http://www.w3.org/1999/xlink\" xlink:href=\"#a\" x=\"1\" y=\"1\"/>", ""},
    {"<g xml:lang=\"en\" xml:space=\"preserve\" xml:id=\"a\"/>", ""},
    {"<g id=\"a\" class=\"b\" role=\"img\"/>", ""},
    {"<g fill-opacity=\".5\" color=\"red\"/>", ""},
    {"<desc display=\"inline\" visibility=\"visible\" viewport-fill=\"red\"/>", ""},
    {"<g opacity=\".5\"/>", "logo.attribute"},
    {"<g display=\"inline\"/>", "logo.attribute"},
    {"<g focusable=\"false\"/>", "logo.attribute"},
    {"<g requiredFeatures=\"\"/>", "logo.attribute"},
    {"<metadata id=\"a\"/>", "logo.attribute"},
    {"<metadata xml:lang=\"en\"/>", "logo.attribute"},
    {"<g id=\"a\" xml:id=\"b\"/>", "logo.attribute"},
    {"<g id=\"1\"/>", "logo.value"},
    {"<g id=\"a:b\"/>", "logo.value"},
    {"<g class=\"\"/>", "logo.value"},
    {"<g class=\"a b:c\"/>", ""},
    {"<g fill-rule=\" evenodd \"/>", ""},
    {"<g fill-rule=\"even odd\"/>", "logo.value"},
    {"<g fill-rule=\"\"/>", "logo.value"},
    {"<g font-weight=\"700\"/>", "logo.value"},
    {"<g xml:space=\"keep\"/>", "logo.value"},
    {"<use href=\"#a\"/>", ""},
    {"<use href=\"a.svg\"/>", "logo.reference"},
    {"<path d=\"\"><desc>b</desc></path>", "logo.place"},
    {"<g><desc>b</desc></g>", "logo.place"},
    {"<title>again</title>", "logo.place"},
    {"<path d=\"\" stroke-width=\"1\" stroke-linecap=\"round\" stroke-linejoin=\"bevel\" "
     "stroke-dasharray=\"1 1\" stroke-dashoffset=\"1\" stroke-miterlimit=\"2\" "
     "stroke-opacity=\"1\"/>",
     ""},
    {"<path d=\"\" fill-rule=\"evenodd\" fill-opacity=\"1\" "
     "vector-effect=\"none\"/>",
     ""},
    {"<solidColor solid-color=\"red\" solid-opacity=\"1\"/>", ""},
    {"<g systemLanguage=\"en\" requiredFonts=\"\"/>", ""},
    {"<text x=\"1\" y=\"1\" rotate=\"0\" font-family=\"a\" font-size=\"1\" "
     "text-anchor=\"middle\">x</text>",
     ""},
    {"<textArea x=\"0\" y=\"0\" width=\"9\" height=\"9\" text-align=\"center\" "
     "line-increment=\"1\">x</textArea>",
     ""},
    {"<linearGradient id=\"a\" x1=\"0\" y1=\"0\" x2=\"1\" y2=\"1\" "
     "gradientUnits=\"userSpaceOnUse\"><stop offset=\"0\" stop-color=\"red\" "
     "stop-opacity=\"1\"/></linearGradient>",
     ""},
    {"<radialGradient cx=\"0\" cy=\"0\" r=\"1\"><stop offset=\"1\"/></radialGradient>", ""},
    {"<font horiz-adv-x=\"1\"><font-face font-family=\"a\" units-per-em=\"1\" ascent=\"1\"/><glyph "
     "unicode=\"a\" d=\"M0 0\" horiz-adv-x=\"1\"/><hkern u1=\"a\" u2=\"b\" k=\"1\"/></font>",
     ""},
    {"<g><g><path d=\"\"/></g></g>", ""},
    {"<defs><path id=\"a\" d=\"\"/></defs>", ""},
    {"<!-- comment -->", ""},
    {"<desc>a &amp; b &lt; c &#233;</desc>", ""},
    {"<desc><![CDATA[a < b]]></desc>", ""},
    {"<script/>", "logo.element"},
    {"<style/>", "logo.element"},
    {"<image/>", "logo.element"},
    {"<foreignObject/>", "logo.element"},
    {"<animate/>", "logo.element"},
    {"<animateMotion/>", "logo.element"},
    {"<animateTransform/>", "logo.element"},
    {"<animateColor/>", "logo.element"},
    {"<set/>", "logo.element"},
    {"<filter/>", "logo.element"},
    {"<mask/>", "logo.element"},
    {"<clipPath/>", "logo.element"},
    {"<pattern/>", "logo.element"},
    {"<marker/>", "logo.element"},
    {"<symbol/>", "logo.element"},
    {"<a/>", "logo.element"},
    {"<switch/>", "logo.element"},
    {"<view/>", "logo.element"},
    {"<cursor/>", "logo.element"},
    {"<tspan/>", "logo.element"},
    {"<tbreak/>", "logo.element"},
    {"<video/>", "logo.element"},
    {"<audio/>", "logo.element"},
    {"<animation/>", "logo.element"},
    {"<discard/>", "logo.element"},
    {"<handler/>", "logo.element"},
    {"<listener/>", "logo.element"},
    {"<prefetch/>", "logo.element"},
    {"<mpath/>", "logo.element"},
    {"<missing-glyph/>", "logo.element"},
    {"<g style=\"\"/>", "logo.attribute"},
    {"<g onclick=\"\"/>", "logo.attribute"},
    {"<g onload=\"\"/>", "logo.attribute"},
    {"<g onmouseover=\"\"/>", "logo.attribute"},
    {"<g href=\"\"/>", "logo.attribute"},
    {"<g filter=\"\"/>", "logo.attribute"},
    {"<g mask=\"\"/>", "logo.attribute"},
    {"<g clip-path=\"\"/>", "logo.attribute"},
    {"<g xml:base=\"\"/>", "logo.attribute"},
    {"<g nav-up=\"\"/>", "logo.attribute"},
    {"<g pointer-events=\"\"/>", "logo.attribute"},
    {"<g audio-level=\"\"/>", "logo.attribute"},
    {"<g width=\"\"/>", "logo.attribute"},
    {"<g d=\"\"/>", "logo.attribute"},
    {"<path d=\"\" x=\"1\"/>", "logo.attribute"},
    {"<linearGradient gradientTransform=\"scale(1)\"/>", "logo.attribute"},
    {"<linearGradient spreadMethod=\"pad\"/>", "logo.attribute"},
    {"<svg/>", "logo.place"},
    {"<g><stop/></g>", "logo.place"},
    {"<path d=\"\"><path d=\"\"/></path>", "logo.place"},
    {"<g><glyph/></g>", "logo.place"},
    {"<desc>y<g/></desc>", "logo.place"},
    {"text", "logo.text"},
    {"<g>text</g>", "logo.text"},
    {"<path d=\"\">x</path>", "logo.text"},
    {"<path d=\"\" fill=\"url(http://example.com/#a)\"/>", "logo.reference"},
    {"<path d=\"\" fill=\"URL(data:x)\"/>", "logo.reference"},
    {"<path d=\"\" fill=\"red url(a.svg#b)\"/>", "logo.reference"},
    {"<use xmlns:xlink=\"http://www.w3.org/1999/xlink\" "
     "xlink:href=\"http://example.com/a.svg#b\"/>",
     "logo.reference"},
    {"<use xmlns:xlink=\"http://www.w3.org/1999/xlink\" "
     "xlink:href=\"data:image/png;base64,AA==\"/>",
     "logo.reference"},
    {"<use xmlns:xlink=\"http://www.w3.org/1999/xlink\" xlink:href=\"\"/>", "logo.reference"},
    {"<use xmlns:xlink=\"http://www.w3.org/1999/xlink\" xlink:href=\"#\"/>", "logo.reference"},
    {"<use xmlns:xlink=\"http://www.w3.org/1999/xlink\" xlink:href=\" javascript:1\"/>",
     "logo.reference"},
    {"<path xmlns:xlink=\"http://www.w3.org/1999/xlink\" xlink:href=\"#a\" d=\"\"/>",
     "logo.attribute"},
    {"<g xmlns:i=\"http://example.com/\" i:label=\"x\"/>", "logo.namespace"},
    {"<i:view xmlns:i=\"http://example.com/\"/>", "logo.namespace"},
    {"<g xmlns=\"\"/>", "logo.namespace"},
    {"<metadata><r:RDF xmlns:r=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\"/></metadata>",
     "logo.namespace"},
    {"<?php x?>", "logo.instruction"},
    {"<g>", "logo.xml"},
    {"<g></path>", "logo.xml"},
    {"<g id=\"a\" id=\"b\"/>", "logo.xml"},
    {"&entity;", "logo.xml"},
    {"<g a=b/>", "logo.xml"},
    {"<desc>\001</desc>", "logo.xml"},
    {"<desc>\377</desc>", "logo.encoding"},
    {"<g fill=\"\\75 rl(http://example.com/a)\"/>", "logo.reference"},
    {"<g fill=\"ur\\6c(http://example.com/a)\"/>", "logo.reference"},
    {"<g stroke=\"image-set('http://example.com/a' 1x)\"/>", "logo.reference"},
    {"<g color=\"src(#a)\"/>", "logo.reference"},
    {"<g fill=\"url( &quot;http://example.com/a&quot; )\"/>", "logo.reference"},
    {"<g fill=\"&#117;rl(&#104;ttp://example.com/a)\"/>", "logo.reference"},
    {"<desc viewport-fill=\"url(//example.com/a)\"/>", "logo.reference"},
    {"<g fill=\"rgb(1, 2, 3)\" stroke=\"rgb(10%,20%,30%)\" font-family=\"A (B)\"/>", ""},
    {"<g transform=\"translate(1 2) rotate(3)\"/>", ""},
    {"<script/><style/>", "logo.element logo.element"},
    {"<script onload=\"x\"/><g style=\"\" onclick=\"\"/>",
     "logo.element logo.attribute logo.attribute"},
};

static void test_contents(void)
{
	for (size_t i = 0; i < sizeof contents / sizeof *contents; i++) {
		const char *svg =
		    arena_printf(arena, "%s%s%s</svg>", HEAD, TITLE, contents[i].content);

		is_text(broken_rules(check_bytes(span_of(svg))), contents[i].want, "%s",
			contents[i].content);
	}
}

/* ---- documents ---- */

static const struct {
	const char *document, *want;
} documents[] = {
    {HEAD "</svg>", "logo.title"},
    {HEAD "<title> </title></svg>", "logo.title"},
    {HEAD "<g><title>x</title></g></svg>", "logo.place logo.title"},
    {HEAD "<g/>" TITLE "</svg>", "logo.place"},
    {HEAD "<desc/>" TITLE "</svg>", "logo.place"},
    {"<svg xmlns=\"http://www.w3.org/2000/svg\" version=\"1.2\" baseProfile=\"tiny-ps\" "
     "viewBox=\"0 0 9 9\" zoomAndPan=\"disable\" timelineBegin=\"onLoad\" snapshotTime=\"none\" "
     "playbackOrder=\"all\" focusable=\"false\" externalResourcesRequired=\"false\" "
     "preserveAspectRatio=\"xMidYMid meet\">" TITLE "</svg>",
     ""},
    {"<svg xmlns=\"http://www.w3.org/2000/svg\" version=\"1.2\" baseProfile=\"tiny-ps\" "
     "viewBox=\"0 0 9 9\" zoomAndPan=\"magnify\" timelineBegin=\"onStart\" snapshotTime=\"1s\" "
     "playbackOrder=\"forwardOnly\" focusable=\"auto\" externalResourcesRequired=\"true\" "
     "preserveAspectRatio=\"xMinYMin slice\">" TITLE "</svg>",
     "logo.value logo.value logo.value logo.value logo.value logo.value logo.value"},
    {"\xef\xbb\xbf" HEAD TITLE "</svg>", ""},
    {"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n" HEAD TITLE "</svg>\n", ""},
    {"<?xml-stylesheet href=\"a.css\"?>" HEAD TITLE "</svg>", "logo.instruction"},
    {"<!DOCTYPE svg>" HEAD TITLE "</svg>", "logo.doctype"},
    {"<!DOCTYPE svg [<!ENTITY a \"b\">]>" HEAD TITLE "&a;</svg>", "logo.doctype"},
    {"<!DOCTYPE lolz [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;&a;&a;\"><!ENTITY c "
     "\"&b;&b;&b;&b;\">]>" HEAD "<title>&c;</title></svg>",
     "logo.doctype"},
    {"<!DOCTYPE svg [<!ENTITY % a SYSTEM \"http://example.com/a.dtd\"> %a;]>" HEAD TITLE "</svg>",
     "logo.doctype"},
    {"<?xml version='1.0' encoding = 'Utf-8' standalone='yes'?>" HEAD TITLE "</svg>", ""},
    {"<?xml version=\"1.0\" encoding=\"US-ASCII\"?>" HEAD TITLE "</svg>", ""},
    {"<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>" HEAD TITLE "</svg>", "logo.encoding"},
    {"<?xml version=\"1.0\" encoding=\"UTF-16\"?>" HEAD TITLE "</svg>", "logo.encoding"},
    {HEAD "<title><title>x</title></title></svg>", "logo.place logo.title"},
    {HEAD "<title><![CDATA[x]]></title></svg>", ""},
    {HEAD "<title><!-- x --></title></svg>", "logo.title"},
    {HEAD TITLE "<g><svg viewBox=\"0 0 1 1\"/></g></svg>", "logo.place"},
    {"<s:svg xmlns:s=\"http://www.w3.org/2000/svg\" version=\"1.2\" baseProfile=\"tiny-ps\" "
     "viewBox=\"0 0 9 9\"><s:title>x</s:title></s:svg>",
     ""},
    {"<!DOCTYPE svg SYSTEM \"file:///etc/passwd\">" HEAD TITLE "</svg>", "logo.doctype"},
    {"<svg xmlns=\"http://www.w3.org/2000/svg\" version=\"1.1\" baseProfile=\"tiny-ps\" "
     "viewBox=\"0 0 9 9\">" TITLE "</svg>",
     "logo.version"},
    {"<svg xmlns=\"http://www.w3.org/2000/svg\" baseProfile=\"tiny-ps\" viewBox=\"0 0 9 9\">" TITLE
     "</svg>",
     "logo.version"},
    {"<svg xmlns=\"http://www.w3.org/2000/svg\" version=\"1.2\" baseProfile=\"tiny\" viewBox=\"0 0 "
     "9 9\">" TITLE "</svg>",
     "logo.profile"},
    {"<svg xmlns=\"http://www.w3.org/2000/svg\" version=\"1.2\" viewBox=\"0 0 9 9\">" TITLE
     "</svg>",
     "logo.profile"},
    {"<svg xmlns=\"http://www.w3.org/2000/svg\" version=\"1.2\" baseProfile=\"tiny-ps\" "
     "viewBox=\"0 0 9 9\" x=\"0\" y=\"0\">" TITLE "</svg>",
     "logo.attribute logo.attribute"},
    {"<svg xmlns=\"http://www.w3.org/2000/svg\" version=\"1.2\" baseProfile=\"tiny-ps\" "
     "viewBox=\"0 0 9 9\" overflow=\"hidden\">" TITLE "</svg>",
     "logo.attribute"},
    {"<svg xmlns=\"http://www.w3.org/2000/svg\" version=\"1.2\" baseProfile=\"tiny-ps\" "
     "viewBox=\"0 0 9 8\">" TITLE "</svg>",
     "logo.viewbox"},
    {"<svg xmlns=\"http://www.w3.org/2000/svg\" version=\"1.2\" baseProfile=\"tiny-ps\" "
     "viewBox=\"0,0, 1.5 1.5\">" TITLE "</svg>",
     ""},
    {"<svg xmlns=\"http://www.w3.org/2000/svg\" version=\"1.2\" baseProfile=\"tiny-ps\" "
     "viewBox=\"0 0 -1 -1\">" TITLE "</svg>",
     "logo.viewbox"},
    {"<svg xmlns=\"http://www.w3.org/2000/svg\" version=\"1.2\" baseProfile=\"tiny-ps\" "
     "viewBox=\"x\">" TITLE "</svg>",
     "logo.viewbox"},
    {"<svg xmlns=\"http://www.w3.org/2000/svg\" version=\"1.2\" baseProfile=\"tiny-ps\">" TITLE
     "</svg>",
     "logo.viewbox"},
    {"<svg version=\"1.2\" baseProfile=\"tiny-ps\">" TITLE "</svg>", "logo.root"},
    {"<html/>", "logo.root"},
    {"", "logo.xml"},
    {"text", "logo.xml"},
    {HEAD TITLE "</svg><svg/>", "logo.xml"},
    {HEAD TITLE "</svg>text", "logo.xml"},
};

static void test_documents(void)
{
	for (size_t i = 0; i < sizeof documents / sizeof *documents; i++)
		is_text(broken_rules(check_bytes(span_of(documents[i].document))),
			documents[i].want, "%.200s", documents[i].document);
}

static void test_places(void)
{
	struct bimi_findings *findings =
	    check_bytes(span_of(HEAD "\n" TITLE "\n<g>\n<script/></g></svg>"));

	is_int(findings->items[0].line, 4, "the line of a fault");
	is_text(findings->items[0].text, "<script> is not an element of SVG Tiny PS", "its text");
	is_int(findings->fact_count, 1, "one fact");
	is_text(findings->facts[0].name, "title", "the title");
	is_text(findings->facts[0].text, "x", "its text");
}

/* ---- sizes ---- */

static struct span document_of(size_t size)
{
	struct buf out;

	buf_init(&out, arena, 0);
	buf_string(&out, HEAD TITLE "<!--");
	while (out.len < size - strlen("--></svg>"))
		buf_char(&out, 'x');
	buf_string(&out, "--></svg>");
	return buf_view(&out);
}

static struct span compress_text(struct span text)
{
	z_stream stream = {.next_in = (Bytef *)(uintptr_t)text.p, .avail_in = (uInt)span_len(text)};
	size_t room = span_len(text) + 1024;
	char *out = arena_alloc(arena, room);

	stream.next_out = (Bytef *)out;
	stream.avail_out = (uInt)room;
	if (deflateInit2(&stream, 9, Z_DEFLATED, 31, 9, Z_DEFAULT_STRATEGY) != Z_OK ||
	    deflate(&stream, Z_FINISH) != Z_STREAM_END)
		abort();
	deflateEnd(&stream);
	return span_make(out, room - stream.avail_out);
}

static void test_sizes(void)
{
	struct span packed = compress_text(document_of(BIMI_LOGO_MAX)), longer;
	struct buf nested;

	is_text(broken_rules(check_bytes(document_of(BIMI_LOGO_MAX))), "", "32 KB");
	is_text(broken_rules(check_bytes(document_of(BIMI_LOGO_MAX + 1))), "logo.size",
		"one byte more");
	is_text(broken_rules(check_bytes(document_of(BIMI_LOGO_READ_MAX + 1))), "logo.size",
		"1 MB");
	is_text(broken_rules(check_bytes(packed)), "", "32 KB, compressed");
	is_text(broken_rules(check_bytes(compress_text(document_of(BIMI_LOGO_MAX + 1)))),
		"logo.size", "one byte more, compressed");
	is_text(broken_rules(check_bytes(compress_text(document_of(64 * BIMI_LOGO_READ_MAX)))),
		"logo.gzip", "64 MiB, compressed");
	for (const char *end = packed.p + 2; end < packed.end; end++)
		is_text(broken_rules(check_bytes((struct span){packed.p, end})), "logo.gzip",
			"truncated");
	longer.p = arena_alloc(arena, span_len(packed) + 1);
	memcpy((char *)(uintptr_t)longer.p, packed.p, span_len(packed));
	longer.end = longer.p + span_len(packed) + 1;
	is_text(broken_rules(check_bytes(longer)), "logo.gzip", "something follows");
	buf_init(&nested, arena, 0);
	buf_string(&nested, HEAD TITLE);
	for (unsigned i = 0; i < 100; i++)
		buf_string(&nested, "<g>");
	is_text(broken_rules(check_bytes(buf_view(&nested))), "logo.depth", "100 levels");
}

/* ---- copies ---- */

/* LEVELS of <g>, each of which has WIDTH copies of the one before. */
static struct span document_of_copies(unsigned levels, unsigned width)
{
	struct buf out;

	buf_init(&out, arena, 0);
	buf_string(&out, HEAD TITLE "<g id=\"l0\"/>");
	for (unsigned level = 1; level <= levels; level++) {
		buf_printf(&out, "<g id=\"l%u\">", level);
		for (unsigned i = 0; i < width; i++)
			buf_printf(&out, "<use href=\"#l%u\"/>", level - 1);
		buf_string(&out, "</g>");
	}
	buf_string(&out, "</svg>");
	return buf_view(&out);
}

static void test_copies(void)
{
	static const struct {
		const char *content, *want;
	} rows[] = {
	    {"<use href=\"#a\"/><g id=\"a\"><use href=\"#b\"/></g><g id=\"b\"/>", ""},
	    {"<use href=\"#nothing\"/>", ""},
	    {"<use id=\"a\" href=\"#a\"/>", "logo.use"},
	    {"<g id=\"a\"><g><use href=\"#a\"/></g></g>", "logo.use"},
	    {"<g xml:id=\"a\"><g><use xmlns:x=\"http://www.w3.org/1999/xlink\" "
	     "x:href=\"#a\"/></g></g>",
	     "logo.use"},
	    {"<g id=\"a\"><use href=\"#b\"/></g><g id=\"b\"><use href=\"#a\"/></g>", "logo.use"},
	    {"<g id=\"a\"/><g id=\"a\"><use href=\"#a\"/></g>", ""},
	    {"<script id=\"a\"><use href=\"#a\"/></script>", "logo.element logo.use"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const char *svg = arena_printf(arena, "%s%s%s</svg>", HEAD, TITLE, rows[i].content);

		is_text(broken_rules(check_bytes(span_of(svg))), rows[i].want, "%s",
			rows[i].content);
	}
	is_text(broken_rules(check_bytes(document_of_copies(3, 10))), "", "10^3 copies");
	is_text(broken_rules(check_bytes(document_of_copies(10, 10))), "logo.use", "10^10 copies");
	is_text(broken_rules(check_bytes(document_of_copies(60, 2))), "logo.use", "2^60 copies");
	is_text(broken_rules(check_bytes(document_of_copies(600, 1))), "logo.use",
		"copies of copies, 600 deep");
	is_text(broken_rules(check_bytes(document_of_copies(50, 1))), "", "50 deep");
}

/* ---- other encodings ---- */

static struct span to_utf16(const char *text, bool big, bool mark)
{
	struct buf out;

	buf_init(&out, arena, 0);
	for (const char *p = mark ? text - 1 : text; p < text || *p != '\0'; p++) {
		unsigned c = p < text ? 0xfeff : (unsigned char)*p;

		buf_char(&out, (char)(big ? c >> 8 : c));
		buf_char(&out, (char)(big ? c : c >> 8));
	}
	return buf_view(&out);
}

static void test_encodings(void)
{
	static const char document[] = " " HEAD TITLE "<script/></svg>";

	for (unsigned i = 0; i < 4; i++)
		ok(strstr(broken_rules(
			      check_bytes(to_utf16(document + 1, (i & 1) != 0, (i & 2) != 0))),
			  "logo.encoding") != NULL,
		   "UTF-16, form %u", i);
	is_text(broken_rules(check_bytes(compress_text(compress_text(document_of(1000))))),
		"logo.encoding", "compressed twice");
}

/* ---- between processes ---- */

static const struct {
	const char *text;
	bool good;
} lines[] = {
    {"end\n", true},
    {"full\nend\n", true},
    {"fact title x\nend\n", true},
    {"finding logo.title 3 no title\nend\n", true},
    {"", false},
    {"end", true},
    {"fact title x\n", false},
    {"end\nfact title x\n", false},
    {"fact title\nend\n", false},
    {"fact a\033[31m x\nend\n", false},
    {"fact aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa x\nend\n", false},
    {"finding logo.nothing 3 x\nend\n", false},
    {"finding logo.title -3 x\nend\n", false},
    {"finding logo.title 99999999999 x\nend\n", false},
    {"finding logo.title 3\nend\n", false},
    {"something\nend\n", false},
};

static void test_lines(void)
{
	struct bimi_findings *findings = arena_make(arena, struct bimi_findings);

	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
		bimi_findings_init(findings, arena);
		is_int(bimi_findings_read(findings, span_of(lines[i].text)), lines[i].good, "%s",
		       lines[i].text);
	}
	bimi_findings_init(findings, arena);
	for (unsigned i = 0; i < BIMI_FINDINGS_MAX + 10; i++)
		bimi_found(findings, BIMI_LOGO_TEXT, i, "a\n\033[31m%s", "b");
	is_int(findings->count, BIMI_FINDINGS_MAX, "bounded");
	ok(findings->full, "and it says so");
	is_text(findings->items[0].text, "a \xef\xbf\xbd[31mb", "one line without controls");
}

/* ---- the process ---- */

static void test_process(void)
{
	struct bimi_findings *findings = arena_make(arena, struct bimi_findings);
	struct bimi_evidence evidence = {.pem = span_of(HEAD TITLE "<script/></svg>")};
	struct why why;

	is_int(bimi_kind_of(span_of(" \n<svg/>")), BIMI_LOGO, "a logo");
	is_int(bimi_kind_of(span_of("subject=\n-----BEGIN CERTIFICATE-----\n")), BIMI_CERTIFICATE,
	       "a certificate");
	is_int(bimi_kind_of(span_of("-----BEGIN")), BIMI_NEITHER, "neither");
	is_int(bimi_kind_of(span_of("")), BIMI_NEITHER, "nothing");
	bimi_findings_init(findings, arena);
	is_int(bimi_examine(BIMI_LOGO, &evidence, findings, &why), 0, "a process examines it");
	is_text(broken_rules(findings), "logo.element", "and finds what is wrong");
	is_int(findings->fact_count, 3, "with the facts");
	is_text(findings->facts[1].name, "bytes", "its size");
	is_int(strlen(findings->facts[2].text), 64, "its digest");
}

int main(void)
{
	arena = arena_new(0);
	test_contents();
	test_documents();
	test_places();
	test_sizes();
	test_copies();
	test_encodings();
	test_lines();
	test_process();
	arena_free(arena);
	return tap_done();
}

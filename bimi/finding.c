/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The table of rules, and the form in which findings pass from one process to another:
 *
 *   finding RULE LINE TEXT
 *   fact NAME TEXT
 *   indicator BASE64
 *   until SECONDS
 *   full
 *   end
 *
 * The writer may have been taken over by what it read, so the reader trusts nothing: names are from
 * the table, and texts are cleaned again.
 */
#include "bimi/finding.h"

#include <assert.h>
#include <stdarg.h>
#include <string.h>

#include "lib/utf8.h"

static const struct {
	const char *name;
	enum bimi_weight weight;
	const char *remedy;
} rules[BIMI_RULES] = {
    [BIMI_LOGO_GZIP] = {"logo.gzip", BIMI_FAULT, "compress the file again with gzip -9"},
    [BIMI_LOGO_SIZE] = {"logo.size", BIMI_FAULT,
			"simplify the paths, use fewer decimals, and remove what the editor added, "
			"until it has at most 32 KB"},
    [BIMI_LOGO_XML] = {"logo.xml", BIMI_FAULT, "correct the XML"},
    [BIMI_LOGO_ENCODING] = {"logo.encoding", BIMI_FAULT, "save the file as UTF-8"},
    [BIMI_LOGO_DOCTYPE] = {"logo.doctype", BIMI_FAULT, "remove the <!DOCTYPE> declaration"},
    [BIMI_LOGO_INSTRUCTION] = {"logo.instruction", BIMI_FAULT, "remove the instruction"},
    [BIMI_LOGO_DEPTH] = {"logo.depth", BIMI_FAULT, "flatten the groups"},
    [BIMI_LOGO_ROOT] = {"logo.root", BIMI_FAULT,
			"begin with <svg xmlns=\"http://www.w3.org/2000/svg\">"},
    [BIMI_LOGO_VERSION] = {"logo.version", BIMI_FAULT, "write <svg version=\"1.2\">"},
    [BIMI_LOGO_PROFILE] = {"logo.profile", BIMI_FAULT, "write <svg baseProfile=\"tiny-ps\">"},
    [BIMI_LOGO_TITLE] = {"logo.title", BIMI_FAULT,
			 "add <title>NAME OF THE BRAND</title> as the first child of <svg>"},
    [BIMI_LOGO_VIEWBOX] = {"logo.viewbox", BIMI_ADVICE,
			   "use a square, viewBox=\"0 0 100 100\", with the logo in its centre"},
    [BIMI_LOGO_NAMESPACE] = {"logo.namespace", BIMI_FAULT,
			     "save the file as plain SVG, without the data of an editor"},
    [BIMI_LOGO_ELEMENT] = {"logo.element", BIMI_FAULT, "remove the element, or draw it with paths"},
    [BIMI_LOGO_PLACE] = {"logo.place", BIMI_FAULT, "move the element"},
    [BIMI_LOGO_TEXT] = {"logo.text", BIMI_FAULT, "remove the text"},
    [BIMI_LOGO_ATTRIBUTE] = {"logo.attribute", BIMI_FAULT,
			     "remove the attribute; write properties of style=\"\" as attributes"},
    [BIMI_LOGO_VALUE] = {"logo.value", BIMI_FAULT, "remove the attribute, or change its value"},
    [BIMI_LOGO_REFERENCE] = {"logo.reference", BIMI_FAULT,
			     "refer only to elements of the same file, with \"#ID\""},
    [BIMI_LOGO_USE] = {"logo.use", BIMI_FAULT, "draw the copies yourself, or fewer of them"},
    [BIMI_CERTIFICATE_PEM] = {"certificate.pem", BIMI_FAULT,
			      "publish the file that the issuer sent, in the PEM format"},
    [BIMI_CERTIFICATE_PRIVATE_KEY] = {"certificate.private-key", BIMI_FAULT,
				      "remove the key; if the file has been published, have the "
				      "certificate revoked"},
    [BIMI_CERTIFICATE_ORDER] = {"certificate.order", BIMI_FAULT,
				"put the mark certificate first, then each certificate that issued "
				"the one before it"},
    [BIMI_CERTIFICATE_DATES] = {"certificate.dates", BIMI_FAULT, "renew the certificate"},
    [BIMI_CERTIFICATE_PURPOSE] = {"certificate.purpose", BIMI_FAULT,
				  "use a mark certificate (VMC or CMC), not one for TLS"},
    [BIMI_CERTIFICATE_NAME] = {"certificate.name", BIMI_FAULT,
			       "have a certificate issued for the domain"},
    [BIMI_CERTIFICATE_LOGO] = {"certificate.logo", BIMI_FAULT,
			       "have the certificate issued again with the logo"},
    [BIMI_CERTIFICATE_SAME_LOGO] = {"certificate.same-logo", BIMI_FAULT,
				    "publish the logo that is in the certificate"},
    [BIMI_CERTIFICATE_MARK] = {"certificate.mark", BIMI_FAULT,
			       "have a certificate issued that is not a test"},
    [BIMI_CERTIFICATE_CRL] = {"certificate.crl", BIMI_FAULT,
			      "have the certificate issued again; it must say where its CRL is"},
    [BIMI_CERTIFICATE_SCT] = {"certificate.sct", BIMI_FAULT,
			      "have the certificate issued again; it must be logged"},
    [BIMI_CERTIFICATE_NO_LOGS] = {"certificate.no-logs", BIMI_UNCHECKED,
				  "name a file of public keys (PEM) with --logs=FILE or bimi.logs"},
    [BIMI_CERTIFICATE_CHAIN] = {"certificate.chain", BIMI_FAULT,
				"add the missing certificates of the issuer to the file"},
    [BIMI_CERTIFICATE_REVOKED] = {"certificate.revoked", BIMI_FAULT,
				  "have a new certificate issued"},
    [BIMI_CERTIFICATE_NO_CRL] = {"certificate.no-crl", BIMI_UNCHECKED,
				 "try again later, or give the list to countersign bimi check FILE "
				 "with --crl; if it stays so, ask the issuer"},
    [BIMI_CERTIFICATE_NO_ROOTS] = {"certificate.no-roots", BIMI_UNCHECKED,
				   "name a file of mark roots with --roots=FILE or bimi.roots"},
    [BIMI_CERTIFICATE_NO_DOMAIN] = {"certificate.no-domain", BIMI_UNCHECKED,
				    "name the domain with --domain=DOMAIN"},
    [BIMI_LOGO_FETCH] = {"logo.fetch", BIMI_FAULT,
			 "let the web server send the logo for l= itself, over HTTPS, without a "
			 "redirect"},
    [BIMI_LOGO_UNREACHABLE] = {"logo.unreachable", BIMI_UNCHECKED, "try again later"},
    [BIMI_CERTIFICATE_FETCH] = {"certificate.fetch", BIMI_FAULT,
				"let the web server send the file for a= itself, over HTTPS, "
				"without a redirect"},
    [BIMI_CERTIFICATE_UNREACHABLE] = {"certificate.unreachable", BIMI_UNCHECKED, "try again later"},
    [BIMI_RECORD_MISSING] = {"record.missing", BIMI_FAULT,
			     "publish the record that countersign bimi record prints"},
    [BIMI_RECORD_SEVERAL] = {"record.several", BIMI_FAULT, "remove all records but one"},
    [BIMI_RECORD_SYNTAX] = {"record.syntax", BIMI_FAULT,
			    "publish the record that countersign bimi record prints"},
    [BIMI_RECORD_DECLINED] = {"record.declined", BIMI_ADVICE,
			      "name a logo with l=, unless none is to be shown"},
    [BIMI_RECORD_NO_CERTIFICATE] = {"record.no-certificate", BIMI_ADVICE,
				    "name a mark certificate with a=: most mailboxes want one"},
    [BIMI_RECORD_LOCAL_PART] = {"record.local-part", BIMI_UNCHECKED,
				"check each of them with --selector=SELECTOR"},
    [BIMI_RECORD_UNKNOWN] = {"record.unknown", BIMI_UNCHECKED, "try again later"},
    [BIMI_DMARC_POLICY] = {"dmarc.policy", BIMI_FAULT,
			   "publish p=quarantine or p=reject, neither sp=none nor t=y"},
    [BIMI_READER] = {"reader", BIMI_FAULT, "save the logo again with another program"},
};

const struct name_code bimi_weight_names[] = {
    {"fault", BIMI_FAULT}, {"advice", BIMI_ADVICE}, {"unchecked", BIMI_UNCHECKED}, {NULL, 0}};

const char *bimi_rule_name(enum bimi_rule rule)
{
	assert(rule < BIMI_RULES);
	return rules[rule].name;
}

const char *bimi_rule_remedy(enum bimi_rule rule)
{
	assert(rule < BIMI_RULES);
	return rules[rule].remedy;
}

enum bimi_weight bimi_rule_weight(enum bimi_rule rule)
{
	assert(rule < BIMI_RULES);
	return rules[rule].weight;
}

/* ---- collecting ---- */

void bimi_findings_init(struct bimi_findings *findings, struct arena *arena)
{
	memset(findings, 0, sizeof *findings);
	findings->arena = arena;
}

static struct span cut_text(struct span text)
{
	if (span_len(text) <= BIMI_TEXT_MAX)
		return text;
	text.end = text.p + BIMI_TEXT_MAX;
	while (text.end > text.p && ((unsigned char)*text.end & 0xc0) == 0x80)
		text.end--;
	return text;
}

/* One line of clean UTF-8; the same if it is cleaned again. */
static const char *clean_text(struct arena *arena, struct span text)
{
	struct buf clean;

	buf_init(&clean, arena, 0);
	utf8_clean(&clean, cut_text(text));
	for (size_t i = 0; i < clean.len; i++)
		if (char_is_space((unsigned char)clean.data[i]))
			clean.data[i] = ' ';
	return arena_span(arena, span_trim(cut_text(span_trim(buf_view(&clean)))));
}

static void add_finding(struct bimi_findings *findings, enum bimi_rule rule, unsigned line,
			struct span text)
{
	struct bimi_finding *last =
	    findings->count == 0 ? NULL : &findings->items[findings->count - 1];
	const char *clean = clean_text(findings->arena, text);

	assert(rule < BIMI_RULES);
	if (last != NULL && last->rule == rule && last->line == line &&
	    strcmp(last->text, clean) == 0)
		return;
	if (findings->count == BIMI_FINDINGS_MAX) {
		findings->full = true;
		return;
	}
	findings->items[findings->count++] = (struct bimi_finding){rule, line, clean};
}

void bimi_found(struct bimi_findings *findings, enum bimi_rule rule, unsigned line,
		const char *format, ...)
{
	const char *text;
	va_list ap;

	va_start(ap, format);
	text = arena_vprintf(findings->arena, format, ap);
	va_end(ap);
	add_finding(findings, rule, line, span_of(text));
}

void bimi_fact(struct bimi_findings *findings, const char *name, struct span text)
{
	struct bimi_fact *fact = &findings->facts[findings->fact_count];

	if (findings->fact_count == BIMI_FACTS_MAX) {
		findings->full = true;
		return;
	}
	fact->name = name;
	fact->text = clean_text(findings->arena, text);
	findings->fact_count++;
}

void bimi_findings_add(struct bimi_findings *findings, const struct bimi_findings *more)
{
	for (unsigned i = 0; i < more->fact_count; i++)
		bimi_fact(findings, more->facts[i].name, span_of(more->facts[i].text));
	for (unsigned i = 0; i < more->count; i++)
		add_finding(findings, more->items[i].rule, more->items[i].line,
			    span_of(more->items[i].text));
	if (more->indicator != NULL)
		findings->indicator = more->indicator;
	bimi_findings_limit(findings, more->until);
	findings->full = findings->full || more->full;
}

void bimi_findings_limit(struct bimi_findings *findings, int64_t until)
{
	if (until > 0 && (findings->until == 0 || until < findings->until))
		findings->until = until;
}

unsigned bimi_count(const struct bimi_findings *findings, enum bimi_weight weight)
{
	unsigned count = 0;

	for (unsigned i = 0; i < findings->count; i++)
		count += rules[findings->items[i].rule].weight == weight;
	return count;
}

/* ---- between processes ---- */

void bimi_findings_write(const struct bimi_findings *findings, struct buf *out)
{
	for (unsigned i = 0; i < findings->fact_count; i++)
		buf_printf(out, "fact %s %s\n", findings->facts[i].name, findings->facts[i].text);
	for (unsigned i = 0; i < findings->count; i++)
		buf_printf(out, "finding %s %u %s\n", rules[findings->items[i].rule].name,
			   findings->items[i].line, findings->items[i].text);
	if (findings->indicator != NULL)
		buf_printf(out, "indicator %s\n", findings->indicator);
	if (findings->until > 0)
		buf_printf(out, "until %lld\n", (long long)findings->until);
	buf_string(out, findings->full ? "full\nend\n" : "end\n");
}

static bool read_finding(struct bimi_findings *findings, struct span rest)
{
	struct span name, line;
	uint64_t number;
	bool more = true;

	if (!span_split(&rest, &more, ' ', &name) || !more ||
	    !span_split(&rest, &more, ' ', &line) || !more ||
	    !span_number(line, INT32_MAX, &number))
		return false;
	for (unsigned rule = 0; rule < BIMI_RULES; rule++) {
		if (!span_eq(name, rules[rule].name))
			continue;
		add_finding(findings, (enum bimi_rule)rule, (unsigned)number, rest);
		return true;
	}
	return false;
}

static bool read_fact(struct bimi_findings *findings, struct span rest)
{
	struct span name;
	bool more = true;

	if (!span_split(&rest, &more, ' ', &name) || !more || span_empty(name) ||
	    span_len(name) > 32)
		return false;
	for (const char *p = name.p; p < name.end; p++)
		if (!char_is_alnum((unsigned char)*p) && *p != '_')
			return false;
	bimi_fact(findings, arena_span(findings->arena, name), rest);
	return true;
}

static bool read_indicator(struct bimi_findings *findings, struct span text)
{
	if (span_empty(text) || span_len(text) > BIMI_INDICATOR_MAX)
		return false;
	for (const char *p = text.p; p < text.end; p++)
		if (!char_is_alnum((unsigned char)*p) && *p != '+' && *p != '/' && *p != '=')
			return false;
	findings->indicator = arena_span(findings->arena, text);
	return true;
}

static bool read_until(struct bimi_findings *findings, struct span text)
{
	uint64_t seconds;

	if (!span_number(text, INT64_MAX, &seconds) || seconds == 0)
		return false;
	bimi_findings_limit(findings, (int64_t)seconds);
	return true;
}

bool bimi_findings_read(struct bimi_findings *findings, struct span text)
{
	struct span line, word;
	bool more = true;

	while (span_split(&text, &more, '\n', &line)) {
		bool rest = true;

		if (span_eq(line, "end"))
			return span_empty(text);
		span_split(&line, &rest, ' ', &word);
		if (span_eq(word, "full"))
			findings->full = true;
		else if (!(span_eq(word, "finding") && read_finding(findings, line)) &&
			 !(span_eq(word, "fact") && read_fact(findings, line)) &&
			 !(span_eq(word, "indicator") && read_indicator(findings, line)) &&
			 !(span_eq(word, "until") && read_until(findings, line)))
			return false;
	}
	return false;
}

/*
 * Rows read from the ledger and written as XML elements, in the order of RFC 9990's tables. One
 * function for each table of section 3.1.1.
 *
 * The form of RFC 7489 differs in few places, and there this file asks for it: fewer elements, pct,
 * an SPF result always, fewer words for dispositions and reasons, and IPv6 addresses in full.
 */
#include "report/aggregate.h"

#include <string.h>

#include "lib/buf.h"
#include "lib/clock.h"
#include "lib/crypto/hash.h"
#include "lib/ip.h"
#include "report/json.h"
#include "report/xml.h"

static const struct {
	const char *space;
	enum xml_reach reach;
} forms[] = {
    [AGGREGATE_RFC9990] = {"urn:ietf:params:xml:ns:dmarc-2.0", XML_ALL_ELEMENTS},
    [AGGREGATE_RFC7489] = {"http://dmarc.org/dmarc-xml/0.1", XML_ROOT_ONLY},
};

struct report {
	struct xml *xml;
	struct arena *row; /* emptied for each row */
	bool legacy;       /* RFC 7489 */
	struct aggregate_sum sum;
};

static bool has(const char *text)
{
	return text != NULL && text[0] != '\0';
}

/* An optional element. */
static void text_if_any(struct xml *xml, const char *name, const char *text)
{
	if (has(text))
		xml_text(xml, name, text);
}

/* ---- names ---- */

void aggregate_id(const struct aggregate_reporter *reporter, const struct ledger_day *day,
		  char id[AGGREGATE_ID_MAX])
{
	const char *const parts[] = {reporter->org_name, reporter->receiver, day->policy.domain,
				     day->config};
	char date[CLOCK_TEXT_MAX], *to = id;
	uint8_t digest[CRYPT_DIGEST_LEN];
	struct buf buf;

	clock_day_text(day->day, date);
	buf_init(&buf, NULL, 0);
	buf_string(&buf, date);
	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
		buf_char(&buf, '\n');
		buf_string(&buf, parts[i]);
	}
	crypt_sha256(buf.data, buf.len, digest);
	buf_free(&buf);
	for (const char *p = date; *p != '\0' && to < id + 8; p++)
		if (*p != '-')
			*to++ = *p;
	for (unsigned i = 0; i < 12; i++, to += 2)
		snprintf(to, 3, "%02x", digest[i]);
}

static void add_name(struct buf *buf, const char *name)
{
	for (; *name != '\0'; name++) {
		bool plain = char_is_alnum((unsigned char)*name) || strchr("-_.", *name) != NULL;

		buf_char(buf, plain ? *name : '_');
	}
}

/*
 * RFC 9990 section 3.5.2:
 *   filename = receiver "!" policy-domain "!" begin-timestamp "!" end-timestamp
 *              [ "!" unique-id ] "." extension
 */
const char *aggregate_file_name(const struct aggregate_reporter *reporter,
				const struct ledger_day *day, const char *extension,
				struct arena *arena)
{
	long long begin = clock_day_begin(day->day);
	char id[AGGREGATE_ID_MAX];
	struct buf buf;

	aggregate_id(reporter, day, id);
	buf_init(&buf, arena, 0);
	add_name(&buf, reporter->receiver);
	buf_char(&buf, '!');
	add_name(&buf, day->policy.domain);
	buf_printf(&buf, "!%lld!%lld!%s.%s", begin, begin + 86399, id, extension);
	return buf_text(&buf);
}

/* ---- tables 3 to 5: the head ---- */

static void write_metadata(struct xml *xml, const struct aggregate_reporter *reporter,
			   const struct ledger_day *day)
{
	int64_t begin = clock_day_begin(day->day);
	char id[AGGREGATE_ID_MAX];

	aggregate_id(reporter, day, id);
	xml_open(xml, "report_metadata");
	xml_text(xml, "org_name", reporter->org_name);
	xml_text(xml, "email", reporter->email);
	text_if_any(xml, "extra_contact_info", reporter->contact);
	xml_text(xml, "report_id", id);
	xml_open(xml, "date_range");
	xml_number(xml, "begin", begin);
	xml_number(xml, "end", begin + 86399);
	xml_close(xml);
	text_if_any(xml, "error", day->policy.error);
	if (reporter->form == AGGREGATE_RFC9990)
		xml_text(xml, "generator", "countersign " VERSION);
	xml_close(xml);
}

/* RFC 7489: no pct= is followed any more, but what is only tested is applied to no message. */
static void write_old_policy(struct xml *xml, const struct ledger_policy *policy)
{
	bool testing = has(policy->testing) && strcmp(policy->testing, "y") == 0;

	xml_open(xml, "policy_published");
	xml_text(xml, "domain", policy->domain);
	text_if_any(xml, "adkim", policy->adkim);
	text_if_any(xml, "aspf", policy->aspf);
	xml_text(xml, "p", policy->p);
	xml_text(xml, "sp", has(policy->sp) ? policy->sp : policy->p);
	xml_number(xml, "pct", testing ? 0 : 100);
	xml_text(xml, "fo", has(policy->fo) ? policy->fo : "0");
	xml_close(xml);
}

static void write_policy(struct xml *xml, const struct ledger_policy *policy)
{
	xml_open(xml, "policy_published");
	xml_text(xml, "domain", policy->domain);
	text_if_any(xml, "discovery_method", policy->discovery);
	xml_text(xml, "p", policy->p);
	text_if_any(xml, "sp", policy->sp);
	text_if_any(xml, "np", policy->np);
	text_if_any(xml, "fo", policy->fo);
	text_if_any(xml, "adkim", policy->adkim);
	text_if_any(xml, "aspf", policy->aspf);
	text_if_any(xml, "testing", policy->testing);
	xml_close(xml);
}

/* ---- tables 7 to 14: a record ---- */

/* RFC 7489 does not know the test mode. */
static void write_test_mode(struct report *report, const char *comment)
{
	xml_text(report->xml, "type", "other");
	xml_text(report->xml, "comment",
		 arena_printf(report->row, "policy_test_mode%s%s", has(comment) ? ": " : "",
			      has(comment) ? comment : ""));
}

static void write_reasons(struct report *report, const struct json_list *reasons)
{
	struct xml *xml = report->xml;

	for (unsigned i = 0; i < json_list_count(reasons); i++) {
		const char *type = json_list_get(reasons, i, "type");
		const char *comment = json_list_get(reasons, i, "comment");

		if (type == NULL)
			continue;
		xml_open(xml, "reason");
		if (report->legacy && strcmp(type, "policy_test_mode") == 0) {
			write_test_mode(report, comment);
		} else {
			xml_text(xml, "type", type);
			text_if_any(xml, "comment", comment);
		}
		xml_close(xml);
	}
}

/* The schema of RFC 7489 knows IPv6 addresses only in full. */
static const char *source_text(const struct report *report, const char *source)
{
	struct buf text;
	struct ip ip;

	if (!report->legacy || !ip_parse(span_of(source), &ip) || ip.family != 6)
		return source;
	buf_init(&text, report->row, 0);
	for (unsigned i = 0; i < 16; i += 2)
		buf_printf(&text, "%s%x", i == 0 ? "" : ":",
			   (unsigned)ip.bytes[i] << 8 | ip.bytes[i + 1]);
	return buf_text(&text);
}

static const char *disposition_text(const struct report *report, const char *disposition)
{
	return report->legacy && strcmp(disposition, "pass") == 0 ? "none" : disposition;
}

static void write_row(struct report *report, const struct ledger_row *row)
{
	struct xml *xml = report->xml;

	xml_open(xml, "row");
	xml_text(xml, "source_ip", source_text(report, row->source_ip));
	xml_number(xml, "count", row->count);
	xml_open(xml, "policy_evaluated");
	xml_text(xml, "disposition", disposition_text(report, row->disposition));
	xml_text(xml, "dkim", row->dkim_aligned);
	xml_text(xml, "spf", row->spf_aligned);
	write_reasons(report, json_list_parse(report->row, row->reasons));
	xml_close(xml);
	xml_close(xml);
}

static void write_identifiers(struct xml *xml, const struct ledger_row *row)
{
	xml_open(xml, "identifiers");
	xml_text(xml, "header_from", row->header_from);
	xml_text(xml, "envelope_from", row->envelope_from);
	text_if_any(xml, "envelope_to", row->envelope_to);
	xml_close(xml);
}

static void write_signatures(struct report *report, const struct ledger_row *row)
{
	const struct json_list *list = json_list_parse(report->row, row->dkim);
	const struct json_list *notes = json_list_parse(report->row, row->dkim_notes);

	for (unsigned i = 0; i < json_list_count(list); i++) {
		const char *domain = json_list_get(list, i, "domain");
		const char *selector = json_list_get(list, i, "selector");
		const char *result = json_list_get(list, i, "result");

		if (domain == NULL || selector == NULL || result == NULL)
			continue;
		xml_open(report->xml, "dkim");
		xml_text(report->xml, "domain", domain);
		xml_text(report->xml, "selector", selector);
		xml_text(report->xml, "result", result);
		text_if_any(report->xml, "human_result", json_list_get(notes, i, "text"));
		xml_close(report->xml);
	}
}

/* RFC 7489 has no "policy" for SPF. */
static const char *spf_result(const struct report *report, const struct ledger_row *row)
{
	if (!has(row->spf_domain))
		return "none";
	return report->legacy && strcmp(row->spf_result, "policy") == 0 ? "neutral"
									: row->spf_result;
}

/* Section 3.1.1.13: at most one, of MAIL FROM. RFC 7489: one always, without explanation. */
static void write_spf(const struct report *report, const struct ledger_row *row)
{
	struct xml *xml = report->xml;

	if (!has(row->spf_domain) && !report->legacy)
		return;
	xml_open(xml, "spf");
	xml_text(xml, "domain", has(row->spf_domain) ? row->spf_domain : row->envelope_from);
	xml_text(xml, "scope", "mfrom");
	xml_text(xml, "result", spf_result(report, row));
	if (!report->legacy)
		text_if_any(xml, "human_result", row->spf_note);
	xml_close(xml);
}

static void write_auth_results(struct report *report, const struct ledger_row *row)
{
	struct xml *xml = report->xml;

	xml_open(xml, "auth_results");
	write_signatures(report, row);
	write_spf(report, row);
	xml_close(xml);
}

static int write_record(void *arg, const struct ledger_row *row)
{
	struct report *report = arg;

	arena_reset(report->row);
	xml_open(report->xml, "record");
	write_row(report, row);
	write_identifiers(report->xml, row);
	write_auth_results(report, row);
	xml_close(report->xml);
	report->sum.records++;
	report->sum.messages += row->count;
	return xml_failed(report->xml);
}

int aggregate_write(struct ledger *ledger, const struct aggregate_reporter *reporter,
		    const struct ledger_day *day, FILE *out, struct aggregate_sum *sum,
		    struct why *why)
{
	struct report report = {.xml = xml_new(out, "feedback", forms[reporter->form].space,
					       forms[reporter->form].reach),
				.row = arena_new(0),
				.legacy = reporter->form == AGGREGATE_RFC7489};
	struct why xml_why;
	int result;

	xml_text(report.xml, "version", "1.0");
	write_metadata(report.xml, reporter, day);
	(report.legacy ? write_old_policy : write_policy)(report.xml, &day->policy);
	result = ledger_rows(ledger, day->policy.domain, day->day, day->config, write_record,
			     &report, why);
	arena_free(report.row);
	if (xml_finish(report.xml, &xml_why) != 0 && result >= 0)
		result = why_set(why, "%s", xml_why.text);
	if (result == 0 && report.sum.records == 0)
		result = why_set(why, "nothing was counted for %s on that day", day->policy.domain);
	if (sum != NULL)
		*sum = report.sum;
	return result;
}

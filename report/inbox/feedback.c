/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the message itself says counts before what the report says about it (RFC 5965 section 2g);
 * the text for people is not looked at. What a thin report leaves out is taken from the message's
 * own header, and a note says from where.
 */
#include "report/inbox/feedback.h"

#include <string.h>

#include "lib/buf.h"
#include "mail/address.h"
#include "mail/cfws.h"
#include "mail/domain.h"
#include "mail/taglist.h"
#include "report/inbox/fields.h"
#include "report/inbox/normal.h"
#include "report/inbox/wire.h"

enum { LIST_MAX = 50, SIGNATURES_MAX = 10, INCIDENTS_MAX = 1000000000 };

struct reading {
	struct inbox_writer *writer;
	struct arena *arena;
	const struct fields *report, *message;
	int64_t date;
	struct inbox_feedback found;
};

/* ---- values ---- */

/* VALUE without comments (RFC 5965 section 3.5: CFWS is allowed in any value). */
static struct span drop_comments(struct arena *arena, struct span value)
{
	struct buf left;

	buf_init(&left, arena, 0);
	while (!span_empty(value)) {
		if (*value.p != '(')
			buf_char(&left, *value.p++);
		else if (!cfws_take_enclosed(&value, ')', NULL))
			break;
	}
	return span_trim(buf_view(&left));
}

static const char *plain_value(struct reading *reading, const char *name)
{
	return wire_text(reading->arena,
			 drop_comments(reading->arena, fields_get(reading->report, name)));
}

static const char *lower_value(struct reading *reading, const char *name)
{
	const char *text = plain_value(reading, name);

	return text == NULL ? NULL : arena_lower(reading->arena, span_of(text));
}

/* An envelope address, with or without <>. */
static const char *address_value(struct reading *reading, const char *name)
{
	struct span text = span_trim(fields_get(reading->report, name));

	if (span_len(text) >= 2 && *text.p == '<' && text.end[-1] == '>')
		text = (struct span){text.p + 1, text.end - 1};
	return wire_text(reading->arena, text);
}

/* Reporting-MTA: mta-name-type ";" mta-name (RFC 3464 section 2.2.2) */
static const char *mta_value(struct reading *reading)
{
	struct span text =
	    drop_comments(reading->arena, fields_get(reading->report, "Reporting-MTA"));
	const char *semicolon = memchr(text.p, ';', span_len(text));

	return wire_text(reading->arena,
			 semicolon == NULL ? text : (struct span){semicolon + 1, text.end});
}

/* ---- the message that the report is about ---- */

static bool is_public(const struct ip *ip)
{
	static const char *const nets[] = {
	    "0.0.0.0/8",     "10.0.0.0/8",     "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16",
	    "172.16.0.0/12", "192.168.0.0/16", "::/127",        "fc00::/7",    "fe80::/10"};
	struct ip_network network;

	for (size_t i = 0; i < sizeof nets / sizeof nets[0]; i++)
		if (ip_network_parse(span_of(nets[i]), &network) &&
		    ip_in_network(ip, &network.ip, network.bits))
			return false;
	return true;
}

/* The first address in brackets or parentheses that is a public one. */
static const char *find_address(struct arena *arena, struct span text)
{
	for (; !span_empty(text); text.p++) {
		struct span inner = {text.p + 1, text.p + 1};
		struct ip ip;
		char written[IP_TEXT_MAX];

		if (*text.p != '[' && *text.p != '(')
			continue;
		while (inner.end < text.end && *inner.end != ']' && *inner.end != ')' &&
		       *inner.end != ' ')
			inner.end++;
		if (span_istarts(inner, "IPv6:"))
			inner.p += 5;
		if (ip_parse(inner, &ip) && is_public(&ip))
			return arena_string(arena, ip_text(&ip, written));
	}
	return NULL;
}

/* What follows MARK in TEXT, up to a blank, ";" or ")". */
static const char *address_after(struct arena *arena, struct span text, const char *mark)
{
	for (; !span_empty(text); text.p++) {
		struct span value;
		bool repaired;

		if (!span_istarts(text, mark))
			continue;
		value = (struct span){text.p + strlen(mark), text.p + strlen(mark)};
		while (value.end < text.end && strchr(" ;)\"", *value.end) == NULL)
			value.end++;
		return normal_ip(arena, value, &repaired);
	}
	return NULL;
}

/* Where a report that does not name the client has it (Microsoft's have three fields). */
static const char *derive_source(struct reading *reading)
{
	static const struct {
		const char *field, *mark;
	} places[] = {{"X-Originating-IP", ""},
		      {"Received-SPF", "client-ip="},
		      {"Authentication-Results", "sender IP is "},
		      {"Authentication-Results", "client-ip="},
		      {"X-OnPremExternalIP", ""}};
	const struct field *hop;
	unsigned at = 0;

	for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
		const char *ip = address_after(
		    reading->arena, fields_get(reading->message, places[i].field), places[i].mark);

		if (ip == NULL)
			continue;
		writer_note(reading->writer, false, "source_ip is from %s of the message",
			    places[i].field);
		return ip;
	}
	while ((hop = fields_next(reading->message, "Received", &at)) != NULL) {
		const char *ip = find_address(reading->arena, hop->value);

		if (ip == NULL)
			continue;
		writer_note(reading->writer, false, "source_ip is from Received of the message");
		return ip;
	}
	return NULL;
}

static int64_t derive_arrival(struct reading *reading)
{
	struct span hop = fields_get(reading->message, "Received");
	const char *semicolon = hop.end;
	int64_t at = INBOX_NO_TIME;

	while (semicolon > hop.p && semicolon[-1] != ';')
		semicolon--;
	if (semicolon > hop.p)
		at = normal_mail_date((struct span){semicolon, hop.end});
	if (at != INBOX_NO_TIME) {
		writer_note(reading->writer, false, "arrival_date is from Received of the message");
		return at;
	}
	if (reading->date != INBOX_NO_TIME)
		writer_note(reading->writer, false, "arrival_date is the Date of the report");
	return reading->date;
}

static const char *author_domain(struct reading *reading)
{
	struct span value = fields_get(reading->message, "From");
	struct address_list *list = arena_make(reading->arena, struct address_list);

	if (span_empty(value) || address_parse(reading->arena, value, list, NULL) != 0 ||
	    list->count == 0)
		return NULL;
	return list->addresses[0].domain;
}

static const char *drop_brackets(struct arena *arena, struct span value)
{
	value = span_trim(value);
	if (span_len(value) >= 2 && *value.p == '<' && value.end[-1] == '>')
		value = (struct span){value.p + 1, value.end - 1};
	return wire_text(arena, value);
}

static void read_message(struct reading *reading)
{
	struct inbox_feedback *found = &reading->found;
	struct span id = fields_get(reading->message, "Message-ID");

	if (span_empty(id)) /* LinkedIn has it in its report */
		id = fields_get(reading->report, "Message-ID");
	found->message_id = drop_brackets(reading->arena, id);
	found->header_from = author_domain(reading);
	found->message_date = normal_mail_date(fields_get(reading->message, "Date"));
	/* RFC 9477 section 3.2: blanks do not count */
	found->cfbl_feedback_id =
	    wire_text(reading->arena, fields_get(reading->message, "CFBL-Feedback-ID"));
}

static void put_signatures(struct reading *reading)
{
	const struct field *field;
	unsigned at = 0, count = 0;

	while ((field = fields_next(reading->message, "DKIM-Signature", &at)) != NULL &&
	       count++ < SIGNATURES_MAX) {
		struct taglist *tags = arena_make(reading->arena, struct taglist);
		const struct tag *d, *s;
		struct inbox_signature put;

		if (taglist_parse(tags, field->value, NULL) != 0)
			continue;
		d = taglist_find(tags, "d");
		s = taglist_find(tags, "s");
		put.domain = d == NULL ? NULL : normal_domain(reading->arena, d->value);
		put.selector = s == NULL ? NULL : wire_text(reading->arena, s->value);
		writer_put(reading->writer, INBOX_PART_SIGNATURE, &put);
	}
}

/* ---- the report in form ---- */

/* RFC 5965 section 3.1 and 3.2: what must be there once, or may be there once. */
static int check_fields(struct reading *reading, struct why *why)
{
	static const char *const once[] = {"Feedback-Type", "User-Agent", "Version"};

	if (fields_count(reading->report, "Feedback-Type") == 0)
		return why_set(why, "no Feedback-Type (RFC 5965 section 3.1)");
	for (size_t i = 0; i < sizeof once / sizeof once[0]; i++) {
		unsigned count = fields_count(reading->report, once[i]);

		if (count > 1)
			return why_set(why, "%s %u times (RFC 5965 section 3.1)", once[i], count);
		if (count == 0)
			writer_note(reading->writer, true, "no %s", once[i]);
	}
	if (fields_count(reading->report, "Arrival-Date") > 0 &&
	    fields_count(reading->report, "Received-Date") > 0)
		return why_set(why, "both Arrival-Date and Received-Date (RFC 5965 section 3.2)");
	return 0;
}

static void read_origin(struct reading *reading)
{
	struct inbox_feedback *found = &reading->found;
	struct span arrival = fields_get(reading->report, "Arrival-Date");
	struct span source =
	    drop_comments(reading->arena, fields_get(reading->report, "Source-IP"));
	uint64_t incidents;
	bool repaired;

	if (span_empty(arrival))
		arrival = fields_get(reading->report, "Received-Date");
	found->arrival_date = normal_mail_date(arrival);
	if (found->arrival_date == INBOX_NO_TIME && !span_empty(arrival))
		writer_note(reading->writer, true, "Arrival-Date is not a date");
	if (found->arrival_date == INBOX_NO_TIME)
		found->arrival_date = derive_arrival(reading);
	found->source_ip = normal_ip(reading->arena, source, &repaired);
	if (found->source_ip == NULL && !span_empty(source))
		writer_note(reading->writer, true, "Source-IP is not an address");
	if (found->source_ip == NULL)
		found->source_ip = derive_source(reading);
	found->incidents = 1;
	if (fields_count(reading->report, "Incidents") == 0)
		return;
	if (span_number(drop_comments(reading->arena, fields_get(reading->report, "Incidents")),
			INCIDENTS_MAX, &incidents))
		found->incidents = (int64_t)incidents;
	else
		writer_note(reading->writer, true, "Incidents is not a valid number");
}

static void read_failure(struct reading *reading)
{
	struct inbox_feedback *found = &reading->found;

	found->auth_failure = lower_value(reading, "Auth-Failure");
	found->delivery_result = lower_value(reading, "Delivery-Result");
	found->identity_alignment = lower_value(reading, "Identity-Alignment");
	found->dkim_domain = normal_domain(
	    reading->arena,
	    drop_comments(reading->arena, fields_get(reading->report, "DKIM-Domain")));
	found->dkim_identity = plain_value(reading, "DKIM-Identity");
	found->dkim_selector = plain_value(reading, "DKIM-Selector");
	found->spf_dns = wire_text(reading->arena, fields_get(reading->report, "SPF-DNS"));
	if (found->auth_failure == NULL) /* RFC 6591 section 3.1 */
		writer_note(reading->writer, true, "no Auth-Failure");
	else if (strcmp(found->auth_failure, "dmarc") == 0 &&
		 found->identity_alignment == NULL) /* RFC 9991 section 4 */
		writer_note(reading->writer, false, "no Identity-Alignment");
}

static void put_list(struct reading *reading, enum inbox_part part, const char *name, bool domains)
{
	const struct field *field;
	unsigned at = 0, count = 0;

	while ((field = fields_next(reading->report, name, &at)) != NULL && count++ < LIST_MAX)
		writer_item(reading->writer, part,
			    domains ? normal_domain(reading->arena,
						    drop_comments(reading->arena, field->value))
				    : wire_text(reading->arena, field->value));
}

static void put_feedback(struct reading *reading)
{
	writer_put(reading->writer, INBOX_PART_FEEDBACK, &reading->found);
	put_list(reading, INBOX_PART_AUTHRES, "Authentication-Results", false);
	put_list(reading, INBOX_PART_DOMAIN, "Reported-Domain", true);
	put_list(reading, INBOX_PART_URI, "Reported-URI", false);
	put_signatures(reading);
}

int feedback_read(struct inbox_writer *writer, const struct feedback_texts *texts,
		  enum inbox_kind *kind, struct why *why)
{
	struct reading reading = {.writer = writer, .arena = arena_new(0), .date = texts->date};
	struct inbox_feedback *found = &reading.found;
	int status;

	reading.report = fields_parse(reading.arena, texts->report);
	reading.message = fields_parse(reading.arena, texts->message);
	status = check_fields(&reading, why);
	if (status == 0) {
		if (reading.message->count == 0) /* RFC 5965 section 2 */
			writer_note(writer, true, "no header of the message that it is about");
		found->feedback_type = lower_value(&reading, "Feedback-Type");
		found->user_agent =
		    wire_text(reading.arena, fields_get(reading.report, "User-Agent"));
		found->version = plain_value(&reading, "Version");
		found->original_mail_from = address_value(&reading, "Original-Mail-From");
		found->original_rcpt_to = address_value(&reading, "Original-Rcpt-To");
		found->original_envelope_id = plain_value(&reading, "Original-Envelope-Id");
		found->reporting_mta = mta_value(&reading);
		read_origin(&reading);
		read_message(&reading);
		*kind = INBOX_COMPLAINT;
		if (found->feedback_type != NULL &&
		    strcmp(found->feedback_type, "auth-failure") == 0) {
			*kind = INBOX_FAILURE;
			read_failure(&reading);
		}
		put_feedback(&reading);
	} else {
		writer_restart(writer);
	}
	arena_free(reading.arena);
	return status;
}

/* ---- a text alone ---- */

static const char *find_text(struct span text, const char *part)
{
	for (; !span_empty(text); text.p++)
		if (span_istarts(text, part))
			return text.p;
	return NULL;
}

bool feedback_is_text(struct span text)
{
	return find_text(text, "failed the published DMARC policy") != NULL ||
	       (find_text(text, "Sender IP Address:") != NULL &&
		find_text(text, "DKIM Alignment:") != NULL);
}

/* The lines "Name: value" anywhere in TEXT, and where the copied header begins. */
static struct span text_value(struct span text, const char *name)
{
	const char *at = find_text(text, name);
	const char *end;

	if (at == NULL)
		return span_of(NULL);
	at += strlen(name);
	end = memchr(at, '\n', (size_t)(text.end - at));
	return span_trim((struct span){at, end == NULL ? text.end : end});
}

static bool says_no(struct span value)
{
	return span_istarts(value, "no") || span_istarts(value, "fail");
}

void feedback_read_text(struct inbox_writer *writer, struct span text, int64_t date)
{
	struct reading reading = {.writer = writer, .arena = arena_new(0), .date = date};
	struct inbox_feedback *found = &reading.found;
	const char *copy = find_text(text, "was detected.");
	struct span header = {copy == NULL ? text.end : copy + strlen("was detected."), text.end};
	bool repaired, spf, dkim;

	text.end = header.p;
	spf = says_no(text_value(text, "SPF Alignment:"));
	dkim = says_no(text_value(text, "DKIM Alignment:"));
	reading.report = fields_parse(reading.arena, span_of(NULL));
	reading.message = fields_parse(reading.arena, span_trim(header));
	writer_note(writer, true, "a text without the form of RFC 6591");
	read_message(&reading);
	found->feedback_type = "auth-failure";
	found->auth_failure = "dmarc";
	found->incidents = 1;
	found->source_ip =
	    normal_ip(reading.arena, text_value(text, "Sender IP Address:"), &repaired);
	if (found->source_ip == NULL)
		found->source_ip = derive_source(&reading);
	found->arrival_date = normal_mail_date(text_value(text, "Received Date:"));
	if (found->arrival_date == INBOX_NO_TIME)
		found->arrival_date = derive_arrival(&reading);
	found->identity_alignment = spf && dkim ? "dkim, spf" : spf ? "spf" : dkim ? "dkim" : NULL;
	if (found->header_from == NULL)
		found->header_from =
		    normal_domain(reading.arena, text_value(text, "Sender Domain:"));
	writer_put(writer, INBOX_PART_FEEDBACK, found);
	writer_item(writer, INBOX_PART_DOMAIN,
		    normal_domain(reading.arena, text_value(text, "Sender Domain:")));
	put_signatures(&reading);
	arena_free(reading.arena);
}

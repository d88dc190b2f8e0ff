/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The text is bounded, so jansson may hold its tree: it stops at 2048 levels by itself, and an
 * object with two members of one name is refused (RFC 7493 section 2.3).
 */
#include "report/inbox/tlsrpt.h"

#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#include "report/inbox/normal.h"
#include "report/inbox/wire.h"

struct reading {
	struct inbox_writer *writer;
	struct arena *arena;
	int64_t successful, failed;
	unsigned failures;
};

/* ---- members ---- */

static struct span string_of(const json_t *value)
{
	return json_is_string(value)
		   ? span_make(json_string_value(value), json_string_length(value))
		   : span_of(NULL);
}

static const char *member_text(struct reading *reading, const json_t *object, const char *name)
{
	return wire_text(reading->arena, string_of(json_object_get(object, name)));
}

/* Texts of a list, or one text that has several lines (some reporters write that). */
static const char *member_list(struct reading *reading, const json_t *object, const char *name,
			       const char *between)
{
	const json_t *value = json_object_get(object, name), *item;
	struct buf list;
	size_t i;

	if (json_is_string(value)) {
		struct span rest = string_of(value), line;
		bool more = true;

		buf_init(&list, reading->arena, WIRE_TEXT_MAX);
		while (span_split(&rest, &more, '\n', &line))
			if (!span_empty(span_trim(line)))
				buf_printf(&list, "%s%.*s", list.len == 0 ? "" : between,
					   (int)span_len(span_trim(line)), span_trim(line).p);
		return wire_text(reading->arena, buf_view(&list));
	}
	buf_init(&list, reading->arena, WIRE_TEXT_MAX);
	json_array_foreach(value, i, item)
	{
		struct span text = span_trim(string_of(item));

		if (!span_empty(text))
			buf_printf(&list, "%s%.*s", list.len == 0 ? "" : between,
				   (int)span_len(text), text.p);
	}
	return wire_text(reading->arena, buf_view(&list));
}

/* A count of sessions; one that is not a number, or below 0, is 0 and noted. */
static int64_t member_count(struct reading *reading, const json_t *object, const char *name)
{
	const json_t *value = json_object_get(object, name);
	uint64_t number;

	if (json_is_integer(value) && json_integer_value(value) >= 0 &&
	    json_integer_value(value) <= INT64_C(1000000000000))
		return (int64_t)json_integer_value(value);
	if (json_is_string(value) &&
	    span_number(span_trim(string_of(value)), 1000000000, &number)) {
		writer_note(reading->writer, true, "%s is a text, not a number", name);
		return (int64_t)number;
	}
	writer_note(reading->writer, true, "%s is %s", name,
		    value == NULL ? "missing" : "not a valid number");
	return 0;
}

static int64_t member_time(struct reading *reading, const json_t *range, const char *name)
{
	struct span text = span_trim(string_of(json_object_get(range, name)));
	int64_t at;

	if (normal_time(text, &at) == NORMAL_TIME_UNKNOWN)
		writer_note(reading->writer, true, "%s \"%.*s\" is not a time", name,
			    (int)(span_len(text) < 64 ? span_len(text) : 64), text.p);
	else if (!span_empty(text) && text.end[-1] != 'Z' && text.end[-1] != 'z' &&
		 memchr(text.p, '+', span_len(text)) == NULL)
		writer_note(reading->writer, true, "%s has no time zone; UTC is assumed", name);
	return at;
}

static const char *member_domain(struct reading *reading, const json_t *object, const char *name)
{
	return normal_domain(reading->arena, string_of(json_object_get(object, name)));
}

static const char *member_ip(struct reading *reading, const json_t *object, const char *name)
{
	struct span text = string_of(json_object_get(object, name));
	bool repaired = false;
	const char *ip;

	if (span_empty(span_trim(text)))
		return NULL;
	ip = normal_ip(reading->arena, text, &repaired);
	return ip != NULL ? ip : wire_text(reading->arena, text);
}

/* ---- policies ---- */

static int64_t sum_failures(struct reading *reading, const json_t *details)
{
	const json_t *detail;
	int64_t sum = 0;
	size_t i;

	json_array_foreach(details, i, detail) sum +=
	    member_count(reading, detail, "failed-session-count");
	return sum;
}

static void put_failures(struct reading *reading, const json_t *details)
{
	const json_t *detail;
	size_t i;

	json_array_foreach(details, i, detail)
	{
		struct inbox_tls_failure failure = {
		    .result_type = member_text(reading, detail, "result-type"),
		    .failed = member_count(reading, detail, "failed-session-count"),
		    .sending_ip = member_ip(reading, detail, "sending-mta-ip"),
		    .mx_hostname = member_domain(reading, detail, "receiving-mx-hostname"),
		    .mx_helo = member_text(reading, detail, "receiving-mx-helo"),
		    .receiving_ip = member_ip(reading, detail, "receiving-ip"),
		    .information = member_text(reading, detail, "additional-information"),
		    .reason_code = member_text(reading, detail, "failure-reason-code")};

		if (++reading->failures > TLSRPT_FAILURES_MAX) {
			writer_note(reading->writer, true, "more than %d failure-details",
				    TLSRPT_FAILURES_MAX);
			return;
		}
		writer_put(reading->writer, INBOX_PART_TLS_FAILURE, &failure);
	}
}

static void put_policy(struct reading *reading, const json_t *item)
{
	const json_t *policy = json_object_get(item, "policy");
	const json_t *summary = json_object_get(item, "summary");
	const json_t *details = json_object_get(item, "failure-details");
	const char *mx = member_list(reading, policy, "mx-host", ", ");
	struct inbox_tls_policy put = {
	    .type = member_text(reading, policy, "policy-type"),
	    .domain = member_domain(reading, policy, "policy-domain"),
	    .strings = member_list(reading, policy, "policy-string", "; "),
	    .mx_host = mx != NULL ? mx : member_list(reading, policy, "mx-host-pattern", ", "),
	    .successful = member_count(reading, summary, "total-successful-session-count"),
	    .failed = member_count(reading, summary, "total-failure-session-count")};
	int64_t sum = sum_failures(reading, details);

	if (put.domain == NULL)
		writer_note(reading->writer, true, "policy-domain is missing");
	if (json_array_size(details) > 0 && sum != put.failed)
		writer_note(reading->writer, false,
			    "the failure-details add up to %" PRId64 ", the summary has %" PRId64,
			    sum, put.failed);
	reading->successful += put.successful;
	reading->failed += put.failed;
	writer_put(reading->writer, INBOX_PART_TLS_POLICY, &put);
	put_failures(reading, details);
}

static void put_report(struct reading *reading, const json_t *root)
{
	const json_t *policies = json_object_get(root, "policies"), *item;
	const json_t *range = json_object_get(root, "date-range");
	struct inbox_tls head = {.org_name = member_text(reading, root, "organization-name"),
				 .contact = member_text(reading, root, "contact-info"),
				 .begin = member_time(reading, range, "start-datetime"),
				 .end = member_time(reading, range, "end-datetime")};
	size_t i;

	head.report_id =
	    normal_report_id(reading->arena, string_of(json_object_get(root, "report-id")));
	if (head.contact == NULL)
		writer_note(reading->writer, true, "contact-info is missing");
	if (head.report_id == NULL)
		writer_note(reading->writer, true, "report-id is missing");
	if (json_array_size(policies) == 0)
		writer_note(reading->writer, false, "it names no policy");
	json_array_foreach(policies, i, item)
	{
		if (i < TLSRPT_POLICIES_MAX)
			put_policy(reading, item);
		else
			writer_note(reading->writer, true, "more than %d policies",
				    TLSRPT_POLICIES_MAX);
	}
	head.successful = reading->successful;
	head.failed = reading->failed;
	writer_put(reading->writer, INBOX_PART_TLS, &head);
}

/* ---- the document ---- */

/* How many values the text can have; each costs more memory than it has bytes. */
static size_t count_values(struct span text)
{
	size_t count = 1;

	for (; text.p < text.end; text.p++)
		count += *text.p == ',' || *text.p == '[' || *text.p == '{';
	return count;
}

/* RFC 8259 section 8.1: a byte order mark may be ignored. */
static struct span skip_mark(struct span text)
{
	if (span_len(text) >= 3 && memcmp(text.p, "\xef\xbb\xbf", 3) == 0)
		text.p += 3;
	return text;
}

int tlsrpt_read(struct inbox_writer *writer, struct feed *feed, const struct inbox_hint *hint,
		struct why *why)
{
	struct reading reading = {.writer = writer, .arena = arena_new(0)};
	struct span text;
	json_error_t error;
	json_t *root = NULL;
	int status = 0;

	(void)hint;
	if (feed_all(feed, reading.arena, TLSRPT_BYTES_MAX, &text) != 0) {
		status = why_set(why, "%s", feed->fault);
		goto done;
	}
	text = skip_mark(text);
	if (count_values(text) > TLSRPT_VALUES_MAX) {
		status = why_set(why, "it has more than %d values", TLSRPT_VALUES_MAX);
		goto done;
	}
	root = json_loadb(text.p, span_len(text), JSON_REJECT_DUPLICATES, &error);
	if (root == NULL)
		status = why_set(why, "line %d: %s", error.line, error.text);
	else if (json_object_get(root, "policies") == NULL ||
		 json_object_get(root, "date-range") == NULL)
		status = why_set(why, "it has no policies and date-range, as a TLS report must");
	else
		put_report(&reading, root);
done:
	json_decref(root);
	arena_free(reading.arena);
	return status;
}

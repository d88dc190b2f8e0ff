/* SPDX-License-Identifier: BSD-2-Clause */
#include "report/inbox/examine.h"

#include <string.h>

#include "lib/buf.h"
#include "mail/address.h"
#include "report/inbox/feedback.h"
#include "report/inbox/fields.h"
#include "report/inbox/mime.h"
#include "report/inbox/normal.h"
#include "report/inbox/tlsrpt.h"
#include "report/inbox/unpack.h"
#include "report/inbox/wire.h"
#include "report/inspect.h"

enum { PEEK = 1024, INSPECTED = 256 * 1024 };

struct examination {
	struct inbox_writer *writer;
	struct arena *arena;
	int64_t now;
	int64_t budget;
	struct inbox_mail mail;
	unsigned read;    /* reports */
	struct why first; /* why the first document could not be read */
	bool tried;
};

static void end_report(struct examination *exam, enum inbox_kind kind)
{
	writer_put(exam->writer, INBOX_PART_MAIL, &exam->mail);
	writer_end(exam->writer, kind, NULL);
	exam->read++;
}

static void end_unreadable(struct examination *exam, const char *reason)
{
	const char *clean = wire_text(exam->arena, span_of(reason));

	writer_put(exam->writer, INBOX_PART_MAIL, &exam->mail);
	writer_end(exam->writer, INBOX_NOTHING, clean == NULL ? "no report" : clean);
}

/* ---- a document: XML or JSON, perhaps compressed ---- */

enum content {
	CONTENT_OTHER,
	CONTENT_XML,
	CONTENT_JSON,
	CONTENT_HTML,
	CONTENT_PACKED,
	CONTENT_EMPTY
};

static enum content look_at(struct span first)
{
	struct span rest = first;

	if (unpack_form(first) != UNPACK_NONE)
		return CONTENT_PACKED;
	if (span_len(rest) >= 2 &&
	    (memcmp(rest.p, "\xff\xfe", 2) == 0 || memcmp(rest.p, "\xfe\xff", 2) == 0 ||
	     memcmp(rest.p, "<\0", 2) == 0 || memcmp(rest.p, "\0<", 2) == 0))
		return CONTENT_XML; /* UTF-16 */
	if (span_len(rest) >= 3 && memcmp(rest.p, "\xef\xbb\xbf", 3) == 0)
		rest.p += 3;
	rest = span_trim(rest);
	if (span_empty(rest))
		return CONTENT_EMPTY;
	if (span_istarts(rest, "<!doctype html") || span_istarts(rest, "<html"))
		return CONTENT_HTML;
	return *rest.p == '<' ? CONTENT_XML : *rest.p == '{' ? CONTENT_JSON : CONTENT_OTHER;
}

static enum content peek_content(struct feed *feed, char first[PEEK], struct span *seen)
{
	ssize_t n = feed_peek(feed, first, PEEK);

	*seen = span_make(first, n < 0 ? 0 : (size_t)n);
	return n < 0 ? CONTENT_OTHER : look_at(*seen);
}

static int read_content(struct examination *exam, struct feed *feed, const char *name,
			enum inbox_kind *kind, struct why *why)
{
	struct inbox_hint hint = {exam->now, name};
	char first[PEEK];
	struct span seen;

	switch (peek_content(feed, first, &seen)) {
	case CONTENT_XML:
		*kind = INBOX_AGGREGATE;
		return aggregate_read(exam->writer, feed, &hint, why);
	case CONTENT_JSON:
		*kind = INBOX_TLS;
		return tlsrpt_read(exam->writer, feed, &hint, why);
	case CONTENT_HTML:
		return why_set(why, "an HTML page, not a report");
	case CONTENT_PACKED:
		return why_set(why, "a compressed file within a compressed file");
	case CONTENT_EMPTY:
		return feed->fault != NULL ? why_set(why, "%s", feed->fault)
					   : why_set(why, "it is empty");
	case CONTENT_OTHER:
		break;
	}
	return feed->fault != NULL ? why_set(why, "%s", feed->fault)
				   : why_set(why, "neither XML nor JSON");
}

static int read_gzip(struct examination *exam, struct feed *feed, const char *name,
		     enum inbox_kind *kind, struct why *why)
{
	struct feed *content = unpack_gzip(exam->arena, feed, &exam->budget);
	int status = read_content(exam, content, name, kind, why);
	const char *remark = unpack_remark(content);

	if (remark != NULL && status == 0)
		writer_note(exam->writer, true, "%s", remark);
	else if (remark != NULL)
		why_prefix(why, "%s: ", remark);
	return status;
}

/* The entries of a zip, as one after the other can be read. */
static int read_zip(struct examination *exam, struct feed *feed, enum inbox_kind *kind,
		    struct why *why)
{
	why_set(why, "an empty zip");
	for (unsigned i = 0;; i++) {
		struct feed *entry = unpack_zip(exam->arena, feed, i, &exam->budget);
		const char *name;

		if (!unpack_there(entry))
			return entry->fault == NULL ? -1 : why_set(why, "%s", entry->fault);
		name = unpack_name(entry);
		if (name[0] == '\0' || name[strlen(name) - 1] == '/')
			continue;
		if (read_content(exam, entry, name, kind, why) == 0)
			return 0;
		if (entry->fault != NULL)
			return why_set(why, "%s", entry->fault);
	}
}

static void keep_reason(struct examination *exam, const char *name, struct why *why)
{
	if (name != NULL)
		why_prefix(why, "%.100s: ", name);
	if (!exam->tried)
		exam->first = *why;
	exam->tried = true;
}

/* RFC 9990 section 3.5.2, RFC 8460 section 5.1: receiver!domain!begin!end */
static bool has_report_name(const char *name)
{
	unsigned marks = 0;

	for (; name != NULL && *name != '\0'; name++)
		marks += *name == '!';
	return marks >= 3;
}

static void read_document(struct examination *exam, struct feed *feed, const char *name)
{
	enum inbox_kind kind = INBOX_NOTHING;
	struct why why = {""};
	char first[PEEK];
	struct span seen;
	int status;

	peek_content(feed, first, &seen);
	switch (unpack_form(seen)) {
	case UNPACK_GZIP:
		status = read_gzip(exam, feed, name, &kind, &why);
		break;
	case UNPACK_ZIP:
		status = read_zip(exam, feed, &kind, &why);
		break;
	default:
		status = read_content(exam, feed, name, &kind, &why);
		break;
	}
	if (status == 0) {
		end_report(exam, kind);
		return;
	}
	keep_reason(exam, name, &why);
	if (has_report_name(name) && exam->read > 0)
		end_unreadable(exam, why.text);
}

/* ---- a message ---- */

static void read_mail(struct examination *exam, const struct mime_message *message)
{
	struct address_list *list = arena_make(exam->arena, struct address_list);

	exam->mail.date =
	    message->date == NULL ? INBOX_NO_TIME : normal_mail_date(span_of(message->date));
	if (message->authres != NULL)
		exam->mail.authres = wire_text(exam->arena, span_of(message->authres));
	if (message->message_id != NULL)
		exam->mail.message_id = normal_report_id(exam->arena, span_of(message->message_id));
	if (message->from != NULL &&
	    address_parse(exam->arena, span_trim(span_of(message->from)), list, NULL) == 0 &&
	    list->count > 0)
		exam->mail.from = list->addresses[0].domain;
}

static const struct mime_part *find_part(const struct mime_message *message, const char *type)
{
	for (unsigned i = 0; i < message->count; i++)
		if (strcmp(message->parts[i].type, type) == 0)
			return &message->parts[i];
	return NULL;
}

/* The copy of the message that a report is about: after the report itself, in whichever form. */
static const struct mime_part *find_copy(const struct mime_message *message)
{
	for (unsigned i = 0; i < message->count; i++) {
		const struct mime_part *part = &message->parts[i];

		if (part->message || strcmp(part->type, "text/rfc822-headers") == 0 ||
		    strcmp(part->type, "message/rfc822") == 0 ||
		    strcmp(part->type, "message/rfc822-headers") == 0)
			return part;
	}
	return NULL;
}

/* Its beginning: what is longer is cut. */
static struct span text_of(struct examination *exam, const struct mime_part *part)
{
	char *text;
	ssize_t n;

	if (part == NULL)
		return span_of(NULL);
	text = arena_alloc(exam->arena, FEEDBACK_TEXT_MAX);
	n = feed_fill(part->content, text, FEEDBACK_TEXT_MAX);
	return span_make(text, n < 0 ? 0 : (size_t)n);
}

static void read_feedback(struct examination *exam, const struct mime_message *message,
			  const struct mime_part *part)
{
	struct feedback_texts texts = {text_of(exam, part), text_of(exam, find_copy(message)),
				       exam->mail.date};
	enum inbox_kind kind;
	struct why why = {""};

	if (feedback_read(exam->writer, &texts, &kind, &why) == 0) {
		end_report(exam, kind);
		return;
	}
	why_prefix(&why, "malformed feedback report: ");
	end_unreadable(exam, why.text);
}

/* A delivery status notification: as the outbox reads it (report/inspect.h). */
static void read_bounce(struct examination *exam, int fd, int64_t from, int64_t to)
{
	struct feed *feed = feed_file(exam->arena, fd, from, to);
	char *text = arena_alloc(exam->arena, INSPECTED);
	ssize_t n = feed_fill(feed, text, INSPECTED);
	struct span rest = span_make(text, n < 0 ? 0 : (size_t)n);
	struct fields *fields = fields_parse(exam->arena, rest);
	struct inspect *inspect = inspect_new(exam->arena, INSPECTED);
	const struct inspection *found;
	struct inbox_bounce bounce;

	for (unsigned i = 0; i < fields->count; i++)
		inspect_header(inspect, fields->items[i].name, fields->items[i].value);
	inspect_end_of_headers(inspect);
	inspect_body(inspect, rest);
	found = inspect_result(inspect);
	bounce.bounce = inspect_bounce_text(found->bounce);
	bounce.status = wire_text(exam->arena, span_of(found->status));
	bounce.text = wire_text(exam->arena, span_of(found->text));
	writer_put(exam->writer, INBOX_PART_BOUNCE, &bounce);
	end_report(exam, INBOX_BOUNCE);
}

static bool may_be_document(const struct mime_part *part)
{
	char first[PEEK];
	struct span seen;

	if (part->message)
		return false;
	switch (peek_content(part->content, first, &seen)) {
	case CONTENT_PACKED:
		return true;
	case CONTENT_XML:
	case CONTENT_JSON:
		return strcmp(part->type, "text/html") != 0;
	default:
		return has_report_name(part->name);
	}
}

static const struct mime_part *
find_text_report(struct examination *exam, const struct mime_message *message, struct span *text)
{
	for (unsigned i = 0; i < message->count; i++) {
		const struct mime_part *part = &message->parts[i];

		if (strcmp(part->type, "text/plain") != 0)
			continue;
		*text = text_of(exam, part);
		if (feedback_is_text(*text))
			return part;
		part->content->rewind(part->content);
	}
	return NULL;
}

/* Says what the message has in place of a report. */
static void tell_nothing(struct examination *exam, const struct mime_message *message)
{
	const struct mime_part *part = find_part(message, "text/plain");
	struct span text = span_trim(text_of(exam, part));
	const char *begin;

	if (exam->tried) {
		end_unreadable(exam, exam->first.text);
		return;
	}
	if (span_len(text) > 40)
		text.end = text.p + 40;
	begin = wire_text(exam->arena, text);
	end_unreadable(exam,
		       begin == NULL
			   ? "no report in this message"
			   : arena_printf(exam->arena,
					  "no report in this message, which begins \"%s\"", begin));
}

static void read_message(struct examination *exam, int fd, int64_t from, int64_t to)
{
	const struct mime_part *part;
	struct mime_message *message;
	struct why why = {""};
	struct span text;

	if (mime_read(exam->arena, fd, from, to, &message, &why) != 0) {
		end_unreadable(exam, why.text);
		return;
	}
	read_mail(exam, message);
	part = find_part(message, "message/feedback-report");
	if (part != NULL) {
		read_feedback(exam, message, part);
		return;
	}
	if (find_part(message, "message/delivery-status") != NULL ||
	    find_part(message, "message/global-delivery-status") != NULL) {
		read_bounce(exam, fd, from, to);
		return;
	}
	for (unsigned i = 0; i < message->count; i++)
		if (may_be_document(&message->parts[i]))
			read_document(exam, message->parts[i].content, message->parts[i].name);
	if (exam->read > 0)
		return;
	if (find_text_report(exam, message, &text) != NULL) {
		feedback_read_text(exam->writer, text, exam->mail.date);
		end_report(exam, INBOX_FAILURE);
	} else {
		tell_nothing(exam, message);
	}
}

/* A header field at the beginning, or the line that mailboxes put before one. */
static bool is_message(struct span first)
{
	if (span_istarts(first, "From ") || span_istarts(first, ">From "))
		return true;
	for (const char *p = first.p; p < first.end; p++) {
		if (*p == ':')
			return p > first.p;
		if (*p <= ' ' || *p > '~')
			return false;
	}
	return false;
}

void examine_prepare(int fd, int64_t from, int64_t to)
{
	struct arena *arena = arena_new(0);
	char first[PEEK];
	struct span seen;

	if (peek_content(feed_file(arena, fd, from, to), first, &seen) == CONTENT_OTHER &&
	    is_message(seen))
		mime_start();
	arena_free(arena);
}

void examine(struct inbox_writer *writer, int fd, int64_t from, int64_t to,
	     const struct inbox_hint *hint)
{
	struct examination *exam;
	struct arena *arena = arena_new(0);
	struct feed *feed = feed_file(arena, fd, from, to);
	char first[PEEK];
	struct span seen;

	exam = arena_make(arena, struct examination);
	exam->writer = writer;
	exam->arena = arena;
	exam->now = hint->now;
	exam->budget = EXAMINE_BYTES_OUT;
	exam->mail.date = INBOX_NO_TIME;
	if (peek_content(feed, first, &seen) == CONTENT_OTHER && is_message(seen)) {
		read_message(exam, fd, from, to);
	} else {
		read_document(exam, feed, hint->name);
		if (exam->read == 0)
			end_unreadable(exam, exam->first.text);
	}
	arena_free(arena);
}

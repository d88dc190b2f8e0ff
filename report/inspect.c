/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Walks a MIME structure line by line with the delimiters of the open multiparts (RFC 2046 section
 * 5.1). Only the header of each part is read, and the fields of a message/delivery-status (RFC 3464
 * section 2). A field is unfolded into a buffer of fixed
 * size: longer fields are not needed.
 *
 * Nothing is decoded: a delivery status is plain ASCII (RFC 3464 section 2.1.1), and RFC 9990
 * section 3.5.2 does not allow encoded file names.
 */
#include "report/inspect.h"

#include <string.h>

#include "lib/name.h"

enum {
	FIELD_MAX = 2048,
	DELIMITER_MAX = 200, /* RFC 2046 has 70 */
	DEPTH_MAX = 4
};

enum place { PLACE_HEADER, PLACE_BODY, PLACE_STATUS };

struct delimiter {
	char text[DELIMITER_MAX];
	size_t length; /* 0: none */
};

struct inspect {
	struct inspection found;
	size_t left; /* bytes of the body still looked at */
	enum place place;
	struct delimiter open[DEPTH_MAX];
	unsigned depth;
	struct delimiter announced; /* by the header that is being read */
	bool status_part;           /* likewise: it is a delivery status */
	char field[FIELD_MAX];      /* unfolded so far */
	size_t field_length;
	char line[FIELD_MAX];
	size_t line_length;
	enum { ACTION_OTHER, ACTION_FAILED, ACTION_DELAYED } action; /* of this recipient */
	char status[INSPECT_STATUS_MAX];
	char text[INSPECT_TEXT_MAX];
};

static const struct name_code bounces[] = {{"none", BOUNCE_NONE},
					   {"temporary", BOUNCE_TEMPORARY},
					   {"permanent", BOUNCE_PERMANENT},
					   {NULL, 0}};

const char *inspect_bounce_text(enum inspect_bounce bounce)
{
	return name_text(bounces, (int)bounce);
}

struct inspect *inspect_new(struct arena *arena, size_t max_body)
{
	struct inspect *inspect = arena_make(arena, struct inspect);

	inspect->left = max_body;
	return inspect;
}

/* ---- values ---- */

/* Copies TEXT, cut, with "?" for anything but printable ASCII. */
static void keep_text(char *to, size_t size, struct span text)
{
	size_t length = 0;

	text = span_trim(text);
	for (; text.p < text.end && length < size - 1; text.p++)
		to[length++] = *text.p >= ' ' && *text.p <= '~' ? *text.p : '?';
	to[length] = '\0';
}

/*
 * RFC 2045 section 5.1: parameter := attribute "=" value; value := token / quoted-string. Returns
 * the value of the parameter NAME, without quotes; empty if there is none.
 */
static struct span find_parameter(struct span value, const char *name)
{
	struct span part, rest = value;
	bool more = true;

	while (span_split(&rest, &more, ';', &part)) {
		const char *equals = memchr(part.p, '=', span_len(part));
		struct span text;

		if (equals == NULL || !span_ieq(span_trim((struct span){part.p, equals}), name))
			continue;
		text = span_trim((struct span){equals + 1, part.end});
		if (span_len(text) >= 2 && *text.p == '"' && text.end[-1] == '"')
			text = (struct span){text.p + 1, text.end - 1};
		return text;
	}
	return (struct span){value.end, value.end};
}

static bool ends_with(struct span text, const char *end)
{
	size_t length = strlen(end);

	return span_len(text) >= length &&
	       span_ieq((struct span){text.end - length, text.end}, end);
}

/* RFC 9990 section 3.5.2, RFC 8460 section 5.1: receiver!domain!begin!end[!id].extension */
static bool is_report_name(struct span name)
{
	static const char *const ends[] = {".xml", ".xml.gz", ".gz", ".zip", ".json", ".json.gz"};
	unsigned marks = 0;

	for (const char *p = name.p; p < name.end; p++)
		marks += *p == '!';
	for (size_t i = 0; marks >= 3 && i < sizeof ends / sizeof ends[0]; i++)
		if (ends_with(name, ends[i]))
			return true;
	return false;
}

/* ---- fields of the message and of its parts ---- */

static void read_type(struct inspect *inspect, struct span value)
{
	struct span boundary = find_parameter(value, "boundary");

	value = span_trim(value);
	inspect->status_part = span_istarts(value, "message/delivery-status") ||
			       span_istarts(value, "message/global-delivery-status");
	if (span_istarts(value, "multipart/report"))
		inspect->found.report = true;
	if (is_report_name(find_parameter(value, "name")))
		inspect->found.report = true;
	if (!span_istarts(value, "multipart/") || span_len(boundary) == 0 ||
	    span_len(boundary) >= DELIMITER_MAX)
		return;
	memcpy(inspect->announced.text, boundary.p, span_len(boundary));
	inspect->announced.length = span_len(boundary);
}

/* RFC 9990 section 3.5.2: "Report" "Domain:" domain "Submitter:" domain ... */
static void read_subject(struct inspect *inspect, struct span value)
{
	value = span_trim(value);
	if (!span_istarts(value, "Report Domain:"))
		return;
	for (; span_len(value) > 0; value.p++)
		if (span_istarts(value, "Submitter:"))
			inspect->found.report = true;
}

static void read_disposition(struct inspect *inspect, struct span value)
{
	if (is_report_name(find_parameter(value, "filename")))
		inspect->found.report = true;
}

/* ---- fields of a delivery status: RFC 3464 section 2.3 ---- */

static void read_action(struct inspect *inspect, struct span value)
{
	value = span_trim(value);
	inspect->action = span_istarts(value, "failed")    ? ACTION_FAILED
			  : span_istarts(value, "delayed") ? ACTION_DELAYED
							   : ACTION_OTHER;
}

/* status-code = DIGIT "." 1*3DIGIT "." 1*3DIGIT, optionally followed by a comment */
static void read_status(struct inspect *inspect, struct span value)
{
	struct span code = span_trim(value);
	const char *end = code.p;

	while (end < code.end && (char_is_digit((unsigned char)*end) || *end == '.'))
		end++;
	keep_text(inspect->status, sizeof inspect->status, (struct span){code.p, end});
}

/* diagnostic-type ";" *text */
static void read_diagnostic(struct inspect *inspect, struct span value)
{
	const char *semicolon = memchr(value.p, ';', span_len(value));

	if (semicolon != NULL)
		value.p = semicolon + 1;
	keep_text(inspect->text, sizeof inspect->text, value);
}

/* The first recipient that failed counts; one that is delayed counts until then. */
static void end_recipient(struct inspect *inspect)
{
	struct inspection *found = &inspect->found;
	enum inspect_bounce bounce = BOUNCE_NONE;

	if (inspect->action == ACTION_FAILED)
		bounce = inspect->status[0] == '4' ? BOUNCE_TEMPORARY : BOUNCE_PERMANENT;
	else if (inspect->action == ACTION_DELAYED)
		bounce = BOUNCE_TEMPORARY;
	if (bounce > found->bounce) {
		found->bounce = bounce;
		memcpy(found->status, inspect->status, sizeof found->status);
		memcpy(found->text, inspect->text, sizeof found->text);
	}
	inspect->action = ACTION_OTHER;
	inspect->status[0] = inspect->text[0] = '\0';
}

/* ---- fields ---- */

struct field_rule {
	const char *name;
	void (*read)(struct inspect *inspect, struct span value);
};

static const struct field_rule part_rules[] = {
    {"Content-Type", read_type}, {"Content-Disposition", read_disposition}, {NULL, NULL}};
static const struct field_rule status_rules[] = {{"Action", read_action},
						 {"Status", read_status},
						 {"Diagnostic-Code", read_diagnostic},
						 {NULL, NULL}};

static void read_field(struct inspect *inspect, const struct field_rule *rules, struct span name,
		       struct span value)
{
	name = span_trim(name);
	for (; rules->name != NULL; rules++)
		if (span_ieq(name, rules->name))
			rules->read(inspect, value);
}

/* The unfolded field is complete. */
static void end_field(struct inspect *inspect)
{
	struct span field = span_make(inspect->field, inspect->field_length);
	const char *colon = memchr(field.p, ':', inspect->field_length);

	inspect->field_length = 0;
	if (colon != NULL)
		read_field(inspect, inspect->place == PLACE_STATUS ? status_rules : part_rules,
			   (struct span){field.p, colon}, (struct span){colon + 1, field.end});
}

static void add_to_field(struct inspect *inspect, struct span line)
{
	size_t room = FIELD_MAX - inspect->field_length;
	size_t length = span_len(line) < room ? span_len(line) : room;

	if (length > 0)
		memcpy(inspect->field + inspect->field_length, line.p, length);
	inspect->field_length += length;
}

static void field_line(struct inspect *inspect, struct span line)
{
	if (span_empty(line) || !char_is_wsp(*line.p))
		end_field(inspect);
	add_to_field(inspect, line);
}

/* ---- lines of the body ---- */

static void begin_part(struct inspect *inspect)
{
	inspect->place = PLACE_HEADER;
	inspect->field_length = 0;
	inspect->status_part = false;
	inspect->announced.length = 0;
}

/* After the empty line: from now on looks for a multipart's delimiter. */
static void end_part_header(struct inspect *inspect)
{
	end_field(inspect);
	if (inspect->announced.length > 0 && inspect->depth < DEPTH_MAX)
		inspect->open[inspect->depth++] = inspect->announced;
	inspect->announced.length = 0;
	inspect->place = inspect->status_part ? PLACE_STATUS : PLACE_BODY;
}

static void leave_part(struct inspect *inspect)
{
	if (inspect->place == PLACE_HEADER || inspect->place == PLACE_STATUS)
		end_field(inspect);
	if (inspect->place == PLACE_STATUS)
		end_recipient(inspect);
	inspect->place = PLACE_BODY;
}

/* "--" boundary [ "--" ] of any open multipart; those inside it end as well. */
static bool is_delimiter(struct inspect *inspect, struct span line)
{
	if (span_len(line) < 3 || line.p[0] != '-' || line.p[1] != '-')
		return false;
	line.p += 2;
	for (unsigned i = inspect->depth; i > 0; i--) {
		const struct delimiter *open = &inspect->open[i - 1];
		struct span rest;

		if (span_len(line) < open->length || memcmp(line.p, open->text, open->length) != 0)
			continue;
		rest = (struct span){line.p + open->length, line.end};
		leave_part(inspect);
		inspect->depth = i;
		if (span_len(rest) >= 2 && rest.p[0] == '-' && rest.p[1] == '-')
			inspect->depth--;
		else
			begin_part(inspect);
		return true;
	}
	return false;
}

static void end_line(struct inspect *inspect)
{
	struct span line = span_make(inspect->line, inspect->line_length);

	inspect->line_length = 0;
	if (span_len(line) > 0 && line.end[-1] == '\r')
		line.end--;
	if (is_delimiter(inspect, line) || inspect->place == PLACE_BODY)
		return;
	if (!span_empty(line)) {
		field_line(inspect, line);
	} else if (inspect->place == PLACE_HEADER) {
		end_part_header(inspect);
	} else {
		end_field(inspect);
		end_recipient(inspect);
	}
}

static void add_to_line(struct inspect *inspect, struct span piece)
{
	size_t room = FIELD_MAX - inspect->line_length;
	size_t length = span_len(piece) < room ? span_len(piece) : room;

	if (length > 0)
		memcpy(inspect->line + inspect->line_length, piece.p, length);
	inspect->line_length += length;
}

/* ---- what the caller sees ---- */

void inspect_header(struct inspect *inspect, struct span name, struct span value)
{
	struct span line;

	if (span_ieq(span_trim(name), "Subject")) {
		char text[FIELD_MAX];

		keep_text(text, sizeof text, value);
		read_subject(inspect, span_of(text));
		return;
	}
	inspect->field_length = 0;
	add_to_field(inspect, value);
	line = span_make(inspect->field, inspect->field_length);
	read_field(inspect, part_rules, name, line);
	inspect->field_length = 0;
}

void inspect_end_of_headers(struct inspect *inspect)
{
	end_part_header(inspect);
}

bool inspect_body(struct inspect *inspect, struct span chunk)
{
	if (inspect->depth == 0 && inspect->place == PLACE_BODY)
		inspect->left = 0; /* no multipart, or its end */
	if (span_len(chunk) > inspect->left)
		chunk.end = chunk.p + inspect->left;
	inspect->left -= span_len(chunk);
	while (!span_empty(chunk)) {
		const char *end = memchr(chunk.p, '\n', span_len(chunk));

		add_to_line(inspect, (struct span){chunk.p, end == NULL ? chunk.end : end});
		if (end == NULL)
			break;
		end_line(inspect);
		chunk.p = end + 1;
	}
	return inspect->left > 0;
}

const struct inspection *inspect_result(struct inspect *inspect)
{
	if (inspect->line_length > 0)
		end_line(inspect);
	leave_part(inspect);
	return &inspect->found;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * GMime has no limit on parts and levels, and looks for every open boundary in every line. So the
 * delimiters are counted beforehand: each boundary that the text names anywhere, and each line that
 * could be one of theirs. What GMime is then given has few.
 */
#include "report/inbox/mime.h"

#include <gmime/gmime.h>
#include <string.h>

enum { BOUNDARIES_MAX = 64, BOUNDARY_MAX = 200, PIECE = 65536, LINE_MAX_LEN = 1024 };

void mime_start(void)
{
	g_mime_init();
}

/* ---- counting ---- */

struct count {
	char boundaries[BOUNDARIES_MAX][BOUNDARY_MAX];
	size_t lengths[BOUNDARIES_MAX];
	unsigned boundary_count;
	unsigned delimiters;
	char line[LINE_MAX_LEN]; /* the beginning of one */
	size_t length;
	bool too_many;
};

/* boundary="..." or boundary=... in LINE (RFC 2046 section 5.1.1) */
static void note_boundary(struct count *count, struct span line)
{
	const char *p;

	for (p = line.p; p + 9 < line.end; p++)
		if (span_istarts((struct span){p, line.end}, "boundary="))
			break;
	if (p + 9 >= line.end)
		return;
	line.p = p + 9;
	if (*line.p == '"') {
		const char *quote = memchr(line.p + 1, '"', span_len(line) - 1);

		line = (struct span){line.p + 1, quote == NULL ? line.end : quote};
	} else {
		for (p = line.p; p < line.end && !char_is_space((unsigned char)*p) && *p != ';';)
			p++;
		line.end = p;
	}
	if (count->boundary_count == BOUNDARIES_MAX) {
		count->too_many = true;
		return;
	}
	if (span_empty(line) || span_len(line) > BOUNDARY_MAX)
		return;
	memcpy(count->boundaries[count->boundary_count], line.p, span_len(line));
	count->lengths[count->boundary_count++] = span_len(line);
}

static void count_line(struct count *count)
{
	struct span line = span_make(count->line, count->length);

	count->length = 0;
	if (span_len(line) > 2 && line.p[0] == '-' && line.p[1] == '-') {
		line.p += 2;
		for (unsigned i = 0; i < count->boundary_count; i++)
			if (span_len(line) >= count->lengths[i] &&
			    memcmp(line.p, count->boundaries[i], count->lengths[i]) == 0) {
				count->too_many |= ++count->delimiters > 2 * MIME_PARTS_MAX;
				return;
			}
		return;
	}
	if (memchr(line.p, '=', span_len(line)) != NULL)
		note_boundary(count, line);
}

static void count_piece(struct count *count, struct span piece)
{
	while (!span_empty(piece) && !count->too_many) {
		const char *end = memchr(piece.p, '\n', span_len(piece));
		size_t length = (size_t)((end == NULL ? piece.end : end) - piece.p);
		size_t room = LINE_MAX_LEN - count->length;

		memcpy(count->line + count->length, piece.p, length < room ? length : room);
		count->length += length < room ? length : room;
		piece.p = end == NULL ? piece.end : end + 1;
		if (end != NULL)
			count_line(count);
	}
}

static int check_structure(struct arena *arena, int fd, int64_t from, int64_t to, struct why *why)
{
	struct feed *feed = feed_file(arena, fd, from, to);
	struct count *count = arena_make(arena, struct count);
	char *piece = arena_alloc(arena, PIECE);
	ssize_t n;

	while (!count->too_many && (n = feed->read(feed, piece, PIECE)) > 0)
		count_piece(count, span_make(piece, (size_t)n));
	return count->too_many ? why_set(why, "it has more than %d parts or levels", MIME_PARTS_MAX)
			       : 0;
}

/* ---- content ---- */

struct part_feed {
	struct feed feed;
	GMimeStream *source;
	GMimeContentEncoding encoding;
	GMimeStream *decoded; /* NULL: not begun */
};

static void drop_decoded(struct part_feed *part)
{
	if (part->decoded != NULL)
		g_object_unref(part->decoded);
	part->decoded = NULL;
}

static void begin_part(struct part_feed *part)
{
	GMimeFilter *filter;

	g_mime_stream_reset(part->source);
	part->decoded = g_mime_stream_filter_new(part->source);
	if (part->encoding != GMIME_CONTENT_ENCODING_BASE64 &&
	    part->encoding != GMIME_CONTENT_ENCODING_QUOTEDPRINTABLE &&
	    part->encoding != GMIME_CONTENT_ENCODING_UUENCODE)
		return;
	filter = g_mime_filter_basic_new(part->encoding, FALSE);
	g_mime_stream_filter_add(GMIME_STREAM_FILTER(part->decoded), filter);
	g_object_unref(filter);
}

static ssize_t read_part(struct feed *feed, char *data, size_t size)
{
	struct part_feed *part = (struct part_feed *)feed;
	ssize_t n;

	if (part->decoded == NULL)
		begin_part(part);
	n = g_mime_stream_read(part->decoded, data, size);
	if (n < 0)
		feed->fault = "the message cannot be read";
	return n;
}

static int rewind_part(struct feed *feed)
{
	drop_decoded((struct part_feed *)feed);
	return 0;
}

static void release_part(void *arg)
{
	struct part_feed *part = arg;

	drop_decoded(part);
	g_object_unref(part->source);
}

static struct feed *part_content(struct arena *arena, GMimeStream *source,
				 GMimeContentEncoding encoding)
{
	struct part_feed *part = arena_make(arena, struct part_feed);

	part->feed = (struct feed){read_part, rewind_part, NULL};
	part->source = g_object_ref(source);
	part->encoding = encoding;
	arena_on_free(arena, release_part, part);
	return &part->feed;
}

/* ---- the tree ---- */

static const char *type_of(struct arena *arena, GMimeObject *object)
{
	GMimeContentType *type = g_mime_object_get_content_type(object);
	char *text = type == NULL ? NULL : g_mime_content_type_get_mime_type(type);
	const char *lower = arena_lower(arena, span_of(text == NULL ? "text/plain" : text));

	g_free(text);
	return lower;
}

/* The message within, as text: written out again, since GMime has taken it apart. */
static struct feed *embedded_content(struct arena *arena, GMimeMessage *message)
{
	GMimeStream *memory = g_mime_stream_mem_new();
	struct feed *content;

	if (message != NULL)
		g_mime_object_write_to_stream(GMIME_OBJECT(message), NULL, memory);
	content = part_content(arena, memory, GMIME_CONTENT_ENCODING_BINARY);
	g_object_unref(memory);
	return content;
}

static int add_leaf(struct arena *arena, struct mime_message *message, GMimeObject *object,
		    struct why *why)
{
	struct mime_part *part;

	if (message->count == MIME_PARTS_MAX)
		return why_set(why, "it has more than %d parts", MIME_PARTS_MAX);
	part = &message->parts[message->count];
	part->type = type_of(arena, object);
	if (GMIME_IS_MESSAGE_PART(object)) {
		part->message = true;
		part->content = embedded_content(
		    arena, g_mime_message_part_get_message(GMIME_MESSAGE_PART(object)));
	} else if (GMIME_IS_PART(object)) {
		GMimeDataWrapper *content = g_mime_part_get_content(GMIME_PART(object));
		const char *name = g_mime_part_get_filename(GMIME_PART(object));

		if (content == NULL)
			return 0;
		part->name = arena_string(arena, name);
		part->content = part_content(arena, g_mime_data_wrapper_get_stream(content),
					     g_mime_data_wrapper_get_encoding(content));
	} else {
		return 0;
	}
	message->count++;
	return 0;
}

static int walk_object(struct arena *arena, struct mime_message *message, GMimeObject *object,
		       unsigned depth, struct why *why)
{
	int count, status = 0;

	if (object == NULL)
		return 0;
	if (depth > MIME_DEPTH_MAX)
		return why_set(why, "its parts are nested more than %d levels", MIME_DEPTH_MAX);
	if (!GMIME_IS_MULTIPART(object))
		return add_leaf(arena, message, object, why);
	count = g_mime_multipart_get_count(GMIME_MULTIPART(object));
	for (int i = 0; i < count && status == 0; i++)
		status = walk_object(arena, message,
				     g_mime_multipart_get_part(GMIME_MULTIPART(object), i),
				     depth + 1, why);
	return status;
}

static const char *field_of(struct arena *arena, GMimeMessage *message, const char *name)
{
	GMimeHeaderList *list = g_mime_object_get_header_list(GMIME_OBJECT(message));
	GMimeHeader *header = g_mime_header_list_get_header(list, name);

	return header == NULL ? NULL : arena_string(arena, g_mime_header_get_raw_value(header));
}

static void read_top(struct arena *arena, struct mime_message *message, GMimeMessage *parsed)
{
	GMimeObject *whole = g_mime_message_get_mime_part(parsed);

	message->from = field_of(arena, parsed, "From");
	message->message_id = field_of(arena, parsed, "Message-ID");
	message->date = field_of(arena, parsed, "Date");
	message->authres = field_of(arena, parsed, "Authentication-Results");
	message->type = whole == NULL ? "text/plain" : type_of(arena, whole);
	message->report_type =
	    whole == NULL
		? NULL
		: arena_string(arena,
			       g_mime_object_get_content_type_parameter(whole, "report-type"));
}

static void release_object(void *object)
{
	g_object_unref(object);
}

int mime_read(struct arena *arena, int fd, int64_t from, int64_t to, struct mime_message **message,
	      struct why *why)
{
	GMimeStream *stream;
	GMimeParser *parser;
	GMimeMessage *parsed;

	*message = arena_make(arena, struct mime_message);
	if (check_structure(arena, fd, from, to, why) != 0)
		return -1;
	stream = g_mime_stream_fs_new_with_bounds(fd, from, to);
	g_mime_stream_fs_set_owner(GMIME_STREAM_FS(stream), FALSE);
	parser = g_mime_parser_new_with_stream(stream);
	g_mime_parser_set_persist_stream(parser, TRUE);
	parsed = g_mime_parser_construct_message(parser, NULL);
	g_object_unref(parser);
	g_object_unref(stream);
	if (parsed == NULL)
		return why_set(why, "it is not a message");
	arena_on_free(arena, release_object, parsed);
	read_top(arena, *message, parsed);
	return walk_object(arena, *message, g_mime_message_get_mime_part(parsed), 0, why);
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "report/inbox/feed.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/utf8.h"

/* ---- a file, memory ---- */

struct file_feed {
	struct feed feed;
	int fd;
	int64_t from, to, at;
};

static ssize_t read_file(struct feed *feed, char *data, size_t size)
{
	struct file_feed *file = (struct file_feed *)feed;
	ssize_t n;

	assert(file->to < 0 || file->at <= file->to);
	if (file->to >= 0 && (int64_t)size > file->to - file->at)
		size = (size_t)(file->to - file->at);
	do
		n = pread(file->fd, data, size, (off_t)file->at);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		feed->fault = "the file cannot be read";
	else
		file->at += n;
	return n;
}

static int rewind_file(struct feed *feed)
{
	struct file_feed *file = (struct file_feed *)feed;

	file->at = file->from;
	return 0;
}

struct feed *feed_file(struct arena *arena, int fd, int64_t from, int64_t to)
{
	struct file_feed *file = arena_make(arena, struct file_feed);

	assert(fd >= 0 && from >= 0 && (to < 0 || from <= to));
	file->feed = (struct feed){read_file, rewind_file, NULL};
	file->fd = fd;
	file->from = file->at = from;
	file->to = to;
	return &file->feed;
}

struct memory_feed {
	struct feed feed;
	struct span all, rest;
};

static ssize_t read_memory(struct feed *feed, char *data, size_t size)
{
	struct memory_feed *memory = (struct memory_feed *)feed;

	if (size > span_len(memory->rest))
		size = span_len(memory->rest);
	memcpy(data, memory->rest.p, size);
	memory->rest.p += size;
	return (ssize_t)size;
}

static int rewind_memory(struct feed *feed)
{
	struct memory_feed *memory = (struct memory_feed *)feed;

	memory->rest = memory->all;
	return 0;
}

struct feed *feed_memory(struct arena *arena, struct span bytes)
{
	struct memory_feed *memory = arena_make(arena, struct memory_feed);

	memory->feed = (struct feed){read_memory, rewind_memory, NULL};
	memory->all = memory->rest = bytes;
	return &memory->feed;
}

/* ---- reading ---- */

ssize_t feed_fill(struct feed *feed, char *data, size_t size)
{
	size_t length = 0;

	while (length < size) {
		ssize_t n = feed->read(feed, data + length, size - length);

		if (n < 0)
			return -1;
		if (n == 0)
			break;
		length += (size_t)n;
		assert(length <= size);
	}
	return (ssize_t)length;
}

ssize_t feed_peek(struct feed *feed, char *data, size_t size)
{
	ssize_t n = feed_fill(feed, data, size);

	return n < 0 || feed->rewind(feed) != 0 ? -1 : n;
}

int feed_all(struct feed *feed, struct arena *arena, size_t max, struct span *text)
{
	char piece[16384];
	struct buf all;
	ssize_t n;

	buf_init(&all, arena, max);
	while ((n = feed->read(feed, piece, sizeof piece)) > 0)
		buf_add(&all, piece, (size_t)n);
	if (n == 0 && all.failed)
		feed->fault = "it is larger than allowed";
	*text = buf_view(&all);
	return n < 0 || all.failed ? -1 : 0;
}

/* ---- cleaned ---- */

enum { PIECE = 16384, CARRY = 4 };

struct cleaned_feed {
	struct feed feed;
	struct feed *from;
	struct buf out; /* cleaned and not handed out yet, from TAKEN on */
	size_t taken;
	char carry[CARRY]; /* the beginning of a character that the next piece ends */
	size_t carried;
	bool begun, dirty;
};

/* Bytes at the end of TEXT that may be the first ones of a longer character. */
static size_t open_end(struct span text)
{
	size_t most = span_len(text) < CARRY - 1 ? span_len(text) : CARRY - 1;

	for (size_t n = 1; n <= most; n++) {
		unsigned char c = (unsigned char)text.end[-(ptrdiff_t)n];

		if (c < 0x80)
			return 0;
		if (c >= 0xc0)
			return n < (c >= 0xf0 ? 4u : c >= 0xe0 ? 3u : 2u) ? n : 0;
	}
	return 0;
}

/* Without a byte order mark, blanks and "<?xml ... ?>". */
static struct span skip_declaration(struct span text)
{
	if (span_len(text) >= 3 && memcmp(text.p, "\xef\xbb\xbf", 3) == 0)
		text.p += 3;
	while (!span_empty(text) && char_is_space((unsigned char)*text.p))
		text.p++;
	if (!span_istarts(text, "<?xml"))
		return text;
	for (const char *p = text.p; p + 1 < text.end; p++)
		if (p[0] == '?' && p[1] == '>')
			return (struct span){p + 2, text.end};
	return text;
}

static int clean_piece(struct cleaned_feed *cleaned)
{
	char piece[CARRY + PIECE];
	struct span text;
	ssize_t n;
	size_t keep;

	memcpy(piece, cleaned->carry, cleaned->carried);
	n = feed_fill(cleaned->from, piece + cleaned->carried, PIECE);
	if (n < 0) {
		cleaned->feed.fault = cleaned->from->fault;
		return -1;
	}
	text = span_make(piece, cleaned->carried + (size_t)n);
	keep = n == PIECE ? open_end(text) : 0;
	memcpy(cleaned->carry, text.end - keep, keep);
	cleaned->carried = keep;
	text.end -= keep;
	if (!cleaned->begun)
		text = skip_declaration(text);
	cleaned->begun = true;
	buf_clear(&cleaned->out);
	cleaned->taken = 0;
	cleaned->dirty |= !utf8_is_clean(text);
	utf8_clean(&cleaned->out, text);
	return n > 0;
}

static ssize_t read_cleaned(struct feed *feed, char *data, size_t size)
{
	struct cleaned_feed *cleaned = (struct cleaned_feed *)feed;
	int more = 1;

	while (cleaned->taken == cleaned->out.len && more > 0)
		more = clean_piece(cleaned);
	if (more < 0)
		return -1;
	if (size > cleaned->out.len - cleaned->taken)
		size = cleaned->out.len - cleaned->taken;
	if (size > 0)
		memcpy(data, cleaned->out.data + cleaned->taken, size);
	cleaned->taken += size;
	return (ssize_t)size;
}

static int rewind_cleaned(struct feed *feed)
{
	struct cleaned_feed *cleaned = (struct cleaned_feed *)feed;

	cleaned->taken = cleaned->carried = 0;
	buf_clear(&cleaned->out);
	cleaned->begun = false;
	if (cleaned->from->rewind(cleaned->from) == 0)
		return 0;
	feed->fault = cleaned->from->fault;
	return -1;
}

struct feed *feed_cleaned(struct arena *arena, struct feed *from)
{
	struct cleaned_feed *cleaned = arena_make(arena, struct cleaned_feed);

	cleaned->feed = (struct feed){read_cleaned, rewind_cleaned, NULL};
	cleaned->from = from;
	buf_init(&cleaned->out, arena, 0);
	return &cleaned->feed;
}

bool feed_was_dirty(const struct feed *feed)
{
	return ((const struct cleaned_feed *)feed)->dirty;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Both are pulled: a read inflates no more than was asked for, so the limit on bytes out holds
 * before they are made. libarchive reads zip in its streaming form, entry after entry: the central
 * directory, by which entries of a bomb overlap, is not followed.
 */
#include "report/inbox/unpack.h"

#include <assert.h>
#include <archive.h>
#include <archive_entry.h>
#include <stdio.h>
#include <string.h>

#include "lib/codec/gzip.h"

enum { PIECE = 16384 };

static const char over_budget[] = "it unpacks to more than allowed";

enum unpack_form unpack_form(struct span first)
{
	if (gzip_is(first))
		return UNPACK_GZIP;
	if (span_len(first) >= 4 && memcmp(first.p, "PK\x03\x04", 4) == 0)
		return UNPACK_ZIP;
	return UNPACK_NONE;
}

static bool spend(struct feed *feed, int64_t *budget, size_t bytes)
{
	*budget -= (int64_t)bytes;
	if (*budget >= 0)
		return true;
	feed->fault = over_budget;
	return false;
}

/* ---- gzip ---- */

struct gzip_feed {
	struct feed feed;
	struct feed *from;
	int64_t *budget;
	struct gzip_reader *reader; /* NULL: no memory */
	struct span in;             /* what is left of PIECE */
	bool ended;
	const char *remark;
	char piece[PIECE];
};

static void end_gzip(void *arg)
{
	struct gzip_feed *gzip = arg;

	gzip_reader_free(gzip->reader);
	gzip->reader = NULL;
}

static bool refill_gzip(struct gzip_feed *gzip)
{
	ssize_t n;

	if (!span_empty(gzip->in))
		return true;
	n = gzip->from->read(gzip->from, gzip->piece, PIECE);
	if (n < 0)
		gzip->feed.fault = gzip->from->fault;
	if (n <= 0)
		return false;
	assert(n <= PIECE);
	gzip->in = span_make(gzip->piece, (size_t)n);
	return true;
}

/* After a member: another one, or something else that is ignored (RFC 1952 section 2.2). */
static void end_member(struct gzip_feed *gzip)
{
	if (!refill_gzip(gzip)) {
		gzip->ended = true;
	} else if (*gzip->in.p == '\x1f') {
		gzip_reader_restart(gzip->reader);
		gzip->remark = "gzip with several members";
	} else {
		gzip->ended = true;
		gzip->remark = "bytes after the end of gzip were ignored";
	}
}

static ssize_t read_gzip(struct feed *feed, char *data, size_t size)
{
	struct gzip_feed *gzip = (struct gzip_feed *)feed;
	size_t length = 0;

	while (length == 0 && !gzip->ended) {
		enum gzip_progress progress;

		if (!refill_gzip(gzip)) {
			gzip->ended = true;
			gzip->remark = "gzip that ends early";
			break;
		}
		progress = gzip_reader_take(gzip->reader, &gzip->in, data, size, &length);
		if (progress == GZIP_END) {
			end_member(gzip);
		} else if (progress == GZIP_DAMAGED) {
			gzip->ended = true;
			gzip->remark = "damaged gzip";
		}
	}
	if (feed->fault != NULL)
		return -1;
	return spend(feed, gzip->budget, length) ? (ssize_t)length : -1;
}

static int rewind_gzip(struct feed *feed)
{
	struct gzip_feed *gzip = (struct gzip_feed *)feed;

	gzip->in = span_of("");
	gzip->ended = gzip->reader == NULL;
	gzip->remark = NULL;
	if (gzip->reader != NULL)
		gzip_reader_restart(gzip->reader);
	if (gzip->reader != NULL && gzip->from->rewind(gzip->from) == 0)
		return 0;
	feed->fault = gzip->reader == NULL ? "no memory to read it" : gzip->from->fault;
	return -1;
}

struct feed *unpack_gzip(struct arena *arena, struct feed *from, int64_t *budget)
{
	struct gzip_feed *gzip = arena_make(arena, struct gzip_feed);

	assert(from != NULL && budget != NULL);
	gzip->feed = (struct feed){read_gzip, rewind_gzip, NULL};
	gzip->from = from;
	gzip->budget = budget;
	gzip->reader = gzip_reader_new();
	gzip->in = span_of("");
	gzip->ended = gzip->reader == NULL;
	arena_on_free(arena, end_gzip, gzip);
	return &gzip->feed;
}

const char *unpack_remark(const struct feed *feed)
{
	return ((const struct gzip_feed *)feed)->remark;
}

/* ---- zip ---- */

struct zip_feed {
	struct feed feed;
	struct feed *from;
	int64_t *budget;
	struct archive *archive;
	unsigned entry;
	bool there;
	char name[256];
	char piece[PIECE];
};

static la_ssize_t pull_archive(struct archive *archive, void *arg, const void **data)
{
	struct zip_feed *zip = arg;
	ssize_t n = zip->from->read(zip->from, zip->piece, PIECE);

	(void)archive;
	assert(n <= PIECE);
	*data = zip->piece;
	if (n < 0)
		zip->feed.fault = zip->from->fault;
	return n < 0 ? ARCHIVE_FATAL : n;
}

static void close_zip(void *arg)
{
	struct zip_feed *zip = arg;

	if (zip->archive != NULL)
		archive_read_free(zip->archive);
	zip->archive = NULL;
}

static bool find_entry(struct zip_feed *zip)
{
	struct archive_entry *entry;
	const char *name;

	for (unsigned i = 0; i <= zip->entry; i++) {
		int code = archive_read_next_header(zip->archive, &entry);

		if (code == ARCHIVE_EOF)
			return false;
		if (code != ARCHIVE_OK && code != ARCHIVE_WARN) {
			if (zip->feed.fault == NULL)
				zip->feed.fault = "damaged zip";
			return false;
		}
	}
	name = archive_entry_pathname(entry);
	snprintf(zip->name, sizeof zip->name, "%s", name == NULL ? "" : name);
	if (archive_entry_is_encrypted(entry))
		zip->feed.fault = "an encrypted zip";
	return zip->feed.fault == NULL;
}

static int rewind_zip(struct feed *feed)
{
	struct zip_feed *zip = (struct zip_feed *)feed;

	close_zip(zip);
	zip->there = false;
	zip->archive = archive_read_new();
	if (zip->from->rewind(zip->from) != 0) {
		feed->fault = zip->from->fault;
		return -1;
	}
	if (zip->archive == NULL ||
	    archive_read_support_format_zip_streamable(zip->archive) != ARCHIVE_OK ||
	    archive_read_open(zip->archive, zip, NULL, pull_archive, NULL) != ARCHIVE_OK) {
		if (feed->fault == NULL)
			feed->fault = "damaged zip";
		return -1;
	}
	zip->there = find_entry(zip);
	return feed->fault == NULL ? 0 : -1;
}

static ssize_t read_zip(struct feed *feed, char *data, size_t size)
{
	struct zip_feed *zip = (struct zip_feed *)feed;
	la_ssize_t n;

	if (!unpack_there(feed))
		return feed->fault == NULL ? 0 : -1;
	n = archive_read_data(zip->archive, data, size);
	if (n < 0) {
		if (feed->fault == NULL)
			feed->fault = "damaged zip, or packed by a method that is not supported";
		return -1;
	}
	return spend(feed, zip->budget, (size_t)n) ? n : -1;
}

struct feed *unpack_zip(struct arena *arena, struct feed *from, unsigned n, int64_t *budget)
{
	struct zip_feed *zip = arena_make(arena, struct zip_feed);

	zip->feed = (struct feed){read_zip, rewind_zip, NULL};
	zip->from = from;
	zip->entry = n;
	zip->budget = budget;
	if (n >= UNPACK_ENTRIES_MAX)
		zip->feed.fault = "a zip with too many entries";
	arena_on_free(arena, close_zip, zip);
	return &zip->feed;
}

bool unpack_there(struct feed *feed)
{
	struct zip_feed *zip = (struct zip_feed *)feed;

	if (zip->archive == NULL && feed->fault == NULL)
		rewind_zip(feed);
	return zip->there && feed->fault == NULL;
}

const char *unpack_name(const struct feed *feed)
{
	return ((const struct zip_feed *)feed)->name;
}

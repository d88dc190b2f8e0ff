/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The file contains its identity, three times; the number noted for readers; then two segments that
 * are used in turn (store/segment.h). A segment is filled from its beginning again once everything
 * in it is in the ledger's file. Each record is written by one pwritev(), in the order of the
 * numbers, so a killed process leaves no gap but the record that it was writing, which was not
 * answered.
 *
 * The process that uses the file holds its lock (flock). A file is created and removed under its
 * name only by the process that holds that lock.
 */
#include "store/journal.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/heap.h"

#ifndef JOURNAL_SEGMENT /* t/sim fills small ones */
#define JOURNAL_SEGMENT (8 * 1024 * 1024)
#endif

enum {
	SEGMENT = JOURNAL_SEGMENT,
	FIRST = 4096, /* where the first one begins */
	SEGMENTS = 2,
	NAMES = 3,         /* copies of the file's identity */
	NAME_EVERY = 1024, /* bytes: each in a sector of its own */
	NOTE_AT = 3072,
	DAMAGED_MAX = 10 /* files kept for each name */
};

static const uint64_t MAGIC = UINT64_C(0x336c6e6a4e475343); /* "CSGNjnl3", of this byte order */
/* Its id does not say of which ledger it is. */
static const uint64_t NO_LEDGER_MAGIC = UINT64_C(0x326c6e6a4e475343); /* "CSGNjnl2" */
static const uint64_t OLD_MAGIC = UINT64_C(0x316c6e6a4e475343);       /* "CSGNjnl1" */

struct name {
	uint64_t magic;
	unsigned char id[JOURNAL_ID];
	uint64_t check;
};

struct note {
	uint64_t folded, last;
	uint64_t check;
};

/* The beginning of a journal before it had checksums everywhere. */
struct old_top {
	uint64_t magic;
	unsigned char id[JOURNAL_ID];
	uint64_t folded;
};

struct journal {
	int fd;
	char *name;
	bool old; /* written by an earlier version: only read */
	bool names_ledger;
	bool unreadable; /* the disk failed: what was read is incomplete */
	unsigned char id[JOURNAL_ID];
	struct segment_key key;
	uint64_t noted, noted_last; /* in the file */
	uint64_t folded;            /* in the ledger */
	uint64_t last;              /* number of a record */
	unsigned active;
	struct {
		uint32_t used;
		uint64_t last;
		char *data; /* only when read: SEGMENT bytes at most */
	} segments[SEGMENTS];
};

static off_t segment_at(unsigned segment)
{
	return FIRST + (off_t)segment * SEGMENT;
}

static struct journal *journal_make(const char *path, unsigned slot)
{
	struct journal *journal = heap_zero(sizeof *journal);
	size_t size = strlen(path) + sizeof "-pending." + 10;

	journal->name = heap_alloc(size);
	snprintf(journal->name, size, "%s-pending.%u", path, slot);
	journal->fd = -1;
	return journal;
}

static void journal_free(struct journal *journal)
{
	for (unsigned i = 0; i < SEGMENTS; i++)
		free(journal->segments[i].data);
	if (journal->fd >= 0)
		close(journal->fd);
	free(journal->name);
	free(journal);
}

void journal_close(struct journal *journal)
{
	if (journal == NULL)
		return;
	if (journal->folded >= journal->last && !journal->unreadable)
		unlink(journal->name);
	journal_free(journal);
}

void journal_leave(struct journal *journal)
{
	if (journal != NULL)
		journal_free(journal);
}

bool journal_is_read(const struct journal *journal)
{
	return !journal->unreadable;
}

void journal_sync(struct journal *journal)
{
	(void)!fsync(journal->fd); /* the ledger fails as well, and reports it */
}

/* Uses a free name, or else the last one again. */
static void keep_file(const struct journal *journal, struct why *kept)
{
	why_set(kept, "%s-damaged", journal->name);
	for (int i = 1; i < DAMAGED_MAX && access(kept->text, F_OK) == 0; i++)
		why_set(kept, "%s-damaged.%d", journal->name, i);
	if (rename(journal->name, kept->text) != 0)
		why_set(kept, "%s (renaming it failed: %s)", journal->name, strerror(errno));
}

void journal_keep(struct journal *journal, struct why *kept)
{
	keep_file(journal, kept);
	journal_free(journal);
}

const unsigned char *journal_id(const struct journal *journal)
{
	return journal->id;
}

bool journal_is_of(const struct journal *journal, const unsigned char ledger[JOURNAL_LEDGER],
		   uint64_t *noted)
{
	*noted = journal->noted;
	return !journal->names_ledger || memcmp(journal->id, ledger, JOURNAL_LEDGER) == 0;
}

const char *journal_name(const struct journal *journal)
{
	return journal->name;
}

/* ---- its identity and its note ---- */

static uint64_t sum_name(const struct name *name)
{
	return segment_key((const unsigned char *)name, offsetof(struct name, check)).word;
}

static uint64_t sum_note(const struct journal *journal, const struct note *note)
{
	const size_t len = offsetof(struct note, check);

	return segment_key((const unsigned char *)note, len).word ^ journal->key.word;
}

static bool write_name(struct journal *journal)
{
	struct name name = {.magic = MAGIC};
	bool written = true;

	memcpy(name.id, journal->id, JOURNAL_ID);
	name.check = sum_name(&name);
	for (off_t i = 0; i < NAMES && written; i++)
		written = pwrite(journal->fd, &name, sizeof name, i * NAME_EVERY) == sizeof name;
	return written;
}

static void use_id(struct journal *journal, const unsigned char *id)
{
	memcpy(journal->id, id, JOURNAL_ID);
	journal->key = segment_key(journal->id, JOURNAL_ID);
}

/* Damaged or missing bytes are one thing, a failing disk another. */
static bool read_at(struct journal *journal, void *to, size_t len, off_t at)
{
	ssize_t got = pread(journal->fd, to, len, at);

	if (got < 0)
		journal->unreadable = true;
	return got == (ssize_t)len;
}

static bool read_name(struct journal *journal)
{
	struct old_top old;
	struct name name;

	for (off_t i = 0; i < NAMES; i++) {
		if (!read_at(journal, &name, sizeof name, i * NAME_EVERY) ||
		    (name.magic != MAGIC && name.magic != NO_LEDGER_MAGIC) ||
		    name.check != sum_name(&name))
			continue;
		use_id(journal, name.id);
		journal->names_ledger = name.magic == MAGIC;
		return true;
	}
	journal->old = read_at(journal, &old, sizeof old, 0) && old.magic == OLD_MAGIC;
	if (journal->old)
		use_id(journal, old.id);
	return journal->old;
}

/* A damaged note counts as missing: readers then wait until their deadline. */
static void read_note(struct journal *journal)
{
	struct old_top old;
	struct note note;

	journal->noted = journal->noted_last = 0;
	if (journal->old && read_at(journal, &old, sizeof old, 0)) {
		journal->noted = old.folded;
	} else if (read_at(journal, &note, sizeof note, NOTE_AT) &&
		   note.check == sum_note(journal, &note)) {
		journal->noted = note.folded;
		journal->noted_last = note.last;
	}
}

void journal_folded(struct journal *journal, uint64_t number)
{
	struct note note = {.folded = number, .last = journal->last};

	if (number <= journal->folded)
		return;
	journal->folded = number;
	if (note.last < journal->noted_last)
		note.last = journal->noted_last;
	note.check = sum_note(journal, &note);
	if (!journal->old)
		(void)!pwrite(journal->fd, &note, sizeof note, NOTE_AT); /* so has the ledger */
}

/* ---- a new one ---- */

/* Not when the file was removed, or kept under another name, after it was opened: then another
 * process had its lock, and has done with it. */
static bool has_name(const struct journal *journal)
{
	struct stat named, opened;

	return stat(journal->name, &named) == 0 && fstat(journal->fd, &opened) == 0 &&
	       named.st_dev == opened.st_dev && named.st_ino == opened.st_ino &&
	       S_ISREG(opened.st_mode);
}

/* The file has its name and is locked. A process that looks for journals of dead processes may have
 * locked it first. */
static bool is_mine(struct journal *journal)
{
	return flock(journal->fd, LOCK_EX | LOCK_NB) == 0 && has_name(journal);
}

/* Not every file system can do this. If it can and is full, the journal must not be used. */
static bool reserve_room(struct journal *journal)
{
	int code = posix_fallocate(journal->fd, 0, segment_at(SEGMENTS));

	errno = code;
	return code != ENOSPC && code != EDQUOT;
}

static bool write_segments(struct journal *journal)
{
	char head[SEGMENT_HEAD];
	bool written = true;

	segment_begin(journal->key, head);
	for (unsigned i = 0; i < SEGMENTS && written; i++)
		written = pwrite(journal->fd, head, sizeof head, segment_at(i)) == sizeof head;
	return written;
}

/* The file is a journal once its identity is written; until then it contains nothing. */
static bool fill_file(struct journal *journal, const unsigned char *ledger)
{
	unsigned char id[JOURNAL_ID];

	if (fchmod(journal->fd, 0640) != 0 || getrandom(id, sizeof id, 0) != sizeof id)
		return false;
	memcpy(id, ledger, JOURNAL_LEDGER);
	journal->names_ledger = true;
	use_id(journal, id);
	return reserve_room(journal) && write_segments(journal) && fsync(journal->fd) == 0 &&
	       write_name(journal);
}

/* 1: the name is taken. */
static int begin_file(struct journal *journal, const unsigned char *ledger, struct why *why)
{
	int flags = O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW;

	journal->fd = open(journal->name, flags, 0640);
	if (journal->fd < 0 && errno == EEXIST)
		return 1;
	if (journal->fd >= 0 && !is_mine(journal))
		return 1;
	if (journal->fd >= 0 && fill_file(journal, ledger))
		return 0;
	why_set(why, "%s: %s", journal->name, strerror(errno));
	if (journal->fd >= 0)
		unlink(journal->name);
	return -1;
}

struct journal *journal_new(const char *path, const unsigned char ledger[JOURNAL_LEDGER],
			    struct why *why)
{
	int taken = 1;

	for (unsigned slot = 0; slot < JOURNAL_SLOTS && taken == 1; slot++) {
		struct journal *journal = journal_make(path, slot);

		taken = begin_file(journal, ledger, why);
		if (taken == 0)
			return journal;
		journal_free(journal);
	}
	if (taken == 1)
		why_set(why, "%s-pending.0 to .%d: all these names are taken", path,
			JOURNAL_SLOTS - 1);
	return NULL;
}

/* ---- adding ---- */

/* With the most that is written after a record: what fills it up, and the end. */
static bool fits_segment(const struct journal *journal, unsigned segment, size_t len)
{
	return len + SEGMENT_TAIL <= SEGMENT - (size_t)journal->segments[segment].used;
}

static bool is_free(const struct journal *journal, unsigned segment)
{
	return journal->segments[segment].last <= journal->folded;
}

bool journal_has_room(const struct journal *journal, size_t len)
{
	return fits_segment(journal, journal->active, len) ||
	       (len + SEGMENT_TAIL <= SEGMENT && is_free(journal, 1 - journal->active));
}

uint64_t journal_add(struct journal *journal, char *record, size_t len, struct why *why)
{
	uint64_t number = journal->last + 1;
	char tail[SEGMENT_TAIL];
	size_t full, tail_len;
	struct iovec parts[2] = {{.iov_base = record, .iov_len = len}, {.iov_base = tail}};
	ssize_t written;

	assert(journal_has_room(journal, len) && !journal->old);
	if (!fits_segment(journal, journal->active, len)) {
		journal->active = 1 - journal->active;
		journal->segments[journal->active].used = 0;
	}
	full = segment_seal(journal->key, number, record, len, tail, &tail_len);
	parts[1].iov_len = tail_len;
	written =
	    pwritev(journal->fd, parts, 2,
		    segment_at(journal->active) + (off_t)journal->segments[journal->active].used);
	if (written != (ssize_t)(len + tail_len)) {
		why_set(why, "%s: %s", journal->name, strerror(written < 0 ? errno : ENOSPC));
		return 0;
	}
	journal->segments[journal->active].used += (uint32_t)full;
	journal->segments[journal->active].last = number;
	return journal->last = number;
}

/* ---- reading ---- */

static struct span read_segment(struct journal *journal, unsigned segment)
{
	char **data = &journal->segments[segment].data;
	ssize_t len;

	if (*data == NULL)
		*data = heap_alloc(SEGMENT);
	len = pread(journal->fd, *data, SEGMENT, segment_at(segment));
	if (len < 0)
		journal->unreadable = true;
	return span_make(*data, len < 0 ? 0 : (size_t)len);
}

static bool scan_segment(const struct journal *journal, struct span data, uint64_t after,
			 segment_visit *visit, void *arg, struct segment_found *found)
{
	return journal->old ? segment_scan_old(data, after, visit, arg, found)
			    : segment_scan(journal->key, data, after, visit, arg, found);
}

/* Scans both segments, the older one first; FOUND is in that order. */
static void scan_all(struct journal *journal, uint64_t after, segment_visit *visit, void *arg,
		     struct segment_found found[SEGMENTS])
{
	struct span data[SEGMENTS] = {read_segment(journal, 0), read_segment(journal, 1)};
	bool go_on = true;
	unsigned older;

	for (unsigned i = 0; i < SEGMENTS; i++)
		scan_segment(journal, data[i], 0, NULL, NULL, &found[i]);
	older = found[0].first > found[1].first;
	for (unsigned i = 0; i < SEGMENTS && go_on; i++) {
		go_on = scan_segment(journal, data[older ^ i], after, visit, arg, &found[i]);
		if (!journal->old && !found[i].has_end && go_on)
			found[i].damaged += SEGMENT - span_len(data[older ^ i]);
		if (found[i].last > journal->last)
			journal->last = found[i].last;
	}
}

void journal_each(struct journal *journal, uint64_t number, segment_visit *visit, void *arg)
{
	uint64_t after = number > journal->folded ? number : journal->folded;
	struct segment_found found[SEGMENTS];

	scan_all(journal, after, visit, arg, found);
}

struct gaps {
	uint64_t next; /* number */
	uint64_t missing;
};

static bool count_gap(void *arg, uint64_t number, struct span data)
{
	struct gaps *gaps = arg;

	(void)data;
	if (number > gaps->next)
		gaps->missing += number - gaps->next;
	gaps->next = number + 1;
	return true;
}

/* A ledger that does not know this journal may be a new one, after the old one was moved away: what
 * the journal notes is in the old one. */
void journal_examine(struct journal *journal, uint64_t number, struct journal_damage *damage)
{
	struct gaps gaps = {.next = (number > 0 ? number : journal->noted) + 1};
	struct segment_found found[SEGMENTS];
	const struct span none = {NULL, NULL};
	uint64_t unknown = 0;

	scan_all(journal, number, count_gap, &gaps, found);
	for (unsigned i = 0; i < SEGMENTS; i++) {
		if (found[i].has_end && found[i].end >= gaps.next)
			count_gap(&gaps, found[i].end + 1, none);
		if (!found[i].has_end && (found[i].first == 0 || i == SEGMENTS - 1))
			unknown += found[i].damaged / SEGMENT_RECORD_MIN;
	}
	if (journal->noted_last >= gaps.next)
		count_gap(&gaps, journal->noted_last + 1, none);
	damage->bytes = found[0].damaged + found[1].damaged;
	damage->messages = gaps.missing + unknown;
}

/* ---- other processes' journals ---- */

/* The name still belongs to the file that was opened, and that is a journal. */
static bool is_still_there(struct journal *journal)
{
	if (!has_name(journal) || !read_name(journal))
		return false;
	read_note(journal);
	return true;
}

/* The bytes that are not zero: an upper limit of what is lost. */
static uint64_t count_bytes(struct journal *journal)
{
	uint64_t count = 0;

	for (unsigned i = 0; i < SEGMENTS; i++) {
		struct span data = read_segment(journal, i);

		for (; !span_empty(data); data.p++)
			count += *data.p != '\0';
	}
	return count > SEGMENTS * SEGMENT_HEAD ? count : 0;
}

/* A file whose process was killed before it became a journal contains nothing. */
static void put_aside(struct journal *journal, struct why *lost)
{
	uint64_t bytes = count_bytes(journal);
	struct why kept;

	if (journal->unreadable || !has_name(journal))
		return;
	if (bytes == 0) {
		unlink(journal->name);
		return;
	}
	keep_file(journal, &kept);
	why_set(lost,
		"%s: its beginning is damaged: %llu bytes, at most %llu messages, are not counted;"
		" the file is kept as %s",
		journal->name, (unsigned long long)bytes,
		(unsigned long long)(bytes / SEGMENT_RECORD_MIN), kept.text);
}

struct journal *journal_left(const char *path, unsigned slot, struct why *lost)
{
	struct journal *journal = journal_make(path, slot);

	if (lost != NULL)
		lost->text[0] = '\0';
	journal->fd = open(journal->name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (journal->fd >= 0 && flock(journal->fd, LOCK_EX | LOCK_NB) == 0) {
		bool there = is_still_there(journal);

		if (there)
			journal_each(journal, UINT64_MAX, NULL, NULL); /* sets LAST */
		if (there || journal->unreadable)
			return journal;
		if (lost != NULL)
			put_aside(journal, lost);
	}
	journal_free(journal);
	return NULL;
}

static void wait_for(struct journal *journal, int64_t deadline)
{
	const struct timespec moment = {.tv_nsec = 5 * CLOCK_MS};

	journal_each(journal, UINT64_MAX, NULL, NULL);
	while (journal->noted < journal->last && clock_mono() < deadline) {
		nanosleep(&moment, NULL);
		if (!is_still_there(journal))
			return;
	}
}

bool journal_settle(const char *path, int64_t deadline)
{
	bool left = false;

	for (unsigned slot = 0; slot < JOURNAL_SLOTS; slot++) {
		struct journal *journal = journal_make(path, slot);

		journal->fd = open(journal->name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
		if (journal->fd >= 0 && is_still_there(journal)) {
			if (flock(journal->fd, LOCK_SH | LOCK_NB) == 0)
				left = true;
			else
				wait_for(journal, deadline);
		}
		journal_free(journal);
	}
	return left;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The file: a top, then two segments that take turns. A segment is filled from its beginning again
 * when all it held is in the ledger's file: what stands behind the newest record there is older, as
 * its number says. A record is written by one pwrite() in the order of their numbers, so a killed
 * process leaves no gap; what a lost power leaves is told by the checksum.
 *
 * The process that has the file holds its lock (flock). A file is made new and removed under its
 * name only by the one that holds that lock.
 */
#include "store/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/clock.h"

enum { SEGMENT = 8 * 1024 * 1024, FIRST = 4096, SEGMENTS = 2 };

static const uint64_t MAGIC = UINT64_C(0x316c6e6a4e475343); /* "CSGNjnl1", of this byte order */

struct top {
	uint64_t magic;
	unsigned char id[JOURNAL_ID];
	uint64_t folded;
};

struct head {
	uint64_t number;
	uint64_t check;
	uint32_t len; /* with the head */
	uint32_t unused;
};
_Static_assert(sizeof(struct head) == JOURNAL_HEAD, "no padding");

struct journal {
	int fd;
	char *name;
	struct top top;
	uint64_t last; /* number */
	unsigned active;
	struct {
		uint32_t used;
		uint64_t last;
		char *data; /* only when read: SEGMENT bytes at most */
	} segments[SEGMENTS];
};

/* Eight bytes at a time: it tells a record from what a lost power left, no more. */
static uint64_t checksum(uint64_t number, const char *data, size_t len)
{
	const uint64_t prime = UINT64_C(0x9e3779b97f4a7c15);
	uint64_t sum = (number + len) * prime, word;

	for (; len >= sizeof word; data += sizeof word, len -= sizeof word) {
		memcpy(&word, data, sizeof word);
		sum = (sum ^ word) * prime;
		sum ^= sum >> 29;
	}
	word = 0;
	if (len > 0)
		memcpy(&word, data, len);
	return ((sum ^ word) * prime) ^ (sum >> 31);
}

static off_t segment_at(unsigned segment)
{
	return FIRST + (off_t)segment * SEGMENT;
}

static struct journal *journal_make(const char *path, unsigned slot)
{
	struct journal *journal = calloc(1, sizeof *journal);
	size_t size = strlen(path) + sizeof "-pending." + 10;

	if (journal == NULL || (journal->name = malloc(size)) == NULL)
		abort();
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
	if (journal->top.folded >= journal->last)
		unlink(journal->name);
	journal_free(journal);
}

const unsigned char *journal_id(const struct journal *journal)
{
	return journal->top.id;
}

static bool write_top(struct journal *journal)
{
	return pwrite(journal->fd, &journal->top, sizeof journal->top, 0) == sizeof journal->top;
}

/* ---- a new one ---- */

/* It has its name and is locked. Another that looks for what was left may have been quicker. */
static bool is_mine(struct journal *journal)
{
	struct stat st;

	return flock(journal->fd, LOCK_EX | LOCK_NB) == 0 && fstat(journal->fd, &st) == 0 &&
	       st.st_nlink > 0;
}

/* 1: the name is taken. */
static int begin(struct journal *journal, struct why *why)
{
	int flags = O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW;

	journal->fd = open(journal->name, flags, 0640);
	if (journal->fd < 0 && errno == EEXIST)
		return 1;
	if (journal->fd >= 0 && !is_mine(journal))
		return 1;
	journal->top.magic = MAGIC;
	if (journal->fd >= 0 && fchmod(journal->fd, 0640) == 0 &&
	    getrandom(journal->top.id, JOURNAL_ID, 0) == JOURNAL_ID && write_top(journal))
		return 0;
	why_set(why, "%s: %s", journal->name, strerror(errno));
	if (journal->fd >= 0)
		unlink(journal->name);
	return -1;
}

struct journal *journal_new(const char *path, struct why *why)
{
	int taken = 1;

	for (unsigned slot = 0; slot < JOURNAL_SLOTS && taken == 1; slot++) {
		struct journal *journal = journal_make(path, slot);

		taken = begin(journal, why);
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

static bool fits(const struct journal *journal, unsigned segment, size_t len)
{
	return len <= SEGMENT - (size_t)journal->segments[segment].used;
}

static bool is_free(const struct journal *journal, unsigned segment)
{
	return journal->segments[segment].last <= journal->top.folded;
}

bool journal_has_room(const struct journal *journal, size_t len)
{
	return fits(journal, journal->active, len) ||
	       (len <= SEGMENT && is_free(journal, 1 - journal->active));
}

uint64_t journal_add(struct journal *journal, char *record, size_t len, struct why *why)
{
	struct head head = {.number = journal->last + 1, .len = (uint32_t)len};
	ssize_t written;

	if (!fits(journal, journal->active, len)) {
		journal->active = 1 - journal->active;
		journal->segments[journal->active].used = 0;
	}
	head.check = checksum(head.number, record + sizeof head, len - sizeof head);
	memcpy(record, &head, sizeof head);
	written =
	    pwrite(journal->fd, record, len,
		   segment_at(journal->active) + (off_t)journal->segments[journal->active].used);
	if (written != (ssize_t)len) {
		why_set(why, "%s: %s", journal->name, strerror(written < 0 ? errno : ENOSPC));
		return 0;
	}
	journal->segments[journal->active].used += (uint32_t)len;
	journal->segments[journal->active].last = head.number;
	return journal->last = head.number;
}

void journal_folded(struct journal *journal, uint64_t number)
{
	if (number <= journal->top.folded)
		return;
	journal->top.folded = number;
	(void)write_top(journal); /* the ledger's file says the same */
}

/* ---- reading ---- */

/* record = head *OCTET. The one at P, when it is one; its number is behind BEFORE. */
static bool read_record(const char *p, const char *end, uint64_t before, struct head *head)
{
	if ((size_t)(end - p) < sizeof *head)
		return false;
	memcpy(head, p, sizeof *head);
	return head->len >= sizeof *head && head->len <= (size_t)(end - p) &&
	       (before == 0 ? head->number > 0 : head->number == before + 1) &&
	       head->check == checksum(head->number, p + sizeof *head, head->len - sizeof *head);
}

bool journal_scan(struct span data, uint64_t behind, journal_visit *visit, void *arg,
		  uint64_t *last)
{
	struct head head;
	bool go_on = true;

	*last = 0;
	while (go_on && read_record(data.p, data.end, *last, &head)) {
		struct span record = {data.p + sizeof head, data.p + head.len};

		*last = head.number;
		data.p += head.len;
		if (head.number > behind && visit != NULL)
			go_on = visit(arg, head.number, record);
	}
	return go_on;
}

static uint64_t first_number(struct span data)
{
	struct head head;

	return read_record(data.p, data.end, 0, &head) ? head.number : 0;
}

static struct span read_segment(struct journal *journal, unsigned segment)
{
	char **data = &journal->segments[segment].data;
	ssize_t len;

	if (*data == NULL && (*data = malloc(SEGMENT)) == NULL)
		abort();
	len = pread(journal->fd, *data, SEGMENT, segment_at(segment));
	return span_make(*data, len < 0 ? 0 : (size_t)len);
}

static bool read_top(struct journal *journal)
{
	return pread(journal->fd, &journal->top, sizeof journal->top, 0) == sizeof journal->top &&
	       journal->top.magic == MAGIC;
}

void journal_each(struct journal *journal, uint64_t number, journal_visit *visit, void *arg)
{
	uint64_t behind = number > journal->top.folded ? number : journal->top.folded, last;
	struct span data[SEGMENTS] = {read_segment(journal, 0), read_segment(journal, 1)};
	unsigned older = first_number(data[0]) > first_number(data[1]);
	bool go_on = true;

	for (unsigned i = 0; i < SEGMENTS && go_on; i++) {
		go_on = journal_scan(data[older ^ i], behind, visit, arg, &last);
		if (last > journal->last)
			journal->last = last;
	}
}

/* ---- others' ---- */

/* What has the name now is what was opened, and a journal. */
static bool is_still_there(struct journal *journal)
{
	struct stat st;

	return fstat(journal->fd, &st) == 0 && st.st_nlink > 0 && S_ISREG(st.st_mode) &&
	       read_top(journal);
}

/* A file that was killed, or lost power, before it was a journal holds nothing. */
static void remove_unborn(struct journal *journal)
{
	struct stat st;

	if (fstat(journal->fd, &st) == 0 && st.st_nlink > 0 && S_ISREG(st.st_mode) &&
	    !read_top(journal))
		unlink(journal->name);
}

struct journal *journal_left(const char *path, unsigned slot)
{
	struct journal *journal = journal_make(path, slot);

	journal->fd = open(journal->name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (journal->fd >= 0 && flock(journal->fd, LOCK_EX | LOCK_NB) == 0) {
		if (is_still_there(journal)) {
			journal_each(journal, UINT64_MAX, NULL, NULL); /* sets LAST */
			return journal;
		}
		remove_unborn(journal);
	}
	journal_free(journal);
	return NULL;
}

static void wait_for(struct journal *journal, int64_t deadline)
{
	const struct timespec moment = {.tv_nsec = 5 * CLOCK_MS};

	journal_each(journal, UINT64_MAX, NULL, NULL);
	while (journal->top.folded < journal->last && clock_mono() < deadline) {
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

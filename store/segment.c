/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A head has its own checksum: if it is good, a record with damaged content is skipped as a whole.
 * After a damaged head every eighth byte is tried, because records begin there. Records that an
 * earlier use of the segment left after the end have lower numbers and are never read.
 *
 * A process that is killed while it writes leaves a record of which only the first pages were
 * written, and no end. That record was not answered, so this counts as an end, not as damage.
 */
#include "store/segment.h"

#include <assert.h>
#include <string.h>

enum kind { RECORD = 0x64636572, END = 0x20646e65 }; /* "recd", "end " in this byte order */

struct head {
	uint64_t number;
	uint64_t check; /* of the content */
	uint32_t len;   /* with the head, without padding */
	uint32_t kind;
	uint64_t head_check; /* of the members above */
};
_Static_assert(sizeof(struct head) == SEGMENT_HEAD, "no padding");

enum { WORD = sizeof(uint64_t), PAGE = 4096 };

/* Each step is a bijection of SUM and of WORD: a change of one word changes the sum. */
static uint64_t mix_word(uint64_t sum, uint64_t word)
{
	const uint64_t prime = UINT64_C(0x9e3779b97f4a7c15);

	sum = (sum ^ word) * prime;
	return sum ^ (sum >> 29);
}

/* The last word is padded with zeros. */
static uint64_t sum_bytes(uint64_t sum, const char *data, size_t len)
{
	uint64_t word;

	for (; len >= WORD; data += WORD, len -= WORD) {
		memcpy(&word, data, WORD);
		sum = mix_word(sum, word);
	}
	word = 0;
	if (len > 0)
		memcpy(&word, data, len);
	return len > 0 ? mix_word(sum, word) : sum;
}

static size_t fill_up(size_t len)
{
	return (len + WORD - 1) / WORD * WORD;
}

struct segment_key segment_key(const unsigned char *id, size_t len)
{
	return (struct segment_key){sum_bytes(len, (const char *)id, len)};
}

static uint64_t sum_head(struct segment_key key, const struct head *head)
{
	return sum_bytes(key.word, (const char *)head, offsetof(struct head, head_check));
}

/* ---- writing ---- */

static void write_end(struct segment_key key, uint64_t number, char *to)
{
	struct head head = {.number = number, .len = sizeof head, .kind = END};

	head.head_check = sum_head(key, &head);
	memcpy(to, &head, sizeof head);
}

void segment_begin(struct segment_key key, char head[SEGMENT_HEAD])
{
	write_end(key, 0, head);
}

size_t segment_seal(struct segment_key key, uint64_t number, char *record, size_t len,
		    char tail[SEGMENT_TAIL], size_t *tail_len)
{
	struct head head = {.number = number, .len = (uint32_t)len, .kind = RECORD};
	size_t full = fill_up(len);

	assert(number > 0 && len >= sizeof head && len <= UINT32_MAX - WORD);
	head.check = sum_bytes(key.word + number, record + sizeof head, len - sizeof head);
	head.head_check = sum_head(key, &head);
	memcpy(record, &head, sizeof head);
	memset(tail, 0, full - len);
	write_end(key, number, tail + (full - len));
	*tail_len = full - len + sizeof head;
	return full;
}

/* ---- reading ---- */

enum sight { SIGHT_DAMAGE, SIGHT_RECORD, SIGHT_CUT, SIGHT_END, SIGHT_OLDER };

struct scan {
	struct segment_key key;
	const char *begin;   /* of the segment, and of a page */
	struct head head;    /* the last one seen */
	size_t full;         /* bytes that belong to it */
	uint64_t zeros;      /* bytes that count as damage if a record follows */
	uint64_t cut;        /* number of an incomplete record that no other follows */
	uint64_t before_cut; /* damaged bytes before it */
	struct segment_found *found;
};

/* A head that was being written over the end crosses a page; only its first part was written. */
static bool is_half_head(const struct scan *scan, const char *p)
{
	size_t part = PAGE - (size_t)(p - scan->begin) % PAGE;
	char end[SEGMENT_HEAD];

	write_end(scan->key, scan->found->last, end);
	return part < sizeof end && memcmp(p + part, end + part, sizeof end - part) == 0;
}

/* What begins at REST. */
static enum sight look_at(struct scan *scan, struct span rest)
{
	struct head *head = &scan->head;
	const char *content = rest.p + sizeof *head;
	uint64_t last = scan->found->last;

	scan->full = WORD;
	memcpy(head, rest.p, sizeof *head);
	if ((head->kind != RECORD && head->kind != END) ||
	    head->head_check != sum_head(scan->key, head)) {
		head->number = last;
		return is_half_head(scan, rest.p) ? SIGHT_END : SIGHT_DAMAGE;
	}
	if (head->kind == END)
		return head->number < last ? SIGHT_OLDER : SIGHT_END;
	if (head->number <= last)
		return SIGHT_OLDER;
	if (head->len < sizeof *head || fill_up(head->len) > span_len(rest))
		return SIGHT_DAMAGE;
	scan->full = fill_up(head->len);
	return head->check ==
		       sum_bytes(scan->key.word + head->number, content, scan->full - sizeof *head)
		   ? SIGHT_RECORD
		   : SIGHT_CUT;
}

static bool is_zero(const char *p, size_t len)
{
	while (len > 0 && p[len - 1] == '\0')
		len--;
	return len == 0;
}

static void note_damage(struct scan *scan, enum sight sight, const char *p)
{
	if (sight == SIGHT_DAMAGE && is_zero(p, scan->full)) {
		scan->zeros += scan->full;
		return;
	}
	scan->found->damaged += scan->zeros;
	scan->zeros = 0;
	if (sight == SIGHT_CUT) {
		scan->cut = scan->head.number;
		scan->before_cut = scan->found->damaged;
	}
	if (sight == SIGHT_DAMAGE || sight == SIGHT_CUT)
		scan->found->damaged += scan->full;
}

static void note_record(struct scan *scan)
{
	scan->cut = 0;
	scan->found->last = scan->head.number;
	if (scan->found->first == 0)
		scan->found->first = scan->head.number;
}

static void note_end(struct scan *scan, enum sight sight)
{
	struct segment_found *found = scan->found;

	found->has_end = sight == SIGHT_END || scan->cut > 0;
	found->end = sight == SIGHT_END ? scan->head.number : found->last;
	if (sight == SIGHT_END || scan->cut == 0)
		return;
	found->end = scan->cut - 1;
	found->damaged = scan->before_cut;
}

bool segment_scan(struct segment_key key, struct span segment, uint64_t after, segment_visit *visit,
		  void *arg, struct segment_found *found)
{
	struct scan scan = {.key = key, .begin = segment.p, .found = found};
	enum sight sight = SIGHT_DAMAGE;

	memset(found, 0, sizeof *found);
	for (; span_len(segment) >= sizeof scan.head; segment.p += scan.full) {
		struct span content = {segment.p + sizeof scan.head, segment.p};

		sight = look_at(&scan, segment);
		note_damage(&scan, sight, segment.p);
		if (sight == SIGHT_END || sight == SIGHT_OLDER)
			break;
		if (sight != SIGHT_RECORD)
			continue;
		note_record(&scan);
		content.end += scan.head.len;
		if (visit != NULL && scan.head.number > after &&
		    !visit(arg, scan.head.number, content))
			return false;
	}
	note_end(&scan, sight);
	return true;
}

/* ---- the format before segments had ends ---- */

struct old_head {
	uint64_t number;
	uint64_t check;
	uint32_t len; /* with the head */
	uint32_t unused;
};

static uint64_t sum_old(uint64_t number, const char *data, size_t len)
{
	const uint64_t prime = UINT64_C(0x9e3779b97f4a7c15);
	uint64_t sum = (number + len) * prime, word;

	for (; len >= WORD; data += WORD, len -= WORD) {
		memcpy(&word, data, WORD);
		sum = (sum ^ word) * prime;
		sum ^= sum >> 29;
	}
	word = 0;
	if (len > 0)
		memcpy(&word, data, len);
	return ((sum ^ word) * prime) ^ (sum >> 31);
}

/* Reads the head at the beginning of REST, if it follows LAST. */
static bool read_old(struct span rest, uint64_t last, struct old_head *head)
{
	if (span_len(rest) < sizeof *head)
		return false;
	memcpy(head, rest.p, sizeof *head);
	return head->len >= sizeof *head && head->len <= span_len(rest) &&
	       (last == 0 ? head->number > 0 : head->number == last + 1) &&
	       head->check ==
		   sum_old(head->number, rest.p + sizeof *head, head->len - sizeof *head);
}

bool segment_scan_old(struct span segment, uint64_t after, segment_visit *visit, void *arg,
		      struct segment_found *found)
{
	struct old_head head;
	bool go_on = true;

	memset(found, 0, sizeof *found);
	while (go_on && read_old(segment, found->last, &head)) {
		struct span content = {segment.p + sizeof head, segment.p + head.len};

		found->last = head.number;
		if (found->first == 0)
			found->first = head.number;
		segment.p += head.len;
		if (visit != NULL && head.number > after)
			go_on = visit(arg, head.number, content);
	}
	found->end = found->last;
	return go_on;
}

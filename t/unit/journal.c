/* SPDX-License-Identifier: BSD-2-Clause */
/* store/journal: what was added is there after a kill, once, and nothing else is. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/clock.h"
#include "store/journal.h"
#include "store/packed.h"
#include "t/lib/tap.h"

static const char *dir;
static char path[300];
static const unsigned char ledger_id[JOURNAL_LEDGER] = "ledger";

static void new_path(void)
{
	static int files;

	snprintf(path, sizeof path, "%s/%d.db", dir, ++files);
}

static const char *name(unsigned slot)
{
	static char text[330];

	snprintf(text, sizeof text, "%s-pending.%u", path, slot);
	return text;
}

/* A record of LEN bytes behind its head, all of them C. */
static uint64_t add(struct journal *journal, char c, size_t len)
{
	char *record = malloc(JOURNAL_HEAD + len);
	struct why why = {""};
	uint64_t number;

	memset(record + JOURNAL_HEAD, c, len);
	number = journal_has_room(journal, JOURNAL_HEAD + len)
		     ? journal_add(journal, record, JOURNAL_HEAD + len, &why)
		     : 0;
	free(record);
	return number;
}

struct seen {
	unsigned count, stop;
	uint64_t first, last;
	char text[200];
};

static bool note(void *arg, uint64_t number, struct span data)
{
	struct seen *seen = arg;

	if (seen->count == 0)
		seen->first = number;
	if (seen->count < sizeof seen->text - 1)
		seen->text[seen->count] = span_empty(data) ? '-' : *data.p;
	seen->last = number;
	return ++seen->count != seen->stop;
}

static struct seen look(struct journal *journal, uint64_t behind)
{
	struct seen seen = {0};

	journal_each(journal, behind, note, &seen);
	return seen;
}

/* Ends as a killed process does: nothing is removed. */
static void leave(void (*work)(struct journal *))
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		struct journal *journal = journal_new(path, ledger_id, NULL);

		if (journal == NULL)
			_exit(1);
		work(journal);
		kill(getpid(), SIGKILL);
	}
	ok(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status), "a process is killed");
}

static void add_three(struct journal *journal)
{
	add(journal, 'a', 10);
	add(journal, 'b', 0);
	add(journal, 'c', 100000);
}

static void test_left(void)
{
	struct journal *journal;
	struct seen seen;
	struct stat st;

	new_path();
	ok(journal_left(path, 0, NULL) == NULL, "nothing is left");
	leave(add_three);
	ok(stat(name(0), &st) == 0 && (st.st_mode & 07777) == 0640, "its file is there");
	journal = journal_left(path, 0, NULL);
	ok(journal != NULL, "what it left is found");
	ok(journal_left(path, 0, NULL) == NULL, "by one at a time");
	seen = look(journal, 0);
	is_text(seen.text, "a-c", "all it added is there");
	is_int(seen.last, 3, "numbered");
	is_text(look(journal, 2).text, "c", "what comes after a number");
	journal_folded(journal, 1);
	is_text(look(journal, 0).text, "-c", "what is not folded yet");
	journal_close(journal);
	ok(access(name(0), F_OK) == 0, "what holds something stays");
	journal = journal_left(path, 0, NULL);
	is_text(look(journal, 0).text, "a-c", "how far it was folded, only the ledger says");
	journal_folded(journal, 3);
	is_int(look(journal, 0).count, 0, "nothing more");
	journal_close(journal);
	ok(access(name(0), F_OK) != 0, "what holds nothing is removed");
}

static void test_stop(void)
{
	struct journal *journal;
	struct seen seen = {.stop = 2};

	new_path();
	journal = journal_new(path, ledger_id, NULL);
	add_three(journal);
	journal_each(journal, 0, note, &seen);
	is_text(seen.text, "a-", "a visit ends the reading");
	journal_folded(journal, 3);
	journal_close(journal);
}

/* Both segments in turn, many times. */
static void test_turns(void)
{
	struct journal *journal;
	uint64_t number = 0;
	unsigned full = 0;
	struct seen seen;

	new_path();
	journal = journal_new(path, ledger_id, NULL);
	for (int i = 0; i < 100; i++) {
		uint64_t got = add(journal, (char)('a' + i % 26), 1000000);

		if (got == 0 && full++ == 0) {
			seen = look(journal, 0);
			is_int(seen.first, 1, "when it is full, all is there");
			is_int(seen.last, number, "to the last");
		}
		if (got == 0)
			journal_folded(journal, number -= 3); /* most of it */
		number = look(journal, 0).last;
	}
	ok(full > 3, "it was full %u times", full);
	seen = look(journal, 0);
	ok(seen.count > 2 && seen.last - seen.first == seen.count - 1, "no gap: %llu to %llu",
	   (unsigned long long)seen.first, (unsigned long long)seen.last);
	is_int(add(journal, 'x', 9 * 1024 * 1024), 0, "too large for any segment");
	journal_folded(journal, seen.last);
	journal_close(journal);
}

/* ---- damage, as the reader of a segment sees it ---- */

static const struct segment_key key = {UINT64_C(0x123456789abcdef)};

struct image {
	char bytes[4096];
	size_t len;
};

/* A record whose content is LEN times C. */
static void write_record(struct image *image, uint64_t number, char c, size_t len)
{
	char record[SEGMENT_HEAD + 200], tail[SEGMENT_TAIL];
	size_t tail_len, full;

	memset(record + SEGMENT_HEAD, c, len);
	full = segment_seal(key, number, record, SEGMENT_HEAD + len, tail, &tail_len);
	memcpy(image->bytes + image->len, record, SEGMENT_HEAD + len);
	memcpy(image->bytes + image->len + SEGMENT_HEAD + len, tail, tail_len);
	image->len += full;
}

/* Four records, 11 to 14, over an older turn's, 1 to 6; AT: where each begins, and the end. */
static struct image write_image(size_t at[6])
{
	struct image image = {.len = 0};

	for (unsigned i = 0; i < 6; i++)
		write_record(&image, i + 1, (char)('1' + i), 90 + i);
	image.len = 0;
	for (unsigned i = 0; i < 4; i++) {
		at[i] = image.len;
		write_record(&image, 11 + i, (char)('a' + i), 60 + 3 * i);
	}
	at[4] = image.len;
	at[5] = image.len + SEGMENT_HEAD;
	image.len = sizeof image.bytes;
	return image;
}

/* What is to be seen when the bytes of PART (4: the end) are damaged. */
static bool sees_all_but(const struct image *image, unsigned part)
{
	static const char *const texts[] = {"bcd", "acd", "abd", "abc", "abcd"};
	struct segment_found found;
	struct seen seen = {0};
	uint64_t lost;

	segment_scan(key, span_make(image->bytes, image->len), 0, note, &seen, &found);
	lost = found.end + 1 - 11 - seen.count;
	return strcmp(seen.text, texts[part]) == 0 && found.damaged > 0 &&
	       found.has_end == (part != 4) && (part == 4 || lost == 1);
}

static void test_flips(void)
{
	struct segment_found found;
	struct seen seen = {0};
	unsigned wrong = 0, flips = 0, part = 0;
	struct image image;
	size_t at[6];

	image = write_image(at);
	segment_scan(key, span_make(image.bytes, image.len), 0, note, &seen, &found);
	is_text(seen.text, "abcd", "a segment that was used again holds what is new");
	ok(found.has_end && found.end == 14 && found.damaged == 0, "and nothing is damaged");
	for (size_t i = 0; i < at[5]; i++) {
		part += i == at[part + 1];
		for (int bit = 0; bit < 8; bit++, flips++) {
			image.bytes[i] ^= (char)(1 << bit);
			wrong += !sees_all_but(&image, part);
			image.bytes[i] ^= (char)(1 << bit);
		}
	}
	is_int(wrong, 0, "each of %u flipped bits costs its record, is noticed, and no more",
	       flips);
	for (size_t i = at[5]; i < image.len; i++)
		image.bytes[i] = (char)~image.bytes[i];
	seen = (struct seen){0};
	segment_scan(key, span_make(image.bytes, image.len), 0, note, &seen, &found);
	is_text(seen.text, "abcd", "what lies after the end is not looked at");
	is_int(found.damaged, 0, "nor damage");
}

/* A text that is a record may be in a message: it is one only with this journal's key. */
static void test_forged(void)
{
	const struct segment_key other = {1};
	char record[SEGMENT_HEAD + 160], inner[SEGMENT_HEAD + 40], tail[SEGMENT_TAIL];
	struct image image = {.len = 0};
	struct segment_found found;
	struct seen seen = {0};
	size_t tail_len;

	memset(inner + SEGMENT_HEAD, 'x', 40);
	segment_seal(other, 1, inner, sizeof inner, tail, &tail_len);
	memcpy(record + SEGMENT_HEAD, inner, sizeof inner);
	memcpy(record + SEGMENT_HEAD + sizeof inner, tail, tail_len);
	segment_seal(key, 1, record, sizeof record, tail, &tail_len);
	memcpy(image.bytes, record, sizeof record);
	image.bytes[0] ^= 1;
	segment_scan(key, span_make(image.bytes, sizeof image.bytes), 0, note, &seen, &found);
	is_int(seen.count, 0, "a record in a record is none");
	ok(found.damaged >= SEGMENT_HEAD + sizeof inner, "it is damage");
}

/* ---- and in a file ---- */

static void change(off_t at, size_t len, const char *to)
{
	int fd = open(name(0), O_RDWR);
	char was[4096];

	if (fd < 0 || len > sizeof was || pread(fd, was, len, at) != (ssize_t)len)
		abort();
	for (size_t i = 0; to == NULL && i < len; i++)
		was[i] = (char)(was[i] ^ 4);
	if (pwrite(fd, to == NULL ? was : to, len, at) != (ssize_t)len)
		abort();
	close(fd);
}

static struct journal_damage examine(const char *text, const char *what)
{
	struct journal *journal = journal_left(path, 0, NULL);
	struct journal_damage damage = {0};

	ok(journal != NULL, "%s: it is a journal", what);
	journal_examine(journal, 0, &damage);
	is_text(look(journal, 0).text, text, "%s", what);
	journal_close(journal);
	return damage;
}

static void test_damage(void)
{
	const off_t second = 4096 + JOURNAL_HEAD + 16;
	static const char zeros[4096];
	struct journal_damage damage;
	struct journal *journal;
	struct why why = {""};
	char kept[400];

	new_path();
	leave(add_three);
	change(second + 3, 1, NULL);
	damage = examine("ac", "a damaged record is left out");
	ok(damage.messages == 1 && damage.bytes >= JOURNAL_HEAD && damage.bytes < 100,
	   "and said: %d bytes, at most %d messages", (int)damage.bytes, (int)damage.messages);
	change(second + JOURNAL_HEAD + 4096, 4096, zeros);
	damage = examine("a", "so are several");
	ok(damage.messages == 2 && damage.bytes > 100000, "and what a lost page takes");
	journal = journal_left(path, 0, NULL);
	journal_keep(journal, &why);
	snprintf(kept, sizeof kept, "%s-damaged", name(0));
	is_text(why.text, kept, "it is kept");
	ok(access(kept, R_OK) == 0 && access(name(0), F_OK) != 0, "under that name only");
	leave(add_three);
	journal_keep(journal_left(path, 0, NULL), &why);
	ok(strstr(why.text, "-damaged.1") != NULL && access(why.text, R_OK) == 0, "and others");
	leave(add_three);
	if (truncate(name(0), 4096 + 60000) != 0)
		abort();
	damage = examine("a-", "a file that was cut off");
	ok(damage.messages > 0 && damage.bytes > 40000, "is damaged");
}

static bool is_journal(void)
{
	struct journal *journal = journal_left(path, 0, NULL);

	journal_close(journal);
	return journal != NULL;
}

/* Who it is stands there three times. */
static void test_names(void)
{
	struct why lost = {""};

	new_path();
	leave(add_three);
	for (off_t i = 0; i < 4096; i++) {
		if (i % 1024 >= 40)
			continue;
		change(i, 1, NULL);
		if (!is_journal())
			ok(false, "byte %d decides", (int)i);
		change(i, 1, NULL);
	}
	change(0, 40, NULL);
	change(1024, 40, NULL);
	ok(is_journal(), "two of three names may be lost");
	change(2048, 40, NULL);
	ok(!is_journal() && access(name(0), F_OK) == 0,
	   "without a name it is not a journal, and stays where nobody can say so");
	ok(journal_left(path, 0, &lost) == NULL && access(name(0), F_OK) != 0, "else it is kept");
	ok(strstr(lost.text, "messages, are not counted; the file is kept as") != NULL, "%s",
	   lost.text);
	new_path();
	close(open(name(0), O_CREAT | O_WRONLY, 0600));
	ok(journal_left(path, 0, &lost) == NULL && access(name(0), F_OK) != 0,
	   "an empty file is removed");
	is_text(lost.text, "", "of which there is nothing to say");
	ok(symlink("/etc/hostname", name(0)) == 0 && journal_left(path, 0, &lost) == NULL &&
	       access("/etc/hostname", F_OK) == 0,
	   "a link is not followed");
}

static void append(int fd, const void *data, size_t len)
{
	if (write(fd, data, len) != (ssize_t)len)
		abort();
}

/* Two records as the first version wrote them: "AAAA" and "BBBBBBBBBBBB". */
static void test_old(void)
{
	static const unsigned char top[] = "CSGNjnl1"
					   "0123456789abcdef"
					   "\0\0\0\0\0\0\0";
	static const unsigned char records[] = {
	    0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x76, 0xd5, 0xe6, 0x82, 0x63,
	    0xab, 0x50, 0xee, 0x1c, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x41, 0x41,
	    0x41, 0x41, 0x02, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x1f, 0xab, 0x5d,
	    0x32, 0x0d, 0xa1, 0x1d, 0xc4, 0x24, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	    0x42, 0x42, 0x42, 0x42, 0x42, 0x42, 0x42, 0x42, 0x42, 0x42, 0x42, 0x42,
	};
	struct journal_damage damage;
	int fd;

	new_path();
	fd = open(name(0), O_CREAT | O_WRONLY, 0640);
	append(fd, top, 32);
	if (lseek(fd, 4096, SEEK_SET) != 4096)
		abort();
	append(fd, records, sizeof records);
	close(fd);
	damage = examine("AB", "a journal of the first version is read");
	is_int(damage.bytes + damage.messages, 0, "of which nothing is damaged");
}

static void test_room(void)
{
	struct journal *journal;
	struct stat st;

	new_path();
	journal = journal_new(path, ledger_id, NULL);
	ok(stat(name(0), &st) == 0 && st.st_blocks * 512 >= 16 * 1024 * 1024,
	   "its room is reserved: %lld KiB", (long long)st.st_blocks / 2);
	journal_close(journal);
}

static void test_slots(void)
{
	struct journal *first, *last;
	struct why why = {""};

	new_path();
	first = journal_new(path, ledger_id, &why);
	for (unsigned i = 1; i < JOURNAL_SLOTS - 1; i++)
		close(open(name(i), O_CREAT | O_WRONLY, 0600));
	last = journal_new(path, ledger_id, &why);
	ok(first != NULL && last != NULL, "as many as there are names");
	ok(memcmp(journal_id(first), journal_id(last), JOURNAL_ID) != 0, "each has its id");
	ok(journal_new(path, ledger_id, &why) == NULL && strstr(why.text, "are taken") != NULL,
	   "no more: %s", why.text);
	journal_close(first);
	journal_close(last);
	snprintf(path, sizeof path, "%s/no/such.db", dir);
	ok(journal_new(path, ledger_id, &why) == NULL && strstr(why.text, "No such file") != NULL,
	   "%s", why.text);
}

static void test_settle(void)
{
	struct journal *journal;
	int64_t begin = clock_mono();
	pid_t pid;

	new_path();
	journal = journal_new(path, ledger_id, NULL);
	add_three(journal);
	ok(!journal_settle(path, clock_mono() + 20 * CLOCK_MS), "one that is in use is not left");
	ok(clock_mono() - begin >= 20 * CLOCK_MS, "a reader waits for it");
	pid = fork();
	if (pid == 0) {
		usleep(30000);
		journal_folded(journal, 3);
		_exit(0);
	}
	ok(!journal_settle(path, clock_mono() + 60 * CLOCK_SECOND), "until it is folded");
	ok(!tap_hurried() || clock_mono() - begin < 20 * CLOCK_SECOND, "no longer");
	waitpid(pid, NULL, 0);
	journal_folded(journal, 3);
	journal_close(journal);
	leave(add_three);
	ok(journal_settle(path, clock_mono() + 60 * CLOCK_SECOND), "what was left is told");
}

int main(void)
{
	dir = tap_directory();
	test_left();
	test_stop();
	test_turns();
	test_flips();
	test_forged();
	test_damage();
	test_names();
	test_old();
	test_room();
	test_slots();
	test_settle();
	return tap_done();
}

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
		struct journal *journal = journal_new(path, NULL);

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
	ok(journal_left(path, 0) == NULL, "nothing is left");
	leave(add_three);
	ok(stat(name(0), &st) == 0 && (st.st_mode & 07777) == 0640, "its file is there");
	journal = journal_left(path, 0);
	ok(journal != NULL, "what it left is found");
	ok(journal_left(path, 0) == NULL, "by one at a time");
	seen = look(journal, 0);
	is_text(seen.text, "a-c", "all it added is there");
	is_int(seen.last, 3, "numbered");
	is_text(look(journal, 2).text, "c", "what is behind a number");
	journal_folded(journal, 1);
	is_text(look(journal, 0).text, "-c", "what is not folded yet");
	journal_close(journal);
	ok(access(name(0), F_OK) == 0, "what holds something stays");
	journal = journal_left(path, 0);
	is_text(look(journal, 0).text, "-c", "and says how far it was folded");
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
	journal = journal_new(path, NULL);
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
	journal = journal_new(path, NULL);
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

static void damage(off_t at)
{
	int fd = open(name(0), O_WRONLY);

	ok(fd >= 0 && pwrite(fd, "?", 1, at) == 1, "a byte is changed");
	close(fd);
}

static void test_damage(void)
{
	struct journal *journal;

	new_path();
	leave(add_three);
	damage(4096 + 2 * JOURNAL_HEAD + 10 + JOURNAL_HEAD + 5000);
	journal = journal_left(path, 0);
	is_text(look(journal, 0).text, "a-",
		"a damaged record and what is behind it are no records");
	journal_folded(journal, 2);
	journal_close(journal);
	new_path();
	leave(add_three);
	damage(0);
	ok(journal_left(path, 0) == NULL && access(name(0), F_OK) != 0,
	   "what is no journal is removed");
	new_path();
	close(open(name(0), O_CREAT | O_WRONLY, 0600));
	ok(journal_left(path, 0) == NULL && access(name(0), F_OK) != 0, "an empty file, too");
	ok(symlink("/etc/hostname", name(0)) == 0 && journal_left(path, 0) == NULL &&
	       access("/etc/hostname", F_OK) == 0,
	   "a link is not followed");
}

static void test_slots(void)
{
	struct journal *all[JOURNAL_SLOTS];
	struct why why = {""};

	new_path();
	for (unsigned i = 0; i < JOURNAL_SLOTS; i++)
		all[i] = journal_new(path, &why);
	ok(all[JOURNAL_SLOTS - 1] != NULL, "as many as there are names");
	ok(memcmp(journal_id(all[0]), journal_id(all[1]), JOURNAL_ID) != 0, "each has its id");
	ok(journal_new(path, &why) == NULL && strstr(why.text, "are taken") != NULL, "no more: %s",
	   why.text);
	for (unsigned i = 0; i < JOURNAL_SLOTS; i++)
		journal_close(all[i]);
	snprintf(path, sizeof path, "%s/no/such.db", dir);
	ok(journal_new(path, &why) == NULL && strstr(why.text, "No such file") != NULL, "%s",
	   why.text);
}

static void test_settle(void)
{
	struct journal *journal;
	int64_t begin = clock_mono();
	pid_t pid;

	new_path();
	journal = journal_new(path, NULL);
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
	test_damage();
	test_slots();
	test_settle();
	return tap_done();
}

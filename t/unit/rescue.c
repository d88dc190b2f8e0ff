/* SPDX-License-Identifier: BSD-2-Clause */
/* store/integrity.c and store/rescue.c: a ledger's file is damaged in many places, one at a time.
 * No wrong count is read from it without being told, and what is set aside and saved says how much
 * is missing. */
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/clock.h"
#include "store/integrity.h"
#include "store/ledger.h"
#include "store/rescue.h"
#include "t/lib/faults.h"
#include "t/lib/tap.h"

enum { PAGE = 4096, DOMAINS = 6, DAYS = 3, ROWS = 60, SWEEP = 200 };

static char base[300], path[300];
static unsigned char *whole;
static size_t size;
static int64_t truth;

/* ---- a ledger, and its bytes ---- */

static void fill(struct ledger *ledger)
{
	struct why why = {""};
	char domain[40], source[40];

	for (int i = 0; i < DOMAINS * DAYS * ROWS; i++) {
		struct ledger_row row = {
		    .day = 20000 + i % DAYS,
		    .policy = {.domain = domain, .p = "reject", .rua = "mailto:a@b"},
		    .source_ip = source,
		    .disposition = "reject",
		    .dkim_aligned = "fail",
		    .spf_aligned = "fail",
		    .reasons = "[]",
		    .header_from = domain,
		    .envelope_from = "bounce.example.com",
		    .dkim = "[]",
		    .dkim_notes = "[]",
		    .spf_domain = "bounce.example.com",
		    .spf_result = "fail",
		    .count = 3};

		snprintf(domain, sizeof domain, "d%d.example", i / DAYS % DOMAINS);
		snprintf(source, sizeof source, "192.0.%d.%d", i / 200, i % 200);
		if (ledger_add(ledger, &row, clock_mono() + 20 * CLOCK_SECOND, &why) != 0)
			ok(false, "added: %s", why.text);
		truth += row.count;
	}
}

static void read_base(void)
{
	int fd = open(base, O_RDONLY | O_CLOEXEC);

	size = (size_t)lseek(fd, 0, SEEK_END);
	whole = malloc(size);
	ok(whole != NULL && pread(fd, whole, size, 0) == (ssize_t)size, "the file is read");
	close(fd);
}

/* As the daemon has it: with pages that are free. */
static void make_base(void)
{
	const struct ledger_settings settings = {.path = base};
	struct why why = {""};
	struct ledger *ledger = ledger_open(&settings, &why);
	sqlite3 *db = NULL;

	ok(ledger != NULL, "a ledger: %s", why.text);
	fill(ledger);
	ledger_close(ledger);
	sqlite3_open(base, &db);
	sqlite3_exec(db,
		     "CREATE TABLE x (y); INSERT INTO x SELECT randomblob(9000) FROM tally LIMIT 9;"
		     "DROP TABLE x; PRAGMA wal_checkpoint(TRUNCATE); PRAGMA journal_mode = DELETE;"
		     "PRAGMA journal_mode = WAL",
		     NULL, NULL, NULL);
	sqlite3_close(db);
	read_base();
}

static void write_damaged(size_t at, const void *bytes, size_t len)
{
	char name[320];
	int fd;

	snprintf(name, sizeof name, "%s-wal", path);
	unlink(name);
	snprintf(name, sizeof name, "%s-shm", path);
	unlink(name);
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
	if (write(fd, whole, size) != (ssize_t)size ||
	    pwrite(fd, bytes, len, (off_t)at) != (ssize_t)len)
		ok(false, "the file is written");
	close(fd);
}

/* ---- what is read ---- */

struct sum {
	struct ledger *ledger;
	int64_t days, rows;
	struct why *why;
};

static int sum_row(void *arg, const struct ledger_row *row)
{
	((struct sum *)arg)->rows += row->count;
	return 0;
}

static int sum_day(void *arg, const struct ledger_day *day)
{
	struct sum *sum = arg;

	sum->days += day->messages;
	return ledger_rows(sum->ledger,
			   &(struct ledger_key){day->policy.domain, day->day, day->config}, sum_row,
			   sum, sum->why);
}

/* -1: a failure was told. */
static int64_t read_messages(struct why *why)
{
	const struct ledger_settings settings = {
	    .path = path, .read_only = true, .busy_wait = CLOCK_SECOND};
	struct sum sum = {.ledger = ledger_open(&settings, why), .why = why};
	int result = -1;

	if (sum.ledger != NULL)
		result = ledger_days(sum.ledger, &(struct ledger_days_query){.to_day = 100000},
				     sum_day, &sum, why);
	ledger_close(sum.ledger);
	return result != 0 || sum.days != sum.rows ? -1 : sum.rows;
}

static enum driver_cause glance(struct why *why)
{
	const struct ledger_settings settings = {
	    .path = path, .read_only = true, .busy_wait = CLOCK_SECOND};

	return integrity_glance(&settings, clock_mono() + 20 * CLOCK_SECOND, why);
}

/* What was found, and what could be saved: for the summary. */
static struct {
	unsigned harmless, refused, found, nothing_saved;
	int64_t most_lost;
} seen;

static bool check_saved(const char *what, size_t at)
{
	const struct ledger_settings settings = {.path = path, .busy_wait = CLOCK_SECOND};
	struct rescue rescue;
	struct why why = {""};
	int64_t saved;

	if (rescue_ledger(&settings, &rescue, &why) != 0)
		return ok(false, "%s at %zu: saved: %s", what, at, why.text);
	saved = read_messages(&why);
	unlink(rescue.kept);
	if (saved < 0 || saved != rescue.messages || glance(&why) != DRIVER_CAUSE_NONE)
		return ok(false, "%s at %zu: the new ledger is whole: %s", what, at, why.text);
	if (rescue.lost < 0 || rescue.lost > truth / 2)
		tap_note("%s at %zu: %lld lost", what, at, (long long)rescue.lost);
	if (rescue.lost < 0) {
		seen.nothing_saved++;
		return saved == 0;
	}
	if (rescue.lost > seen.most_lost)
		seen.most_lost = rescue.lost;
	return (saved <= truth && saved + rescue.lost >= truth) ||
	       is_int(saved + rescue.lost, truth, "%s at %zu: saved %lld, lost %lld", what, at,
		      (long long)saved, (long long)rescue.lost);
}

static bool check_damage(const char *what, size_t at, const void *bytes, size_t len)
{
	struct why why = {""}, reason = {""};
	enum driver_cause cause;
	int64_t there;

	write_damaged(at, bytes, len);
	there = read_messages(&why);
	cause = glance(&reason);
	if (cause == DRIVER_CAUSE_NONE && there == truth) {
		seen.harmless++;
		return true;
	}
	if (cause == DRIVER_CAUSE_NONE || cause == DRIVER_CAUSE_OLD) { /* never counted from */
		seen.refused++;
		return there == -1 ||
		       is_int(there, truth, "%s at %zu: read without a word", what, at);
	}
	seen.found++;
	if (cause !=
	    DRIVER_CAUSE_DAMAGED) /* the file says that it is another program's, or newer */
		return there == -1 || there == truth;
	return check_saved(what, at);
}

/* ---- where ---- */

static size_t find_bytes(const char *text, size_t from)
{
	const unsigned char *found = memmem(whole + from, size - from, text, strlen(text));

	return found == NULL ? 0 : (size_t)(found - whole);
}

/* The first leaf of a table's tree: TEXT is in a row of it. */
static size_t page_with(const char *text)
{
	return find_bytes(text, PAGE) / PAGE * PAGE;
}

static void check_named(void)
{
	const size_t leaf = page_with("192.0.3."), freelist = (size_t)whole[35] * PAGE;
	static const unsigned char zeros[PAGE];
	static unsigned char ones[64];
	const struct {
		const char *what;
		size_t at, len;
		const void *bytes;
	} places[] = {
	    {"the magic", 3, 1, "?"},
	    {"the page size", 16, 2, "\x08"},
	    {"the version for writing", 18, 1, "\x07"},
	    {"the size of the file", 28, 4, zeros},
	    {"a size that is too large", 28, 4, ones},
	    {"the freelist's first page", 32, 4, ones},
	    {"the freelist's count", 36, 4, ones},
	    {"the encoding", 56, 4, ones},
	    {"the schema's root", 100, 8, zeros},
	    {"a definition in the schema", find_bytes("CREATE TABLE", 0), 6, "CREBTE"},
	    {"a page of the freelist", freelist, 64, ones},
	    {"the kind of a leaf", leaf, 1, "\x05"},
	    {"a leaf's first free block", leaf + 1, 2, ones},
	    {"a leaf's count of cells", leaf + 3, 2, "\x00\x01"},
	    {"a leaf that has no cells", leaf + 3, 2, zeros},
	    {"where a leaf's cells begin", leaf + 5, 2, ones},
	    {"a cell's place", leaf + 8, 2, ones},
	    {"a leaf of zeros", leaf, PAGE, zeros},
	    {"the middle of a leaf", leaf + 2000, 400, zeros},
	    {"a source", find_bytes("192.0.3.", PAGE) + 6, 1, "9"},
	    {"a domain", find_bytes("d3.example", PAGE) + 1, 1, "7"},
	    {"a result", find_bytes("reject", PAGE), 1, "p"},
	    {"a policy", page_with("mailto:a@b") + 3, 2, "\x00\x01"},
	    {"a record's target", find_bytes("mailto:a@b", PAGE) - 6, 6, "rejecu"},
	};

	memset(ones, 255, sizeof ones);
	for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
		ok(check_damage(places[i].what, places[i].at, places[i].bytes, places[i].len), "%s",
		   places[i].what);
}

/* A bit here and there, always at the same places. */
static void check_sweep(void)
{
	uint64_t state = 13;
	unsigned wrong = 0;

	for (int i = 0; i < SWEEP; i++) {
		unsigned char byte;
		size_t at;

		state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		at = (size_t)(state >> 33) % size;
		byte = (unsigned char)(whole[at] ^ (1u << (state >> 29 & 7)));
		wrong += !check_damage("a bit", at, &byte, 1);
	}
	is_int(wrong, 0, "%d flipped bits: no wrong count without a word", SWEEP);
}

/* ---- calls that fail while it is saved ---- */

static const char *name_log(const char *file)
{
	static char name[600];

	snprintf(name, sizeof name, "%s-wal", file);
	return name;
}

/* A file that is damaged on a leaf, or cannot be read but with another header; and a log, which is
 * no log. */
static void write_faulty(bool header)
{
	static const unsigned char zeros[PAGE];
	FILE *log;

	if (header)
		write_damaged(16, "\x08", 1);
	else
		write_damaged(page_with("192.0.3."), zeros, sizeof zeros);
	log = fopen(name_log(path), "w");
	if (log == NULL || fputs("a log", log) < 0 || fclose(log) != 0)
		ok(false, "the log is written");
}

/* It failed: all is as it was. */
static bool is_as_before(const struct rescue *rescue)
{
	char new[320];
	struct stat st;

	snprintf(new, sizeof new, "%s-rescued", path);
	return stat(path, &st) == 0 && (size_t)st.st_size == size && st.st_nlink == 1 &&
	       stat(name_log(path), &st) == 0 && st.st_size == 5 && access(new, F_OK) != 0 &&
	       (rescue->kept[0] == '\0' || access(rescue->kept, F_OK) != 0);
}

/* What is saved and what is lost are all that was counted, or it is said that nothing could be
 * read; the old file is kept with its log. */
static bool is_saved(const struct rescue *rescue, struct why *why)
{
	struct stat st;
	int64_t saved = read_messages(why);
	bool kept = stat(name_log(rescue->kept), &st) == 0 && st.st_size == 5;

	unlink(name_log(rescue->kept));
	kept = stat(rescue->kept, &st) == 0 && (size_t)st.st_size == size && kept;
	unlink(rescue->kept);
	return kept && saved == rescue->messages && saved <= truth &&
	       (rescue->lost < 0 ? saved == 0 : saved + rescue->lost >= truth);
}

/* Its NUMBERth call fails. */
static bool check_fault(bool header, long number, int error, unsigned *failed)
{
	const struct ledger_settings settings = {.path = path, .busy_wait = CLOCK_SECOND};
	struct rescue rescue;
	struct why why = {""};
	int result;

	write_faulty(header);
	faults_set(number, error);
	result = rescue_ledger(&settings, &rescue, &why);
	faults_set(0, 0);
	if (result != 0) {
		++*failed;
		if (why.text[0] == '\0' || !is_as_before(&rescue))
			return ok(false, "call %ld fails: nothing was changed: %s", number,
				  why.text);
		if (rescue_ledger(&settings, &rescue, &why) != 0)
			return ok(false, "call %ld failed: it is saved then: %s", number, why.text);
	}
	return is_saved(&rescue, &why) ||
	       ok(false, "call %ld fails: saved %lld, lost %lld: %s", number,
		  (long long)rescue.messages, (long long)rescue.lost, why.text);
}

/* Each of the last calls, and some of those before. */
static void check_faults(bool header, int error)
{
	enum { SOME = 60, LAST = 40 };
	const struct ledger_settings settings = {.path = path, .busy_wait = CLOCK_SECOND};
	const char *what = header ? "a header" : "a leaf";
	struct rescue rescue;
	struct why why = {""};
	unsigned failed = 0, wrong = 0;
	long calls;

	write_faulty(header);
	faults_set(0, 0);
	ok(rescue_ledger(&settings, &rescue, &why) == 0, "%s: saved: %s", what, why.text);
	calls = faults_calls();
	is_int(rescue.log_bytes, header ? 5 : 0, "it says that the log is left out, or it is not");
	ok(is_saved(&rescue, &why), "and kept, with its log");
	for (long i = 1; i <= calls; i += i < calls - LAST && calls > SOME ? calls / SOME : 1)
		wrong += !check_fault(header, i, error, &failed);
	is_int(wrong, 0, "%s, %s: of %ld calls one fails, and nothing is lost without a word", what,
	       strerror(error), calls);
	ok(failed > 0, "it is not saved then, %u times", failed);
}

/* A disk that fails does not damage a file: it is not called so, and is not set aside. */
static void check_whole(int error)
{
	unsigned wrong = 0, failed = 0;
	struct why why = {""};
	long calls;

	write_damaged(0, whole, 1);
	faults_set(0, 0);
	is_int(glance(&why), DRIVER_CAUSE_NONE, "a whole file: %s", why.text);
	calls = faults_calls();
	for (long i = 1; i <= calls; i++) {
		enum driver_cause cause;

		faults_set(i, error);
		cause = glance(&why);
		failed += cause != DRIVER_CAUSE_NONE;
		if (cause != DRIVER_CAUSE_NONE && cause != DRIVER_CAUSE_OTHER)
			wrong += !ok(false, "call %ld fails: %s", i, why.text);
	}
	faults_set(0, 0);
	is_int(wrong, 0, "%s: of %ld calls one fails, and it is not called damaged",
	       strerror(error), calls);
	ok(failed > 0, "that it cannot be read is said %u times", failed);
}

int main(void)
{
	snprintf(base, sizeof base, "%s/base.db", tap_directory());
	snprintf(path, sizeof path, "%s/damaged.db", tap_directory());
	make_base();
	ok(check_damage("nothing", 0, whole, 1), "nothing is found in a whole file");
	is_int(seen.harmless, 1, "and all is read");
	check_named();
	check_sweep();
	check_whole(EIO);
	check_whole(ENXIO);
	check_faults(false, EIO);
	check_faults(true, ENOSPC);
	tap_note("%u harmless, %u refused when they were read, %u found at the start (%u of them"
		 " unreadable); at most %lld of %lld messages lost",
		 seen.harmless, seen.refused, seen.found, seen.nothing_saved,
		 (long long)seen.most_lost, (long long)truth);
	free(whole);
	return tap_done();
}

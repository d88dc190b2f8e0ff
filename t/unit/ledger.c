/* SPDX-License-Identifier: BSD-2-Clause */
/* store/: rows are counted once and not lost, whatever happens to the process, the file or others.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/clock.h"
#include "store/ledger.h"
#include "store/messages.h"
#include "store/outbox.h"
#include "store/upkeep.h"
#include "t/lib/tap.h"

static const char *dir;
static int files;

/* lib/clock.c asks this one for the wall clock. */
static _Atomic int64_t clock_ahead;

time_t time(time_t *to)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	now.tv_sec += (time_t)clock_ahead;
	if (to != NULL)
		*to = now.tv_sec;
	return now.tv_sec;
}

/* A new name in the directory of this run. */
static const char *new_path(void)
{
	static char path[300];

	snprintf(path, sizeof path, "%s/%d.db", dir, ++files);
	return path;
}

static int64_t soon(int seconds)
{
	return clock_mono() + seconds * CLOCK_SECOND;
}

static struct ledger_row sample(const char *domain, int32_t day, const char *source)
{
	return (struct ledger_row){
	    .day = day,
	    .policy = {.domain = domain,
		       .p = "reject",
		       .sp = "none",
		       .np = "none",
		       .adkim = "r",
		       .aspf = "s",
		       .fo = "0",
		       .testing = "n",
		       .discovery = "treewalk",
		       .rua = "mailto:a@example.com"},
	    .source_ip = source,
	    .disposition = "pass",
	    .dkim_aligned = "pass",
	    .spf_aligned = "fail",
	    .reasons = "[]",
	    .header_from = "example.com",
	    .envelope_from = "bounce.example.com",
	    .dkim = "[{\"domain\":\"example.com\"}]",
	    .spf_domain = "bounce.example.com",
	    .spf_result = "softfail",
	    .count = 1,
	};
}

static enum ledger_durability durability;

static struct ledger *open_path(const char *path)
{
	struct ledger_settings settings = {
	    .path = path, .durability = durability, .busy_wait = 20 * CLOCK_MS};
	struct why why = {""};
	struct ledger *ledger = ledger_open(&settings, &why);

	if (ledger == NULL)
		tap_note("%s", why.text);
	return ledger;
}

static int add(struct ledger *ledger, const struct ledger_row *row)
{
	struct why why = {""};
	int result = ledger_add(ledger, row, soon(20), &why);

	if (result < 0)
		tap_note("%s", why.text);
	return result;
}

/* ---- what a ledger holds ---- */

struct sum {
	int64_t messages, passed, rows, days;
	struct ledger_day last; /* only its numbers and its config */
	char rua[80], order[400], notes[80];
	char domain[80];
	struct ledger *ledger;
	bool busy; /* others write meanwhile */
};

static int sum_row(void *arg, const struct ledger_row *row)
{
	struct sum *sum = arg;

	sum->rows++;
	sum->messages += row->count;
	snprintf(sum->notes, sizeof sum->notes, "%s", row->dkim_notes);
	if (strlen(sum->order) + strlen(row->source_ip) + 2 < sizeof sum->order) {
		strcat(sum->order, row->source_ip);
		strcat(sum->order, " ");
	}
	return 0;
}

static int sum_day(void *arg, const struct ledger_day *day)
{
	struct sum *sum = arg;
	int64_t before = sum->messages;
	const struct ledger_key key = ledger_day_key(day);
	struct why why = {""};

	sum->days++;
	sum->passed += day->passed;
	sum->last = *day;
	snprintf(sum->rua, sizeof sum->rua, "%s", day->policy.rua ? day->policy.rua : "(none)");
	snprintf(sum->domain, sizeof sum->domain, "%s", day->policy.domain);
	if (ledger_rows(sum->ledger, &key, sum_row, sum, &why))
		ok(false, "ledger_rows: %s", why.text);
	if (!sum->busy && sum->messages - before != day->messages)
		ok(false, "%s: rows and day disagree", day->policy.domain);
	return 0;
}

static struct sum sum_of(struct ledger *ledger, const char *domain, int32_t from, int32_t to)
{
	struct sum sum = {.ledger = ledger};
	struct why why = {""};

	if (ledger_days(
		ledger,
		&(struct ledger_days_query){.domain = domain, .from_day = from, .to_day = to},
		sum_day, &sum, &why) != 0)
		ok(false, "ledger_days: %s", why.text);
	return sum;
}

static int64_t read_all(struct ledger *ledger)
{
	struct sum sum = {.ledger = ledger, .busy = true};
	struct why why = {""};

	if (ledger_days(ledger, &(struct ledger_days_query){.to_day = 100000}, sum_day, &sum,
			&why) != 0)
		ok(false, "ledger_days: %s", why.text);
	return sum.messages;
}

static struct sum sum_all(struct ledger *ledger)
{
	return sum_of(ledger, NULL, 0, 100000);
}

static void test_counts(void)
{
	struct ledger *ledger = open_path(new_path());
	struct ledger_row row = sample("example.com", 20000, "192.0.2.1");
	struct sum sum;

	is_int(add(ledger, &row), 0, "a row is committed");
	row.count = 4;
	is_int(add(ledger, &row), 0, "the same again");
	sum = sum_all(ledger);
	is_int(sum.rows, 1, "is one row");
	is_int(sum.messages, 5, "with the sum");
	is_int(sum.passed, 5, "that passed");
	row.count = 1;
	row.policy.rua = "mailto:b@example.com";
	row.dkim_notes = "[{}]";
	is_int(add(ledger, &row), 0, "rua and notes");
	sum = sum_all(ledger);
	is_int(sum.rows, 1, "are not part of the identity");
	is_text(sum.rua, "mailto:b@example.com", "the last rua is kept");
	is_text(sum.notes, "", "the first notes are kept");
	row.policy.rua = NULL;
	add(ledger, &row);
	is_text(sum_all(ledger).rua, "(none)", "even if all are gone");
	row.policy.sp = NULL;
	add(ledger, &row);
	row.policy.sp = "";
	add(ledger, &row);
	is_int(sum_all(ledger).days, 3, "NULL and \"\" are different policies");
	row = sample("example.com", 20000, "192.0.2.1");
	row.envelope_to = "";
	add(ledger, &row);
	is_int(sum_all(ledger).rows, 3, "NULL and \"\" are the same in a row");
	row.spf_domain = "bounce.example.comsoftfail";
	row.spf_result = "";
	add(ledger, &row);
	is_int(sum_all(ledger).rows, 4, "texts do not run into each other");
	ledger_close(ledger);
}

/* Each part of the identity makes a row of its own. */
static void test_identity(void)
{
	struct ledger *ledger = open_path(new_path());
	struct ledger_row row = sample("example.com", 20000, "192.0.2.1");
	const char **texts[] = {
	    &row.source_ip, &row.disposition,    &row.dkim_aligned,    &row.spf_aligned,
	    &row.reasons,   &row.header_from,    &row.envelope_from,   &row.envelope_to,
	    &row.dkim,      &row.spf_domain,     &row.spf_result,      &row.policy.p,
	    &row.policy.sp, &row.policy.np,      &row.policy.adkim,    &row.policy.aspf,
	    &row.policy.fo, &row.policy.testing, &row.policy.discovery};
	const unsigned count = sizeof texts / sizeof texts[0];

	add(ledger, &row);
	for (unsigned i = 0; i < count; i++) {
		const char *before = *texts[i];

		*texts[i] = "different";
		add(ledger, &row);
		*texts[i] = before;
	}
	row.day++;
	add(ledger, &row);
	is_int(sum_all(ledger).rows, count + 2, "each part of the identity counts");
	is_int(sum_all(ledger).messages, count + 2, "every message once");
	ledger_close(ledger);
}

static void test_reading(void)
{
	struct ledger_settings settings = {.path = new_path(), .read_only = true};
	struct ledger *ledger = open_path(settings.path);
	struct why why = {""};
	char text[40];
	struct sum sum;

	for (int i = 0; i < 1203; i++) { /* some pages of rows, and of days */
		struct ledger_row row = sample("b.example", 20001, text);

		snprintf(text, sizeof text, "2001:db8::%04x", i);
		ledger_add(ledger, &row, 0, &why);
		row.policy.domain = text;
		row.day = 20000 + i % 3;
		ledger_add(ledger, &row, 0, &why);
	}
	ledger_close(ledger);
	ledger = ledger_open(&settings, &why);
	sum = sum_of(ledger, "b.example", 20001, 20001);
	is_int(sum.days, 1, "one domain, one configuration");
	is_int(sum.rows, 1203, "all its rows, in pages");
	ok(strncmp(sum.order, "2001:db8::0000 2001:db8::0001 2001:db8::0002 ", 45) == 0,
	   "in order");
	is_int(sum_all(ledger).days, 1204, "all days, in pages");
	is_int(sum_all(ledger).messages, 2406, "all messages");
	is_int(sum_of(ledger, NULL, 20001, 20001).days, 402, "one day of all domains");
	is_int(sum_of(ledger, NULL, 19000, 19999).days, 0, "no day");
	is_int(sum_of(ledger, "b.exampl", 0, 30000).days, 0, "no such domain");
	is_text(sum_all(ledger).domain, "2001:db8::04b2", "the last of the last day");
	is_int(
	    ledger_rows(ledger, &(struct ledger_key){"b.example", 20001, "x"}, sum_row, &sum, &why),
	    -1, "no configuration");
	ledger_close(ledger);
}

static int stop_at_once(void *arg, const struct ledger_day *day)
{
	++*(int *)arg;
	return day->day;
}

static void test_stop(void)
{
	struct ledger *ledger = open_path(new_path());
	struct ledger_row row = sample("a.example", 20000, "192.0.2.1");
	struct why why = {""};
	int calls = 0;

	add(ledger, &row);
	row.day++;
	add(ledger, &row);
	is_int(ledger_days(ledger, &(struct ledger_days_query){.to_day = 30000}, stop_at_once,
			   &calls, &why),
	       20000, "what the callback returns");
	is_int(calls, 1, "ends the reading");
	ledger_close(ledger);
}

/* ---- opening ---- */

static void expect_refusal(const char *path, bool read_only, const char *part)
{
	struct ledger_settings settings = {
	    .path = path, .read_only = read_only, .busy_wait = 20 * CLOCK_MS};
	struct why why = {""};
	struct ledger *ledger = ledger_open(&settings, &why);

	ok(ledger == NULL && strstr(why.text, part) != NULL, "refused with \"%s\": %s", part,
	   ledger == NULL ? why.text : "opened");
	ok(ledger == NULL && strncmp(why.text, path, strlen(path)) == 0, "the file is named");
	ledger_close(ledger);
}

static void sql(const char *path, const char *text)
{
	sqlite3 *db = NULL;

	ok(sqlite3_open(path, &db) == SQLITE_OK &&
	       sqlite3_exec(db, text, NULL, NULL, NULL) == SQLITE_OK,
	   "%.60s", text);
	sqlite3_close(db);
}

static void write_file(const char *path, long at, const char *text, size_t times)
{
	FILE *f = fopen(path, at == 0 ? "w" : "r+");

	if (f == NULL || fseek(f, at, SEEK_SET) != 0)
		abort();
	for (size_t i = 0; i < times; i++)
		fputs(text, f);
	fclose(f);
}

static void test_open_errors(void)
{
	char path[400];

	snprintf(path, sizeof path, "%s/no/such.db", dir);
	expect_refusal(path, false, "install -d");
	expect_refusal(path, true, "install -d");
	expect_refusal(dir, false, "a directory");
	expect_refusal(new_path(), true, "does not exist");
	snprintf(path, sizeof path, "%s", new_path());
	write_file(path, 0, "This is a text, not a database.\n", 100);
	expect_refusal(path, false, "not an SQLite database");
	expect_refusal(path, true, "not an SQLite database");
	snprintf(path, sizeof path, "%s", new_path());
	sql(path, "CREATE TABLE other (x); PRAGMA user_version = 1");
	expect_refusal(path, false, "another program");
	snprintf(path, sizeof path, "%s", new_path());
	ledger_close(open_path(path));
	sql(path, "PRAGMA user_version = 99");
	expect_refusal(path, false, "newer");
	expect_refusal(path, true, "newer");
	sql(path, "PRAGMA user_version = 0");
	expect_refusal(path, true, "older");
}

static unsigned mode_of(const char *path, const char *suffix)
{
	struct stat st;
	char name[400];

	snprintf(name, sizeof name, "%s%s", path, suffix);
	return stat(name, &st) == 0 ? (unsigned)st.st_mode & 07777 : 0;
}

static void test_mode(void)
{
	static const mode_t masks[] = {0, 022, 077};

	for (unsigned i = 0; i < 3; i++) {
		char path[300];
		mode_t before = umask(masks[i]);
		struct ledger_row row = sample("a.example", 20000, "192.0.2.1");
		struct ledger *ledger;

		snprintf(path, sizeof path, "%s", new_path());
		ledger = open_path(path);
		add(ledger, &row);
		is_int(mode_of(path, ""), 0640, "mode of the file, umask %03o", (unsigned)masks[i]);
		is_int(mode_of(path, "-wal"), 0640, "mode of its log");
		is_int(mode_of(path, "-shm"), 0640, "mode of its index");
		ledger_close(ledger);
		umask(before);
	}
}

/* As another user: what the command says when it may not. */
static void as_nobody(const char *path, char *text, size_t size)
{
	struct ledger_settings settings = {.path = path, .read_only = true};
	int pipes[2];
	ssize_t len;
	pid_t pid;

	if (pipe(pipes) != 0 || (pid = fork()) < 0)
		abort();
	if (pid == 0) {
		struct why why = {"opened"};

		if (setgid(65534) != 0 || setuid(65534) != 0)
			_exit(1);
		ledger_open(&settings, &why);
		len = write(pipes[1], why.text, strlen(why.text));
		_exit(len < 0);
	}
	close(pipes[1]);
	len = read(pipes[0], text, size - 1);
	text[len < 0 ? 0 : len] = '\0';
	close(pipes[0]);
	waitpid(pid, NULL, 0);
}

static void test_permission(void)
{
	char path[300], text[600];

	if (geteuid() != 0) {
		ok(true, "permissions # SKIP needs root");
		return;
	}
	snprintf(path, sizeof path, "%s", new_path());
	ledger_close(open_path(path));
	as_nobody(path, text, sizeof text);
	ok(strstr(text, "run this as root") != NULL, "no way to the file: %s", text);
	chmod(dir, 0755);
	as_nobody(path, text, sizeof text);
	ok(strstr(text, "run this as root") != NULL, "not its reader: %s", text);
	chmod(path, 0644);
	as_nobody(path, text, sizeof text);
	ok(strstr(text, "-wal and -shm") != NULL, "the directory may not be written: %s", text);
	chmod(dir, 0700);
}

/* ---- many at once ---- */

struct worker {
	pthread_t thread;
	struct ledger *ledger;
	int number, rows, failed;
};

static void *add_many(void *arg)
{
	struct worker *worker = arg;
	char source[40];

	for (int i = 0; i < worker->rows; i++) {
		struct ledger_row row = sample("example.com", 20000, source);

		snprintf(source, sizeof source, "192.0.2.%d", i % 50);
		worker->failed += ledger_add(worker->ledger, &row, soon(60), NULL) != 0;
	}
	return NULL;
}

static void test_threads(void)
{
	enum { THREADS = 8, EACH = 200 };
	struct ledger *ledger = open_path(new_path());
	struct worker workers[THREADS];
	struct ledger_stats stats;
	int failed = 0;

	for (int i = 0; i < THREADS; i++) {
		workers[i] = (struct worker){.ledger = ledger, .number = i, .rows = EACH};
		pthread_create(&workers[i].thread, NULL, add_many, &workers[i]);
	}
	for (int i = 0; i < 20; i++)
		read_all(ledger); /* readers do not disturb */
	for (int i = 0; i < THREADS; i++) {
		pthread_join(workers[i].thread, NULL);
		failed += workers[i].failed;
	}
	is_int(failed, 0, "every row of %d threads was committed", THREADS);
	is_int(sum_all(ledger).messages, THREADS * EACH, "every row is there");
	is_int(sum_all(ledger).rows, 50, "added together");
	ledger_stats(ledger, &stats);
	is_int(stats.rows, THREADS * EACH, "stats: rows");
	ok(stats.groups < stats.rows, "stats: %llu groups", (unsigned long long)stats.groups);
	is_int(stats.pending, 0, "stats: nothing pending");
	is_int(stats.failures, 0, "stats: no failure");
	ledger_close(ledger);
}

static pid_t start_writer(const char *path, int number)
{
	pid_t pid = fork();

	if (pid == 0) {
		struct ledger_settings settings = {.path = path, .durability = durability};
		struct worker worker = {
		    .ledger = ledger_open(&settings, NULL), .rows = 300, .number = number};

		if (worker.ledger == NULL)
			_exit(2);
		add_many(&worker);
		ledger_close(worker.ledger);
		_exit(worker.failed != 0);
	}
	return pid;
}

static void test_processes(void)
{
	struct ledger *ledger;
	char path[300];
	int status, bad = 0;

	snprintf(path, sizeof path, "%s", new_path());
	for (int i = 0; i < 4; i++)
		start_writer(path, i); /* all of them make the file */
	for (int i = 0; i < 4; i++)
		bad += wait(&status) < 0 || status != 0;
	is_int(bad, 0, "four processes at one file");
	ledger = open_path(path);
	is_int(sum_all(ledger).messages, 1200, "every row is there");
	is_int(sum_all(ledger).rows, 50, "once");
	ledger_close(ledger);
}

/* ---- trouble ---- */

/* The rows that a killed process had been told are committed. */
static int run_and_kill(const char *path, int round)
{
	int pipes[2], acknowledged = 0;
	char c;
	pid_t pid;

	if (pipe(pipes) != 0 || (pid = fork()) < 0)
		abort();
	if (pid == 0) {
		struct ledger *ledger = open_path(path);

		for (int i = 0; i < 100000; i++) {
			char source[40];
			struct ledger_row row = sample("example.com", 20000, source);

			snprintf(source, sizeof source, "%d.%d", round, i);
			if (ledger == NULL || ledger_add(ledger, &row, soon(20), NULL) != 0 ||
			    write(pipes[1], "", 1) != 1)
				_exit(1);
		}
		_exit(1);
	}
	close(pipes[1]);
	if (read(pipes[0], &c, 1) == 1)
		acknowledged++; /* it runs */
	usleep((useconds_t)(round * 7919 % 40) * 1000);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	while (read(pipes[0], &c, 1) == 1)
		acknowledged++;
	close(pipes[0]);
	return acknowledged;
}

static void test_kill(void)
{
	struct ledger *ledger;
	int acknowledged = 0;
	char path[300];
	int64_t have;

	snprintf(path, sizeof path, "%s", new_path());
	for (int round = 0; round < 10; round++)
		acknowledged += run_and_kill(path, round);
	ledger = open_path(path);
	have = sum_all(ledger).messages;
	ok(acknowledged >= 10 && have >= acknowledged && have <= acknowledged + 10,
	   "kill -9 (%s): %d acknowledged, %lld there (one in flight for each)",
	   durability == LEDGER_POWER ? "power" : "process", acknowledged, (long long)have);
	ledger_close(ledger);
}

static void test_locked(void)
{
	char path[300];
	struct ledger *ledger;
	struct ledger_row row = sample("example.com", 20000, "192.0.2.1");
	struct ledger_stats stats;
	struct why why = {""};
	sqlite3 *db;
	int64_t begin;

	snprintf(path, sizeof path, "%s", new_path());
	ledger = open_path(path);
	sqlite3_open(path, &db);
	sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
	begin = clock_mono();
	is_int(ledger_add(ledger, &row, begin + 150 * CLOCK_MS, &why), 1,
	       "locked: not yet committed");
	ok(!tap_hurried() || clock_mono() - begin < 2 * CLOCK_SECOND, "at the deadline");
	ledger_stats(ledger, &stats);
	ok(stats.failing && strstr(stats.last_error, "locked by another") != NULL, "stats: %s",
	   stats.last_error);
	is_int(stats.pending, 1, "stats: one row is pending");
	sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
	row.count = 2;
	is_int(add(ledger, &row), 0, "free again: committed");
	is_int(sum_all(ledger).messages, 3, "with the row that waited");
	ledger_stats(ledger, &stats);
	ok(!stats.failing && stats.pending == 0, "stats: all is well");
	sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
	is_int(ledger_add(ledger, &row, soon(60), &why), -1, "locked for long: given up");
	ok(strstr(why.text, "locked by another") != NULL, "with the reason");
	ledger_stats(ledger, &stats);
	is_int(stats.failures, 1, "stats: one failure");
	is_int(ledger_add(ledger, &row, 0, &why), 1, "no wait");
	ledger_close(ledger); /* in bounded time */
	sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
	sqlite3_close(db);
}

static void test_queue_full(void)
{
	struct ledger_settings settings = {
	    .path = new_path(), .queue_rows = 3, .group_rows = 2, .busy_wait = CLOCK_SECOND};
	struct ledger *ledger = ledger_open(&settings, NULL);
	struct ledger_row row = sample("example.com", 20000, "192.0.2.1");
	struct ledger_stats stats;
	struct why why = {""}, reason = {""};
	int queued = 0, refused = 0;
	sqlite3 *db;

	sqlite3_open(settings.path, &db);
	sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
	for (int i = 0; i < 20; i++) {
		int result = ledger_add(ledger, &row, 0, &why);

		queued += result == 1;
		refused += result == -1;
		if (result == -1)
			reason = why; /* the writer may yet make room for the last one */
	}
	sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
	ok(queued >= 3 && queued <= 5 && queued + refused == 20, "a bounded queue: %d", queued);
	ok(strstr(reason.text, "queue is full (3 rows)") != NULL, "%s", reason.text);
	ledger_stats(ledger, &stats);
	is_int(stats.failures, refused, "stats: what was refused");
	ledger_close(ledger);
	ledger = open_path(settings.path);
	is_int(sum_all(ledger).messages, queued, "closing commits what is queued");
	ledger_close(ledger);
	sqlite3_close(db);
}

static void test_disk_full(void)
{
	struct ledger_settings settings = {.path = new_path(), .max_bytes = 200 * 1024};
	struct ledger *ledger = ledger_open(&settings, NULL);
	struct why why = {""};
	int32_t today = clock_day(clock_wall());
	char source[40];
	int committed = 0, result = 0;

	for (int i = 0; i < 5000 && result == 0; i++) {
		struct ledger_row row = sample("example.com", today, source);

		row.policy.rua = NULL;
		snprintf(source, sizeof source, "192.0.2.%d", i);
		result = ledger_add(ledger, &row, soon(60), &why);
		committed += result == 0;
	}
	is_int(result, -1, "a full file, after %d rows", committed);
	ok(strstr(why.text, "it is as large as store.max_size allows") != NULL, "%s", why.text);
	is_int(sum_all(ledger).messages, committed, "what was committed is there, no more");
	is_int(ledger_expire(ledger, today + 1, &why), committed, "room is made");
	result = add(ledger, &(struct ledger_row){
				 .policy = {.domain = "x", .p = "none"}, .day = today, .count = 1});
	is_int(result, 0, "then it goes on");
	ledger_close(ledger);
}

/* What is oldest makes room for what is new. */
static void test_room(void)
{
	struct ledger_settings settings = {.path = new_path(), .max_bytes = 368 * 1024};
	struct ledger *ledger = ledger_open(&settings, NULL);
	int32_t today = clock_day(clock_wall());
	struct ledger_row new = sample("new.example", today, "192.0.2.1");
	int64_t old, kept;
	char source[40];
	int result = 0;

	for (int i = 0; i < 200; i++) {
		struct ledger_row row = sample("old.example", today - 20, source);

		snprintf(source, sizeof source, "192.0.2.%d", i);
		add(ledger, &row);
	}
	old = sum_all(ledger).messages;
	for (int i = 0; i < 1000 && result == 0; i++) {
		snprintf(source, sizeof source, "2001:db8::%d", i);
		new.source_ip = source;
		result = add(ledger, &new);
	}
	is_int(result, 0, "there is room for new rows");
	kept = sum_all(ledger).messages;
	ok(kept >= 1000 && kept < old + 1000, "old rows made it: %d", (int)kept);
	ledger_close(ledger);
}

/* ---- the log of messages ---- */

static struct {
	unsigned count;
	char last[512];
} noted;

static void take_note(const char *text)
{
	noted.count++;
	snprintf(noted.last, sizeof noted.last, "%s", text);
}

struct seen_lines {
	int64_t count;
	char newest[100];
};

static bool see_line(void *arg, int64_t at, const char *line)
{
	struct seen_lines *seen = arg;

	(void)at;
	if (seen->count++ == 0)
		snprintf(seen->newest, sizeof seen->newest, "%s", line);
	return true;
}

static struct seen_lines see_lines(const char *path)
{
	struct seen_lines seen = {0};
	const struct ledger_settings settings = {.path = path, .read_only = true};
	struct why why = {""};

	is_int(messages_each(&settings, INT64_MIN, INT64_MAX, see_line, &seen, &why), 0,
	       "lines are read: %s", why.text);
	return seen;
}

/* COUNT lines that were written SECONDS ago; all are in the file afterwards. */
static void log_lines(const struct ledger_settings *settings, int count, int64_t seconds)
{
	struct ledger *ledger = ledger_open(settings, NULL);
	char text[300];

	for (int i = 0; i < count; i++) {
		snprintf(text, sizeof text, "line %d %0200d", i, 0);
		ledger_log(ledger, clock_wall() - seconds, text);
	}
	ledger_close(ledger);
}

static int64_t size_of_file(const char *path, const char *suffix)
{
	char name[200];
	struct stat st = {0};

	snprintf(name, sizeof name, "%s%s", path, suffix);
	return stat(name, &st) == 0 ? (int64_t)st.st_size : -1;
}

static void fill_file(const char *path, const char *suffix, int byte)
{
	char name[200], block[4096];
	FILE *file;

	snprintf(name, sizeof name, "%s%s", path, suffix);
	file = fopen(name, "r+");
	memset(block, byte, sizeof block);
	for (int i = 0; i < 16; i++)
		fwrite(block, 1, sizeof block, file);
	fclose(file);
}

/* Bounded by lines, time and bytes; the ledger's file has none of it. */
static void test_message_bounds(void)
{
	struct ledger_settings settings = {.path = new_path(),
					   .durability = LEDGER_PROCESS,
					   .message_seconds = 3600,
					   .message_rows = 1000,
					   .on_note = take_note};
	int64_t large;

	log_lines(&settings, 3000, 0);
	for (int i = 0; i < 3; i++)
		log_lines(&settings, 300, 0);
	ok(see_lines(settings.path).count <= 1000 + 300, "so many lines: %d",
	   (int)see_lines(settings.path).count);
	settings.path = new_path();
	settings.message_rows = 1000000;
	log_lines(&settings, 500, 3601);
	log_lines(&settings, 300, -90000);
	for (int i = 0; i < 6; i++)
		log_lines(&settings, 300, 0);
	is_int(strncmp(see_lines(settings.path).newest, "line 299 ", 9), 0, "the newest is there");
	is_int(see_lines(settings.path).count, 6 * 300, "old ones and those of the future go");
	log_lines(&settings, 20000, 0);
	large = size_of_file(settings.path, "-messages");
	settings.message_bytes = 1 << 20;
	for (int i = 0; i < 40; i++)
		log_lines(&settings, 300, 0);
	ok(large > 4 << 20 && size_of_file(settings.path, "-messages") <= (1 << 20) + (256 << 10),
	   "from %d the file shrinks to %d bytes", (int)large,
	   (int)size_of_file(settings.path, "-messages"));
	ok(see_lines(settings.path).count > 2000, "and has the newest");
	ok(size_of_file(settings.path, "") < 300 << 10, "the ledger's has %d",
	   (int)size_of_file(settings.path, ""));
}

/* A damaged file is begun again, one that was deleted too: one line each, and rows go on. */
static void test_message_damage(void)
{
	struct ledger_settings settings = {.path = new_path(),
					   .durability = LEDGER_PROCESS,
					   .message_seconds = 3600,
					   .message_rows = 1000,
					   .on_note = take_note};
	struct ledger_row row = sample("example.com", 20000, "192.0.2.1");
	struct ledger *ledger;
	char name[200];
	struct why why;

	log_lines(&settings, 1000, 0);
	is_int(messages_check(settings.path, &why), DRIVER_CAUSE_NONE, "it is whole");
	fill_file(settings.path, "-messages", 0x5a);
	is_int(messages_check(settings.path, &why), DRIVER_CAUSE_DAMAGED, "damage is found");
	noted.count = 0;
	log_lines(&settings, 3, 0);
	is_int(noted.count, 2, "it is said, and that one is begun: %s", noted.last);
	is_int(see_lines(settings.path).count, 3, "a new one has what came");
	ledger = ledger_open(&settings, NULL);
	ledger_log(ledger, clock_wall(), "one");
	add(ledger, &row);
	is_int(sum_all(ledger).messages, 1, "a row beside it");
	snprintf(name, sizeof name, "%s-messages", settings.path);
	noted.count = 0;
	unlink(name);
	ledger_log(ledger, clock_wall(), "two");
	add(ledger, &row);
	is_int(sum_all(ledger).messages, 2, "and one more");
	ledger_close(ledger);
	is_int(see_lines(settings.path).count, 1, "a deleted one is begun again");
	is_int(noted.count, 1, "%s", noted.last);
	unlink(name);
	mkdir(name, 0700);
	noted.count = 0;
	ledger = ledger_open(&settings, NULL);
	for (int i = 0; i < 3; i++) {
		ledger_log(ledger, clock_wall(), "three");
		add(ledger, &row);
		is_int(sum_all(ledger).messages, 3 + i,
		       "a log that cannot be written costs no row");
	}
	is_int(noted.count, 1, "and is said once: %s", noted.last);
	rmdir(name);
	ledger_log(ledger, clock_wall(), "four");
	ledger_close(ledger);
	ok(noted.count == 3 && strstr(noted.last, "it lacks 3 lines") != NULL, "%s", noted.last);
	messages_remove(settings.path);
	is_int(size_of_file(settings.path, "-messages"), -1, "it is removed");
}

/* The lines of an older ledger are copied, its rows stay, and its file shrinks. */
static void test_message_migration(void)
{
	struct ledger_settings settings = {.path = new_path()};
	struct ledger *ledger = ledger_open(&settings, NULL);
	struct ledger_row row = sample("example.com", 20000, "192.0.2.1");
	struct why why = {""};
	int64_t bytes;

	add(ledger, &row);
	ledger_close(ledger);
	sql(settings.path,
	    "CREATE TABLE message (id INTEGER PRIMARY KEY, at INTEGER NOT NULL, line TEXT NOT"
	    " NULL, ends INTEGER NOT NULL DEFAULT 0);"
	    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40000)"
	    " INSERT INTO message (at, line) SELECT 1, 'line ' || i || hex(zeroblob(150)) FROM n;"
	    "DROP TRIGGER rx_report_added; DROP TRIGGER rx_report_changed;"
	    "DROP TRIGGER rx_report_deleted; DROP TABLE rx_unshipped;"
	    "DROP INDEX sent_unshipped; ALTER TABLE sent DROP COLUMN shipped;"
	    "DROP INDEX sts_policy_shared; ALTER TABLE sts_policy DROP COLUMN shared;"
	    "DROP TABLE tls_session; PRAGMA user_version = 15");
	bytes = size_of_file(settings.path, "");
	messages_adopt(settings.path, &why);
	ok(strstr(why.text, "40000 lines, has a file of its own") != NULL, "%s", why.text);
	is_int(see_lines(settings.path).count, 40000, "they were copied");
	is_int(strncmp(see_lines(settings.path).newest, "line 40000", 10), 0, "in their order");
	is_int(upkeep_shrink(settings.path, &why), 0, "%s", why.text);
	ok(bytes > 12 << 20 && size_of_file(settings.path, "") < 300 << 10,
	   "the ledger's file shrinks from %d to %d bytes", (int)bytes,
	   (int)size_of_file(settings.path, ""));
	messages_adopt(settings.path, &why);
	is_int(why.text[0], '\0', "once");
	ledger = ledger_open(&settings, NULL);
	is_int(sum_all(ledger).messages, 1, "rows are as they were");
	ledger_close(ledger);
}

/* ---- a flood of rows in one domain's name ---- */

struct flood_seen {
	int64_t rows, messages, rest;
	int64_t large; /* of the source that sent most */
	struct ledger *ledger;
};

static int see_flood(void *arg, const struct ledger_row *row)
{
	struct flood_seen *seen = arg;

	seen->rows++;
	seen->messages += row->count;
	if (strcmp(row->source_ip, "0.0.0.0") == 0) {
		seen->rest += row->count;
		ok(strstr(row->reasons, "further sources") != NULL, "the rest says what it is");
	}
	if (strcmp(row->source_ip, "198.51.100.7") == 0)
		seen->large += row->count;
	return 0;
}

static int see_flood_day(void *arg, const struct ledger_day *day)
{
	struct flood_seen *seen = arg;
	const struct ledger_key key = ledger_day_key(day);
	struct why why;

	return ledger_rows(seen->ledger, &key, see_flood, seen, &why);
}

static struct flood_seen see_domain(struct ledger *ledger, const char *domain)
{
	struct flood_seen seen = {.ledger = ledger};
	struct why why;

	is_int(ledger_days(ledger,
			   &(struct ledger_days_query){
			       .domain = domain, .from_day = 20000, .to_day = 20000},
			   see_flood_day, &seen, &why),
	       0, "the rows of %s can be read", domain);
	return seen;
}

static void add_hostile(struct ledger *ledger, int i)
{
	struct ledger_row row = sample("victim.example", 20000, NULL);
	char source[40], name[80];

	snprintf(source, sizeof source, "2001:db8:%x:%x::1", i, i * 7);
	snprintf(name, sizeof name, "random%d.attacker.example", i);
	row.source_ip = i % 20 == 0 ? "198.51.100.7" : source;
	row.envelope_from = row.spf_domain = name;
	while (ledger_add(ledger, &row, 0, NULL) < 0)
		usleep(1000);
}

static void test_condense(void)
{
	struct ledger_settings settings = {
	    .path = new_path(), .day_rows = 400, .durability = LEDGER_PROCESS, .group_rows = 100};
	struct ledger *ledger = ledger_open(&settings, NULL);
	struct ledger_row row = sample("quiet.example", 20000, "192.0.2.1");
	struct flood_seen seen;

	add(ledger, &row);
	for (int i = 0; i < 8000; i++)
		add_hostile(ledger, i);
	ledger_retire(ledger, soon(60));
	seen = see_domain(ledger, "victim.example");
	is_int(seen.messages, 8000, "no message is lost from the counts");
	ok(seen.rows <= 400 + 400 / 8, "rows are few: %d", (int)seen.rows);
	ok(seen.rest > 7000, "most are in the rest: %d", (int)seen.rest);
	is_int(seen.large, 400, "the source that sent most is there, with all it sent");
	seen = see_domain(ledger, "quiet.example");
	is_int(seen.rows, 1, "another domain has its row");
	ledger_close(ledger);
}

static void test_damaged(void)
{
	char path[300], away[310];
	struct ledger_row row = sample("example.com", 20000, "192.0.2.1");
	struct ledger *ledger;
	struct why why = {""};
	int64_t begin;

	snprintf(path, sizeof path, "%s", new_path());
	ledger = open_path(path);
	for (int i = 0; i < 50; i++) {
		row.count = i + 1;
		row.header_from = i % 2 ? "x.example" : "y.example";
		ledger_add(ledger, &row, 0, NULL);
	}
	ledger_close(ledger);
	write_file(path, 4096, "rubbish ", 4096);
	ledger = open_path(path);
	ok(ledger != NULL, "a damaged file is not looked through when it is opened");
	begin = clock_mono();
	is_int(ledger_add(ledger, &row, soon(20), &why), -1, "adding fails");
	ok(!tap_hurried() || clock_mono() - begin < CLOCK_SECOND, "at once");
	ok(strstr(why.text, "it is damaged: restart countersignd") != NULL, "%s", why.text);
	snprintf(away, sizeof away, "%s.away", path);
	ok(rename(path, away) == 0, "moved away while the ledger is open");
	is_int(add(ledger, &row), 0, "a new file is made");
	is_int(add(ledger, &row), 0, "and used");
	ok(access(path, R_OK) == 0, "it is there");
	ledger_close(ledger);
}

static void test_moved(void)
{
	char path[300], away[310];
	struct ledger_row row = sample("example.com", 20000, "192.0.2.1");
	struct ledger *ledger;

	snprintf(path, sizeof path, "%s", new_path());
	snprintf(away, sizeof away, "%s.away", path);
	ledger = open_path(path);
	add(ledger, &row);
	ok(rename(path, away) == 0, "a good file is moved away");
	is_int(add(ledger, &row), 0, "a row after that");
	ledger_close(ledger);
	ledger = open_path(path);
	is_int(sum_all(ledger).messages, 1, "is in the new file");
	ledger_close(ledger);
}

/* Another process has the file open, too, and notices later. */
static void test_moved_from_others(void)
{
	char path[300], away[310], c = 0;
	struct ledger_row row = sample("example.com", 20000, "192.0.2.1");
	int to[2], from[2], status;
	struct ledger *ledger;

	snprintf(path, sizeof path, "%s", new_path());
	snprintf(away, sizeof away, "%s.away", path);
	if (pipe(to) != 0 || pipe(from) != 0)
		abort();
	if (fork() == 0) {
		ledger = open_path(path);
		status = add(ledger, &row);
		status += write(from[1], &c, 1) != 1 || read(to[0], &c, 1) != 1;
		status += add(ledger, &row);
		ledger_close(ledger);
		_exit(status);
	}
	status = read(from[0], &c, 1) != 1;
	ledger = open_path(path);
	add(ledger, &row);
	ok(status == 0 && rename(path, away) == 0, "moved away while two processes have it");
	is_int(add(ledger, &row), 0, "one goes on in a new file");
	ok(write(to[1], &c, 1) == 1 && wait(&status) > 0 && status == 0, "so does the other");
	is_int(add(ledger, &row), 0, "and the first again");
	if (fork() == 0) { /* as if everything had been killed now */
		struct ledger_settings settings = {.path = path, .read_only = true};
		struct ledger *other = ledger_open(&settings, NULL);

		_exit((int)sum_all(other).messages);
	}
	wait(&status);
	is_int(WEXITSTATUS(status), 3, "another process sees all of it");
	ledger_close(ledger);
	ledger = open_path(away);
	is_int(sum_all(ledger).messages, 2, "the old file has the rest");
	ledger_close(ledger);
	for (unsigned i = 0; i < 2; i++)
		close(to[i]), close(from[i]);
}

static void test_expire(void)
{
	struct ledger_settings settings = {.path = new_path()};
	struct ledger *ledger = ledger_open(&settings, NULL);
	int32_t today = clock_day(clock_wall());
	struct why why = {""};
	char source[40];

	for (int i = 0; i < 1500; i++) {
		struct ledger_row row = sample("example.com", today - i % 3 * 10, source);

		snprintf(source, sizeof source, "192.0.2.%d", i);
		ledger_add(ledger, &row, i == 1499 ? soon(20) : 0, NULL);
	}
	is_int(ledger_expire(ledger, today - 10, &why), 500, "what is older goes");
	is_int(sum_all(ledger).messages, 1000, "the rest stays");
	is_int(sum_all(ledger).days, 2, "with its policies");
	is_int(ledger_expire(ledger, today - 10, &why), 0, "nothing more");
	ledger_close(ledger);
	settings.keep_days = 9;
	ledger = ledger_open(&settings, NULL);
	for (int i = 0; i < 500 && read_all(ledger) != 500; i++)
		usleep(10000);
	is_int(sum_all(ledger).messages, 500, "the writer does it by itself");
	ledger_close(ledger);
}

/* Those that ask for a report wait for it. */
static void test_expire_unreported(void)
{
	struct ledger_settings settings = {.path = new_path()};
	struct ledger *ledger = ledger_open(&settings, NULL);
	int32_t today = clock_day(clock_wall());
	struct why why = {""};

	for (int i = 0; i < 10; i++) {
		struct ledger_row row = sample("asks.example", today - i, "192.0.2.1");

		add(ledger, &row);
		row.policy.domain = "silent.example";
		row.policy.rua = NULL;
		add(ledger, &row);
	}
	is_int(ledger_expire(ledger, today - 2, &why), 7 + 4, "two days are kept");
	is_int(sum_of(ledger, "silent.example", 0, 100000).days, 3, "of what nobody asks for");
	is_int(sum_of(ledger, "asks.example", 0, 100000).days, 6,
	       "and five of what is to be reported");
	ledger_close(ledger);
}

/* As if the clock stood so many days ahead of what was counted, or behind it. */
static void test_clock_ahead(int days)
{
	struct ledger_settings settings = {.path = new_path()};
	struct ledger *ledger = ledger_open(&settings, NULL);
	int32_t today = clock_day(clock_wall()), newest = today - days;
	int32_t keeps = (days > 0 ? newest : today) - 9;

	for (int i = 0; i < 20; i++) {
		struct ledger_row row = sample("example.com", newest - i, "192.0.2.1");

		add(ledger, &row);
	}
	ledger_close(ledger);
	settings.keep_days = 9;
	ledger = ledger_open(&settings, NULL);
	for (int i = 0;
	     i < 500 && read_all(ledger) > (newest - keeps < 19 ? newest - keeps + 1 : 20); i++)
		usleep(10000);
	is_int(sum_of(ledger, NULL, 0, keeps - 1).rows, 0, "clock %+d days: what is old goes",
	       days);
	is_int(sum_of(ledger, NULL, keeps, 100000).rows,
	       newest - keeps < 19 ? newest - keeps + 1 : 20,
	       "nothing newer than the newest row without the retention");
	ledger_close(ledger);
}

static char loss_text[512];
static _Atomic bool loss_told;

static void hear_loss(const char *text)
{
	snprintf(loss_text, sizeof loss_text, "%s", text);
	loss_told = true;
}

/* While the ledger is open: nothing is lost or expired, and the line says how far it jumped. */
static void test_clock_jump(int64_t seconds, const char *said)
{
	struct ledger_settings settings = {
	    .path = new_path(), .keep_days = 9, .on_loss = hear_loss};
	struct ledger *ledger = ledger_open(&settings, NULL);
	const int32_t today = clock_day(clock_wall());
	struct ledger_row row = sample("example.com", today, "192.0.2.1");

	loss_told = false;
	add(ledger, &row);
	clock_ahead = seconds;
	row.day = clock_day(clock_wall());
	add(ledger, &row);
	for (int i = 0; i < 1000 && said != NULL && !loss_told; i++)
		usleep(10000);
	row.day = today - 9;
	add(ledger, &row);
	is_int(sum_all(ledger).messages, 3, "clock %+lld s: all is counted", (long long)seconds);
	ledger_close(ledger);
	clock_ahead = 0;
	if (said == NULL)
		ok(!loss_told, "nothing is said");
	else
		ok(loss_told && strstr(loss_text, said) != NULL, "it says: %s", loss_text);
}

static void test_clock_jumps(void)
{
	static const struct {
		int64_t seconds;
		const char *said;
	} jumps[] = {
	    {1700, NULL},
	    {1900, "the clock jumped 32 minutes ahead: "},
	    {3600, "the clock jumped 60 minutes ahead: "},
	    {-3600, "the clock jumped 60 minutes back: "},
	    {7200, "the clock jumped 2 hours ahead: "},
	    {86400, "the clock jumped 24 hours ahead: "},
	    {-86400, "the clock jumped 24 hours back: "},
	    {400 * 86400, "the clock jumped 9600 hours ahead: "},
	    {-400 * 86400, "the clock jumped 9600 hours back: "},
	};

	for (size_t i = 0; i < sizeof jumps / sizeof jumps[0]; i++)
		test_clock_jump(jumps[i].seconds, jumps[i].said);
}

/* A worker counted a message while the clock was ahead by 400 days; then it was started again. */
static void test_clock_was_ahead(void)
{
	struct ledger_settings settings = {.path = new_path()};
	struct ledger *ledger = ledger_open(&settings, NULL);
	int32_t ahead = clock_day(clock_wall());
	struct ledger_row row = sample("example.com", ahead, "192.0.2.1");

	add(ledger, &row);
	for (int i = 0; i < 20; i++) {
		row = sample("example.com", ahead - 400 - i, "192.0.2.1");
		add(ledger, &row);
	}
	ledger_close(ledger);
	settings.keep_days = 9;
	ledger = ledger_open(&settings, NULL);
	for (int i = 0; i < 500 && read_all(ledger) > 11; i++)
		usleep(10000);
	is_int(sum_all(ledger).messages, 11, "a row of a month later makes nothing old");
	row = sample("example.com", ahead - 1, "192.0.2.1");
	add(ledger, &row);
	ledger_close(ledger);
	ledger = ledger_open(&settings, NULL);
	for (int i = 0; i < 500 && read_all(ledger) > 2; i++)
		usleep(10000);
	is_int(sum_all(ledger).messages, 2, "those of two days do");
	ledger_close(ledger);
}

static int begin_day(void *outbox, const struct ledger_day *day)
{
	const struct ledger_key key = ledger_day_key(day);
	struct why why;

	return outbox_begin(outbox, &key, &why);
}

/* Rows that come after their day's report was begun are in another one. */
static void test_late(void)
{
	struct ledger_settings settings = {.path = new_path()};
	struct ledger_row row = sample("example.com", 20000, "192.0.2.1");
	struct ledger *ledger = ledger_open(&settings, NULL);
	struct why why = {""};
	struct outbox *outbox;
	struct sum sum;
	bool busy;

	add(ledger, &row);
	outbox = outbox_open(&settings, OUTBOX_SEND, &busy, &why);
	for (int round = 1; round <= 3; round++) {
		is_int(ledger_days(ledger, &(struct ledger_days_query){.to_day = 100000}, begin_day,
				   outbox, &why),
		       0, "reports are begun");
		add(ledger, &row);
		add(ledger, &row);
		sum = sum_all(ledger);
		is_int(sum.days, round + 1, "what comes later is a report of its own");
		is_int(sum.messages, 1 + 2 * round, "nothing is lost");
	}
	row.source_ip = "192.0.2.2";
	row.day = 20010;
	add(ledger, &row);
	is_int(sum_all(ledger).days, 5, "another day is not concerned");
	outbox_close(outbox);
	is_int(ledger_expire(ledger, 20001, &why), 4, "all of them expire");
	is_int(sum_all(ledger).days, 1, "with what names them");
	ledger_close(ledger);
}

static void test_close(void)
{
	const char *path = new_path();
	struct ledger *ledger = open_path(path);
	struct ledger_row row = sample("example.com", 20000, "192.0.2.1");
	int64_t begin = clock_mono();

	for (int i = 0; i < 1000; i++)
		ledger_add(ledger, &row, 0, NULL);
	ok(!tap_hurried() || clock_mono() - begin < CLOCK_SECOND, "adding without waiting");
	ledger_close(ledger);
	ledger = open_path(path);
	is_int(sum_all(ledger).messages, 1000, "closing commits all of it");
	ledger_close(ledger);
	ledger_close(NULL);
}

/* ---- LEDGER_PROCESS: what the journal is for ---- */

static bool pending_file(const char *path)
{
	char name[320];

	snprintf(name, sizeof name, "%s-pending.0", path);
	return access(name, F_OK) == 0;
}

static void test_journal_locked(void)
{
	struct ledger_row row = sample("example.com", 20000, "192.0.2.1");
	struct ledger *ledger;
	struct why why = {""};
	int64_t begin = clock_mono();
	char path[300];
	sqlite3 *db;

	snprintf(path, sizeof path, "%s", new_path());
	ledger = open_path(path);
	sqlite3_open(path, &db);
	sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
	is_int(ledger_add(ledger, &row, soon(20), &why), 0, "a locked file: the row is safe");
	ok(!tap_hurried() || clock_mono() - begin < CLOCK_SECOND, "at once");
	for (int i = 0; i < 500 && why.text[0] == '\0'; i++) {
		usleep(10000);
		is_int(ledger_add(ledger, &row, soon(20), &why), 0, "the next");
		row.count++;
	}
	ok(strstr(why.text, "locked by another") != NULL, "what is wrong is told: %s", why.text);
	ledger_close(ledger);
	ok(pending_file(path), "what cannot be committed stays in the journal");
	sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
	sqlite3_close(db);
	ledger = open_path(path);
	ok(sum_all(ledger).messages >= 2, "and is there when the ledger is opened again");
	is_int(sum_all(ledger).rows, 1, "added together");
	ledger_close(ledger);
	ok(!pending_file(path), "nothing is left behind");
}

static void test_journal_damaged(void)
{
	struct ledger_row row = sample("example.com", 20000, "192.0.2.1");
	char path[300], away[310];
	struct ledger *ledger;

	snprintf(path, sizeof path, "%s", new_path());
	snprintf(away, sizeof away, "%s.away", path);
	ledger = open_path(path);
	for (int i = 0; i < 50; i++)
		ledger_add(ledger, &row, 0, NULL);
	ledger_close(ledger);
	write_file(path, 4096, "rubbish ", 4096);
	ledger = open_path(path);
	is_int(ledger_add(ledger, &row, soon(20), NULL), 0, "a damaged file");
	is_int(ledger_add(ledger, &row, soon(20), NULL), 0, "loses nothing");
	ok(rename(path, away) == 0, "it is moved away");
	for (int i = 0; i < 500 && access(path, F_OK) != 0; i++)
		usleep(20000);
	is_int(sum_all(ledger).messages, 2, "the new file has what was counted meanwhile");
	ledger_close(ledger);
}

/* A process is killed that has committed so many messages, and has others in its journal only. */
static void count_and_kill(const char *path, int committed, int others)
{
	struct ledger_row row = sample("example.com", 20000, "192.0.2.1");
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		struct ledger *ledger = open_path(path);
		sqlite3 *db = NULL;

		for (int i = 0; i < committed; i++)
			ledger_add(ledger, &row, soon(20), NULL);
		sum_all(ledger); /* waits until they are committed */
		sqlite3_open(path, &db);
		sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
		for (int i = 0; i < others; i++)
			ledger_add(ledger, &row, soon(20), NULL);
		kill(getpid(), SIGKILL);
	}
	waitpid(pid, &status, 0);
	ok(WIFSIGNALED(status), "a process is killed");
}

/* What a killed process has committed is in the file that is moved away; the rest goes to the next.
 */
static void test_journal_of_another(void)
{
	char path[300], away[310], log[310], log_away[320];
	struct ledger *ledger;

	snprintf(path, sizeof path, "%s", new_path());
	snprintf(away, sizeof away, "%s.away", path);
	snprintf(log, sizeof log, "%s-wal", path);
	snprintf(log_away, sizeof log_away, "%s-wal", away);
	count_and_kill(path, 30, 7);
	ok(rename(path, away) == 0 && rename(log, log_away) == 0, "its ledger is moved away");
	ledger = open_path(path);
	is_int(sum_all(ledger).messages, 7, "the new one gets what the old one has not");
	ledger_close(ledger);
	ok(!pending_file(path), "once");
	ledger = open_path(away);
	is_int(sum_all(ledger).messages, 30, "and the old one has the rest");
	ledger_close(ledger);
}

/* A reader that cannot say what is lost leaves a damaged journal to the daemon, also if no record
 * of it can be read. */
static void test_journal_lost(void)
{
	struct ledger_settings settings = {.path = new_path(), .on_loss = hear_loss};
	struct ledger_settings reading = {.path = settings.path, .read_only = true};
	struct ledger_stats stats;
	struct ledger *ledger;
	char journal[330];

	snprintf(journal, sizeof journal, "%s-pending.0", settings.path);
	count_and_kill(settings.path, 0, 7);
	write_file(journal, 4096, "rubbish ", 8192);
	ledger = ledger_open(&reading, NULL);
	is_int(sum_all(ledger).messages, 0, "a reader finds nothing in a damaged journal");
	ledger_close(ledger);
	ok(access(journal, F_OK) == 0, "and leaves it");
	loss_told = false;
	ledger = ledger_open(&settings, NULL);
	ledger_stats(ledger, &stats);
	ok(loss_told && stats.failures >= 7, "the daemon says what is lost: %s", loss_text);
	ledger_close(ledger);
	ok(access(journal, F_OK) != 0, "once");
}

/* A reader sees what a killed process was told is safe, and what a living one just added. */
static void test_journal_readers(void)
{
	struct ledger_settings settings = {.read_only = true};
	struct ledger_row row = sample("example.com", 20000, "192.0.2.1");
	struct ledger *ledger, *reader;
	char path[300];
	int acknowledged = 0;

	snprintf(path, sizeof path, "%s", new_path());
	settings.path = path;
	for (int round = 0; round < 3; round++)
		acknowledged += run_and_kill(path, round);
	reader = ledger_open(&settings, NULL);
	ok(sum_all(reader).messages >= acknowledged, "after kill -9, a reader sees all %d",
	   acknowledged);
	acknowledged = (int)sum_all(reader).messages;
	ledger_close(reader);
	ledger = open_path(path);
	row.count = 5;
	for (int i = 0; i < 100; i++)
		add(ledger, &row);
	reader = ledger_open(&settings, NULL);
	is_int(sum_all(reader).messages, acknowledged + 500, "and what is being added");
	ledger_close(reader);
	ledger_close(ledger);
}

static void test_retire(void)
{
	struct ledger_row row = sample("example.com", 20000, "192.0.2.1");
	struct ledger_stats stats;
	struct ledger *ledger;
	char path[300];

	snprintf(path, sizeof path, "%s", new_path());
	ledger = open_path(path);
	for (int i = 0; i < 100; i++)
		add(ledger, &row);
	ok(pending_file(path), "a journal is used");
	ledger_retire(ledger, soon(20));
	ok(!pending_file(path), "retired: it is gone");
	ledger_stats(ledger, &stats);
	is_int(stats.pending, 0, "all is in the file");
	is_int(add(ledger, &row), 0, "what comes later is committed");
	is_int(sum_all(ledger).messages, 101, "and counted");
	ledger_close(ledger);
}

static void test_journal(void)
{
	durability = LEDGER_PROCESS;
	test_counts();
	test_threads();
	test_processes();
	test_kill();
	test_close();
	test_journal_locked();
	test_journal_damaged();
	test_journal_of_another();
	test_journal_lost();
	test_journal_readers();
	test_retire();
}

int main(void)
{
	static const int jumps[] = {0, 1, 400, -1, -400};

	dir = tap_directory();
	test_counts();
	test_identity();
	test_reading();
	test_stop();
	test_open_errors();
	test_mode();
	test_permission();
	test_threads();
	test_processes();
	test_kill();
	test_locked();
	test_queue_full();
	test_disk_full();
	test_room();
	test_message_bounds();
	test_message_damage();
	test_message_migration();
	test_condense();
	test_damaged();
	test_moved();
	test_moved_from_others();
	test_expire();
	for (size_t i = 0; i < sizeof jumps / sizeof jumps[0]; i++)
		test_clock_ahead(jumps[i]);
	test_clock_jumps();
	test_clock_was_ahead();
	test_expire_unreported();
	test_late();
	test_close();
	test_journal();
	return tap_done();
}

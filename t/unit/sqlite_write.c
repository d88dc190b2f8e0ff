/* SPDX-License-Identifier: BSD-2-Clause */
/* store/sql/sqlite_write.c and store/condense.c: rows are added and condensed, and old ones
 * deleted, while one call for the file or for memory fails, another one each time. No message is
 * lost or counted twice, a row that was shipped stays, and nothing is deleted that is not old. */
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/clock.h"
#include "store/packed.h"
#include "store/sql/sql.h"
#include "store/upkeep.h"
#include "t/lib/faults.h"
#include "t/lib/tap.h"

enum { DAY = 20000, DAY_ROWS = 80, SHIPPED = 10, GROUP = 30, TRIES = 100, OPENING = 60 };

static char base[300], path[300];
static char *whole;
static size_t size;

/* ---- memory that SQLite asks for: one call of it fails ---- */

static sqlite3_mem_methods memory;
static long memory_fails_at, memory_calls;

static void *give_memory(int bytes)
{
	return ++memory_calls == memory_fails_at ? NULL : memory.xMalloc(bytes);
}

static void *resize_memory(void *old, int bytes)
{
	return ++memory_calls == memory_fails_at ? NULL : memory.xRealloc(old, bytes);
}

static void use_own_memory(void)
{
	sqlite3_mem_methods own;

	sqlite3_config(SQLITE_CONFIG_GETMALLOC, &memory);
	own = memory;
	own.xMalloc = give_memory;
	own.xRealloc = resize_memory;
	sqlite3_config(SQLITE_CONFIG_MALLOC, &own);
}

static void set_memory_fault(long number, int error)
{
	(void)error;
	memory_fails_at = number;
	memory_calls = 0;
}

static long count_memory_calls(void)
{
	return memory_calls;
}

/* ---- a ledger that has as many rows of a day as it may ---- */

static struct driver_row make_row(int i, char *bytes)
{
	char source[40], name[60];
	struct driver_row at;
	const struct ledger_row row = {
	    .day = DAY,
	    .policy = {.domain = "victim.example", .p = "reject", .rua = "mailto:a@victim.example"},
	    .source_ip = source,
	    .disposition = "reject",
	    .dkim_aligned = "fail",
	    .spf_aligned = "fail",
	    .reasons = "[]",
	    .header_from = name,
	    .envelope_from = name,
	    .dkim = "[]",
	    .dkim_notes = "[]",
	    .spf_domain = name,
	    .spf_result = "fail",
	    .count = 1 + i % 7,
	    .quiet = i % 2};

	snprintf(source, sizeof source, "2001:db8::%04x", i);
	snprintf(name, sizeof name, "name%04d.attacker.example", i);
	packed_write(&row, bytes, &at);
	return at;
}

/* Rows FIRST to FIRST + COUNT - 1, in one transaction. */
static enum driver_outcome commit_rows(struct sql *sql, int first, unsigned count, struct why *why)
{
	static char bytes[DAY_ROWS][600];
	static struct driver_row rows[DAY_ROWS];
	static const struct driver_row *list[DAY_ROWS];
	const struct driver_batch batch = {.rows = list, .count = count};

	for (unsigned i = 0; i < count; i++) {
		rows[i] = make_row(first + (int)i, bytes[i]);
		list[i] = &rows[i];
	}
	return driver_sqlite.commit(sql, &batch, why);
}

static struct sql *open_ledger(const char *name, unsigned day_rows)
{
	const struct ledger_settings settings = {.path = name,
						 .durability = LEDGER_POWER,
						 .day_rows = day_rows,
						 .busy_wait = CLOCK_SECOND};
	struct why why = {""};
	struct sql *sql = driver_sqlite.open(&settings, &why);

	if (sql == NULL)
		ok(false, "%s", why.text);
	return sql;
}

static int64_t ask_number(struct sql *sql, const char *text)
{
	struct why why = {""};
	int64_t number = -1;

	if (sql_number(sql, &number, &why, text, SQL_NO_VALUES) != 0)
		ok(false, "%s", why.text);
	return number;
}

/* As a host that ships has it. */
static void make_base(void)
{
	struct sql *sql = open_ledger(base, 0);
	struct why why = {""};
	int fd;

	ok(sql_run(sql, &why, "UPDATE spool SET joined = 1, store = x'01'", SQL_NO_VALUES) == 0 &&
	       commit_rows(sql, 0, DAY_ROWS, &why) == DRIVER_DONE,
	   "a ledger: %s", why.text);
	ok(sql_run(sql, &why,
		   "UPDATE tally SET shipped = messages, shipped_quiet = quiet"
		   " WHERE source_ip < '2001:db8::000a'",
		   SQL_NO_VALUES) == 0 &&
	       sql_run(sql, &why, "DELETE FROM unshipped WHERE source_ip < '2001:db8::000a'",
		       SQL_NO_VALUES) == 0,
	   "of which some was shipped: %s", why.text);
	is_int(ask_number(sql, "SELECT COUNT(*) FROM tally WHERE shipped > 0"), SHIPPED, "rows");
	ok(sql_run(sql, &why,
		   "INSERT INTO report (domain, day, config, id, file_name, built, records,"
		   " messages, kind) VALUES ('victim.example', $1, zeroblob(16), 'id', 'name', $2, "
		   "1, 1,"
		   " 'failure')",
		   SQL_VALUES(sql_int(DAY), sql_int(clock_day_begin(DAY)))) == 0,
	   "and a failure report: %s", why.text);
	sql_close(sql);
	fd = open(base, O_RDONLY | O_CLOEXEC);
	size = (size_t)lseek(fd, 0, SEEK_END);
	whole = malloc(size);
	ok(whole != NULL && pread(fd, whole, size, 0) == (ssize_t)size, "its file is read");
	close(fd);
}

static struct sql *open_copy(void)
{
	static const char *const suffixes[] = {"-wal", "-shm"};
	char name[320];
	int fd;

	for (int i = 0; i < 2; i++) {
		snprintf(name, sizeof name, "%s%s", path, suffixes[i]);
		unlink(name);
	}
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
	if (write(fd, whole, size) != (ssize_t)size)
		ok(false, "the file is written");
	close(fd);
	return open_ledger(path, DAY_ROWS);
}

/* ---- what is in it ---- */

static char found[600];

static void note_finding(void *arg, const char *what, int64_t count)
{
	size_t len = strlen(found);

	(void)arg;
	snprintf(found + len, sizeof found - len, "%lld %s; ", (long long)count, what);
}

static bool go_on(void *arg, int64_t done, int64_t all)
{
	(void)arg, (void)done, (void)all;
	return true;
}

static int64_t count_messages(int rows)
{
	int64_t messages = 0;

	for (int i = 0; i < rows; i++)
		messages += 1 + i % 7;
	return messages;
}

/* All that was committed is there once, in few rows, and those that were shipped are. */
static bool is_whole(struct sql *sql, int rows)
{
	struct why why = {""};
	int64_t have = ask_number(sql, "SELECT SUM(messages) FROM tally"), there;

	found[0] = '\0';
	if (upkeep_check(sql, false, note_finding, go_on, NULL, &why) != 0)
		return ok(false, "store check: %s%s", found, why.text);
	if (have != count_messages(rows))
		return is_int(have, count_messages(rows), "messages");
	there = ask_number(sql, "SELECT COUNT(*) FROM tally WHERE shipped > 0");
	if (there != SHIPPED)
		return is_int(there, SHIPPED, "rows that were shipped");
	there = ask_number(sql, "SELECT COUNT(*) FROM tally");
	return there <= DAY_ROWS + GROUP || is_int(there, DAY_ROWS, "rows");
}

/* ---- what is done ---- */

/* More rows than the day may have. */
static enum driver_outcome add_group(struct sql *sql, struct why *why)
{
	return commit_rows(sql, DAY_ROWS, GROUP, why);
}

static bool has_group(struct sql *sql)
{
	return is_whole(sql, DAY_ROWS + GROUP) &&
	       ask_number(sql, "SELECT SUM(messages) FROM tally WHERE source_ip = '0.0.0.0'") > 0;
}

/* Its newest row is of the day DAY, a long time ago: so the clock may be wrong. */
static enum driver_outcome expire_old(struct sql *sql, struct why *why)
{
	unsigned deleted;
	bool more;

	return driver_sqlite.expire(sql, DAY - 1, 100, &deleted, &more, why);
}

static bool has_base(struct sql *sql)
{
	return is_whole(sql, DAY_ROWS) &&
	       ask_number(sql, "SELECT COUNT(*) FROM report WHERE kind = 'failure'") == 1;
}

static const struct operation {
	const char *name;
	enum driver_outcome (*run)(struct sql *sql, struct why *why);
	bool (*is_done)(struct sql *sql);
} operations[] = {{"rows are added, and condensed", add_group, has_group},
		  {"nothing is old", expire_old, has_base}};

/* ---- while one call fails ---- */

static const struct kind {
	const char *name;
	void (*set)(long number, int error);
	long (*calls)(void);
	int error;
} kinds[] = {{"a disk that fails", faults_set, faults_calls, EIO},
	     {"a full disk", faults_set, faults_calls, ENOSPC},
	     {"memory", set_memory_fault, count_memory_calls, 0}};

/* As store/ledger.c does it. */
static bool try_again(struct sql **sql, const struct operation *operation,
		      enum driver_outcome outcome, struct why *why)
{
	if (!has_base(*sql))
		return false;
	if (outcome != DRIVER_RETRY) {
		sql_close(*sql);
		*sql = open_ledger(path, DAY_ROWS);
	}
	return operation->run(*sql, why) == DRIVER_DONE;
}

static bool check_fault(const struct operation *operation, const struct kind *kind, long number,
			unsigned *failed)
{
	struct sql *sql = open_copy();
	enum driver_outcome outcome;
	struct why why = {""};
	bool right = true;

	kind->set(number, kind->error);
	outcome = operation->run(sql, &why);
	kind->set(0, 0);
	if (outcome != DRIVER_DONE) {
		++*failed;
		right = why.text[0] != '\0' && try_again(&sql, operation, outcome, &why);
	}
	right = right && operation->is_done(sql);
	sql_close(sql);
	return right || ok(false, "call %ld fails: %s", number, why.text);
}

static void check_operation(const struct operation *operation, const struct kind *kind)
{
	struct sql *sql = open_copy();
	unsigned failed = 0, wrong = 0;
	struct why why = {""};
	bool done;
	long calls;

	kind->set(0, 0);
	done = operation->run(sql, &why) == DRIVER_DONE;
	calls = kind->calls();
	ok(done && operation->is_done(sql), "%s: %s", operation->name, why.text);
	sql_close(sql);
	for (long i = 1; i <= calls; i += calls > TRIES ? calls / TRIES : 1)
		wrong += !check_fault(operation, kind, i, &failed);
	is_int(wrong, 0, "%s: of %ld calls one fails, and nothing is lost or counted twice",
	       kind->name, calls);
	tap_note("%u of them failed", failed);
}

/* ---- a new ledger beside the log of one that was moved away ---- */

static char *log_bytes;
static size_t log_size;

static void read_log(void)
{
	struct sql *sql = open_copy();
	struct why why = {""};
	char name[320];
	int fd;

	ok(commit_rows(sql, DAY_ROWS, GROUP, &why) == DRIVER_DONE, "a log: %s", why.text);
	snprintf(name, sizeof name, "%s-wal", path);
	fd = open(name, O_RDONLY | O_CLOEXEC);
	log_size = (size_t)lseek(fd, 0, SEEK_END);
	log_bytes = malloc(log_size);
	ok(log_bytes != NULL && pread(fd, log_bytes, log_size, 0) == (ssize_t)log_size, "is read");
	close(fd);
	sql_close(sql);
}

/* Call NUMBER fails while it is made: it is made empty, or not at all. */
static bool is_new(long number, unsigned *failed)
{
	const struct ledger_settings settings = {.path = path, .busy_wait = CLOCK_SECOND};
	struct why why = {""};
	struct sql *sql;
	char name[320];
	bool right;
	int fd;

	unlink(path);
	snprintf(name, sizeof name, "%s-wal", path);
	fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
	right = write(fd, log_bytes, log_size) == (ssize_t)log_size;
	close(fd);
	faults_set(number, EIO);
	sql = driver_sqlite.open(&settings, &why);
	faults_set(0, 0);
	*failed += sql == NULL;
	if (sql == NULL)
		return right && why.text[0] != '\0';
	right = right && ask_number(sql, "SELECT COUNT(*) FROM tally") == 0 &&
		upkeep_check(sql, false, note_finding, go_on, NULL, &why) == 0;
	sql_close(sql);
	return right;
}

static void check_leftover(void)
{
	unsigned failed = 0, wrong = 0;

	read_log();
	ok(is_new(0, &failed) && failed == 0, "a new ledger has nothing of it");
	for (long i = 1; i <= OPENING; i++)
		wrong += !is_new(i, &failed) && !ok(false, "call %ld fails", i);
	is_int(wrong, 0, "nor when one call fails");
	ok(failed > 0, "%u of them failed", failed);
	free(log_bytes);
}

int main(void)
{
	use_own_memory();
	snprintf(base, sizeof base, "%s/base.db", tap_directory());
	snprintf(path, sizeof path, "%s/copy.db", tap_directory());
	make_base();
	for (size_t i = 0; i < sizeof operations / sizeof operations[0]; i++)
		for (size_t j = 0; j < sizeof kinds / sizeof kinds[0]; j++)
			check_operation(&operations[i], &kinds[j]);
	check_leftover();
	free(whole);
	return tap_done();
}

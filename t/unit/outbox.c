/* SPDX-License-Identifier: BSD-2-Clause */
/* store/outbox: each change whole or not at all, nothing lost, one sender at a time. */
#include "store/outbox.h"

#include <dirent.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/clock.h"
#include "t/lib/tap.h"

#define CONFIG "00112233445566778899aabbccddeeff"

static const char *dir;
static char path[300];
static struct ledger_settings settings;

static struct outbox *open_it(enum outbox_mode mode)
{
	struct why why = {""};
	bool busy;
	struct outbox *outbox = outbox_open(&settings, mode, &busy, &why);

	if (outbox == NULL)
		tap_note("%s", why.text);
	return outbox;
}

static struct outbox_report sample(const char *domain, int32_t day)
{
	return (struct outbox_report){.domain = domain,
				      .day = day,
				      .config = CONFIG,
				      .id = "20261121ab",
				      .file_name = "a!b!1!2!20261121ab.xml.gz",
				      .records = 3,
				      .messages = 7};
}

static FILE *content(size_t bytes)
{
	FILE *file = tmpfile();

	for (size_t i = 0; i < bytes; i++)
		putc((int)(i * 7 + i / 256) & 255, file);
	fflush(file); /* a child must not have it to write again */
	return file;
}

static bool same_content(FILE *a, FILE *b)
{
	int c, d;

	rewind(a);
	rewind(b);
	do {
		c = getc(a);
		d = getc(b);
	} while (c == d && c != EOF);
	return c == d;
}

static const char *const two[] = {"a@example.com", "b@example.org"};

static void test_report(struct outbox *outbox, struct arena *arena)
{
	struct outbox_report report = sample("example.com", 100), found;
	FILE *gz = content(200000), *back = tmpfile();
	struct outbox_delivery *list;
	struct why why = {""};

	is_int(outbox_find(outbox, &(struct ledger_key){"example.com", 100, CONFIG}, arena, &found,
			   &why),
	       0, "not there");
	is_int(outbox_put(outbox, &report, gz, two, 2, 1000, &why), 0, "stored: %s", why.text);
	is_int(outbox_put(outbox, &report, gz, two, 1, 2000, &why), 1, "only once");
	is_int(outbox_find(outbox, &(struct ledger_key){"example.com", 100, CONFIG}, arena, &found,
			   &why),
	       1, "found");
	is_text(found.id, report.id, "id");
	is_text(found.file_name, report.file_name, "file name");
	is_int(found.messages, 7, "messages");
	is_int(outbox_read(outbox, &found, back, &why), 1, "read");
	ok(same_content(gz, back), "what comes out is what went in");
	is_int(outbox_deliveries(outbox, &(struct ledger_key){"example.com", 100, CONFIG}, arena,
				 &list, &why),
	       2, "two deliveries");
	is_text(list[1].address, "b@example.org", "by address");
	is_int(list[0].state, OUTBOX_BUILT, "built");
	is_int(list[0].next, 1000, "due");
	fclose(gz);
	fclose(back);
}

static unsigned due(struct outbox *outbox, struct arena *arena, int64_t now)
{
	struct outbox_delivery *list;
	struct why why;

	return (unsigned)outbox_due(
	    outbox, &(struct outbox_query){OUTBOX_AGGREGATE, NULL, 0, 1000, now, 100}, arena, &list,
	    &why);
}

static void test_states(struct outbox *outbox, struct arena *arena)
{
	struct outbox_report report = sample("example.com", 100);
	struct outbox_delivery *list;
	FILE *back = tmpfile();
	struct why why = {""};
	int64_t tries;

	is_int(due(outbox, arena, 999), 0, "not due yet");
	is_int(due(outbox, arena, 1000), 2, "due");
	is_int(outbox_due(outbox,
			  &(struct outbox_query){OUTBOX_AGGREGATE, "example.org", 0, 1000, 1000, 9},
			  arena, &list, &why),
	       0, "not of another domain");
	is_int(
	    outbox_due(outbox,
		       &(struct outbox_query){OUTBOX_AGGREGATE, "example.com", 101, 1000, 1000, 9},
		       arena, &list, &why),
	    0, "not of another day");
	is_int(
	    outbox_due(outbox,
		       &(struct outbox_query){OUTBOX_AGGREGATE, "example.com", 100, 100, 1000, 1},
		       arena, &list, &why),
	    1, "at most");
	list[0].state = OUTBOX_SENDING;
	list[0].tries = 1;
	list[0].tried = 1000;
	is_int(outbox_mark(outbox, &list[0], &why), 0, "sending");
	is_int(due(outbox, arena, 1000), 2, "outcome unknown: due again");
	list[0].state = OUTBOX_SENT;
	list[0].next = 0;
	list[0].sent_to = "c@example.com";
	list[0].reply = "250 ok";
	is_int(outbox_mark(outbox, &list[0], &why), 0, "sent");
	is_int(due(outbox, arena, INT32_MAX), 1, "no longer due");
	is_int(outbox_tries(outbox, "example.com", 1000, &tries, &why), 0, "tries");
	is_int(tries, 1, "one");
	outbox_tries(outbox, "example.org", 0, &tries, &why);
	is_int(tries, 0, "none at the other host");
	is_int(outbox_read(outbox, &report, back, &why), 1, "content is still there");
	is_int(outbox_deliveries(outbox, &(struct ledger_key){"example.com", 100, CONFIG}, arena,
				 &list, &why),
	       2, "two");
	is_text(list[0].sent_to, "c@example.com", "sent elsewhere");
	is_text(list[0].reply, "250 ok", "reply");
	list[1].state = OUTBOX_SENT;
	list[1].next = 0;
	outbox_mark(outbox, &list[1], &why);
	is_int(outbox_read(outbox, &report, back, &why), 0, "all sent: it is gone");
	is_int(outbox_put(outbox, &report, back, two, 2, 1, &why), 1, "but not forgotten");
	fclose(back);
}

static void test_suppressions(struct outbox *outbox, struct arena *arena)
{
	struct outbox_suppression s = {"a@example.com", 2, 5000, "550 no"}, found, *list;
	struct why why = {""};

	is_int(outbox_suppression(outbox, s.address, arena, &found, &why), 0, "none");
	is_int(outbox_suppress(outbox, &s, &why), 0, "suppressed");
	s.until = OUTBOX_FOR_EVER;
	is_int(outbox_suppress(outbox, &s, &why), 0, "for ever");
	is_int(outbox_suppression(outbox, s.address, arena, &found, &why), 1, "there");
	ok(found.until == OUTBOX_FOR_EVER && found.failures == 2, "as stored");
	is_text(found.reason, "550 no", "reason");
	is_int(outbox_suppressions(outbox, arena, &list, &why), 1, "one in all");
	s.failures = 0;
	s.until = 0;
	is_int(outbox_suppress(outbox, &s, &why), 1, "forgotten");
	is_int(outbox_suppress(outbox, &s, &why), 0, "there was none");
}

static void test_tokens(struct outbox *outbox, struct arena *arena)
{
	const char *one = NULL, *again = NULL, *two_ = NULL, *name = NULL;
	struct why why = {""};

	is_int(outbox_token(outbox, "a@example.com", arena, &one, &why), 0, "a token");
	is_int(outbox_token(outbox, "b@example.com", arena, &two_, &why), 0, "another");
	is_int(outbox_token(outbox, "a@example.com", arena, &again, &why), 0, "the first again");
	is_text(again, one, "is the same");
	ok(strlen(one) == 16 && strcmp(one, two_) != 0, "each has its own: %s %s", one, two_);
	is_int(outbox_token_name(outbox, one, arena, &name, &why), 1, "whose it is");
	is_text(name, "a@example.com", "is known");
	is_int(outbox_token_name(outbox, "aaaaaaaaaaaaaaaa", arena, &name, &why), 0, "a guess");
}

static void test_failures(struct outbox *outbox, struct arena *arena)
{
	struct outbox_report report = sample("example.com", 300), found;
	struct outbox_delivery *list;
	FILE *text = content(500), *back = tmpfile();
	struct why why = {""};
	int64_t count = -1;

	report.kind = OUTBOX_FAILURE;
	is_int(outbox_put(outbox, &report, text, two, 1, 5000, &why), 0, "a failure report");
	is_int(outbox_find(outbox, &(struct ledger_key){"example.com", 300, CONFIG}, arena, &found,
			   &why),
	       1, "found");
	is_int(found.kind, OUTBOX_FAILURE, "its kind");
	is_int(outbox_due(outbox, &(struct outbox_query){OUTBOX_AGGREGATE, NULL, 300, 300, 6000, 9},
			  arena, &list, &why),
	       0, "no aggregate report");
	is_int(outbox_due(outbox, &(struct outbox_query){OUTBOX_FAILURE, NULL, 300, 300, 6000, 9},
			  arena, &list, &why),
	       1, "it is due");
	is_int(outbox_stored(outbox, OUTBOX_FAILURE, NULL, 5000, &count, &why), 0, "counted");
	is_int(count, 1, "since then");
	outbox_stored(outbox, OUTBOX_FAILURE, NULL, 5001, &count, &why);
	is_int(count, 0, "none later");
	outbox_stored(outbox, OUTBOX_FAILURE, "other.example", 1, &count, &why);
	is_int(count, 0, "none of another");
	list[0].state = OUTBOX_FAILED;
	list[0].next = 0;
	is_int(outbox_mark(outbox, &list[0], &why), 0, "it failed");
	is_int(outbox_read(outbox, &report, back, &why), 0, "what it said is gone");
	fclose(text);
	fclose(back);
}

/* A fact about a mail holds once, and only for the try that it is about. */
static void test_settle(struct outbox *outbox, struct arena *arena)
{
	struct outbox_report report = sample("settle.example", 100);
	FILE *gz = content(100), *back = tmpfile();
	struct outbox_delivery *list;
	struct why why = {""};

	outbox_put(outbox, &report, gz, two, 1, 1000, &why);
	outbox_deliveries(outbox, &(struct ledger_key){"settle.example", 100, CONFIG}, arena, &list,
			  &why);
	list[0].tries = 1;
	list[0].state = OUTBOX_SENT;
	list[0].next = 0;
	is_int(outbox_settle(outbox, &list[0], &why), 0, "it was not being sent");
	list[0].state = OUTBOX_SENDING;
	list[0].next = 1000;
	outbox_mark(outbox, &list[0], &why);
	list[0].state = OUTBOX_SENT;
	list[0].next = 0;
	list[0].tries = 2;
	is_int(outbox_settle(outbox, &list[0], &why), 0, "another try");
	is_int(outbox_read(outbox, &report, back, &why), 1, "its content is kept");
	list[0].tries = 1;
	is_int(outbox_settle(outbox, &list[0], &why), 1, "sent");
	is_int(outbox_settle(outbox, &list[0], &why), 0, "once");
	is_int(outbox_read(outbox, &report, back, &why), 0, "its content is gone");
	fclose(gz);
	fclose(back);
}

static void test_attempt(struct outbox *outbox, struct arena *arena)
{
	struct outbox_attempt attempt = {"example.com", 100, CONFIG, two[0], 3,
					 NULL,          NULL}; /* begun */
	char *reply = arena_array(arena, 8000, 1);
	struct outbox_attempt found;
	struct why why = {""};
	struct stat st;
	FILE *file;

	is_int(outbox_attempt_read(outbox, arena, &found, &why), 0, "no mail is under way");
	is_int(outbox_attempt_put(outbox, &attempt, &why), 0, "one is");
	is_int(outbox_attempt_read(outbox, arena, &found, &why), 1, "it is read");
	ok(found.outcome == NULL && found.day == 100 && found.tries == 3, "its outcome is unknown");
	is_text(found.domain, "example.com", "domain");
	is_text(found.config, CONFIG, "configuration");
	is_text(found.address, two[0], "address");
	memset(reply, 'x', 7999);
	attempt.outcome = "accepted";
	attempt.reply = reply;
	is_int(outbox_attempt_put(outbox, &attempt, &why), 0, "with its outcome");
	is_int(outbox_attempt_read(outbox, arena, &found, &why), 1, "it is read");
	is_text(found.outcome, "accepted", "outcome");
	is_int(strlen(found.reply), 1024, "a long reply is cut");
	attempt.reply = "250 ok";
	outbox_attempt_put(outbox, &attempt, &why);
	outbox_attempt_read(outbox, arena, &found, &why);
	is_text(found.reply, "250 ok", "a short one after a long one");
	is_int(stat(arena_printf(arena, "%s-sender", path), &st), 0, "the file");
	is_int(st.st_size, 4096, "is of one size");
	is_int(truncate(arena_printf(arena, "%s-sender", path), 90), 0, "cut");
	is_int(outbox_attempt_read(outbox, arena, &found, &why), 0, "part of a note is none");
	file = fopen(arena_printf(arena, "%s-sender", path), "w");
	fprintf(file, "countersign attempt 1\nexample.com\n-1\n\n\n99999999999\n\n\n\n");
	fclose(file);
	is_int(outbox_attempt_read(outbox, arena, &found, &why), 0, "nor is one that is damaged");
	attempt.address = reply;
	is_int(outbox_attempt_put(outbox, &attempt, &why), -1, "too long: %s", why.text);
	is_int(outbox_attempt_put(outbox, NULL, &why), 0, "removed");
	is_int(outbox_attempt_read(outbox, arena, &found, &why), 0, "none");
}

static void test_lock(void)
{
	struct why why;
	bool busy;
	struct outbox *other = outbox_open(&settings, OUTBOX_SEND, &busy, &why);

	ok(other == NULL && busy, "one sender at a time");
	other = open_it(OUTBOX_CHANGE);
	ok(other != NULL, "but changes are possible");
	outbox_close(other);
}

/* A report that is being stored when the process is killed is there as a whole or not at all. */
static void test_kill(void)
{
	struct arena *arena = arena_new(0);
	struct why why = {""};
	unsigned whole = 0, none = 0;

	for (int i = 0; i < 20; i++) {
		struct outbox_report report = sample("kill.example", 200 + i);
		FILE *gz = content(300000), *back = tmpfile();
		struct outbox_delivery *list;
		struct outbox *outbox;
		int found;
		pid_t pid = fork();

		if (pid == 0) {
			outbox = open_it(OUTBOX_SEND);
			outbox_put(outbox, &report, gz, two, 2, 1, &why);
			pause();
		}
		usleep((useconds_t)(1000 + i * 700));
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		outbox = open_it(OUTBOX_SEND);
		found = outbox_find(outbox, &(struct ledger_key){"kill.example", 200 + i, CONFIG},
				    arena, &report, &why);
		if (found == 0)
			none++;
		else if (outbox_read(outbox, &report, back, &why) == 1 && same_content(gz, back) &&
			 outbox_deliveries(outbox,
					   &(struct ledger_key){"kill.example", 200 + i, CONFIG},
					   arena, &list, &why) == 2)
			whole++;
		outbox_close(outbox);
		fclose(gz);
		fclose(back);
	}
	is_int(whole + none, 20, "killed while storing: %u whole, %u not there", whole, none);
	arena_free(arena);
}

static void sql(const char *statement)
{
	sqlite3 *db;
	char *error = NULL;

	sqlite3_open(path, &db);
	if (sqlite3_exec(db, statement, NULL, NULL, &error) != SQLITE_OK)
		tap_note("%s", error);
	sqlite3_free(error);
	sqlite3_close(db);
}

static int count_day(void *arg, const struct ledger_day *day)
{
	*(int64_t *)arg += day->messages * 100 + day->quiet;
	return 0;
}

/* A ledger as the version before had it is brought up to date with what it holds. */
static void test_migration(void)
{
	struct ledger *ledger;
	struct why why = {""};
	int64_t sum = 0;

	snprintf(path, sizeof path, "%s/old.db", dir);
	sql("CREATE TABLE policy (domain TEXT NOT NULL, day INTEGER NOT NULL, config BLOB NOT NULL,"
	    " since INTEGER NOT NULL, p TEXT NOT NULL, sp TEXT, np TEXT, adkim TEXT, aspf TEXT,"
	    " fo TEXT, testing TEXT, discovery TEXT, rua TEXT, ruf TEXT,"
	    " PRIMARY KEY (domain, day, config)) WITHOUT ROWID;"
	    "CREATE INDEX policy_by_day ON policy (day, domain, since, config);"
	    "CREATE TABLE tally (domain TEXT NOT NULL, day INTEGER NOT NULL, config BLOB NOT NULL,"
	    " source_ip TEXT NOT NULL, row_key BLOB NOT NULL, messages INTEGER NOT NULL,"
	    " dkim_aligned TEXT NOT NULL, spf_aligned TEXT NOT NULL, disposition TEXT NOT NULL,"
	    " header_from TEXT NOT NULL, envelope_from TEXT NOT NULL, envelope_to TEXT NOT NULL,"
	    " spf_domain TEXT NOT NULL, spf_result TEXT NOT NULL, reasons TEXT NOT NULL,"
	    " dkim TEXT NOT NULL, dkim_notes TEXT NOT NULL,"
	    " PRIMARY KEY (domain, day, config, source_ip, row_key)) WITHOUT ROWID;"
	    "INSERT INTO policy (domain, day, config, since, p) VALUES"
	    " ('old.example', 5, x'00112233445566778899aabbccddeeff', 1, 'none');"
	    "INSERT INTO tally VALUES ('old.example', 5, x'00112233445566778899aabbccddeeff',"
	    " '192.0.2.1', x'00', 4, 'pass', 'pass', 'none', 'old.example', '', '', '', 'none',"
	    " '[]', '[]', '[]');"
	    "PRAGMA application_id = 1129531214; PRAGMA user_version = 1");
	ledger = ledger_open(&settings, &why);
	ok(ledger != NULL, "an older ledger opens %s", why.text);
	if (ledger != NULL)
		ledger_days(ledger, &(struct ledger_days_query){.to_day = 10, .damaged = true},
			    count_day, &sum, &why);
	is_int(sum, 400, "and holds what it held");
	ledger_close(ledger);
}

int main(void)
{
	struct arena *arena = arena_new(0);
	struct outbox *outbox;

	dir = tap_directory();
	settings.path = path;
	snprintf(path, sizeof path, "%s/outbox.db", dir);
	outbox = open_it(OUTBOX_SEND);
	test_report(outbox, arena);
	test_states(outbox, arena);
	test_suppressions(outbox, arena);
	test_tokens(outbox, arena);
	test_failures(outbox, arena);
	test_settle(outbox, arena);
	test_attempt(outbox, arena);
	test_lock();
	outbox_close(outbox);
	test_kill();
	test_migration();
	arena_free(arena);
	return tap_done();
}

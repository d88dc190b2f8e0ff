/* SPDX-License-Identifier: BSD-2-Clause */
/* admin/setup/record: what is written is read again, a second change keeps what came first, and a
 * line that setup does not write is an error. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "admin/program.h"
#include "admin/setup/record.h"
#include "t/lib/tap.h"

static struct arena *arena;
static char path[] = "/tmp/countersign-record.XXXXXX";

static void write_file(const char *to, const char *text)
{
	FILE *file = fopen(to, "w");

	fputs(text, file);
	fclose(file);
	chmod(to, 0600);
}

static void write_text(const char *text)
{
	write_file(path, text);
}

/* The file that setup changes, and the copies it makes of it. */
static const char *beside(const char *suffix)
{
	return arena_printf(arena, "%s%s", path, suffix);
}

static void remove_files(void)
{
	unlink(path);
	unlink(beside(".cf"));
	unlink(beside(".cf.1"));
}

static void test_round(void)
{
	struct record record = {.filter = "unix:a b/s", .unit = "countersignd"}, again;
	struct why why = {""};

	write_file(beside(".cf"), "a = b\n");
	write_file(beside(".cf.1"), "a = b\n");
	is_int(record_change_file(arena, &record, beside(".cf"), beside(".cf.1")), 0, "changed");
	write_file(beside(".cf"), "a = c\n");
	is_int(record_change_file(arena, &record, beside(".cf"), beside(".cf.2")), 0, "again");
	record_add_setting(&record,
			   (struct record_setting){"/etc", "smtpd_milters", NULL, "it's $x"});
	record_add_setting(&record, (struct record_setting){"/etc", "smtpd_milters", "no", "b\tc"});
	record_add_setting(&record, (struct record_setting){"/etc", "other", "", "d"});
	record_add_line(&record, (struct record_line){"/etc/mc", "x(`y', `z')dnl"});
	ok(program_shell(record_command(arena, &record, path), true, &why) == 0, "written %s",
	   why.text);
	ok(record_read(arena, path, &again, &why) == 0, "read again %s", why.text);
	is_text(again.filter, "unix:a b/s", "the filter");
	is_text(again.unit, "countersignd", "the unit");
	ok(again.file_count == 1 && again.copy_count == 1, "one file, one more copy of it");
	is_text(again.files[0].copy, beside(".cf.1"), "the first copy is the one that counts");
	is_text(again.files[0].sum, "-", "somebody else has changed the file in between");
	is_text(again.copies[0].copy, beside(".cf.2"), "the other copy");
	ok(again.setting_count == 2 && again.settings[0].before == NULL, "not set before");
	is_text(again.settings[0].after, "b c", "the last value, on one line");
	is_text(again.settings[1].before, "", "set to nothing before");
	is_text(again.lines[0].text, "x(`y', `z')dnl", "a line of sendmail.mc");
}

static void test_refused(void)
{
	static const char *const texts[] = {"file\t/a\t/b\n", "setting\t/a\tb\t\tc\n", "what\tx\n",
					    "filter\n", "file\ta\tb\tc\td\te\n"};
	struct record record;
	struct why why;

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		write_text(texts[i]);
		ok(record_read(arena, path, &record, &why) == -1 &&
		       strstr(why.text, ":1: this line is not one that setup writes") != NULL,
		   "refused: line %zu", i);
	}
	write_text("# a comment\n\nfilter\tunix:s\n");
	ok(record_read(arena, path, &record, &why) == 0, "comments and empty lines");
	chmod(path, 0666);
	ok(record_read(arena, path, &record, &why) == -1, "a record that others may write");
	unlink(path);
	ok(record_read(arena, path, &record, &why) == 0 && record_is_empty(&record), "none");
}

int main(void)
{
	if (geteuid() != 0) {
		puts("1..0 # SKIP only root's record is followed");
		return 0;
	}
	arena = arena_new(0);
	close(mkstemp(path));
	test_round();
	test_refused();
	remove_files();
	arena_free(arena);
	return tap_done();
}

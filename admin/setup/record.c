/* SPDX-License-Identifier: BSD-2-Clause */
#include "admin/setup/record.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "admin/program.h"
#include "lib/buf.h"
#include "lib/span.h"
#include "lib/system/readfile.h"

enum { SIZE_MAX_READ = 1 << 20, WORDS_MAX = 5 };

/* ---- what is in it ---- */

bool record_is_empty(const struct record *record)
{
	return record->file_count == 0 && record->setting_count == 0 && record->line_count == 0 &&
	       record->unit == NULL;
}

static int add_copy(struct record *record, struct record_copy copy)
{
	if (record->copy_count == RECORD_MAX)
		return -1;
	record->copies[record->copy_count++] = copy;
	return 0;
}

static int add_file(struct record *record, struct record_file file)
{
	for (unsigned i = 0; i < record->file_count; i++) {
		if (strcmp(record->files[i].path, file.path) == 0) {
			record->files[i].sum = file.sum;
			return add_copy(record, (struct record_copy){file.path, file.copy});
		}
	}
	if (record->file_count == RECORD_MAX)
		return -1;
	record->files[record->file_count++] = file;
	return 0;
}

static struct record_file *find_file(struct record *record, const char *path)
{
	for (unsigned i = 0; i < record->file_count; i++) {
		if (strcmp(record->files[i].path, path) == 0)
			return &record->files[i];
	}
	return NULL;
}

int record_change_file(struct arena *arena, struct record *record, const char *path,
		       const char *copy)
{
	struct record_file *old = find_file(record, path);
	const char *now = record_sum(arena, path), *first;
	bool untouched;

	if (old == NULL)
		return add_file(record, (struct record_file){path, copy, NULL});
	first = record_sum(arena, old->copy);
	if (first == NULL) { /* somebody has put it back */
		old->copy = copy;
		old->sum = NULL;
		return 0;
	}
	untouched = now != NULL &&
		    (strcmp(now, first) == 0 || (old->sum != NULL && strcmp(now, old->sum) == 0));
	return add_file(record, (struct record_file){path, copy, untouched ? NULL : "-"});
}

int record_add_setting(struct record *record, struct record_setting setting)
{
	for (unsigned i = 0; i < record->setting_count; i++) {
		struct record_setting *old = &record->settings[i];

		if (strcmp(old->directory, setting.directory) == 0 &&
		    strcmp(old->name, setting.name) == 0) {
			old->after = setting.after;
			return 0;
		}
	}
	if (record->setting_count == RECORD_MAX)
		return -1;
	record->settings[record->setting_count++] = setting;
	return 0;
}

int record_add_line(struct record *record, struct record_line line)
{
	if (record->line_count == RECORD_MAX)
		return -1;
	record->lines[record->line_count++] = line;
	return 0;
}

/* ---- reading ---- */

static int take_words(struct arena *arena, struct span line, const char *words[WORDS_MAX])
{
	bool more = true;
	struct span word;
	int count = 0;

	while (count < WORDS_MAX && span_split(&line, &more, '\t', &word))
		words[count++] = arena_span(arena, word);
	return more ? -1 : count;
}

static int add_words(struct record *record, const char *const words[], int count)
{
	if (count == 2 && strcmp(words[0], "filter") == 0)
		record->filter = words[1];
	else if (count == 2 && strcmp(words[0], "unit") == 0)
		record->unit = words[1];
	else if (count == 4 && strcmp(words[0], "file") == 0)
		return add_file(record, (struct record_file){words[1], words[2], words[3]});
	else if (count == 3 && strcmp(words[0], "copy") == 0)
		return add_copy(record, (struct record_copy){words[1], words[2]});
	else if (count == 5 && strcmp(words[0], "setting") == 0 && *words[3] != '\0')
		return record_add_setting(
		    record,
		    (struct record_setting){words[1], words[2],
					    *words[3] == '=' ? words[3] + 1 : NULL, words[4]});
	else if (count == 3 && strcmp(words[0], "line") == 0)
		return record_add_line(record, (struct record_line){words[1], words[2]});
	else
		return -1;
	return 0;
}

static int parse_record(struct arena *arena, struct span text, const char *path,
			struct record *record, struct why *why)
{
	const char *words[WORDS_MAX];
	unsigned number = 0;

	while (!span_empty(text)) {
		const char *end = memchr(text.p, '\n', span_len(text));
		struct span line = {text.p, end == NULL ? text.end : end};
		int count;

		number++;
		text.p = end == NULL ? text.end : end + 1;
		if (span_empty(line) || *line.p == '#')
			continue;
		count = take_words(arena, line, words);
		if (count < 0 || add_words(record, words, count) == -1)
			return why_set(why, "%s:%u: this line is not one that setup writes", path,
				       number);
	}
	return 0;
}

int record_read(struct arena *arena, const char *path, struct record *record, struct why *why)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK), result = 0;
	struct span text = span_of("");
	struct stat st;

	*record = (struct record){.filter = NULL};
	if (fd == -1)
		return errno == ENOENT ? 0 : why_set(why, "%s: %s", path, strerror(errno));
	if (fstat(fd, &st) == -1 || st.st_uid != 0 || (st.st_mode & 022) != 0)
		result = why_set(why, "%s: not root's alone to write; it is not followed", path);
	else if (readfile_fd(arena, fd, SIZE_MAX_READ, &text, why) == -1)
		result = why_prefix(why, "%s ", path);
	close(fd);
	return result == 0 ? parse_record(arena, text, path, record, why) : -1;
}

/* ---- writing ---- */

/* One word in the record is one line and has no tab; to the MTAs all blanks are alike. */
static const char *one_word(struct arena *arena, const char *text)
{
	char *copy = arena_copy(arena, text, strlen(text) + 1);

	for (char *p = copy; *p != '\0'; p++) {
		if (*p == '\t' || *p == '\n')
			*p = ' ';
	}
	return copy;
}

static void print_words(struct buf *out, struct arena *arena, const char *const words[])
{
	buf_string(out, "  printf '");
	for (unsigned i = 0; words[i] != NULL; i++)
		buf_string(out, i == 0 ? "%s" : "\\t%s");
	buf_string(out, "\\n'");
	for (unsigned i = 0; words[i] != NULL; i++)
		buf_printf(out, " %s", program_quote(arena, one_word(arena, words[i])));
	buf_char(out, '\n');
}

static void print_file(struct buf *out, struct arena *arena, const struct record_file *file)
{
	const char *path = program_quote(arena, one_word(arena, file->path));

	if (file->sum != NULL)
		print_words(out, arena,
			    (const char *const[]){"file", file->path, file->copy, file->sum, NULL});
	else
		buf_printf(out, "  printf 'file\\t%%s\\t%%s\\t%%s\\n' %s %s \"$(cksum <%s)\"\n",
			   path, program_quote(arena, one_word(arena, file->copy)), path);
}

const char *record_command(struct arena *arena, const struct record *record, const char *path)
{
	const char *quoted = program_quote(arena, path);
	struct buf out;

	buf_init(&out, arena, 0);
	buf_string(&out, "(umask 077; {\n");
	print_words(&out, arena,
		    (const char *const[]){"# what countersign setup has changed; see: countersign "
					  "setup --undo",
					  NULL});
	if (record->filter != NULL)
		print_words(&out, arena, (const char *const[]){"filter", record->filter, NULL});
	if (record->unit != NULL)
		print_words(&out, arena, (const char *const[]){"unit", record->unit, NULL});
	for (unsigned i = 0; i < record->file_count; i++)
		print_file(&out, arena, &record->files[i]);
	for (unsigned i = 0; i < record->copy_count; i++)
		print_words(&out, arena,
			    (const char *const[]){"copy", record->copies[i].path,
						  record->copies[i].copy, NULL});
	for (unsigned i = 0; i < record->setting_count; i++) {
		const struct record_setting *s = &record->settings[i];

		print_words(&out, arena,
			    (const char *const[]){
				"setting", s->directory, s->name,
				s->before == NULL ? "-" : arena_printf(arena, "=%s", s->before),
				s->after, NULL});
	}
	for (unsigned i = 0; i < record->line_count; i++)
		print_words(&out, arena,
			    (const char *const[]){"line", record->lines[i].path,
						  record->lines[i].text, NULL});
	buf_printf(&out, "} >%s.new && mv %s.new %s)", quoted, quoted, quoted);
	return buf_text(&out);
}

const char *record_sum(struct arena *arena, const char *path)
{
	const char *command = arena_printf(arena, "cksum <%s", program_quote(arena, path));
	const char *argv[] = {"sh", "-c", command, NULL}, *text;

	return program_read(arena, argv, &text, NULL) == 0 ? text : NULL;
}

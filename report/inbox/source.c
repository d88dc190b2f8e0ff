/* SPDX-License-Identifier: BSD-2-Clause */
#include "report/inbox/source.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/arena.h"
#include "report/inbox/feed.h"

enum { LEVELS_MAX = 8, PIECE = 65536 };
#define INPUT_MAX INT64_C(1073741824) /* of standard input */

struct paths {
	struct arena *arena;
	const char **items;
	size_t count, room;
};

struct walk {
	source_visit *visit;
	source_fault *fault;
	void *arg;
	struct why *why;
	struct source_item item;
};

/* ---- mailboxes ---- */

/* mbox (RFC 4155): "From " at the beginning of a line after an empty one begins a message. Finds
 * the first such line at or after AT; -1: there is none. *BODY: where the line after it begins. */
static int64_t find_from_line(struct walk *walk, int64_t at, int64_t *body)
{
	char piece[PIECE + 8];
	size_t kept = 0;
	int64_t base = at;
	ssize_t n;

	while ((n = pread(walk->item.fd, piece + kept, PIECE, (off_t)(base + (int64_t)kept))) > 0) {
		struct span text = span_make(piece, kept + (size_t)n);
		const char *p = text.p;

		while ((p = memchr(p, '\n', (size_t)(text.end - p))) != NULL) {
			const char *line = p + 1 < text.end && p[1] == '\r' ? p + 2 : p + 1;

			if (text.end - line >= 6 && memcmp(line, "\nFrom ", 6) == 0) {
				const char *end =
				    memchr(line + 1, '\n', (size_t)(text.end - line - 1));
				int64_t found = base + (line + 1 - piece);

				*body = end == NULL ? found : base + (end + 1 - piece);
				return found;
			}
			p++;
		}
		assert(span_len(text) <= sizeof piece);
		kept = span_len(text) < 8 ? span_len(text) : 8;
		base += (int64_t)(span_len(text) - kept);
		memmove(piece, text.end - kept, kept);
	}
	return -1;
}

static int64_t after_line(int fd, int64_t at)
{
	char piece[1024];
	ssize_t n = pread(fd, piece, sizeof piece, (off_t)at);
	const char *end = n <= 0 ? NULL : memchr(piece, '\n', (size_t)n);

	return end == NULL ? at : at + (end + 1 - piece);
}

static int visit_mailbox(struct walk *walk, int64_t size)
{
	int64_t begin = after_line(walk->item.fd, 0), body = 0;
	int status = 0;

	while (status == 0 && begin >= 0) {
		int64_t next = find_from_line(walk, begin, &body);

		walk->item.number++;
		walk->item.from = begin;
		walk->item.to = next < 0 ? size : next;
		status = walk->visit(walk->arg, &walk->item);
		begin = next < 0 ? -1 : body;
	}
	return status;
}

static int visit_open_file(struct walk *walk, int64_t size)
{
	char first[5] = "";

	assert(walk->item.fd >= 0 && size >= 0);
	walk->item.number = 0;
	walk->item.from = 0;
	walk->item.to = size;
	if (pread(walk->item.fd, first, sizeof first, 0) == sizeof first &&
	    memcmp(first, "From ", 5) == 0)
		return visit_mailbox(walk, size);
	return walk->visit(walk->arg, &walk->item);
}

/* ---- files and directories ---- */

static int tell_fault(struct walk *walk, const char *path, const char *reason)
{
	if (walk->fault == NULL)
		return why_set(walk->why, "%s: %s", path, reason);
	walk->fault(walk->arg, path, reason);
	return 0;
}

static int visit_path(struct walk *walk, const char *path)
{
	struct stat info;
	int status;

	walk->item.path = path;
	walk->item.fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (walk->item.fd < 0)
		return tell_fault(walk, path, strerror(errno));
	if (fstat(walk->item.fd, &info) != 0)
		status = tell_fault(walk, path, strerror(errno));
	else if (!S_ISREG(info.st_mode))
		status = tell_fault(walk, path, "it is not a regular file");
	else
		status = visit_open_file(walk, (int64_t)info.st_size);
	close(walk->item.fd);
	return status;
}

static void add_path(struct paths *paths, const char *path)
{
	if (paths->count == paths->room) {
		const char **old = paths->items;

		paths->room = 2 * paths->room + 64;
		paths->items = arena_array(paths->arena, paths->room, sizeof *old);
		if (paths->count > 0)
			memcpy(paths->items, old, paths->count * sizeof *old);
	}
	assert(paths->count < paths->room);
	paths->items[paths->count++] = path;
}

static int compare_paths(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* A Maildir's "tmp" has messages that are being delivered. */
static bool is_wanted(const char *name, bool maildir)
{
	return name[0] != '.' && !(maildir && strcmp(name, "tmp") == 0);
}

static int list_directory(struct walk *walk, struct paths *paths, const char *path, unsigned level)
{
	DIR *directory = opendir(path);
	const struct dirent *entry;
	struct stat info;
	bool maildir;
	int status = 0;

	if (directory == NULL)
		return tell_fault(walk, path, strerror(errno));
	maildir = fstatat(dirfd(directory), "cur", &info, 0) == 0 && S_ISDIR(info.st_mode);
	while (status == 0 && (entry = readdir(directory)) != NULL) {
		const char *full = arena_printf(paths->arena, "%s/%s", path, entry->d_name);

		if (!is_wanted(entry->d_name, maildir) || lstat(full, &info) != 0)
			continue;
		if (S_ISREG(info.st_mode) && !maildir)
			add_path(paths, full);
		else if (S_ISDIR(info.st_mode) && level < LEVELS_MAX)
			status = list_directory(walk, paths, full, level + 1);
	}
	closedir(directory);
	return status;
}

static int visit_directory(struct walk *walk, const char *path)
{
	struct paths paths = {.arena = arena_new(0)};
	int status = list_directory(walk, &paths, path, 0);

	if (paths.count > 0)
		qsort(paths.items, paths.count, sizeof *paths.items, compare_paths);
	walk->item.files = paths.count;
	for (size_t i = 0; i < paths.count && status == 0; i++) {
		walk->item.file = i + 1;
		status = visit_path(walk, paths.items[i]);
	}
	arena_free(paths.arena);
	return status;
}

/* ---- standard input ---- */

/* A pipe cannot be read at any place: a file without a name takes what comes. */
static int visit_input(struct walk *walk)
{
	FILE *file = tmpfile();
	char piece[PIECE];
	int64_t size = 0;
	size_t n;
	int status = 0;

	if (file == NULL)
		return why_set(walk->why, "no temporary file: %s", strerror(errno));
	while (status == 0 && (n = fread(piece, 1, sizeof piece, stdin)) > 0) {
		size += (int64_t)n;
		if (size > INPUT_MAX)
			status = why_set(walk->why, "standard input: more than 1 GiB");
		else if (fwrite(piece, 1, n, file) != n)
			status = why_set(walk->why, "a temporary file: %s", strerror(errno));
	}
	if (status == 0 && (ferror(stdin) || fflush(file) != 0))
		status = why_set(walk->why, "standard input: %s", strerror(errno));
	walk->item.path = "-";
	walk->item.fd = fileno(file);
	if (status == 0)
		status = visit_open_file(walk, size);
	fclose(file);
	return status;
}

int source_each(const char *path, source_visit *visit, source_fault *fault, void *arg,
		struct why *why)
{
	struct walk walk = {.visit = visit, .fault = fault, .arg = arg, .why = why};
	struct stat info;

	walk.item.file = walk.item.files = 1;
	if (strcmp(path, "-") == 0)
		return visit_input(&walk);
	if (stat(path, &info) != 0)
		return why_set(why, "%s: %s", path, strerror(errno));
	return S_ISDIR(info.st_mode) ? visit_directory(&walk, path) : visit_path(&walk, path);
}

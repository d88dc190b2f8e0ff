/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The limits are checked against the directory itself, since several processes write to it. A scan
 * is remembered for a second while the spool is far from full, so that taking a mail costs a
 * constant time.
 *
 * The reader counts its tries in the name (",N" at its end): a file that kills it is not read for
 * ever.
 */
#include "report/spool.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/clock.h"
#include "lib/heap.h"
#include "lib/lock.h"

enum { BUFFER = 64 * 1024, TRIES = 3, LEFT_SECONDS = 86400 };

static const char magic[] = "countersign-spool 1\ntrust ";

const char *spool_directory(struct arena *arena, const char *ledger)
{
	return arena_printf(arena, "%s-inbox", ledger);
}

static bool is_complete(const char *name)
{
	return name[0] != '.' && strncmp(name, "tmp.", 4) != 0 && strncmp(name, "failed.", 7) != 0;
}

/* ---- what it holds ---- */

void spool_measure(const char *directory, int64_t *files, int64_t *bytes)
{
	DIR *dir = opendir(directory);
	const struct dirent *entry;
	struct stat st;

	*files = *bytes = 0;
	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.' || fstatat(dirfd(dir), entry->d_name, &st, 0) != 0)
			continue;
		++*files;
		*bytes += st.st_size;
	}
	if (dir != NULL)
		closedir(dir);
}

/* The last scan, and what was taken since. */
static struct {
	struct lock lock;
	atomic_bool made;
	atomic_flag making;
	char directory[256];
	int64_t at;
	int64_t files, bytes;
} known = {.making = ATOMIC_FLAG_INIT};

static void take_known(void)
{
	if (!atomic_flag_test_and_set(&known.making)) {
		lock_init(&known.lock);
		atomic_store(&known.made, true);
	}
	while (!atomic_load(&known.made))
		;
	lock_take(&known.lock);
}

/* Is there room for so many more files and bytes? They are counted at once. */
static bool has_room(const char *directory, const struct spool_limits *limits, int64_t files,
		     int64_t bytes)
{
	int64_t now = clock_mono();
	bool room;

	take_known();
	if (now - known.at >= CLOCK_SECOND || known.at == 0 ||
	    strcmp(known.directory, directory) != 0 || known.bytes > limits->bytes / 10 * 9 ||
	    known.files > limits->files / 10 * 9) {
		spool_measure(directory, &known.files, &known.bytes);
		snprintf(known.directory, sizeof known.directory, "%s", directory);
		known.at = now;
	}
	room = known.bytes + bytes <= limits->bytes && known.files + files <= limits->files;
	known.files += room ? files : 0;
	known.bytes += room ? bytes : 0;
	lock_drop(&known.lock);
	return room;
}

/* ---- writing ---- */

struct spool_file {
	int dir, fd;
	struct spool_limits limits;
	const char *directory;
	char *buffer;
	size_t buffered;
	int64_t size;
	char name[64];
	struct why fault;
};

static int open_directory(const char *directory, struct why *why)
{
	int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT && (mkdir(directory, 0700) == 0 || errno == EEXIST))
		fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd >= 0 ? fd : why_set(why, "%s: %s", directory, strerror(errno));
}

struct spool_file *spool_begin(const char *directory, const struct spool_limits *limits,
			       struct why *why)
{
	static atomic_uint number;
	struct spool_file *file;

	if (!has_room(directory, limits, 1, 0)) {
		why_set(why, "the spool %s is full", directory);
		return NULL;
	}
	file = heap_zero(sizeof *file);
	file->buffer = heap_alloc(BUFFER);
	file->limits = *limits;
	file->directory = directory;
	file->fd = -1;
	snprintf(file->name, sizeof file->name, "tmp.%" PRId64 ".%ld.%u", clock_wall(),
		 (long)getpid(), atomic_fetch_add(&number, 1));
	file->dir = open_directory(directory, why);
	if (file->dir >= 0)
		file->fd =
		    openat(file->dir, file->name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (file->fd >= 0 && lseek(file->fd, SPOOL_HEAD, SEEK_SET) == SPOOL_HEAD)
		return file;
	if (file->dir >= 0)
		why_set(why, "%s/%s: %s", directory, file->name, strerror(errno));
	spool_abandon(file);
	return NULL;
}

static void write_buffered(struct spool_file *file)
{
	size_t done = 0;

	while (done < file->buffered && file->fault.text[0] == '\0') {
		ssize_t n = write(file->fd, file->buffer + done, file->buffered - done);

		if (n < 0 && errno != EINTR)
			why_set(&file->fault, "%s/%s: %s", file->directory, file->name,
				strerror(errno));
		done += n < 0 ? 0 : (size_t)n;
	}
	file->buffered = 0;
}

void spool_write(struct spool_file *file, struct span bytes)
{
	assert(file->fd >= 0 && file->buffered < BUFFER);
	file->size += (int64_t)span_len(bytes);
	if (file->size > file->limits.message && file->fault.text[0] == '\0')
		why_set(&file->fault, "it is larger than inbox.max_message");
	while (!span_empty(bytes) && file->fault.text[0] == '\0') {
		size_t size = BUFFER - file->buffered;

		if (size > span_len(bytes))
			size = span_len(bytes);
		memcpy(file->buffer + file->buffered, bytes.p, size);
		file->buffered += size;
		bytes.p += size;
		if (file->buffered == BUFFER)
			write_buffered(file);
	}
}

static int write_head(const struct spool_file *file, const char *trust)
{
	char head[SPOOL_HEAD];

	memset(head, '\n', sizeof head);
	memcpy(head, magic, sizeof magic - 1);
	memcpy(head + sizeof magic - 1, trust, strlen(trust));
	return pwrite(file->fd, head, sizeof head, 0) == SPOOL_HEAD ? 0 : -1;
}

int spool_finish(struct spool_file *file, const char *trust, struct why *why)
{
	const char *name = file->name + strlen("tmp.");

	assert(file->fd >= 0 && trust[0] != '\0');
	write_buffered(file);
	if (file->fault.text[0] == '\0' &&
	    !has_room(file->directory, &file->limits, 0, file->size + SPOOL_HEAD))
		why_set(&file->fault, "the spool %s is full", file->directory);
	if (file->fault.text[0] == '\0' && strlen(trust) > SPOOL_TRUST_MAX)
		trust = "unverified";
	if (file->fault.text[0] == '\0' &&
	    (write_head(file, trust) != 0 || fsync(file->fd) != 0 ||
	     renameat(file->dir, file->name, file->dir, name) != 0 || fsync(file->dir) != 0))
		why_set(&file->fault, "%s/%s: %s", file->directory, file->name, strerror(errno));
	if (file->fault.text[0] != '\0') {
		why_set(why, "%s", file->fault.text);
		spool_abandon(file);
		return -1;
	}
	close(file->fd);
	file->fd = -1;
	spool_abandon(file);
	return 0;
}

void spool_abandon(struct spool_file *file)
{
	if (file == NULL)
		return;
	if (file->fd >= 0) {
		unlinkat(file->dir, file->name, 0);
		close(file->fd);
	}
	if (file->dir >= 0)
		close(file->dir);
	free(file->buffer);
	free(file);
}

/* ---- reading ---- */

struct name_list {
	struct arena *arena;
	const char **names;
	size_t count, capacity;
};

static void add_name(struct name_list *list, const char *name)
{
	if (list->count == list->capacity) {
		size_t capacity = list->capacity == 0 ? 256 : 2 * list->capacity;
		const char **names = arena_array(list->arena, capacity, sizeof *names);

		if (list->count > 0)
			memcpy(names, list->names, list->count * sizeof *names);
		list->names = names;
		list->capacity = capacity;
	}
	list->names[list->count++] = arena_string(list->arena, name);
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* A file that a killed worker began. */
static void remove_left(int dir, const char *name)
{
	struct stat st;

	if (strncmp(name, "tmp.", 4) == 0 && fstatat(dir, name, &st, 0) == 0 &&
	    st.st_mtime < clock_wall() - LEFT_SECONDS)
		unlinkat(dir, name, 0);
}

static void list_names(int dir, struct name_list *list)
{
	int copy = dup(dir);
	DIR *open = copy < 0 ? NULL : fdopendir(copy);
	const struct dirent *entry;

	while (open != NULL && (entry = readdir(open)) != NULL) {
		if (is_complete(entry->d_name))
			add_name(list, entry->d_name);
		else
			remove_left(dir, entry->d_name);
	}
	if (open != NULL)
		closedir(open);
	if (list->count > 0)
		qsort(list->names, list->count, sizeof *list->names, compare_names);
}

/* The word after the magic, or NULL. */
static const char *read_head(struct arena *arena, int fd)
{
	char head[SPOOL_HEAD];
	struct span trust = {head + sizeof magic - 1, head + sizeof magic - 1};

	if (pread(fd, head, sizeof head, 0) != SPOOL_HEAD ||
	    memcmp(head, magic, sizeof magic - 1) != 0)
		return NULL;
	while (trust.end < head + SPOOL_HEAD && *trust.end >= 'a' && *trust.end <= 'z')
		trust.end++;
	return span_empty(trust) || span_len(trust) > SPOOL_TRUST_MAX || *trust.end != '\n'
		   ? NULL
		   : arena_span(arena, trust);
}

/* The name with its next try, under which it is while it is visited; NULL: they are used up. */
static const char *next_name(struct arena *arena, const char *name)
{
	const char *comma = strchr(name, ',');
	int tries = comma == NULL ? 0 : atoi(comma + 1);
	size_t len = comma == NULL ? strlen(name) : (size_t)(comma - name);

	return tries >= TRIES ? NULL : arena_printf(arena, "%.*s,%d", (int)len, name, tries + 1);
}

/* As a visit. GONE: it was put aside. */
static int visit_file(int dir, const char *name, spool_visit *visit, spool_failed *failed,
		      void *arg, struct arena *arena, struct why *why)
{
	const char *tried = next_name(arena, name);
	struct spool_item item = {.name = name};
	struct stat st;
	int result = 1;

	if (tried == NULL) {
		const char *aside = arena_printf(arena, "failed.%s", name);

		if (renameat(dir, name, dir, aside) == 0 && failed != NULL)
			failed(arg, aside);
		return 0;
	}
	if (renameat(dir, name, dir, tried) != 0)
		return 1;
	item.fd = openat(dir, tried, O_RDONLY | O_CLOEXEC);
	if (item.fd >= 0 && fstat(item.fd, &st) == 0) {
		item.size = st.st_size;
		item.came = st.st_mtime;
		item.trust = read_head(arena, item.fd);
		result = visit(arg, &item, why);
	}
	if (item.fd >= 0)
		close(item.fd);
	if (result == 0)
		unlinkat(dir, tried, 0);
	else
		(void)renameat(dir, tried, dir, name); /* its visit came to an end */
	return result;
}

int64_t spool_each(const char *directory, spool_visit *visit, spool_failed *failed, void *arg,
		   struct why *why)
{
	struct name_list list = {.arena = arena_new(0)};
	struct arena *arena = arena_new(0);
	int dir = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC), result = 0;
	int64_t left = 0;

	if (dir < 0 && errno != ENOENT)
		result = why_set(why, "%s: %s", directory, strerror(errno));
	if (dir >= 0)
		list_names(dir, &list);
	for (size_t i = 0; i < list.count && result >= 0; i++) {
		arena_reset(arena);
		result = visit_file(dir, list.names[i], visit, failed, arg, arena, why);
		left += result != 0;
	}
	if (dir >= 0)
		close(dir);
	arena_free(arena);
	arena_free(list.arena);
	return result < 0 ? -1 : left;
}

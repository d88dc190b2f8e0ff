/* SPDX-License-Identifier: BSD-2-Clause */
/* report/spool: whatever a file of the spool holds, its trust is one word that its head has, or it
 * is damaged; the file is visited once, and goes. */
#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "report/spool.h"
#include "t/lib/fuzz.h"

static char directory[] = "/tmp/fuzz-spool.XXXXXX";

static void remove_directory(void)
{
	(void)rmdir(directory);
}

static void make_directory(void)
{
	static bool made;

	if (made)
		return;
	made = mkdtemp(directory) != NULL;
	assert(made);
	atexit(remove_directory);
}

static void write_file(const uint8_t *data, size_t size)
{
	char path[sizeof directory + 8];
	ssize_t written;
	int fd;

	snprintf(path, sizeof path, "%s/1", directory);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	assert(fd >= 0);
	written = write(fd, data, size);
	assert(written == (ssize_t)size);
	close(fd);
}

struct expected {
	const uint8_t *data;
	size_t size;
	unsigned visits;
};

static int check_item(void *arg, const struct spool_item *item, struct why *why)
{
	static const char before[] = "countersign-spool 1\ntrust ";
	struct expected *expected = arg;
	const char *head = (const char *)expected->data;
	size_t len;

	(void)why;
	expected->visits++;
	assert(item->size == (int64_t)expected->size);
	if (item->trust == NULL)
		return 0;
	len = strlen(item->trust);
	assert(expected->size >= SPOOL_HEAD && len > 0 && len <= SPOOL_TRUST_MAX);
	assert(strspn(item->trust, "abcdefghijklmnopqrstuvwxyz") == len);
	assert(memcmp(head, before, sizeof before - 1) == 0);
	assert(memcmp(head + sizeof before - 1, item->trust, len) == 0);
	assert(head[sizeof before - 1 + len] == '\n');
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct expected expected = {.data = data, .size = size};
	struct why why = {""};
	int64_t left;

	make_directory();
	write_file(data, size);
	left = spool_each(directory, check_item, NULL, &expected, &why);
	assert(left == 0 && expected.visits == 1);
	return 0;
}

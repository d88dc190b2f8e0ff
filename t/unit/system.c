/* SPDX-License-Identifier: BSD-2-Clause */
/* lib/system: files on their way between processes; whole files. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/arena.h"
#include "lib/system/fdpass.h"
#include "lib/system/newfile.h"
#include "lib/system/readfile.h"
#include "t/lib/tap.h"

static unsigned count_files(void)
{
	unsigned open_files = 0;

	for (int fd = 0; fd < 256; fd++)
		open_files += fcntl(fd, F_GETFD) != -1;
	return open_files;
}

static void test_passed(void)
{
	int ends[2], pipes[2][2], fds[3] = {-1, -1, -1};
	unsigned count, before;
	char text[8] = "";

	ok(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends) == 0 && pipe(pipes[0]) == 0 &&
	       pipe(pipes[1]) == 0,
	   "two ends, two pipes");
	is_int(fdpass_send(ends[0], span_of("ab"), (int[]){pipes[0][1], pipes[1][1]}, 2, 0), 2,
	       "two files with two octets");
	is_int(fdpass_receive(ends[1], text, sizeof text, fds, 3, &count, 0), 2, "come");
	is_text(text, "ab", "the octets");
	is_int(count, 2, "and the files");
	ok(fcntl(fds[0], F_GETFD) == FD_CLOEXEC && fcntl(fds[1], F_GETFD) == FD_CLOEXEC,
	   "not for a program that is executed");
	ok(write(fds[1], "x", 1) == 1 && read(pipes[1][0], text, 1) == 1 && text[0] == 'x',
	   "in order");
	close(fds[0]);
	close(fds[1]);

	before = count_files();
	fdpass_send(ends[0], span_of("c"), (int[]){pipes[0][1], pipes[1][1], ends[0]}, 3, 0);
	is_int(fdpass_receive(ends[1], text, sizeof text, fds, 1, &count, 0), 1,
	       "more than wanted");
	is_int(count, 1, "one is taken");
	is_int(count_files(), before + 1, "and the others are closed");
	close(fds[0]);

	is_int(fdpass_send(ends[0], span_of("d"), NULL, 0, 0), 1, "none");
	is_int(fdpass_receive(ends[1], text, sizeof text, fds, 1, &count, 0), 1, "comes");
	is_int(count, 0, "without a file");
	is_int(fdpass_receive(ends[1], text, sizeof text, fds, 1, &count, MSG_DONTWAIT), -1,
	       "then there is nothing");
	close(ends[1]);
	is_int(fdpass_send(ends[0], span_of("e"), fds, 0, 0), -1, "the other end is closed");
	close(ends[0]);
	for (int i = 0; i < 4; i++)
		close(pipes[i / 2][i % 2]);
}

static void test_read(void)
{
	static const char eleven[] = "hello world";
	struct arena *arena = arena_new(0);
	struct span text;
	struct why why = {""};
	int ends[2];

	ok(pipe(ends) == 0 && write(ends[1], eleven, 11) == 11 && close(ends[1]) == 0, "a pipe");
	is_int(readfile_fd(arena, ends[0], 11, &text, &why), 0, "as long as it may be");
	ok(span_eq(text, eleven), "all of it");
	close(ends[0]);
	ok(pipe(ends) == 0 && write(ends[1], eleven, 11) == 11 && close(ends[1]) == 0, "another");
	is_int(readfile_fd(arena, ends[0], 10, &text, &why), -1, "longer than it may be");
	is_text(why.text, "is larger than 10 bytes", "the reason");
	close(ends[0]);
	ok(readfile(arena, "/dev/zero", 2 << 20, &text, &why) == -1 && errno == EFBIG, "no end");
	is_text(why.text, "/dev/zero is larger than 2 MiB", "the reason");
	ok(readfile(arena, "/dev/null", 1, &text, &why) == 0 && span_empty(text), "empty");
	is_int(readfile(arena, "/", 1, &text, &why), -1, "a directory");
	is_text(why.text, "/ cannot be read: Is a directory", "the reason");
	ok(readfile(arena, "/is/not/there", 1, &text, NULL) == -1 && errno == ENOENT, "none");
	arena_free(arena);
}

/* What DIRECTORY/NAME holds; "-": it is not there. */
static const char *read_text(const char *path)
{
	static char text[32];
	FILE *file = fopen(path, "r");
	size_t n = file == NULL ? 0 : fread(text, 1, sizeof text - 1, file);

	if (file == NULL)
		return "-";
	fclose(file);
	text[n] = '\0';
	return text;
}

static void test_new(void)
{
	struct arena *arena = arena_new(0);
	char directory[] = "/tmp/system.test.XXXXXX";
	const char *path = mkdtemp(directory) == NULL ? "" : arena_printf(arena, "%s/a", directory);
	struct newfile file;
	struct stat st;
	struct why why = {""};

	is_int(newfile_write(path, 0604, span_of("one"), &why), 0, "a file %s", why.text);
	is_text(read_text(path), "one", "with its text");
	ok(stat(path, &st) == 0 && (st.st_mode & 07777) == 0604, "and its mode");
	is_int(newfile_open(&file, path, 0600, &why), 0, "another in its place");
	fputs("two", file.out);
	fflush(file.out);
	is_text(read_text(path), "one", "which is not there yet");
	is_int(newfile_close(&file, false, &why), -1, "nor ever");
	is_text(read_text(path), "one", "unless it is kept");
	ok(newfile_open(&file, path, 0600, &why) == 0 && fputs("three", file.out) > 0 &&
	       newfile_close(&file, true, &why) == 0,
	   "a third");
	is_text(read_text(path), "three", "is there");
	ok(unlink(path) == 0 && rmdir(directory) == 0, "and nothing else is");
	is_int(newfile_write(path, 0600, span_of("x"), &why), -1, "without a directory:");
	ok(strstr(why.text, "No such file or directory") != NULL, "%s", why.text);
	arena_free(arena);
}

int main(void)
{
	test_read();
	test_new();
	test_passed();
	return tap_done();
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "admin/program.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/buf.h"

enum { OUTPUT_MAX = 1 << 20 };

void program_path(void)
{
	const char *path = getenv("PATH");
	struct buf all;

	if (path != NULL && strstr(path, "/usr/sbin") != NULL)
		return;
	buf_init(&all, NULL, 0);
	buf_printf(&all, "%s%s/usr/sbin:/sbin", path == NULL ? "/usr/bin:/bin" : path, ":");
	setenv("PATH", buf_text(&all), 1);
	buf_free(&all);
}

bool program_there(const char *name)
{
	struct span rest = span_of(getenv("PATH")), dir;
	bool more = true, found = false;
	struct buf path;

	buf_init(&path, NULL, 0);
	while (!found && span_split(&rest, &more, ':', &dir)) {
		buf_clear(&path);
		buf_span(&path, dir);
		buf_printf(&path, "/%s", name);
		found = access(buf_text(&path), X_OK) == 0;
	}
	buf_free(&path);
	return found;
}

static int read_output(int fd, struct buf *out)
{
	char block[4096];
	ssize_t n;

	while ((n = read(fd, block, sizeof block)) != 0) {
		if (n == -1 && errno != EINTR)
			return -1;
		if (n > 0)
			buf_add(out, block, (size_t)n); /* what is too much is read, and dropped */
	}
	return 0;
}

/* -1 unless the child ended with 0. */
static int wait_for_program(pid_t pid, const char *name, const char *said, struct why *why)
{
	int status;

	while (waitpid(pid, &status, 0) == -1) {
		if (errno != EINTR)
			return why_set(why, "%s: %s", name, strerror(errno));
	}
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		return why_set(why, "%s: cannot be run", name);
	return why_set(why, "%s failed%s%s", name, *said == '\0' ? "" : ": ", said);
}

static void become_program(const char *const *argv, int out, FILE *complaints)
{
	int null = open("/dev/null", O_RDONLY);

	dup2(null, STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	dup2(complaints == NULL ? out : fileno(complaints), STDERR_FILENO);
	execvp(argv[0], (char *const *)(const void *)argv);
	_exit(127);
}

static const char *without_last_line_end(struct arena *arena, const struct buf *out)
{
	struct span text = buf_view(out);

	while (!span_empty(text) && text.end[-1] == '\n')
		text.end--;
	return arena_span(arena, text);
}

/* The first line of what it said to standard error. */
static const char *first_complaint(FILE *complaints, char line[256])
{
	line[0] = '\0';
	if (complaints == NULL)
		return line;
	rewind(complaints);
	if (fgets(line, 256, complaints) == NULL)
		line[0] = '\0';
	line[strcspn(line, "\n")] = '\0';
	return line;
}

static int read_child(struct arena *arena, const char *name, pid_t pid, int fd, FILE *complaints,
		      const char **text, struct why *why)
{
	char line[256];
	struct buf out;

	buf_init(&out, NULL, OUTPUT_MAX);
	read_output(fd, &out);
	*text = without_last_line_end(arena, &out);
	buf_free(&out);
	if (wait_for_program(pid, name, "", why) == 0)
		return 0;
	if (*first_complaint(complaints, line) != '\0')
		why_set(why, "%s", line);
	return -1;
}

int program_read(struct arena *arena, const char *const *argv, const char **text, struct why *why)
{
	FILE *complaints = tmpfile();
	int pipes[2], result;
	pid_t pid = -1;

	if (pipe2(pipes, O_CLOEXEC) == -1) {
		result = why_set(why, "pipe: %s", strerror(errno));
	} else {
		pid = fork();
		if (pid == 0)
			become_program(argv, pipes[1], complaints);
		close(pipes[1]);
		result = pid == -1
			     ? why_set(why, "fork: %s", strerror(errno))
			     : read_child(arena, argv[0], pid, pipes[0], complaints, text, why);
		close(pipes[0]);
	}
	if (complaints != NULL)
		fclose(complaints);
	return result;
}

int program_shell(const char *command, bool quiet, struct why *why)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == -1)
		return why_set(why, "fork: %s", strerror(errno));
	if (pid == 0) {
		if (quiet)
			dup2(STDERR_FILENO, STDOUT_FILENO);
		execl("/bin/sh", "sh", "-e", "-c", command, (char *)NULL);
		_exit(127);
	}
	return wait_for_program(pid, "the command", "", why);
}

static bool needs_quotes(const char *text)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				    "_./:@%+=,-";

	return *text == '\0' || text[strspn(text, plain)] != '\0';
}

const char *program_quote(struct arena *arena, const char *text)
{
	struct buf out;

	if (!needs_quotes(text))
		return text;
	buf_init(&out, arena, 0);
	buf_char(&out, '\'');
	for (; *text != '\0'; text++) {
		if (*text == '\'')
			buf_string(&out, "'\\''");
		else
			buf_char(&out, *text);
	}
	buf_char(&out, '\'');
	return buf_text(&out);
}

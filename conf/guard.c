/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A load in a child process. The child sends fields, each ended by NUL, through a pipe:
 *
 *	"V" TEXT               the settings as text, if nothing was wrong
 *	"O" OPTION FILE LINE   where an option was set
 *	"F" FILE               a file that was read
 *	"E" FILE LINE TEXT     an error
 *	"."                    the end: without it, the child died
 *
 * A child that hangs is killed after CHILD_TIME: a file system may not answer.
 */
#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "conf/errors.h"
#include "conf/options.h"
#include "lib/clock.h"

enum { ANSWER_MAX = 1 << 26 };
#define CHILD_TIME (30 * CLOCK_SECOND)

/* ---- the child ---- */

static void put_text(struct buf *out, const char *text)
{
	buf_add(out, text, strlen(text) + 1);
}

static void put_number(struct buf *out, unsigned n)
{
	buf_printf(out, "%u", n);
	buf_char(out, '\0');
}

static void put_origins(struct buf *out, const struct conf *conf)
{
	const char *file;
	unsigned line;

	for (unsigned i = 0; i < conf_option_count(); i++) {
		if (!conf_origin(conf, i, &file, &line))
			continue;
		put_text(out, "O");
		put_number(out, i);
		put_text(out, file);
		put_number(out, line);
	}
}

static void put_errors(struct buf *out, const struct conf_errors *errors)
{
	for (unsigned i = 0; i < errors->file_count; i++) {
		put_text(out, "F");
		put_text(out, errors->files[i]);
	}
	for (unsigned i = 0; i < errors->count; i++) {
		put_text(out, "E");
		put_text(out, errors->items[i].file);
		put_number(out, errors->items[i].line);
		put_text(out, errors->items[i].text);
	}
}

static void write_answer(const char *path, conf_verify *verify, struct buf *out)
{
	struct conf_errors errors;
	struct conf *conf = conf_load(path, &errors);
	struct buf text;

	if (conf != NULL && verify != NULL) {
		verify(conf, &errors);
		conf_errors_sort(&errors);
	}
	assert(conf != NULL || errors.count > 0);
	if (errors.count == 0) {
		buf_init(&text, conf->arena, 0);
		conf_write(conf, CONF_WRITE_VALUES, &text);
		put_text(out, "V");
		put_text(out, buf_text(&text));
		put_origins(out, conf);
	}
	put_errors(out, &errors);
	put_text(out, ".");
}

static _Noreturn void run_child(const char *path, conf_verify *verify, int fd)
{
	struct buf out;
	size_t sent = 0;

	buf_init(&out, NULL, 0);
	write_answer(path, verify, &out);
	while (sent < out.len) {
		ssize_t n = write(fd, out.data + sent, out.len - sent);

		if (n < 0 && errno != EINTR)
			_exit(1);
		sent += n < 0 ? 0 : (size_t)n;
	}
	_exit(0);
}

/* ---- the parent ---- */

static bool receive_answer(int fd, struct buf *in)
{
	int64_t deadline = clock_mono() + CHILD_TIME;
	char piece[4096];

	for (;;) {
		int64_t left = (deadline - clock_mono()) / CLOCK_MS;
		struct pollfd p = {.fd = fd, .events = POLLIN};
		int ready = left <= 0 ? 0 : poll(&p, 1, (int)left);
		ssize_t n;

		if (ready < 0 && errno == EINTR)
			continue;
		if (ready <= 0)
			return false;
		n = read(fd, piece, sizeof piece);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n == 0;
		buf_add(in, piece, (size_t)n);
		if (in->failed)
			return false;
	}
}

/* The next field of REST, or "" when there is none. */
static const char *next_field(struct span *rest)
{
	const char *field = rest->p;
	const char *end = memchr(rest->p, '\0', span_len(*rest));

	if (end == NULL) {
		rest->p = rest->end;
		return "";
	}
	rest->p = end + 1;
	return field;
}

static void take_error(struct conf_errors *errors, struct span *rest)
{
	const char *file = conf_errors_file(errors, next_field(rest));
	unsigned long line = strtoul(next_field(rest), NULL, 10);

	conf_errors_add(errors, file, (unsigned)line, "%s", next_field(rest));
}

static void take_origin(struct conf *conf, struct span *rest)
{
	unsigned long option = strtoul(next_field(rest), NULL, 10);
	const char *file = next_field(rest);
	unsigned long line = strtoul(next_field(rest), NULL, 10);

	if (conf == NULL || option >= conf_option_count())
		return;
	conf->origins[option].file = arena_string(conf->arena, file);
	conf->origins[option].line = (unsigned)line;
}

/* What the child sent. Origins come after the text they belong to. False when the end is missing.
 */
static bool read_answer(struct span rest, const char *path, struct conf **conf,
			struct conf_errors *errors)
{
	while (!span_empty(rest)) {
		switch (*next_field(&rest)) {
		case 'E':
			take_error(errors, &rest);
			break;
		case 'V':
			conf_errors_free(errors);
			*conf = conf_parse(path, next_field(&rest), errors);
			conf_forget_origins(*conf);
			errors->file_count = 0;
			break;
		case 'F':
			(void)conf_errors_file(errors, next_field(&rest));
			break;
		case 'O':
			take_origin(*conf, &rest);
			break;
		default:
			return rest.p == rest.end && rest.p[-1] == '\0' && rest.p[-2] == '.';
		}
	}
	return false;
}

/* The child's exit status, or -1 when somebody else has waited for it. */
static int wait_for_child(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			return -1;
	}
	return status;
}

static struct conf *give_up(struct conf *conf, const char *path, const char *reason,
			    struct conf_errors *errors)
{
	conf_free(conf);
	conf_errors_add(errors, conf_errors_file(errors, path), 0, "%s", reason);
	return NULL;
}

static struct conf *collect_answer(const char *path, int fd, pid_t pid, struct conf_errors *errors)
{
	struct conf *conf = NULL;
	struct buf in;
	bool whole;

	buf_init(&in, NULL, ANSWER_MAX);
	whole = receive_answer(fd, &in);
	close(fd);
	if (!whole)
		kill(pid, SIGKILL);
	(void)wait_for_child(pid);
	if (!whole)
		conf = give_up(conf, path, "could not be read in 30 seconds", errors);
	else if (!read_answer(buf_view(&in), path, &conf, errors))
		conf = give_up(conf, path, "the parser ended in the middle of this file", errors);
	buf_free(&in);
	return conf;
}

struct conf *conf_load_guarded(const char *path, struct conf_errors *errors)
{
	return conf_load_verified(path, NULL, errors);
}

struct conf *conf_load_verified(const char *path, conf_verify *verify, struct conf_errors *errors)
{
	const char *name = path == NULL ? conf_default_path() : path;
	int pipes[2];
	pid_t pid;

	conf_errors_init(errors);
	fflush(NULL); /* a library that ends the child would write our buffers again */
	if (pipe(pipes) < 0)
		return give_up(NULL, name, strerror(errno), errors);
	pid = fork();
	if (pid == 0) {
		close(pipes[0]);
		run_child(path, verify, pipes[1]);
	}
	close(pipes[1]);
	if (pid < 0) {
		close(pipes[0]);
		return give_up(NULL, name, strerror(errno), errors);
	}
	return collect_answer(name, pipes[0], pid, errors);
}

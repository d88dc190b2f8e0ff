/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `countersign status | reload | log-level | cache flush`: what the running daemon says and does.
 */
#include "admin/admin.h"

#include <getopt.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "admin/daemon/daemon.h"
#include "admin/daemon/status_print.h"
#include "admin/daemon/watch.h"
#include "lib/jsonout.h"
#include "lib/clock.h"
#include "metrics/read.h"

enum { OPTION_SOCKET = 256, OPTION_PROMETHEUS, OPTION_WATCH };

#define SOCKET_OPTION                                                                              \
	{                                                                                          \
		"socket", OPTION_SOCKET, "PATH", "the control socket (overrides control.socket)"   \
	}

static const struct admin_option options[] = {SOCKET_OPTION, {NULL, 0, NULL, NULL}};
static const struct admin_option status_options[] = {
    {"prometheus", OPTION_PROMETHEUS, NULL, "print the metrics in Prometheus's text format"},
    SOCKET_OPTION,
    {"watch", OPTION_WATCH, NULL, "a live view; on a terminal: r, t, n sort, p pauses, q ends"},
    {NULL, 0, NULL, NULL}};

struct request {
	const char *socket;
	bool prometheus, watch;
};

/* The options, then as many arguments as wanted. */
static int read_options(struct admin *admin, int argc, char **argv, struct request *request,
			int arguments)
{
	int c;

	memset(request, 0, sizeof *request);
	while ((c = admin_getopt(admin, argc, argv)) != -1) {
		if (c == OPTION_SOCKET)
			request->socket = optarg;
		else if (c == OPTION_PROMETHEUS)
			request->prometheus = true;
		else if (c == OPTION_WATCH)
			request->watch = true;
		else
			return ADMIN_USAGE;
	}
	if (argc - optind == arguments)
		return ADMIN_DONE;
	return admin_usage(admin, argc - optind < arguments ? "an argument is missing"
							    : "there are too many arguments");
}

/* ---- status ---- */

struct look {
	double messages;
	int64_t at; /* clock_mono(); 0: there was none */
};

static double rate_since(const struct look *before, const struct look *now)
{
	if (before->at == 0 || now->messages < before->messages)
		return -1;
	return (now->messages - before->messages) * (double)CLOCK_SECOND /
	       (double)(now->at - before->at);
}

/* With --watch each look is an object; what --json adds at the end comes with the last line. */
static void print_status_json(struct admin *admin, const struct request *request,
			      const struct metrics_read *status)
{
	struct jsonout *out = status_json(status, admin->arena);

	if (request->watch)
		jsonout_print(out, stdout);
	else
		admin_print_json(admin, out);
}

/* *LAST: the look before this one, then this one. */
static int show_status(struct admin *admin, const struct request *request, struct look *last)
{
	struct daemon_answer answer;
	struct metrics_read status;
	struct look now;
	struct why why;
	int code = daemon_ask(admin, request->socket, CONTROL_STATUS, "", &answer);

	if (code != ADMIN_DONE)
		return code;
	if (metrics_read_parse(span_make(answer.body, answer.len), admin->arena, &status, &why) !=
	    0) {
		admin_error(admin, "%s", why.text);
		return ADMIN_INTERNAL;
	}
	now = (struct look){metrics_read_sum(&status, "messages_total", NULL, NULL), clock_mono()};
	if (admin->json)
		print_status_json(admin, request, &status);
	else
		status_print(admin, &status, admin->arena, rate_since(last, &now));
	*last = now;
	return status_is_well(&status) ? ADMIN_DONE : ADMIN_NO;
}

/* Where nobody reads along: the same page, or object, again and again. */
static int watch_plain(struct admin *admin, const struct request *request)
{
	const struct timespec pause = {.tv_sec = 2};
	struct arena *whole = admin->arena;
	struct look last = {0};
	int code;

	do {
		admin->arena = arena_new(0);
		code = show_status(admin, request, &last);
		if (!admin->json)
			fputc('\n', stdout);
		arena_free(admin->arena);
		admin->arena = whole;
		if (fflush(stdout) != 0)
			return ADMIN_IO;
		if (code == ADMIN_DONE || code == ADMIN_NO)
			nanosleep(&pause, NULL);
	} while (code == ADMIN_DONE || code == ADMIN_NO);
	return code;
}

static int watch_status(struct admin *admin, const struct request *request)
{
	if (isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1 && !admin->json)
		return watch_run(admin, request->socket);
	return watch_plain(admin, request);
}

static int cmd_status(struct admin *admin, int argc, char **argv)
{
	struct daemon_answer answer;
	struct look last = {0};
	struct request request;
	int code = read_options(admin, argc, argv, &request, 0);

	if (code != ADMIN_DONE)
		return code;
	if (request.watch)
		return watch_status(admin, &request);
	if (request.prometheus && admin->json)
		return admin_usage(admin, "either --json or --prometheus, not both");
	if (!request.prometheus)
		return show_status(admin, &request, &last);
	code = daemon_ask(admin, request.socket, CONTROL_METRICS, "", &answer);
	if (code == ADMIN_DONE)
		fwrite(answer.body, 1, answer.len, stdout);
	return code;
}

/* ---- the others ---- */

/* TEXT: a line for each, with its file and line number. */
static void tell_reload_errors(struct admin *admin, struct span text)
{
	struct span line;
	bool more = true;

	while (span_split(&text, &more, '\n', &line)) {
		if (span_empty(line))
			continue;
		if (admin->json)
			admin_error(admin, "%s", arena_span(admin->arena, line));
		else
			fprintf(stderr, "%.*s\n", (int)span_len(line), line.p);
	}
}

static int cmd_reload(struct admin *admin, int argc, char **argv)
{
	struct daemon_answer answer;
	struct request request;
	int code = read_options(admin, argc, argv, &request, 0);

	if (code == ADMIN_DONE)
		code = daemon_ask(admin, request.socket, CONTROL_RELOAD, "", &answer);
	if (code != ADMIN_DONE)
		return code;
	if (answer.code == CONTROL_OK) {
		admin_note(admin, "reloaded: the daemon uses the new settings");
		return ADMIN_DONE;
	}
	admin_error(admin, "the reload was refused; the daemon goes on with the settings it had");
	tell_reload_errors(admin, span_make(answer.body, answer.len));
	admin_hint(admin, "countersign config check");
	return ADMIN_CONFIG;
}

static int cmd_log_level(struct admin *admin, int argc, char **argv)
{
	struct daemon_answer answer;
	struct request request;
	int code = read_options(admin, argc, argv, &request, 1);

	if (code == ADMIN_DONE)
		code = daemon_ask(admin, request.socket, CONTROL_LOG_LEVEL, argv[optind], &answer);
	if (code == ADMIN_DONE)
		admin_note(admin, "log level %s, until the next reload or restart", argv[optind]);
	return code;
}

static int cmd_flush(struct admin *admin, int argc, char **argv)
{
	struct daemon_answer answer;
	struct request request;
	int code = read_options(admin, argc, argv, &request, 1);

	if (code == ADMIN_DONE)
		code =
		    daemon_ask(admin, request.socket, CONTROL_CACHE_FLUSH, argv[optind], &answer);
	if (code == ADMIN_DONE)
		admin_note(admin, "flushed: %s", argv[optind]);
	return code;
}

const struct admin_verb cmd_daemon[] = {
    {"status", NULL, "", "Show what the daemon does: traffic, results, ledger, keys", cmd_status,
     status_options, false},
    {"reload", NULL, "", "Make the daemon reload its settings, and report the result", cmd_reload,
     options, false},
    {"log-level", NULL, "LEVEL", "Log more or less, until the next reload", cmd_log_level, options,
     false},
    {"cache", "flush", "dns|keys|all", "Flush the daemon's caches", cmd_flush, options, false},
    {NULL, NULL, NULL, NULL, NULL, NULL, false}};

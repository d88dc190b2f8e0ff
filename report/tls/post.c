/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The child has the report, the addresses and a pipe, and no file of the store; it says one letter
 * and a sentence.
 */
#include "report/tls/post.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/name.h"
#include "lib/system/confine.h"
#include "store/outbox.h"
#include "tls/fetch.h"

enum { PORT = 443, BODY_MAX = 65536, FILES_MAX = 1024 };

static const struct name_code letters[] = {
    {"D", SEND_DONE}, {"L", SEND_LATER}, {"R", SEND_REFUSED}, {NULL, 0}};

/* ---- in the child ---- */

static enum send_outcome judge_status(long status, struct why *why)
{
	why_set(why, "HTTP status %ld", status);
	if (status >= 200 && status < 300)
		return SEND_DONE;
	return status == 408 || status == 429 || status >= 500 || status < 200 ? SEND_LATER
									       : SEND_REFUSED;
}

static enum send_outcome run_request(const struct dial_target *target, const char *url, FILE *gz,
				     struct why *why)
{
	struct fetch_document document = {.url = url,
					  .host = target->host,
					  .addresses = target->addresses,
					  .count = target->count,
					  .timeout = target->timeout,
					  .limit = BODY_MAX,
					  .post = gz,
					  .media_type = "application/tlsrpt+gzip",
					  .trust_any = true};
	struct arena *arena = arena_new(0);
	enum send_outcome outcome = SEND_LATER;

	fseeko(gz, 0, SEEK_END);
	(void)fetch_document(&document, arena, why);
	if (document.status != 0)
		outcome = judge_status(document.status, why);
	else
		why_prefix(why, "%s: ", target->host);
	arena_free(arena);
	return outcome;
}

static void close_others(int pipe, int report)
{
	for (int fd = 3; fd < FILES_MAX; fd++) {
		if (fd != pipe && fd != report)
			close(fd);
	}
}

static _Noreturn void run_child(const struct dial_target *target, const char *url, FILE *gz,
				int out)
{
	const struct confine_rules rules = {.may = CONFINE_MAY_SHARE | CONFINE_MAY_READ |
						   CONFINE_MAY_INTERNET | CONFINE_MAY_LOG,
					    .limit_ports = true,
					    .ports = {PORT},
					    .port_count = 1};
	struct why why = {""};
	enum send_outcome outcome;
	bool told;

	close_others(out, fileno(gz));
	confine_process(&rules);
	outcome = run_request(target, url, gz, &why);
	told = write(out, name_text(letters, (int)outcome), 1) == 1 &&
	       write(out, why.text, strlen(why.text)) >= 0;
	_exit(!told);
}

/* ---- the caller's side ---- */

static enum send_outcome read_outcome(int in, int64_t timeout, struct why *reply)
{
	int64_t end = clock_mono() + timeout + CLOCK_SECOND;
	struct pollfd poll_fd = {.fd = in, .events = POLLIN};
	char text[sizeof reply->text + 1];
	size_t length = 0;
	ssize_t got = 1;
	int outcome;

	while (got > 0 && length < sizeof text && clock_mono() < end) {
		if (poll(&poll_fd, 1, 200) <= 0)
			continue;
		got = read(in, text + length, sizeof text - length);
		length += got > 0 ? (size_t)got : 0;
	}
	outcome = length == 0 ? -1 : name_code(letters, span_make(text, 1), -1);
	if (outcome == -1) {
		why_set(reply, "the process that sends the report gave no answer");
		return SEND_LATER;
	}
	why_set(reply, "%.*s", (int)length - 1, text + 1);
	transfer_clean(reply);
	return (enum send_outcome)outcome;
}

static enum send_outcome run_process(const struct dial_target *target, const char *url, FILE *gz,
				     struct why *reply)
{
	enum send_outcome outcome;
	int ends[2];
	pid_t pid;

	if (pipe(ends) != 0) {
		why_set(reply, "pipe: %s", strerror(errno));
		return SEND_LATER;
	}
	pid = fork();
	if (pid == 0) {
		close(ends[0]);
		run_child(target, url, gz, ends[1]);
	}
	close(ends[1]);
	if (pid < 0) {
		why_set(reply, "fork: %s", strerror(errno));
		close(ends[0]);
		return SEND_LATER;
	}
	outcome = read_outcome(ends[0], target->timeout, reply);
	close(ends[0]);
	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		continue;
	return outcome;
}

enum send_outcome post_report(struct dns_scope *scope, const char *url, FILE *gz, int64_t timeout,
			      send_answer *answer, void *arg, struct why *reply)
{
	struct arena *arena = arena_new(0);
	struct ip addresses[DIAL_ADDRESSES_MAX];
	struct dial_target target = {.host = outbox_host(arena, url),
				     .port = PORT,
				     .addresses = addresses,
				     .timeout = timeout};
	enum send_outcome outcome = SEND_LATER;

	target.count = dial_find(scope, target.host, addresses);
	if (target.count == 0)
		why_set(reply, "%s has no address", target.host);
	else
		outcome = run_process(&target, url, gz, reply);
	if (answer != NULL)
		answer(arg, outcome, reply->text);
	arena_free(arena);
	return outcome;
}

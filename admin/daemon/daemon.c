/* SPDX-License-Identifier: BSD-2-Clause */
#include "admin/daemon/daemon.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "admin/setup/place.h"
#include "admin/setup/service.h"
#include "lib/clock.h"

static const int64_t patience = 70 * CLOCK_SECOND; /* the daemon gives up sooner */

/* ---- finding it ---- */

/* NULL: the settings say that there is none. */
static const char *find_socket(struct admin *admin, const char *given, struct conf_errors *errors)
{
	struct conf *conf;
	const char *path;

	if (given != NULL)
		return given;
	conf = conf_load_guarded(admin->conf_path, errors);
	if (conf == NULL)
		conf = conf_load_partly(admin->conf_path);
	path = arena_string(admin->arena, conf->control.socket);
	conf_free(conf);
	return path[0] == '\0' ? NULL : path;
}

static int no_connection(const struct admin *admin, const char *path, int error)
{
	const struct service_facts facts = {.user = PLACE_USER, .conf = admin_conf_path(admin)};

	switch (error) {
	case EACCES:
	case EPERM:
		admin_error(admin,
			    "%s: this user may not ask the daemon: become root, or a member of the "
			    "group that control.group names",
			    path);
		return ADMIN_PERMISSION;
	case ENOENT:
		admin_error(admin,
			    "%s: there is no such socket: the daemon is not running (start it: %s) "
			    "or has other settings (--config, --socket)",
			    path, service_command(admin->arena, SERVICE_START, &facts));
		return ADMIN_UNAVAILABLE;
	case ECONNREFUSED:
		admin_error(admin, "%s: the daemon does not answer (it has died); start it: %s",
			    path, service_command(admin->arena, SERVICE_START, &facts));
		return ADMIN_UNAVAILABLE;
	default:
		admin_error(admin, "%s: %s", path, strerror(error));
		return ADMIN_UNAVAILABLE;
	}
}

/* -1: errno says why not. */
static int open_socket(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd, error;

	if (strlen(path) >= sizeof address.sun_path) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(address.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	if (fd == -1 || connect(fd, (const struct sockaddr *)&address, sizeof address) == 0)
		return fd;
	error = errno;
	close(fd);
	errno = error;
	return -1;
}

static int connect_to(struct admin *admin, const char *path, int *fd)
{
	*fd = open_socket(path);
	if (*fd != -1)
		return ADMIN_DONE;
	if (errno != ENAMETOOLONG)
		return no_connection(admin, path, errno);
	admin_error(admin, "%s: too long for a socket's path", path);
	return ADMIN_USAGE;
}

/* ---- asking ---- */

static bool send_all(int fd, struct span text)
{
	while (!span_empty(text)) {
		ssize_t n = send(fd, text.p, span_len(text), MSG_NOSIGNAL);

		if (n < 0 && errno != EINTR)
			return false;
		if (n > 0)
			text.p += n;
	}
	return true;
}

/* True while there is more; what came is in IN. */
static bool read_more(int fd, struct buf *in, int64_t deadline)
{
	int64_t left = (deadline - clock_mono()) / CLOCK_MS;
	struct pollfd poller = {.fd = fd, .events = POLLIN};
	char room[4096];
	ssize_t n;

	if (left <= 0 || (poll(&poller, 1, (int)left) == 0))
		return false;
	n = read(fd, room, sizeof room);
	if (n > 0)
		buf_add(in, room, (size_t)n);
	return n > 0 || (n < 0 && errno == EINTR);
}

static bool exchange_request(int fd, struct span request, struct buf *in,
			     struct daemon_answer *answer)
{
	int64_t deadline = clock_mono() + patience;
	struct span body;
	int whole = 0;

	send_all(fd, request); /* a daemon that does not want us has answered already */
	while (whole == 0 && read_more(fd, in, deadline))
		whole = in->failed ? -1 : control_parse_answer(buf_view(in), &answer->code, &body);
	if (whole != 1)
		return false;
	buf_text(in);
	control_parse_answer(buf_view(in), &answer->code, &body);
	answer->body = body.p;
	answer->len = span_len(body);
	return true;
}

/* Without the line end. */
static const char *first_line(struct admin *admin, const char *text)
{
	return arena_printf(admin->arena, "%.*s", (int)strcspn(text, "\n"), text);
}

static int status_of_answer(struct admin *admin, const char *path,
			    const struct daemon_answer *answer)
{
	switch (answer->code) {
	case CONTROL_OK:
	case CONTROL_NO:
		return ADMIN_DONE;
	case CONTROL_DENIED:
		admin_error(admin, "%s: %s", path, first_line(admin, answer->body));
		return ADMIN_PERMISSION;
	case CONTROL_BAD:
		break;
	}
	admin_error(admin, "%s", first_line(admin, answer->body));
	return ADMIN_USAGE;
}

/* A connection, with the path that it goes to. Where the settings have errors and the daemon was
 * not found, those may be why. */
static int connect_to_daemon(struct admin *admin, const char *given, const char **path, int *fd)
{
	struct conf_errors errors = {0};
	int status = ADMIN_UNAVAILABLE;

	*path = find_socket(admin, given, &errors);
	if (*path == NULL)
		admin_error(admin, "there is no control socket: control.socket is empty");
	else
		status = connect_to(admin, *path, fd);
	if (status != ADMIN_DONE && errors.count > 0)
		admin_conf_errors(admin, &errors);
	if (given == NULL)
		conf_errors_free(&errors);
	return status;
}

/* Closes FD. */
static bool ask_socket(struct admin *admin, int fd, enum control_verb verb, const char *argument,
		       struct daemon_answer *answer)
{
	struct buf request, in;
	bool answered;

	buf_init(&request, admin->arena, 0);
	buf_init(&in, admin->arena, CONTROL_ANSWER_MAX + CONTROL_REQUEST_MAX);
	control_put_request(&request, verb, argument);
	answered = exchange_request(fd, buf_view(&request), &in, answer);
	close(fd);
	return answered;
}

int daemon_ask(struct admin *admin, const char *socket, enum control_verb verb,
	       const char *argument, struct daemon_answer *answer)
{
	const char *path;
	int fd, status = connect_to_daemon(admin, socket, &path, &fd);

	if (status != ADMIN_DONE)
		return status;
	if (ask_socket(admin, fd, verb, argument, answer))
		return status_of_answer(admin, path, answer);
	admin_error(admin, "%s: the daemon did not answer; its log says why", path);
	return ADMIN_UNAVAILABLE;
}

bool daemon_status(struct admin *admin, struct metrics_read *status)
{
	struct conf_errors errors = {0};
	const char *path = find_socket(admin, NULL, &errors);
	int fd = path == NULL ? -1 : open_socket(path);
	struct daemon_answer answer;
	struct why why;

	conf_errors_free(&errors);
	return fd != -1 && ask_socket(admin, fd, CONTROL_STATUS, "", &answer) &&
	       answer.code == CONTROL_OK &&
	       metrics_read_parse(span_make(answer.body, answer.len), admin->arena, status, &why) ==
		   0;
}

static double sum_of(const struct metrics_read *status, const char *name)
{
	return metrics_read_sum(status, name, NULL, NULL);
}

/* How many were as quick as the bucket that ends at BOUND, which is cumulated. */
static int64_t count_within(const struct metrics_read *status, const char *bound)
{
	return (int64_t)metrics_read_sum(status, "message_duration_seconds_bucket", "le", bound);
}

static void fill_times(const struct metrics_read *status, struct page_facts *page)
{
	double seconds = sum_of(status, "message_duration_seconds_sum");
	double answered = sum_of(status, "message_duration_seconds_count");

	page->daemon.answered = (int64_t)answered;
	page->daemon.average = answered < 1 ? 0 : (int64_t)(seconds / answered * 1e6);
	page->daemon.within_100_ms = count_within(status, "0.100");
	page->daemon.over_second = page->daemon.answered - count_within(status, "1.000");
}

void daemon_fill_page(struct admin *admin, struct page_facts *page)
{
	struct metrics_read status;

	page->daemon.known = daemon_status(admin, &status);
	if (!page->daemon.known)
		return;
	page->daemon.up_since = (int64_t)sum_of(&status, "process_start_time_seconds");
	page->daemon.messages = (int64_t)sum_of(&status, "messages_total");
	page->daemon.not_counted = (int64_t)sum_of(&status, "store_write_failures_total");
	page->daemon.connections = (int64_t)sum_of(&status, "connections");
	fill_times(&status, page);
}

/* ---- a reload ---- */

/* One request; false: no answer that says yes or no. */
static bool ask_quietly(struct admin *admin, const char *path, enum control_verb verb,
			struct daemon_answer *answer)
{
	int fd = open_socket(path);

	return fd != -1 && ask_socket(admin, fd, verb, "", answer) &&
	       (answer->code == CONTROL_OK || answer->code == CONTROL_NO);
}

/* STATUS (daemon/status.h) has a line "settings PATH". */
static bool has_our_settings(const struct admin *admin, const char *status)
{
	char *ours = realpath(admin_conf_path(admin), NULL), *theirs = NULL;
	const char *line = strstr(status, "\nsettings ");
	bool same = false;

	if (line != NULL) {
		line += strlen("\nsettings ");
		theirs = realpath(
		    arena_printf(admin->arena, "%.*s", (int)strcspn(line, "\n"), line), NULL);
	}
	same = ours != NULL && theirs != NULL && strcmp(ours, theirs) == 0;
	free(ours);
	free(theirs);
	return same;
}

enum daemon_reloading daemon_reload(struct admin *admin, const char **reason)
{
	struct conf_errors errors = {0};
	const char *path = find_socket(admin, NULL, &errors);
	struct daemon_answer answer;

	conf_errors_free(&errors);
	if (path == NULL || !ask_quietly(admin, path, CONTROL_STATUS, &answer) ||
	    !has_our_settings(admin, answer.body) ||
	    !ask_quietly(admin, path, CONTROL_RELOAD, &answer))
		return DAEMON_ABSENT;
	*reason = first_line(admin, answer.body);
	return answer.code == CONTROL_OK ? DAEMON_RELOADED : DAEMON_REFUSED;
}

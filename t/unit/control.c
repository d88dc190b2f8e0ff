/* SPDX-License-Identifier: BSD-2-Clause */
/* daemon/control, control_text and metrics/read: several clients, slow ones, hostile ones. */
#include "daemon/control.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "metrics/exposition.h"
#include "metrics/read.h"
#include "t/lib/tap.h"

static char path[100];
static unsigned obeyed;

/* "reload" waits; everything else is answered with its argument. */
static void obey_request(void *arg, struct control_client *client,
			 const struct control_request *request)
{
	(void)arg;
	obeyed++;
	if (request->verb == CONTROL_RELOAD)
		control_hold(client, 7);
	else
		control_answer(client, CONTROL_OK, span_of(request->argument));
}

static int connect_client(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
	if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0)
		abort();
	fcntl(fd, F_SETFL, O_NONBLOCK);
	return fd;
}

static void send_text(int fd, const char *text)
{
	if (write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		abort();
}

/* What was answered; "-": nothing yet. The connection must be at its end then. */
static const char *read_answer(int fd)
{
	static char text[1000];
	ssize_t n = read(fd, text, sizeof text - 1);

	text[n < 0 ? 0 : n] = '\0';
	return n < 0 ? "-" : text;
}

static void run_control(struct control *control)
{
	control_work(control);
	control_work(control);
}

static void test_conversation(struct control *control)
{
	int one = connect_client(), two = connect_client();
	struct pollfd polls[CONTROL_POLLS];

	send_text(one, "cache-flush d");
	run_control(control);
	is_text(read_answer(one), "-", "half a request has no answer");
	send_text(two, "log-level info\n");
	run_control(control);
	is_text(read_answer(two), "ok 4\ninfo", "another client does not wait for it");
	is_text(read_answer(two), "", "and is let go");
	send_text(one, "ns\n");
	run_control(control);
	is_text(read_answer(one), "ok 3\ndns", "the other half came");
	is_int(control_polls(control, polls), 1, "nobody is left");
	close(one);
	close(two);
}

static void test_held(struct control *control)
{
	int one = connect_client(), two = connect_client();

	send_text(one, "reload\n");
	send_text(two, "reload\n");
	run_control(control);
	is_text(read_answer(one), "-", "it waits");
	control_answer_held(control, 6, CONTROL_OK, span_of("too soon"));
	run_control(control);
	is_text(read_answer(one), "-", "for a certain ticket");
	close(two);
	run_control(control);
	control_answer_held(control, 7, CONTROL_NO, span_of("no!\n"));
	run_control(control);
	is_text(read_answer(one), "no 4\nno!\n", "which comes");
	close(one);
}

static void test_crowd(struct control *control)
{
	int fds[CONTROL_CLIENTS + 4];
	struct pollfd polls[CONTROL_POLLS];

	for (unsigned i = 0; i < CONTROL_CLIENTS + 4; i++)
		fds[i] = connect_client();
	run_control(control);
	is_int(control_polls(control, polls), CONTROL_CLIENTS, "a full house lets nobody in");
	close(fds[0]);
	run_control(control);
	send_text(fds[CONTROL_CLIENTS], "status\n");
	run_control(control);
	is_text(read_answer(fds[CONTROL_CLIENTS]), "ok 0\n", "until one has left");
	for (unsigned i = 1; i < CONTROL_CLIENTS + 4; i++)
		close(fds[i]);
	run_control(control);
	run_control(control);
	is_int(control_polls(control, polls), 1, "all have left");
}

static void test_nonsense(struct control *control)
{
	static const char *const lines[] = {
	    "\n", "what\n", "status \x01\n", "status\tdns\n", " status\n", "STATUS  x\n"};
	char line[CONTROL_REQUEST_MAX + 1];
	unsigned before = obeyed;
	int fd;

	for (unsigned i = 0; i < sizeof lines / sizeof lines[0]; i++) {
		fd = connect_client();
		send_text(fd, lines[i]);
		run_control(control);
		ok(strncmp(read_answer(fd), "bad ", 4) == 0, "nonsense %u is refused", i);
		close(fd);
	}
	memset(line, 'x', sizeof line - 1);
	line[sizeof line - 1] = '\0';
	fd = connect_client();
	send_text(fd, line);
	run_control(control);
	ok(strncmp(read_answer(fd), "bad ", 4) == 0, "so is a line without an end");
	close(fd);
	memcpy(line, "log-level ", 10);
	line[80] = '\n';
	line[81] = '\0';
	fd = connect_client();
	send_text(fd, line);
	run_control(control);
	ok(strncmp(read_answer(fd), "bad ", 4) == 0, "and an argument that is too long");
	close(fd);
	is_int(obeyed, before, "and none was obeyed");
}

static void test_socket(void)
{
	struct control *control = control_new(obey_request, NULL);
	struct stat st;
	struct why why;

	snprintf(path, sizeof path, "%s/control.sock", tap_directory());
	is_int(control_listen(control, path, "", &why), 0, "it listens");
	ok(stat(path, &st) == 0 && (st.st_mode & 07777) == 0660, "for owner and group only");
	test_conversation(control);
	test_held(control);
	test_crowd(control);
	test_nonsense(control);
	is_int(control_listen(control, path, "no-such-group", &why), -1, "an unknown group");
	is_text(why.text, "control.group: group \"no-such-group\" does not exist", "is named");
	ok(stat(path, &st) != 0, "and then there is no socket");
	is_int(control_listen(control, "/nonexistent/x.sock", "", &why), -1, "no directory");
	ok(strstr(why.text, "/nonexistent") != NULL, "it is named: %s", why.text);
	is_int(control_listen(control, path, "", &why), 0, "another try");
	control_free(control);
	ok(stat(path, &st) != 0, "the socket goes with it");
}

static void test_answers(void)
{
	static const struct {
		const char *text;
		int want;
		enum control_code code;
		const char *body;
	} cases[] = {
	    {"ok 5\nhello", 1, CONTROL_OK, "hello"},
	    {"no 0\n", 1, CONTROL_NO, ""},
	    {"denied 1\n\n", 1, CONTROL_DENIED, "\n"},
	    {"", 0, 0, NULL},
	    {"ok", 0, 0, NULL},
	    {"ok 5\nhell", 0, 0, NULL},
	    {"ok 5\nhello!", -1, 0, NULL},
	    {"ok\nhello", -1, 0, NULL},
	    {"ok -1\n", -1, 0, NULL},
	    {"ok 99999999999999999999\n", -1, 0, NULL},
	    {"ok 9999999\n", -1, 0, NULL},
	    {"fine 5\nhello", -1, 0, NULL},
	    {"ok 5 \nhello", -1, 0, NULL},
	    {"HTTP/1.1 400 Bad Request\r\n", -1, 0, NULL},
	    {"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", -1, 0, NULL},
	};

	for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		enum control_code code = CONTROL_BAD;
		struct span body = {NULL, NULL};
		int have = control_parse_answer(span_of(cases[i].text), &code, &body);

		is_int(have, cases[i].want, "answer %u", i);
		if (have == 1)
			ok(code == cases[i].code && span_eq(body, cases[i].body), "its parts");
	}
}

static void test_status(struct arena *arena)
{
	static const char good[] = "version 0.1.0\n"
				   "settings /a path/x.conf\n"
				   "worker 12 ready 99 local:/x\n"
				   "worker 13 leaving 98 inet:1@::1\n"
				   "\n"
				   "# HELP countersign_a_total x\n"
				   "countersign_a_total 5\n"
				   "countersign_b_total{r=\"pass\",s=\"mfrom\"} 1\n"
				   "countersign_b_total{r=\"pass\",s=\"he\\\"lo\\n\\\\\"} 2\n"
				   "countersign_b_total{r=\"fail\",s=\"helo\"} 4\n"
				   "process_cpu 1.500000000\n";
	static const char *const bad[] = {
	    "version\n",           "ver sion\n\n{}\n",  "a b\n\nx 1 2\n",         "a b\n\nx{ 1\n",
	    "a b\n\nx{a=\"b} 1\n", "a b\n\nx{a=b} 1\n", "a b\n\nx{a=\"b\",} 1\n", "a b\n\nx nan\n",
	    "a b\n\nx \n",         "a b\n\nx{a=\"\\",
	};
	struct metrics_read status;
	struct why why;

	is_int(metrics_read_parse(span_of(good), arena, &status, &why), 0, "a status is read");
	is_text(metrics_read_text(&status, "settings"), "/a path/x.conf", "a text with blanks");
	is_text(metrics_read_word(metrics_read_fact(&status, "worker", 1), 3), "inet:1@::1",
		"a word");
	ok(metrics_read_fact(&status, "worker", 2) == NULL, "there are two");
	is_text(metrics_read_word(metrics_read_fact(&status, "version", 0), 3), "",
		"a word that is not there");
	is_int(metrics_read_sum(&status, "a_total", NULL, NULL), 5, "a sample");
	is_int(metrics_read_sum(&status, "b_total", NULL, NULL), 7, "a sum");
	is_int(metrics_read_sum(&status, "b_total", "r", "pass"), 3, "a part of it");
	is_text(metrics_read_label(&status.samples[2], "s"), "he\"lo\n\\", "escapes are undone");
	is_int(metrics_read_sum(&status, "process_cpu", NULL, NULL) * 2, 3, "a fraction");
	for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++)
		is_int(metrics_read_parse(span_of(bad[i]), arena, &status, &why), -1,
		       "not a status: %u", i);
}

/* What the daemon writes is what the command reads. */
static void test_exposition(struct arena *arena)
{
	static const struct {
		const char *accept;
		enum exposition_format want;
	} accepts[] = {
	    {NULL, EXPOSITION_TEXT},
	    {"*/*", EXPOSITION_TEXT},
	    {"text/plain;version=0.0.4", EXPOSITION_TEXT},
	    {"application/openmetrics-text; version=1.0.0,text/plain;q=0.5",
	     EXPOSITION_OPENMETRICS},
	};
	struct metrics_read status = {0};
	struct buf out;
	struct why why;

	for (unsigned i = 0; i < sizeof accepts / sizeof accepts[0]; i++)
		is_int(exposition_wanted(accepts[i].accept), accepts[i].want, "Accept %u", i);
	buf_init(&out, arena, 0);
	buf_string(&out, "version x\n\n");
	exposition_write(&out, EXPOSITION_TEXT);
	is_int(metrics_read_parse(buf_view(&out), arena, &status, &why), 0, "all metrics are read");
	ok(status.sample_count > 200, "%u samples", status.sample_count);
	ok(strstr(buf_text(&out), "# TYPE countersign_messages_total counter\n") != NULL,
	   "a counter's type");
	buf_clear(&out);
	exposition_write(&out, EXPOSITION_OPENMETRICS);
	ok(strstr(buf_text(&out), "# TYPE countersign_messages counter\n") != NULL,
	   "in OpenMetrics without its suffix");
	ok(out.len > 6 && strcmp(buf_text(&out) + out.len - 6, "# EOF\n") == 0, "which has an end");
}

int main(void)
{
	struct arena *arena = arena_new(0);

	test_socket();
	test_answers();
	test_status(arena);
	test_exposition(arena);
	arena_free(arena);
	return tap_done();
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* report/mail, report/gzip, report/send: what is written, and what is made of a server's words. */
#include <arpa/inet.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/codec/base64.h"
#include "lib/buf.h"
#include "lib/clock.h"
#include "lib/codec/gzip.h"
#include "lib/net/transfer.h"
#include "report/mail.h"
#include "report/send.h"
#include "t/lib/tap.h"

static const struct aggregate_reporter reporter = {.org_name = "Example",
						   .email = "noreply@reports.example.net",
						   .contact = "https://example.net/",
						   .receiver = "reports.example.net"};

static struct mail sample(const struct aggregate_reporter *by)
{
	struct mail mail = {.reporter = by,
			    .domain = "example.com",
			    .id = "20261121000102030405060708090a0b",
			    .file_name = "reports.example.net!example.com!1!2!20261121ab.xml.gz",
			    .to = "dmarc@example.com",
			    .day = 20778,
			    .messages = 7,
			    .date = 1795305600};

	return mail;
}

static const char *slurp(struct arena *arena, FILE *file, size_t *length)
{
	char *text;

	fseek(file, 0, SEEK_END);
	*length = (size_t)ftell(file);
	rewind(file);
	text = arena_alloc(arena, *length + 1);
	if (fread(text, 1, *length, file) != *length)
		abort();
	return text;
}

static FILE *compressed(const char *text, size_t times)
{
	FILE *plain = tmpfile(), *gz = tmpfile();
	struct why why;

	while (times-- > 0)
		fputs(text, plain);
	is_int(gzip_file(plain, gz, &why), 0, "compresses");
	fclose(plain);
	return gz;
}

static void test_gzip(void)
{
	struct arena *arena = arena_new(0);
	FILE *one = compressed("abcdefghij", 50000), *two = compressed("abcdefghij", 50000);
	FILE *none = compressed("", 0);
	size_t one_length, two_length, none_length;
	const char *one_text = slurp(arena, one, &one_length);
	const char *two_text = slurp(arena, two, &two_length);

	ok(one_length == two_length && memcmp(one_text, two_text, one_length) == 0,
	   "the same twice");
	ok(memcmp(one_text, "\x1f\x8b\x08\0\0\0\0\0", 8) == 0, "gzip without a time");
	ok(one_length < 5000, "smaller");
	slurp(arena, none, &none_length);
	is_int(none_length, 20, "nothing compresses to a header and a trailer");
	fclose(one);
	fclose(two);
	fclose(none);
	arena_free(arena);
}

static void has(const char *text, const char *part)
{
	ok(strstr(text, part) != NULL, "has: %.*s", (int)strcspn(part + 2, "\r"), part + 2);
}

static void test_mail(void)
{
	struct arena *arena = arena_new(0);
	struct aggregate_reporter foreign = reporter;
	struct mail mail = sample(&reporter);
	FILE *gz = compressed("<feedback/>", 1), *out = tmpfile();
	size_t length, gz_length, back_length, longest = 0;
	const char *text, *gz_text = slurp(arena, gz, &gz_length), *at, *end;
	const uint8_t *back;
	struct why why;

	is_int(mail_write(&mail, gz, out, &why), 0, "written");
	text = slurp(arena, out, &length);
	ok(strncmp(text, "From: <noreply@reports.example.net>\r\nTo: <dmarc@example.com>\r\n",
		   62) == 0,
	   "begins with From");
	has(text, "\r\nSubject: Report Domain: example.com\r\n Submitter: reports.example.net\r\n"
		  " Report-ID: <20261121000102030405060708090a0b>\r\n");
	has(text, "\r\nMessage-ID: <20261121000102030405060708090a0b@reports.example.net>\r\n");
	has(text, "\r\nDate: Sun, 22 Nov 2026 00:00:00 +0000\r\n");
	has(text, "\r\nAuto-Submitted: auto-generated\r\n");
	has(text, "Content-Type: text/plain; charset=us-ascii\r\n");
	has(text, "\r\nReporter:  Example\r\nContact:   https://example.net/\r\n");
	has(text, " filename=\"reports.example.net!example.com!1!2!20261121ab.xml.gz\"\r\n");
	at = strstr(text, "application/gzip");
	at = at == NULL ? text : strstr(at, "\r\n\r\n") + 4;
	end = strstr(at, "--=_");
	ok(base64_decode(arena, (struct span){at, end}, &back, &back_length) &&
	       back_length == gz_length && memcmp(back, gz_text, gz_length) == 0,
	   "the attachment is the file");
	for (const char *line = text; (end = strstr(line, "\r\n")) != NULL; line = end + 2)
		longest = (size_t)(end - line) > longest ? (size_t)(end - line) : longest;
	ok(longest <= 78, "no line is longer than 78 (%zu)", longest);
	foreign.org_name = "Universit\xc3\xa4t \xff";
	mail = sample(&foreign);
	rewind(out);
	is_int(ftruncate(fileno(out), 0), 0, "again");
	mail_write(&mail, gz, out, &why);
	text = slurp(arena, out, &length);
	has(text, "charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n");
	for (size_t i = 0; i < length; i++)
		if ((text[i] < ' ' && strchr("\r\n", text[i]) == NULL) || text[i] > '~')
			ok(false, "byte %zu is %d", i, text[i]);
	fclose(out);
	fclose(gz);
	arena_free(arena);
}

static void test_verp(void)
{
	struct arena *arena = arena_new(0);

	is_text(mail_verp(arena, "r@example.net", "abcdefghijklmnop"),
		"r+bounce-abcdefghijklmnop@example.net", "verp");
	is_text(mail_verp(arena, "a234567890123456789012345678901234567890x@example.net",
			  "abcdefghijklmnop"),
		"a234567890123456789012345678901234567890x@example.net",
		"too long for a local part");
	is_text(mail_verp_token(arena, "r@example.net", "R+Bounce-ABCdefghijklmnop@Example.NET"),
		"abcdefghijklmnop", "the token, in either case");
	ok(mail_verp_token(arena, "r@example.net", "r@example.net") == NULL, "none");
	ok(mail_verp_token(arena, "r@example.net", "r+bounce-@example.net") == NULL,
	   "an empty one");
	ok(mail_verp_token(arena, "r@example.net", "rr+bounce-a@example.net") == NULL,
	   "another's address");
	ok(mail_verp_token(arena, "r@example.net", "r+bounce-a@example.org") == NULL,
	   "another domain");
	ok(mail_verp_token(arena, "", "r+bounce-a@example.org") == NULL, "not our own address");
	arena_free(arena);
}

/* ---- a server that says what a table says ---- */

struct script {
	const char *name, *greeting, *mail, *rcpt, *data, *end;
	enum send_outcome want;
	const char *reply;
	struct {
		const char *ehlo, *quit; /* NULL: what is usual */
	} also;
};

static const struct script scripts[] = {
    {"taken",
     "220 hi",
     "250 ok",
     "250 ok",
     "354 go",
     "250 2.0.0 queued as 4711",
     SEND_DONE,
     "250 2.0.0 queued as 4711",
     {NULL, NULL}},
    {"unknown recipient",
     "220 hi",
     "250 ok",
     "550 5.1.1 no such user",
     "",
     "",
     SEND_REFUSED,
     "550 5.1.1 no such user",
     {NULL, NULL}},
    {"greylisted",
     "220 hi",
     "250 ok",
     "451 4.7.1 come again",
     "",
     "",
     SEND_LATER,
     "451 4.7.1 come again",
     {NULL, NULL}},
    {"refused at DATA",
     "220 hi",
     "250 ok",
     "250 ok",
     "554 5.7.1 no",
     "",
     SEND_REFUSED,
     "554 5.7.1 no",
     {NULL, NULL}},
    {"refused at the end",
     "220 hi",
     "250 ok",
     "250 ok",
     "354 go",
     "552 5.3.4 too big",
     SEND_REFUSED,
     "552 5.3.4 too big",
     {NULL, NULL}},
    {"deferred at the end",
     "220 hi",
     "250 ok",
     "250 ok",
     "354 go",
     "452 4.3.1 full",
     SEND_LATER,
     "452 4.3.1 full",
     {NULL, NULL}},
    {"the sender is refused",
     "220 hi",
     "550 5.7.1 who are you",
     "",
     "",
     "",
     SEND_LATER,
     "550 5.7.1 who are you",
     {NULL, NULL}},
    {"the client is refused", "554 5.7.1 go away", "", "", "", "", SEND_AWAY, NULL, {NULL, NULL}},
    {"it hangs up", "", "", "", "", "", SEND_AWAY, NULL, {NULL, NULL}},
    {"it hangs up at the end",
     "220 hi",
     "250 ok",
     "250 ok",
     "354 go",
     "",
     SEND_AWAY,
     NULL,
     {NULL, NULL}},
};

static const char *answer_to(const struct script *script, const char *line)
{
	if (strncmp(line, "EHLO", 4) == 0)
		return script->also.ehlo == NULL ? "250 hello" : script->also.ehlo;
	if (strncmp(line, "MAIL", 4) == 0)
		return script->mail;
	if (strncmp(line, "RCPT", 4) == 0)
		return script->rcpt;
	if (strncmp(line, "DATA", 4) == 0)
		return script->data;
	return script->also.quit == NULL ? "221 bye" : script->also.quit;
}

/* What stands for an answer that does not come. */
static const char hang[] = "hang";

static void say_to(int fd, const char *answer)
{
	if (answer[0] == '\0')
		_exit(0);
	if (answer == hang)
		sleep(300);
	dprintf(fd, "%s\r\n", answer);
}

/* In a process of its own. */
static void serve(int listener, const struct script *script)
{
	int fd = accept(listener, NULL, NULL);
	FILE *in = fdopen(fd, "r");
	bool body = false;
	char line[2048];

	say_to(fd, script->greeting);
	while (fgets(line, sizeof line, in) != NULL) {
		const char *answer;

		if (body && strcmp(line, ".\r\n") != 0)
			continue;
		answer = body ? script->end : answer_to(script, line);
		body = strncmp(answer, "354", 3) == 0;
		say_to(fd, answer);
	}
	_exit(0);
}

static int listen_somewhere(char url[64])
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof address;
	int listener = socket(AF_INET, SOCK_STREAM, 0);

	if (bind(listener, (struct sockaddr *)&address, size) != 0 || listen(listener, 1) != 0 ||
	    getsockname(listener, (struct sockaddr *)&address, &size) != 0)
		abort();
	snprintf(url, 64, "smtp://127.0.0.1:%d", ntohs(address.sin_port));
	return listener;
}

static enum send_outcome send_by(struct send_server *server, const struct script *script,
				 struct why *reply)
{
	FILE *message = tmpfile();
	enum send_outcome outcome;
	char url[64];
	int listener = listen_somewhere(url);
	pid_t pid = fork();

	if (pid == 0)
		serve(listener, script);
	server->url = url;
	server->helo = "client.example";
	fputs("Subject: x\r\n\r\n.dot\r\n", message);
	outcome = send_mail(server, "", "a@example.com", message, NULL, NULL, reply);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	close(listener);
	fclose(message);
	return outcome;
}

static void test_script(const struct script *script)
{
	struct send_server server = {.timeout = 10 * CLOCK_SECOND};
	struct why reply = {""};

	is_int(send_by(&server, script, &reply), script->want, "%s (%s)", script->name, reply.text);
	if (script->reply != NULL)
		is_text(reply.text, script->reply, "%s: reply", script->name);
	else
		ok(reply.text[0] != '\0', "%s: says why: %s", script->name, reply.text);
}

/* ---- a server that does not answer ---- */

static const struct script hanging[] = {
    {"no greeting", hang, "", "", "", "", SEND_AWAY, NULL, {NULL, NULL}},
    {"no answer to EHLO", "220 hi", "", "", "", "", SEND_AWAY, NULL, {hang, NULL}},
    {"no answer to MAIL", "220 hi", hang, "", "", "", SEND_AWAY, NULL, {NULL, hang}},
    {"no answer to RCPT", "220 hi", "250 ok", hang, "", "", SEND_AWAY, NULL, {NULL, hang}},
    {"no answer to DATA", "220 hi", "250 ok", "250 ok", hang, "", SEND_AWAY, NULL, {NULL, hang}},
    {"no answer to the mail",
     "220 hi",
     "250 ok",
     "250 ok",
     "354 go",
     hang,
     SEND_AWAY,
     NULL,
     {NULL, hang}},
    {"no answer to QUIT",
     "220 hi",
     "250 ok",
     "250 ok",
     "354 go",
     "250 ok",
     SEND_DONE,
     NULL,
     {NULL, hang}},
    {"nor after a refusal", "220 hi", "250 ok", "550 no", "", "", SEND_REFUSED, NULL, {NULL, hang}},
};

static int64_t asked_at; /* when going on was asked for the first time */

static bool never_goes_on(void)
{
	if (asked_at == 0)
		asked_at = clock_mono();
	return false;
}

static void test_hanging(const struct script *script)
{
	struct send_server server = {.timeout = CLOCK_SECOND};
	struct why reply = {""};
	int64_t begin = clock_mono();
	bool answered = script->want != SEND_AWAY;

	is_int(send_by(&server, script, &reply), script->want, "%s: %s", script->name, reply.text);
	ok(!tap_hurried() || clock_mono() - begin < (answered ? 1 : 3) * CLOCK_SECOND,
	   "%s: in %d ms", script->name, (int)((clock_mono() - begin) / CLOCK_MS));
	if (answered)
		return;
	server.timeout = 600 * CLOCK_SECOND;
	server.go_on = never_goes_on;
	asked_at = 0;
	is_int(send_by(&server, script, &reply), SEND_STOPPED, "%s: stopped: %s", script->name,
	       reply.text);
	ok(!tap_hurried() || clock_mono() - asked_at < 5 * CLOCK_SECOND, "%s: stopped in %d ms",
	   script->name, (int)((clock_mono() - asked_at) / CLOCK_MS));
}

int main(void)
{
	struct why why;

	if (transfer_init(&why) != 0)
		return 99;
	test_gzip();
	test_mail();
	test_verp();
	for (size_t i = 0; i < sizeof scripts / sizeof scripts[0]; i++)
		test_script(&scripts[i]);
	for (size_t i = 0; i < sizeof hanging / sizeof hanging[0]; i++)
		test_hanging(&hanging[i]);
	return tap_done();
}

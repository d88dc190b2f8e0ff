/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * flood: many messages at once over the milter protocol (version 6), to see what they cost the
 * filter.
 *
 *     flood SOCKET CONNECTIONS KIND AMOUNT
 *
 *     SOCKET   a path
 *     KIND     fields AMOUNT       a header of so many bytes of "X: y"
 *              header AMOUNT       a header of so many bytes in fields of 1000 bytes
 *              recipients AMOUNT   so many recipients
 *              lines AMOUNT        a body of so many bytes of empty lines
 *              blanks AMOUNT       ... of lines of blanks
 *              short AMOUNT        ... of lines of one letter
 *              words AMOUNT        ... of letters that two blanks divide
 *              text AMOUNT         ... of lines of text
 *              base64 AMOUNT       ... of lines of 76 letters
 *     FLOOD_HEADER   the path of a file whose bytes are the message's header, before KIND's
 *
 * Every connection sends all but the end of its message and waits until the filter has taken that.
 * Then "held" is printed, and a line from standard input is waited for. Then each ends its message:
 * prints the answers and how often they came, "552 5.3.4 text<TAB>N", or "accept<TAB>N", and waits
 * for another line before it leaves.
 */
#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <libmilter/mfdef.h>

#include "lib/buf.h"

enum { CONNECTIONS_MAX = 1000, CHUNK = 65535, LONG_FIELD = 1000, ANSWER_MAX = 256 };

static struct buf message; /* the packets of one, without its end */
static const char *path;
static pthread_barrier_t held, ended, leave;
static char answers[CONNECTIONS_MAX][ANSWER_MAX];

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "flood: %s\n", what);
	exit(1);
}

/* ---- packets ---- */

static void add_packet(struct buf *to, char command, const void *data, size_t size)
{
	uint32_t wire = htonl((uint32_t)size + 1);

	buf_add(to, &wire, sizeof wire);
	buf_char(to, command);
	buf_add(to, data, size);
}

#define ADD(command, text) add_packet(&message, (command), (text), sizeof(text) - 1)

static void send_all(int fd, const char *data, size_t size)
{
	while (size > 0) {
		ssize_t n = send(fd, data, size, MSG_NOSIGNAL);

		if (n <= 0)
			die("the filter has closed the connection");
		data += n;
		size -= (size_t)n;
	}
}

static void read_all(int fd, void *data, size_t size)
{
	for (char *at = data; size > 0;) {
		ssize_t n = read(fd, at, size);

		if (n <= 0)
			die("the filter has closed the connection without an answer");
		at += n;
		size -= (size_t)n;
	}
}

/* The command; its data, cut, in TEXT. */
static char receive(int fd, char text[ANSWER_MAX])
{
	uint32_t wire;
	char command;

	read_all(fd, &wire, sizeof wire);
	read_all(fd, &command, 1);
	memset(text, 0, ANSWER_MAX);
	for (uint32_t left = ntohl(wire) - 1; left > 0;) {
		char part[4096];
		size_t n = left < sizeof part ? left : sizeof part;

		read_all(fd, part, n);
		if (text[0] == '\0')
			memcpy(text, part, n < ANSWER_MAX ? n : ANSWER_MAX - 1);
		left -= (uint32_t)n;
	}
	return command;
}

/* ---- the message ---- */

static void add_field(const char *name, const char *value, size_t length)
{
	struct buf field;

	buf_init(&field, NULL, 0);
	buf_add(&field, name, strlen(name) + 1);
	buf_add(&field, value, length);
	buf_char(&field, '\0');
	add_packet(&message, SMFIC_HEADER, field.data, field.len);
	buf_free(&field);
}

/* Fields of one line each. */
static void add_header_of(const char *file)
{
	FILE *in = fopen(file, "r");
	char *line = NULL;
	size_t room = 0;

	if (in == NULL)
		die("FLOOD_HEADER cannot be read");
	while (getline(&line, &room, in) > 0) {
		char *colon = strchr(line, ':');

		line[strcspn(line, "\r\n")] = '\0';
		if (colon == NULL)
			die("a line of FLOOD_HEADER is not a field");
		*colon = '\0';
		add_field(line, colon + 1, strlen(colon + 1));
	}
	free(line);
	fclose(in);
}

static void add_fields(size_t amount)
{
	for (size_t size = 0; size < amount; size += 6)
		add_field("X", " y", 2);
}

static void add_long_fields(size_t amount)
{
	char value[LONG_FIELD];

	memset(value, 'y', sizeof value);
	value[0] = ' ';
	for (size_t size = 0; size < amount; size += sizeof value)
		add_field("X-Long", value, sizeof value - 9);
}

static void add_recipients(size_t amount)
{
	for (size_t i = 0; i < amount; i++) {
		char address[64];
		int length = snprintf(address, sizeof address, "<user%zu@d%zu.example.com>", i, i);

		add_packet(&message, SMFIC_RCPT, address, (size_t)length + 1);
	}
}

static const struct {
	const char *name, *line;
} bodies[] = {
    {"lines", "\r\n"},
    {"blanks", "          \r\n"},
    {"short", "a\r\n"},
    {"words", "a  b  c  d  e  f  g  h  i  j  k  l  m  n  o  p  q  r  s  t  u  v\r\n"},
    {"text", "It is a truth universally acknowledged, that a single man in\r\n"},
    {"base64", "SXQgaXMgYSB0cnV0aCB1bml2ZXJzYWxseSBhY2tub3dsZWRnZWQsIHRoYXQgYSBzaW5nbGUgbWFu\r\n"},
};

static void add_body(const char *line, size_t amount)
{
	struct buf chunk;

	buf_init(&chunk, NULL, 0);
	for (size_t size = 0; size < amount; size += strlen(line)) {
		if (chunk.len + strlen(line) > CHUNK) {
			add_packet(&message, SMFIC_BODY, chunk.data, chunk.len);
			buf_clear(&chunk);
		}
		buf_string(&chunk, line);
	}
	add_packet(&message, SMFIC_BODY, chunk.data, chunk.len);
	buf_free(&chunk);
}

static void build_message(const char *kind, size_t amount)
{
	bool body = false;

	buf_init(&message, NULL, 0);
	ADD(SMFIC_CONNECT, "client.test\0004\234\100192.0.2.1\0");
	ADD(SMFIC_HELO, "client.test\0");
	ADD(SMFIC_MAIL, "<x@sender.test>\0");
	ADD(SMFIC_RCPT, "<a@example.com>\0");
	if (strcmp(kind, "recipients") == 0)
		add_recipients(amount);
	add_field("From", " x@sender.test", 14);
	if (getenv("FLOOD_HEADER") != NULL)
		add_header_of(getenv("FLOOD_HEADER"));
	if (strcmp(kind, "fields") == 0)
		add_fields(amount);
	else if (strcmp(kind, "header") == 0)
		add_long_fields(amount);
	ADD(SMFIC_EOH, "");
	for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++)
		if (strcmp(kind, bodies[i].name) == 0) {
			add_body(bodies[i].line, amount);
			body = true;
		}
	if (!body)
		ADD(SMFIC_BODY, "text\r\n");
}

/* ---- one connection ---- */

static int open_connection(void)
{
	const uint32_t offer[] = {htonl(6), htonl(0x1ff), htonl(0x1fffff & ~(uint32_t)SMFIP_SKIP)};
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	char text[ANSWER_MAX];
	struct buf hello;

	snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) != 0)
		die("cannot connect");
	buf_init(&hello, NULL, 0);
	add_packet(&hello, SMFIC_OPTNEG, offer, sizeof offer);
	send_all(fd, hello.data, hello.len);
	buf_free(&hello);
	if (receive(fd, text) != SMFIC_OPTNEG)
		die("the filter does not negotiate");
	return fd;
}

/* Without SMFIP_SKIP each chunk of a body has its answer, and so has MAIL. */
static unsigned count_answers(void)
{
	struct span rest = buf_view(&message);
	unsigned count = 0;

	while (span_len(rest) > 4) {
		uint32_t wire;

		memcpy(&wire, rest.p, sizeof wire);
		count += rest.p[4] == SMFIC_BODY || rest.p[4] == SMFIC_MAIL;
		rest.p += 4 + ntohl(wire);
	}
	return count;
}

static void *run_sender(void *arg)
{
	static const char end[] = {0, 0, 0, 1, SMFIC_BODYEOB};
	char *answer = arg, text[ANSWER_MAX], reply;
	int fd = open_connection();

	send_all(fd, message.data, message.len);
	for (unsigned left = count_answers(); left > 0; left--)
		(void)receive(fd, text);
	pthread_barrier_wait(&held);
	pthread_barrier_wait(&held);
	send_all(fd, end, sizeof end);
	do {
		reply = receive(fd, text);
	} while (strchr("imhqbe+-2p", reply) != NULL);
	snprintf(answer, ANSWER_MAX, "%s",
		 reply == SMFIR_REPLYCODE  ? text
		 : reply == SMFIR_CONTINUE ? "accept"
		 : reply == SMFIR_TEMPFAIL ? "tempfail"
					   : "reject");
	pthread_barrier_wait(&ended);
	pthread_barrier_wait(&leave);
	close(fd);
	return NULL;
}

static int compare_answers(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void print_answers(unsigned count)
{
	qsort(answers, count, sizeof answers[0], compare_answers);
	for (unsigned i = 0, first = 0; i < count; i++) {
		if (i + 1 < count && strcmp(answers[i], answers[i + 1]) == 0)
			continue;
		printf("%s\t%u\n", answers[i], i + 1 - first);
		first = i + 1;
	}
	printf("ended\n");
	fflush(stdout);
}

int main(int argc, char **argv)
{
	pthread_t threads[CONNECTIONS_MAX];
	unsigned count = argc == 5 ? (unsigned)strtoul(argv[2], NULL, 10) : 0;
	char line[64];

	if (count == 0 || count > CONNECTIONS_MAX)
		die("usage: flood SOCKET CONNECTIONS KIND AMOUNT");
	path = argv[1];
	build_message(argv[3], strtoul(argv[4], NULL, 10));
	pthread_barrier_init(&held, NULL, count + 1);
	pthread_barrier_init(&ended, NULL, count + 1);
	pthread_barrier_init(&leave, NULL, count + 1);
	for (unsigned i = 0; i < count; i++)
		if (pthread_create(&threads[i], NULL, run_sender, answers[i]) != 0)
			die("no thread");
	pthread_barrier_wait(&held);
	printf("held\n");
	fflush(stdout);
	if (fgets(line, sizeof line, stdin) == NULL)
		die("no line on standard input");
	pthread_barrier_wait(&held);
	pthread_barrier_wait(&ended);
	print_answers(count);
	if (fgets(line, sizeof line, stdin) == NULL)
		die("no line on standard input");
	pthread_barrier_wait(&leave);
	for (unsigned i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
	buf_free(&message);
	return 0;
}

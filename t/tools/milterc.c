/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * milterc: the MTA's side of the milter protocol (version 6), a step for each line of standard
 * input, so that a test can send exactly the bytes it means, however long they are.
 *
 *     milterc [--old] SOCKET          SOCKET: a path, or a port of 127.0.0.1
 *
 * Fields of a line are divided by HTAB; %XX stands for that byte.
 *
 *     macro  STAGE NAME VALUE ...     STAGE: C connect, H helo, M mail, R rcpt, E end of message
 *     connect NAME ADDRESS            ADDRESS "-": none that is TCP/IP
 *     helo NAME                       mail ADDRESS                    rcpt ADDRESS
 *     header NAME VALUE               VALUE as behind the colon, with its first blank
 *     eoh                             body DATA                       eom
 *     file PATH                       a whole message, from its header to its end
 *     body-file PATH [TIMES]          the bytes of a file as the body
 *     abort                           again: a new connection         echo TEXT
 *
 * Prints "STEP<TAB>REPLY[<TAB>TEXT]" for each step that is answered, and before the last answer to
 * eom, on a line each, what is to be changed: insert/change INDEX NAME VALUE, add NAME VALUE,
 * hold REASON. Bytes that are not printable, and '%', are printed as %XX.
 *
 * --old offers what an MTA of 2008 did: every step is sent and answered, values without their first
 * blank, no skipping.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include <libmilter/mfdef.h>

#include "lib/buf.h"
#include "lib/ip.h"
#include "lib/name.h"

enum { FIELDS_MAX = 64, CHUNK = 65535, STEPS_OLD = 0x7f, STEPS_NEW = 0x1fffff, ACTIONS = 0x1ff };

struct line {
	struct span field[FIELDS_MAX];
	unsigned count;
};

static struct {
	const char *socket;
	uint32_t offer, steps;
	int fd;
	bool skip; /* the filter wants no more of this body */
	struct buf packet, reply;
} mta = {.offer = STEPS_NEW, .fd = -1};

static _Noreturn void die(const char *what)
{
	fflush(stdout);
	fprintf(stderr, "milterc: %s\n", what);
	exit(1);
}

/* ---- packets ---- */

static void write_all(const char *data, size_t size)
{
	while (size > 0) {
		ssize_t n = send(mta.fd, data, size, MSG_NOSIGNAL);

		if (n <= 0)
			die("the filter has closed the connection");
		data += n;
		size -= (size_t)n;
	}
}

static void read_all(char *data, size_t size)
{
	while (size > 0) {
		ssize_t n = read(mta.fd, data, size);

		if (n <= 0)
			die("the filter has closed the connection without an answer");
		data += n;
		size -= (size_t)n;
	}
}

static void put32(struct buf *buf, uint32_t number)
{
	uint32_t wire = htonl(number);

	buf_add(buf, &wire, sizeof wire);
}

static uint32_t get32(const char *data)
{
	uint32_t wire;

	memcpy(&wire, data, sizeof wire);
	return ntohl(wire);
}

static struct buf *begin(char command)
{
	buf_clear(&mta.packet);
	put32(&mta.packet, 0);
	buf_char(&mta.packet, command);
	return &mta.packet;
}

static void add_text(struct span text)
{
	buf_span(&mta.packet, text);
	buf_char(&mta.packet, '\0');
}

static void send_packet(void)
{
	uint32_t size = htonl((uint32_t)mta.packet.len - 4);

	memcpy(mta.packet.data, &size, sizeof size);
	write_all(mta.packet.data, mta.packet.len);
}

/* The command; what comes with it is in *DATA, with a NUL behind it. */
static char receive(struct span *data)
{
	char head[5];
	size_t size;

	read_all(head, sizeof head);
	size = get32(head);
	if (size == 0 || size > 1 << 24)
		die("a packet of impossible size");
	buf_clear(&mta.reply);
	while (mta.reply.len < size - 1) {
		char part[4096];
		size_t n = size - 1 - mta.reply.len;

		n = n < sizeof part ? n : sizeof part;
		read_all(part, n);
		buf_add(&mta.reply, part, n);
	}
	data->p = buf_text(&mta.reply);
	data->end = data->p + mta.reply.len;
	return head[4];
}

/* ---- printing ---- */

static void print_field(struct span text)
{
	putchar('\t');
	for (const char *p = text.p; p < text.end; p++) {
		unsigned char c = (unsigned char)*p;

		if (c < ' ' || c > '~' || c == '%')
			printf("%%%02X", c);
		else
			putchar(c);
	}
}

/* Texts that each end with NUL */
static void print_fields(struct span data)
{
	while (data.p < data.end) {
		size_t length = strnlen(data.p, span_len(data));

		print_field(span_make(data.p, length));
		data.p += length + 1;
	}
	putchar('\n');
}

static const struct name_code replies[] = {
    {"accept", SMFIR_ACCEPT},     {"continue", SMFIR_CONTINUE},
    {"discard", SMFIR_DISCARD},   {"reject", SMFIR_REJECT},
    {"tempfail", SMFIR_TEMPFAIL}, {"skip", SMFIR_SKIP},
    {"reply", SMFIR_REPLYCODE},   {"insert", SMFIR_INSHEADER},
    {"change", SMFIR_CHGHEADER},  {"add", SMFIR_ADDHEADER},
    {"hold", SMFIR_QUARANTINE},   {"body", SMFIR_REPLBODY},
    {"failure", SMFIR_CONN_FAIL}, {NULL, 0},
};

static bool is_change(char reply)
{
	return strchr("imhqbe+-2", reply) != NULL;
}

static void print_change(char reply, struct span data)
{
	printf("%s", name_text(replies, reply));
	if ((reply == SMFIR_INSHEADER || reply == SMFIR_CHGHEADER) && span_len(data) >= 4) {
		printf("\t%u", (unsigned)get32(data.p));
		data.p += 4;
	}
	print_fields(data);
}

/* Prints what comes until the step STEP is answered. */
static void hear(const char *step)
{
	struct span data;
	char reply;

	for (;;) {
		reply = receive(&data);
		if (is_change(reply))
			print_change(reply, data);
		else if (reply != SMFIR_PROGRESS)
			break;
	}
	printf("%s\t%s", step, name_text(replies, reply));
	print_fields(data);
	mta.skip = reply == SMFIR_SKIP;
}

/* ---- steps ---- */

static int open_socket(void)
{
	struct sockaddr_un local = {.sun_family = AF_UNIX};
	struct sockaddr_in inet = {.sin_family = AF_INET,
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	bool is_local = mta.socket[0] == '/';
	int fd = socket(is_local ? AF_UNIX : AF_INET, SOCK_STREAM, 0), result;

	snprintf(local.sun_path, sizeof local.sun_path, "%s", mta.socket);
	inet.sin_port = htons((uint16_t)atoi(mta.socket));
	result = is_local ? connect(fd, (struct sockaddr *)&local, sizeof local)
			  : connect(fd, (struct sockaddr *)&inet, sizeof inet);
	if (result != 0)
		die("cannot connect");
	return fd;
}

static void connect_filter(void)
{
	struct span data;
	struct buf *out;

	mta.fd = open_socket();
	out = begin(SMFIC_OPTNEG);
	put32(out, 6);
	put32(out, ACTIONS);
	put32(out, mta.offer);
	send_packet();
	if (receive(&data) != SMFIC_OPTNEG || span_len(data) < 12)
		die("the filter does not negotiate");
	mta.steps = get32(data.p + 8);
}

/* Sends the packet of a step, unless the filter does without it (NOT_SENT), and hears the answer,
 * unless the filter gives none (NO_REPLY). */
static void step(const char *name, uint32_t not_sent, uint32_t no_reply)
{
	if ((mta.steps & not_sent) != 0)
		return;
	send_packet();
	if ((mta.steps & no_reply) == 0)
		hear(name);
}

static void do_macro(const struct line *line)
{
	begin(SMFIC_MACRO);
	if (line->count < 2 || span_len(line->field[1]) != 1)
		die("macro: which stage?");
	buf_char(&mta.packet, *line->field[1].p);
	for (unsigned i = 2; i < line->count; i++)
		add_text(line->field[i]);
	send_packet();
}

static void do_connect(const struct line *line)
{
	const uint8_t port[2] = {0x9c, 0x40};
	struct ip ip = {0};

	if (line->count > 2 && !span_eq(line->field[2], "-") && !ip_parse(line->field[2], &ip))
		die("connect: not an address");
	begin(SMFIC_CONNECT);
	add_text(line->field[1]);
	if (ip.family == 0) {
		buf_char(&mta.packet, SMFIA_UNKNOWN);
	} else {
		bool six = memchr(line->field[2].p, ':', span_len(line->field[2])) != NULL;

		buf_char(&mta.packet, six ? SMFIA_INET6 : SMFIA_INET);
		buf_add(&mta.packet, port, sizeof port);
		buf_string(&mta.packet, six ? "IPv6:" : ""); /* as MTAs write it */
		add_text(line->field[2]);
	}
	step("connect", SMFIP_NOCONNECT, SMFIP_NR_CONN);
}

static void do_helo(const struct line *line)
{
	begin(SMFIC_HELO);
	add_text(line->field[1]);
	step("helo", SMFIP_NOHELO, SMFIP_NR_HELO);
}

static void do_mail(const struct line *line)
{
	mta.skip = false;
	begin(SMFIC_MAIL);
	add_text(line->field[1]);
	step("mail", SMFIP_NOMAIL, SMFIP_NR_MAIL);
}

static void do_rcpt(const struct line *line)
{
	begin(SMFIC_RCPT);
	add_text(line->field[1]);
	step("rcpt", SMFIP_NORCPT, SMFIP_NR_RCPT);
}

static void put_header(struct span name, struct span value)
{
	if ((mta.steps & SMFIP_HDR_LEADSPC) == 0 && !span_empty(value) && *value.p == ' ')
		value.p++;
	begin(SMFIC_HEADER);
	add_text(name);
	add_text(value);
	step("header", SMFIP_NOHDRS, SMFIP_NR_HDR);
}

static void do_header(const struct line *line)
{
	put_header(line->field[1], line->count > 2 ? line->field[2] : span_of(""));
}

static void do_eoh(const struct line *line)
{
	(void)line;
	begin(SMFIC_EOH);
	step("eoh", SMFIP_NOEOH, SMFIP_NR_EOH);
}

static void put_body(struct span body)
{
	while (!span_empty(body) && !mta.skip) {
		size_t size = span_len(body) < CHUNK ? span_len(body) : CHUNK;

		begin(SMFIC_BODY);
		buf_add(&mta.packet, body.p, size);
		step("body", SMFIP_NOBODY, SMFIP_NR_BODY);
		body.p += size;
	}
}

static void do_body(const struct line *line)
{
	put_body(line->field[1]);
}

static void do_eom(const struct line *line)
{
	(void)line;
	begin(SMFIC_BODYEOB);
	step("eom", 0, 0);
}

static void do_abort(const struct line *line)
{
	(void)line;
	begin(SMFIC_ABORT);
	send_packet();
}

static void do_echo(const struct line *line)
{
	printf("%.*s\n", (int)span_len(line->field[1]), line->field[1].p);
}

static void hang_up(void)
{
	begin(SMFIC_QUIT);
	send_packet();
	close(mta.fd);
}

static void do_again(const struct line *line)
{
	(void)line;
	hang_up();
	connect_filter();
}

/* ---- whole messages ---- */

static void read_file(struct span path, struct buf *out)
{
	char name[4096], part[65536];
	size_t n;
	FILE *file;

	snprintf(name, sizeof name, "%.*s", (int)span_len(path), path.p);
	file = fopen(name, "rb");
	if (file == NULL)
		die("cannot read the file");
	while ((n = fread(part, 1, sizeof part, file)) > 0)
		buf_add(out, part, n);
	fclose(file);
}

static void do_body_file(const struct line *line)
{
	uint64_t times = 1;
	struct buf body;

	if (line->count > 2 && !span_number(line->field[2], 1 << 20, &times))
		die("body-file: how often?");
	buf_init(&body, NULL, 0);
	read_file(line->field[1], &body);
	while (times-- > 0)
		put_body(buf_view(&body));
	buf_free(&body);
}

/* The field at the front of REST: up to the line end that no blank follows, without CR. */
static bool take_header(struct span *rest, struct buf *field)
{
	buf_clear(field);
	if (span_empty(*rest) || *rest->p == '\r' || *rest->p == '\n')
		return false;
	while (!span_empty(*rest)) {
		char c = *rest->p++;

		if (c == '\n' && (span_empty(*rest) || !char_is_wsp((unsigned char)*rest->p)))
			return true;
		if (c != '\r' || span_empty(*rest) || *rest->p != '\n')
			buf_char(field, c);
	}
	return true;
}

/* Line ends may be LF or CRLF; the body is sent with CRLF. */
static void do_file(const struct line *line)
{
	struct buf all, part;
	struct span rest;
	char last = '\0';

	buf_init(&all, NULL, 0);
	buf_init(&part, NULL, 0);
	read_file(line->field[1], &all);
	rest = buf_view(&all);
	while (take_header(&rest, &part)) {
		struct span value = buf_view(&part), name;
		bool more = true;

		span_split(&value, &more, ':', &name);
		put_header(name, value);
	}
	do_eoh(line);
	buf_clear(&part);
	if (!span_empty(rest))
		rest.p += *rest.p == '\r' ? 2 : 1;
	for (; rest.p < rest.end; last = *rest.p++) {
		if (*rest.p == '\n' && last != '\r')
			buf_char(&part, '\r');
		buf_char(&part, *rest.p);
	}
	put_body(buf_view(&part));
	do_eom(line);
	buf_free(&all);
	buf_free(&part);
}

static const struct {
	const char *name;
	void (*run)(const struct line *line);
	unsigned fields; /* at least, with the name */
} commands[] = {
    {"macro", do_macro, 2}, {"connect", do_connect, 2}, {"helo", do_helo, 2},
    {"mail", do_mail, 2},   {"rcpt", do_rcpt, 2},       {"header", do_header, 2},
    {"eoh", do_eoh, 1},     {"body", do_body, 2},       {"body-file", do_body_file, 2},
    {"eom", do_eom, 1},     {"file", do_file, 2},       {"abort", do_abort, 1},
    {"again", do_again, 1}, {"echo", do_echo, 2},
};

/* In place: text behind %XX is never longer than before. */
static struct span unescape(char *field, char *end)
{
	char *out = field;

	for (char *p = field; p < end; p++) {
		if (*p == '%' && end - p > 2 && char_hex(p[1]) >= 0 && char_hex(p[2]) >= 0) {
			*out++ = (char)(char_hex(p[1]) << 4 | char_hex(p[2]));
			p += 2;
		} else {
			*out++ = *p;
		}
	}
	return (struct span){field, out};
}

static void run_line(char *text, size_t length)
{
	char *end = text + length, *field = text;
	struct line line = {.count = 0};

	while (field <= end && line.count < FIELDS_MAX) {
		char *tab = memchr(field, '\t', (size_t)(end - field));
		char *stop = tab != NULL ? tab : end;

		line.field[line.count++] = unescape(field, stop);
		field = stop + 1;
	}
	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
		if (!span_eq(line.field[0], commands[i].name))
			continue;
		if (line.count < commands[i].fields)
			die("a field is missing");
		commands[i].run(&line);
		return;
	}
	die("no such step");
}

int main(int argc, char **argv)
{
	bool old = argc == 3 && strcmp(argv[1], "--old") == 0;
	char *text = NULL;
	size_t room = 0;
	ssize_t length;

	if (argc != 2 && !old) {
		fputs("usage: milterc [--old] SOCKET\n", stderr);
		return 64;
	}
	mta.socket = argv[argc - 1];
	if (old)
		mta.offer = STEPS_OLD;
	buf_init(&mta.packet, NULL, 0);
	buf_init(&mta.reply, NULL, 0);
	connect_filter();
	while ((length = getline(&text, &room, stdin)) > 0) {
		length -= text[length - 1] == '\n';
		if (length > 0 && text[0] != '#')
			run_line(text, (size_t)length);
		fflush(stdout);
	}
	hang_up();
	free(text);
	buf_free(&mta.packet);
	buf_free(&mta.reply);
	return 0;
}

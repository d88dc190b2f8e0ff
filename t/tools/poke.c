/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What an MTA and a service manager do, in little, for t/process.sh:
 *
 *   poke once ADDRESS             connects, negotiates, says which
 *   poke many ADDRESS SECONDS     the same again and again; prints "N answered, N dropped, N
 * refused" poke hold ADDRESS             a message under way: up to MAIL, then waits for a line on
 * standard input, ends the message, prints its answer poke notify PATH              prints each
 * datagram that comes to the socket PATH, a line each
 *
 * ADDRESS is a path or a port of 127.0.0.1. "Dropped": connected, but closed without an answer.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum outcome { ANSWERED, DROPPED, REFUSED };

static int connect_to(const char *address)
{
	struct sockaddr_un local = {.sun_family = AF_UNIX};
	struct sockaddr_in inet = {.sin_family = AF_INET,
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	bool is_local = address[0] == '/';
	int fd = socket(is_local ? AF_UNIX : AF_INET, SOCK_STREAM, 0), connected;

	snprintf(local.sun_path, sizeof local.sun_path, "%s", address);
	inet.sin_port = htons((uint16_t)atoi(address));
	connected = is_local ? connect(fd, (struct sockaddr *)&local, sizeof local)
			     : connect(fd, (struct sockaddr *)&inet, sizeof inet);
	if (connected == 0)
		return fd;
	close(fd);
	return -1;
}

/* One packet of the milter protocol: length, command, data. */
static bool say(int fd, char command, const void *data, size_t len)
{
	char packet[512];
	uint32_t size = htonl((uint32_t)len + 1);

	memcpy(packet, &size, 4);
	packet[4] = command;
	memcpy(packet + 5, data, len);
	return send(fd, packet, len + 5, MSG_NOSIGNAL) == (ssize_t)len + 5;
}

static bool read_all(int fd, char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = read(fd, data, len);

		if (n <= 0)
			return false;
		data += n;
		len -= (size_t)n;
	}
	return true;
}

/* The command of the answer, or 0. */
static char hear(int fd)
{
	char data[4096];
	uint32_t size;

	if (!read_all(fd, (char *)&size, 4))
		return 0;
	size = ntohl(size);
	if (size == 0 || size > sizeof data || !read_all(fd, data, size))
		return 0;
	return data[0];
}

/* Offers every action, and to leave steps out, but not to do without answers. */
static bool negotiate(int fd)
{
	uint32_t options[3] = {htonl(6), htonl(0x1ff), htonl(0x100f7f)};

	return say(fd, 'O', options, sizeof options) && hear(fd) == 'O';
}

static enum outcome once(const char *address)
{
	int fd = connect_to(address);
	bool good;

	if (fd < 0)
		return REFUSED;
	good = negotiate(fd);
	say(fd, 'Q', "", 0);
	close(fd);
	return good ? ANSWERED : DROPPED;
}

static void many(const char *address, double seconds)
{
	struct timespec now, end;
	unsigned count[3] = {0};

	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += (time_t)seconds;
	do {
		count[once(address)]++;
		nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while (now.tv_sec < end.tv_sec ||
		 (now.tv_sec == end.tv_sec && now.tv_nsec < end.tv_nsec));
	printf("%u answered, %u dropped, %u refused\n", count[ANSWERED], count[DROPPED],
	       count[REFUSED]);
}

static const struct step {
	char command;
	const char *data;
	size_t len;
} begin[] =
    {
	{'D', "Cj\0mx.example.com", 18},
	{'C', "localhost\0004\0\031127.0.0.1", 23},
	{'H', "localhost", 10},
	{'M', "<a@example.com>", 16},
},
  finish[] = {
      {'R', "<b@example.net>", 16},
      {'L', "From\0a@example.com", 19},
      {'N', "", 0},
      {'B', "Hello\r\n", 7},
      {'E', "", 0},
};

/* The last answer, or 0 when the connection ended. */
static char go_through(int fd, const struct step *steps, unsigned count)
{
	char answer = 'c';

	for (unsigned i = 0; i < count; i++) {
		if (!say(fd, steps[i].command, steps[i].data, steps[i].len))
			return 0;
		if (steps[i].command == 'D')
			continue;
		do
			answer = hear(fd);
		while (steps[i].command == 'E' && answer != 0 && strchr("acrdty", answer) == NULL);
		if (answer == 0)
			return 0;
	}
	return answer;
}

static int hold(const char *address)
{
	int fd = connect_to(address);
	char line[8], answer;

	if (fd < 0 || !negotiate(fd) || (answer = go_through(fd, begin, 4)) == 0) {
		printf("no connection\n");
		return 1;
	}
	printf("under way: %c\n", answer);
	fflush(stdout);
	if (fgets(line, sizeof line, stdin) == NULL)
		return 1;
	answer = go_through(fd, finish, 5);
	printf("answer: %c\n", answer == 0 ? '-' : answer);
	close(fd);
	return 0;
}

static int listen_for_notes(const char *path)
{
	struct sockaddr_un local = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	char text[2048];
	ssize_t n;

	snprintf(local.sun_path, sizeof local.sun_path, "%s", path);
	if (bind(fd, (struct sockaddr *)&local, sizeof local) != 0)
		return 1;
	while ((n = recv(fd, text, sizeof text - 1, 0)) >= 0) {
		for (ssize_t i = 0; i < n; i++)
			putchar(text[i] == '\n' ? ' ' : text[i]);
		putchar('\n');
		fflush(stdout);
	}
	return 1;
}

int main(int argc, char **argv)
{
	static const char *const names[] = {"answered", "dropped", "refused"};
	enum outcome outcome;

	alarm(60);
	if (argc == 3 && strcmp(argv[1], "notify") == 0)
		return listen_for_notes(argv[2]);
	if (argc == 3 && strcmp(argv[1], "hold") == 0)
		return hold(argv[2]);
	if (argc == 4 && strcmp(argv[1], "many") == 0) {
		many(argv[2], atof(argv[3]));
		return 0;
	}
	if (argc == 3 && strcmp(argv[1], "touch") == 0)
		return close(connect_to(argv[2]));
	if (argc != 3 || strcmp(argv[1], "once") != 0)
		return 2;
	outcome = once(argv[2]);
	printf("%s\n", names[outcome]);
	return outcome != ANSWERED;
}

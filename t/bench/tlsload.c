/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Clients of the policy service, as Postfix's smtp processes are: each asks, waits for the answer
 * and asks again. tlsload SOCKET CLIENTS SECONDS FORMAT COUNT: keys are FORMAT with "%u" from 0 to
 * COUNT - 1. Prints answers a second and how long they took.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/clock.h"

enum { CLIENTS_MAX = 1024, TIMES_MAX = 8000000 };

struct client {
	int fd;
	int64_t asked;
	size_t got;
	char answer[65536];
};

static struct client clients[CLIENTS_MAX];
static float *times; /* microseconds */
static unsigned count, kinds[256], next_key;

static void fail_with(const char *what)
{
	fprintf(stderr, "tlsload: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void open_client(struct client *client, const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
	client->fd = socket(AF_UNIX, SOCK_STREAM, 0);
	if (client->fd < 0 || connect(client->fd, (struct sockaddr *)&address, sizeof address) != 0)
		fail_with(path);
}

static void ask_next(struct client *client, const char *prefix, const char *suffix, unsigned keys)
{
	char request[512], body[400];
	int length =
	    snprintf(body, sizeof body, "policy %s%u%s", prefix, next_key++ % keys, suffix);
	int all = snprintf(request, sizeof request, "%d:%s,", length, body);

	client->got = 0;
	client->asked = clock_mono();
	if (send(client->fd, request, (size_t)all, MSG_NOSIGNAL) != all)
		fail_with("send");
}

/* True: the answer is complete. */
static bool read_answer(struct client *client)
{
	ssize_t got = recv(client->fd, client->answer + client->got,
			   sizeof client->answer - client->got - 1, 0);
	const char *colon;

	if (got <= 0)
		fail_with("the connection was closed");
	client->got += (size_t)got;
	client->answer[client->got] = '\0';
	colon = strchr(client->answer, ':');
	if (colon == NULL || client->got < (size_t)(colon + 1 - client->answer) +
					       strtoul(client->answer, NULL, 10) + 1)
		return false;
	kinds[(unsigned char)colon[1]]++;
	if (count < TIMES_MAX)
		times[count] = (float)(clock_mono() - client->asked) / 1000;
	count++;
	return true;
}

static int compare_times(const void *a, const void *b)
{
	float x = *(const float *)a, y = *(const float *)b;

	return (x > y) - (x < y);
}

static void print_result(double seconds)
{
	unsigned n = count < TIMES_MAX ? count : TIMES_MAX;

	qsort(times, n, sizeof *times, compare_times);
	printf(
	    "%.0f answers/s (OK %u, NOTFOUND %u, TEMP %u); p50 %.3f ms, p99 %.3f ms, max %.3f ms\n",
	    count / seconds, kinds['O'], kinds['N'], kinds['T'], times[n / 2] / 1000.0,
	    times[n - 1 - n / 100] / 1000.0, times[n - 1] / 1000.0);
}

int main(int argc, char **argv)
{
	static struct pollfd polls[CLIENTS_MAX];
	unsigned clients_wanted = argc > 2 ? (unsigned)atoi(argv[2]) : 0;
	unsigned keys = argc > 5 ? (unsigned)atoi(argv[5]) : 0;
	char *suffix = argc > 4 ? strstr(argv[4], "%u") : NULL;
	int64_t start, end;

	if (suffix == NULL || clients_wanted == 0 || clients_wanted > CLIENTS_MAX || keys == 0) {
		fprintf(stderr, "usage: tlsload SOCKET CLIENTS SECONDS FORMAT COUNT\n");
		return 64;
	}
	*suffix = '\0';
	suffix += 2;
	times = malloc(TIMES_MAX * sizeof *times);
	if (times == NULL)
		abort();
	for (unsigned i = 0; i < clients_wanted; i++) {
		open_client(&clients[i], argv[1]);
		polls[i] = (struct pollfd){.fd = clients[i].fd, .events = POLLIN};
		ask_next(&clients[i], argv[4], suffix, keys);
	}
	start = clock_mono();
	end = start + (int64_t)(atof(argv[3]) * 1e9);
	while (clock_mono() < end) {
		if (poll(polls, clients_wanted, 1000) < 0)
			fail_with("poll");
		for (unsigned i = 0; i < clients_wanted; i++) {
			if (polls[i].revents != 0 && read_answer(&clients[i]))
				ask_next(&clients[i], argv[4], suffix, keys);
		}
	}
	if (count == 0)
		return 1;
	print_result((double)(clock_mono() - start) / 1e9);
	free(times);
	return 0;
}

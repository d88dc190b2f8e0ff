/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Stands between libpq and a server, and loses the connection at a chosen moment:
 *   cutter DIR PORT SERVER_SOCKET N [PID_FILE]
 * Listens on DIR/.s.PGSQL.PORT. The N-th packet, counted over both directions and all connections,
 * is not handed on: its connection is closed to both sides. With PID_FILE the process named there
 * is killed with SIGKILL before. Later connections are let through. The number of packets seen is
 * written to DIR/packets at SIGTERM. N 0: nothing is cut. The packet that ends a connection does
 * not count.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { PAIRS = 64 };

static int fds[2 * PAIRS]; /* the client's and the server's of each connection; -1: none */
static long packets, cut_at;
static const char *pid_file;
static volatile sig_atomic_t over;

static void on_term(int signal)
{
	(void)signal;
	over = 1;
}

static int make_socket(const char *path, struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	memset(address, 0, sizeof *address);
	address->sun_family = AF_UNIX;
	if (fd < 0 || strlen(path) >= sizeof address->sun_path)
		exit(1);
	strcpy(address->sun_path, path);
	return fd;
}

static void drop(int pair)
{
	for (int i = 0; i < 2; i++) {
		close(fds[2 * pair + i]);
		fds[2 * pair + i] = -1;
	}
}

static void take(int listener, const char *server)
{
	struct sockaddr_un address;
	int pair = 0, client = accept(listener, NULL, NULL);

	if (client < 0)
		return;
	while (pair < PAIRS - 1 && fds[2 * pair] >= 0)
		pair++;
	fds[2 * pair] = client;
	fds[2 * pair + 1] = make_socket(server, &address);
	if (connect(fds[2 * pair + 1], (struct sockaddr *)&address, sizeof address) != 0)
		drop(pair);
}

static void kill_named(void)
{
	FILE *file = pid_file == NULL ? NULL : fopen(pid_file, "r");
	long pid = 0;

	if (file == NULL)
		return;
	if (fscanf(file, "%ld", &pid) == 1 && pid > 1)
		kill((pid_t)pid, SIGKILL);
	fclose(file);
}

/* Who sends Terminate waits for nothing: it may have ended before it could be killed. */
static bool is_terminate(const char *data, ssize_t n)
{
	return n == 5 && data[0] == 'X';
}

static void hand_on(int from)
{
	static char data[65536];
	ssize_t n = read(fds[from], data, sizeof data), done = 0, sent = 0;

	if (n > 0 && !is_terminate(data, n) && ++packets == cut_at) {
		kill_named();
		n = 0;
	}
	while (done < n && sent >= 0) {
		sent = send(fds[from ^ 1], data + done, (size_t)(n - done), MSG_NOSIGNAL);
		done += sent;
	}
	if (n <= 0 || sent < 0)
		drop(from / 2);
}

static void serve(int listener, const char *server)
{
	struct pollfd polls[2 * PAIRS + 1];

	polls[0] = (struct pollfd){.fd = listener, .events = POLLIN};
	for (int i = 0; i < 2 * PAIRS; i++)
		polls[i + 1] = (struct pollfd){.fd = fds[i], .events = POLLIN};
	if (poll(polls, 2 * PAIRS + 1, 100) <= 0)
		return;
	for (int i = 0; i < 2 * PAIRS; i++)
		if (fds[i] >= 0 && polls[i + 1].fd == fds[i] && polls[i + 1].revents != 0)
			hand_on(i);
	if (polls[0].revents != 0)
		take(listener, server);
}

int main(int argc, char **argv)
{
	struct sigaction action = {.sa_handler = on_term};
	struct sockaddr_un address;
	char path[200];
	FILE *file;
	int listener;

	if (argc < 5)
		return 64;
	cut_at = atol(argv[4]);
	pid_file = argc > 5 ? argv[5] : NULL;
	memset(fds, -1, sizeof fds);
	sigaction(SIGTERM, &action, NULL);
	snprintf(path, sizeof path, "%s/.s.PGSQL.%s", argv[1], argv[2]);
	unlink(path);
	listener = make_socket(path, &address);
	if (bind(listener, (struct sockaddr *)&address, sizeof address) != 0 ||
	    listen(listener, 16) != 0)
		return 1;
	while (!over)
		serve(listener, argv[3]);
	snprintf(path, sizeof path, "%s/packets", argv[1]);
	file = fopen(path, "w");
	if (file == NULL)
		return 1;
	fprintf(file, "%ld\n", packets);
	return fclose(file) == 0 ? 0 : 1;
}

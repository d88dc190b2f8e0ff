/* SPDX-License-Identifier: BSD-2-Clause */
/* milter/protocol/socket.c: the recipe for local sockets, and what it must not replace. */
#include "milter/protocol/socket.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "t/lib/tap.h"

static const char *directory;
static char path[100], address[sizeof path + 8];

static int connect_to(const char *where)
{
	struct sockaddr_un local = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0), result;

	snprintf(local.sun_path, sizeof local.sun_path, "%s", where);
	result = connect(fd, (struct sockaddr *)&local, sizeof local);
	close(fd);
	return result;
}

static unsigned files_in_directory(void)
{
	char command[100];
	unsigned count = 99;
	FILE *out;

	snprintf(command, sizeof command, "ls -A %s | wc -l", directory);
	out = popen(command, "r");
	if (fscanf(out, "%u", &count) != 1)
		count = 99;
	pclose(out);
	return count;
}

static void test_open(void)
{
	static const mode_t modes[] = {0660, 0600, 0666};
	struct socket_listener listener;
	struct why why = {""};
	struct stat st;

	for (unsigned i = 0; i < 3; i++) {
		mode_t before = umask(0077);

		ok(socket_open(&listener, address, modes[i], &why) == 0, "opened: %s", why.text);
		umask(before);
		ok(lstat(path, &st) == 0 && S_ISSOCK(st.st_mode), "it is there");
		is_int(st.st_mode & 07777, modes[i], "with its mode, whatever the umask");
		is_int(connect_to(path), 0, "and answers");
		is_text(listener.name, address, "its name");
		is_int(files_in_directory(), 1, "nothing else is left");
		is_int(socket_set_mode(&listener, 0640, &why), 0, "another mode");
		ok(lstat(path, &st) == 0 && (st.st_mode & 07777) == 0640, "is set");
		socket_remove(&listener);
		ok(lstat(path, &st) != 0 && errno == ENOENT, "removed");
		socket_close(&listener);
	}
}

static void test_stale(void)
{
	struct socket_listener dead, next;
	struct why why = {""};
	struct stat before, after;

	ok(socket_open(&dead, address, 0660, &why) == 0, "a daemon: %s", why.text);
	ok(lstat(path, &before) == 0, "has a socket");
	socket_close(&dead); /* dies: its socket stays */
	is_int(connect_to(path), -1, "that answers no longer");
	ok(socket_open(&next, address, 0660, &why) == 0, "the next one takes it: %s", why.text);
	ok(lstat(path, &after) == 0 && before.st_ino != after.st_ino, "by another socket");
	is_int(connect_to(path), 0, "that answers");
	socket_remove(&next);
	socket_close(&next);
}

static void test_in_the_way(void)
{
	struct socket_listener first, second;
	struct why why = {""};
	FILE *file = fopen(path, "w");

	fclose(file);
	is_int(socket_open(&second, address, 0660, &why), -1, "a file in the way");
	ok(strstr(why.text, "is not a socket") != NULL, "is said: %s", why.text);
	ok(access(path, F_OK) == 0, "and stays");
	unlink(path);

	ok(socket_open(&first, address, 0660, &why) == 0, "a living daemon");
	is_int(socket_open(&second, address, 0660, &why), -1, "is not replaced");
	ok(strstr(why.text, "another daemon answers on") != NULL, "and this is said: %s", why.text);
	is_int(connect_to(path), 0, "it goes on");

	unlink(path); /* somebody else's now */
	ok(socket_open(&second, address, 0660, &why) == 0, "a successor: %s", why.text);
	socket_remove(&first);
	is_int(connect_to(path), 0, "is not removed by its predecessor");
	is_int(socket_set_mode(&first, 0600, &why), 0, "nor touched");
	socket_close(&first);
	socket_remove(&second);
	socket_close(&second);
	is_int(files_in_directory(), 0, "all is clean");
}

static void test_bad(void)
{
	static const struct {
		const char *address, *says;
	} cases[] = {
	    {"local:relative.sock", "begins with \"/\""},
	    {"local:", "begins with \"/\""},
	    {"local:/", "needs a file name"},
	    {"local:/tmp/", "needs a file name"},
	    {"local:/nonexistent-directory/a.sock", "directory /nonexistent-directory"},
	    {"local:/dev/null/a.sock", "is not a directory"},
	    {"local:/tmp/0123456789012345678901234567890123456789012345678901234567890123456789"
	     "0123456789012345678901234567890123456789",
	     "has at most"},
	    {"/tmp/x.sock", "is not a valid socket"},
	    {"inet:", "not a valid port"},
	    {"inet:milter@127.0.0.1", "not a valid port"},
	    {"inet:65536@127.0.0.1", "not a valid port"},
	    {"inet:-1", "not a valid port"},
	    {"inet:0@", "the host after"},
	    {"inet:0@[]", "only an address"},
	    {"inet:0@192.0.2.1", "192.0.2.1"},
	    {"inet:::1:8891", "not a valid port"},
	    {"inet:[::1]", "not a valid port"},
	    {"inet:127.0.0.1:milter", "\"milter\" is not a valid port"},
	    {"inet::8891", "the host after"},
	    {"inet6:0@127.0.0.1", "127.0.0.1"},
	};

	for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct socket_listener listener;
		struct why why = {""};

		is_int(socket_open(&listener, cases[i].address, 0660, &why), -1, "%s",
		       cases[i].address);
		ok(strstr(why.text, cases[i].says) != NULL, "says: %s", why.text);
	}
}

static void test_inet(void)
{
	struct socket_listener first, second;
	struct sockaddr_in bound;
	socklen_t len = sizeof bound;
	struct why why = {""};
	char want[64];

	ok(socket_open(&first, "inet:0@127.0.0.1", 0660, &why) == 0, "a port: %s", why.text);
	is_int(getsockname(first.fd, (struct sockaddr *)&bound, &len), 0, "it is bound");
	is_int(bound.sin_addr.s_addr, htonl(INADDR_LOOPBACK), "to the address");
	snprintf(want, sizeof want, "inet:%u@127.0.0.1", ntohs(bound.sin_port));
	is_text(first.name, want, "its name has the port");
	is_int(socket_open(&second, want, 0660, &why), -1, "it cannot be had twice");
	ok(strstr(why.text, "another daemon listens there") != NULL, "says: %s", why.text);
	socket_remove(&first);
	socket_close(&first);
	ok(socket_open(&second, want, 0660, &why) == 0, "free again: %s", why.text);
	socket_close(&second);
	ok(socket_open(&first, "inet:0@[127.0.0.1]", 0660, &why) == 0, "brackets: %s", why.text);
	socket_close(&first);
	ok(socket_open(&first, "inet:0", 0660, &why) == 0, "every address: %s", why.text);
	socket_close(&first);
}

/* Sendmail's and Postfix's spellings, each with both schemes. */
static void test_inet6(void)
{
	static const char *const addresses[] = {"inet:0@[::1]",  "inet6:0@[::1]", "inet:[::1]:0",
						"inet6:[::1]:0", "inet:0@::1",    "inet6:0@::1"};
	const struct sockaddr_in6 loopback = {.sin6_family = AF_INET6,
					      .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	struct socket_listener listener;
	struct why why = {""};
	int fd = socket(AF_INET6, SOCK_STREAM, 0);
	bool there = fd >= 0 && bind(fd, (const struct sockaddr *)&loopback, sizeof loopback) == 0;

	if (fd >= 0)
		close(fd);
	if (!there)
		tap_note("SKIP: this host has no ::1");
	for (unsigned i = 0; i < sizeof addresses / sizeof addresses[0] && there; i++) {
		ok(socket_open(&listener, addresses[i], 0660, &why) == 0, "%s: %s", addresses[i],
		   why.text);
		ok(strncmp(listener.name, "inet6:", 6) == 0 &&
		       strstr(listener.name, "@::1") != NULL,
		   "is %s", listener.name);
		socket_close(&listener);
	}
	ok(socket_open(&listener, "inet:127.0.0.1:0", 0660, &why) == 0, "Postfix's IPv4: %s",
	   why.text);
	socket_close(&listener);
}

int main(void)
{
	directory = tap_directory();
	snprintf(path, sizeof path, "%s/m.sock", directory);
	snprintf(address, sizeof address, "local:%s", path);
	test_open();
	test_stale();
	test_in_the_way();
	test_bad();
	test_inet();
	test_inet6();
	return tap_done();
}

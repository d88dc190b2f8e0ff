/* SPDX-License-Identifier: BSD-2-Clause */
/* daemon/notify.c: where datagrams go, and when none do. */
#include "daemon/notify.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "t/lib/tap.h"

static int listen_on(const char *name)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t len = strlen(name);
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	memcpy(address.sun_path, name, len);
	if (name[0] == '@')
		address.sun_path[0] = '\0';
	if (bind(fd, (struct sockaddr *)&address,
		 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) != 0)
		return -1;
	return fd;
}

static const char *read_datagram(int fd)
{
	static char text[2048];
	ssize_t n = recv(fd, text, sizeof text - 1, MSG_DONTWAIT);

	text[n < 0 ? 0 : n] = '\0';
	return text;
}

static void test_send(const char *name)
{
	int fd = listen_on(name);
	char longer[2000];

	if (fd < 0) {
		tap_note("%s cannot be had here", name);
		return;
	}
	setenv("NOTIFY_SOCKET", name, 1);
	notify_send("READY=1\nSTATUS=%s", "fine");
	is_text(read_datagram(fd), "READY=1\nSTATUS=fine", "%s", name);
	memset(longer, 'x', sizeof longer);
	longer[sizeof longer - 1] = '\0';
	notify_send("STATUS=%s", longer);
	is_int(strlen(read_datagram(fd)), 1023, "a long text is cut");
	unsetenv("NOTIFY_SOCKET");
	notify_send("READY=1");
	is_text(read_datagram(fd), "", "nothing without the variable");
	close(fd);
}

static void test_nowhere(void)
{
	static const char *const names[] = {
	    "",
	    "/",
	    "@",
	    "relative",
	    "/nonexistent/socket",
	    ("/0123456789012345678901234567890123456789012345678901"
	     "23456789012345678901234567890123456789012345678901234")};

	for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++) {
		setenv("NOTIFY_SOCKET", names[i], 1);
		notify_send("READY=1");
		ok(true, "\"%s\" does no harm", names[i]);
	}
	unsetenv("NOTIFY_SOCKET");
}

static void test_watchdog(void)
{
	char mine[32];
	const struct {
		const char *usec, *pid;
		int64_t want;
	} cases[] = {
	    {NULL, NULL, 0},         {"60000000", NULL, INT64_C(60000000000)},
	    {"0", NULL, 0},          {"1s", NULL, 0},
	    {"-1", NULL, 0},         {"99999999999999999999", NULL, 0},
	    {"1000", mine, 1000000}, {"1000", "1", 0},
	    {"1000", "", 0},
	};

	snprintf(mine, sizeof mine, "%ld", (long)getpid());
	for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		unsetenv("WATCHDOG_USEC");
		unsetenv("WATCHDOG_PID");
		if (cases[i].usec != NULL)
			setenv("WATCHDOG_USEC", cases[i].usec, 1);
		if (cases[i].pid != NULL)
			setenv("WATCHDOG_PID", cases[i].pid, 1);
		is_int(notify_watchdog(), cases[i].want, "every %s for %s",
		       cases[i].usec ? cases[i].usec : "-", cases[i].pid ? cases[i].pid : "-");
	}
}

int main(void)
{
	char path[100], name[64];

	snprintf(path, sizeof path, "%s/notify", tap_directory());
	snprintf(name, sizeof name, "@countersign-notify.%ld", (long)getpid());
	test_send(path);
	test_send(name);
	test_nowhere();
	test_watchdog();
	return tap_done();
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The protocol is stable and a datagram long, so no library is needed for it. A name that begins
 * with @ is in Linux's abstract namespace: its first byte is 0 and its length counts.
 */
#include "daemon/notify.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/span.h"

static void send_to(const char *name, const char *text, size_t len)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t name_len = strlen(name);
	int fd;

	if (name_len < 2 || name_len >= sizeof address.sun_path)
		return;
	memcpy(address.sun_path, name, name_len);
	if (name[0] == '@')
		address.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	if (fd < 0)
		return;
	sendto(fd, text, len, MSG_NOSIGNAL | MSG_DONTWAIT, (const struct sockaddr *)&address,
	       (socklen_t)(offsetof(struct sockaddr_un, sun_path) + name_len));
	close(fd);
}

void notify_send(const char *format, ...)
{
	const char *name = getenv("NOTIFY_SOCKET");
	char text[1024];
	va_list ap;

	if (name == NULL || (name[0] != '/' && name[0] != '@'))
		return;
	va_start(ap, format);
	vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	send_to(name, text, strlen(text));
}

int64_t notify_watchdog(void)
{
	const char *every = getenv("WATCHDOG_USEC"), *whose = getenv("WATCHDOG_PID");
	uint64_t usec, pid;

	if (every == NULL || !span_number(span_of(every), INT64_MAX / 1000, &usec))
		return 0;
	if (whose != NULL &&
	    (!span_number(span_of(whose), INT32_MAX, &pid) || (pid_t)pid != getpid()))
		return 0;
	return (int64_t)usec * 1000;
}

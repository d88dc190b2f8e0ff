/* SPDX-License-Identifier: BSD-2-Clause */
#include "dns/probe.h"

#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dns/wire.h"
#include "lib/clock.h"

enum { HEADER = 12, QTYPE_AND_CLASS = 4, REPLY_MAX = 512, TARGETS_MAX = 16 };

/* RFC 6761 section 6.4: the name does not exist, whoever is asked. */
static const char probe_name[] = "cASe.CoUnTeRsIgN.iNvALId";

struct target {
	int fd; /* -1: not asked, or done with */
	size_t length;
	uint8_t question[HEADER + WIRE_NAME_MAX + QTYPE_AND_CLASS];
};

static bool is_same_but_for_case(const uint8_t *a, const uint8_t *b, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		if (char_lower(a[i]) != char_lower(b[i]))
			return false;
	}
	return true;
}

/* RFC 1035 section 4.1.1: the identity, then QR, then how many questions come back. */
enum probe_finding probe_judge(const uint8_t *question, size_t length, const uint8_t *reply,
			       size_t size)
{
	if (length < HEADER || size < length || memcmp(question, reply, 2) != 0 ||
	    (reply[2] & 0x80) == 0 || reply[4] != 0 || reply[5] != 1)
		return PROBE_FOREIGN;
	if (memcmp(question + HEADER, reply + HEADER, length - HEADER) == 0)
		return PROBE_KEPT;
	if (is_same_but_for_case(question + HEADER, reply + HEADER, length - HEADER))
		return PROBE_CHANGED;
	return PROBE_FOREIGN;
}

/* A with recursion desired; the identity is random, as the port is that the system chooses. */
static bool make_question(struct target *target)
{
	static const uint8_t rest[HEADER - 2] = {1, 0, 0, 1};
	static const uint8_t type_and_class[QTYPE_AND_CLASS] = {0, 1, 0, 1};
	uint8_t *p = target->question;

	if (getrandom(p, 2, 0) != 2)
		return false;
	memcpy(p + 2, rest, sizeof rest);
	p += HEADER;
	p += wire_name_make(probe_name, strlen(probe_name), p);
	memcpy(p, type_and_class, sizeof type_and_class);
	target->length = (size_t)(p - target->question) + sizeof type_and_class;
	return true;
}

/* SERVER is "address", "address%scope", either with "@port". Returns a connected socket or -1. */
static int connect_server(struct span server)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_DGRAM,
				       .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
	char text[128], *at;
	struct addrinfo *address;
	int fd;

	snprintf(text, sizeof text, "%.*s", (int)span_len(server), server.p);
	at = strchr(text, '@');
	if (at != NULL)
		*at++ = '\0';
	if (getaddrinfo(text, at != NULL ? at : "53", &hints, &address) != 0)
		return -1;
	fd = socket(address->ai_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd != -1 && connect(fd, address->ai_addr, address->ai_addrlen) == -1) {
		close(fd);
		fd = -1;
	}
	freeaddrinfo(address);
	return fd;
}

static unsigned ask_servers(const struct forward_servers *servers, struct target *targets)
{
	struct span rest = buf_view(&servers->text), server;
	unsigned count = 0;
	bool more = true;

	while (count < TARGETS_MAX && span_split(&rest, &more, ',', &server)) {
		struct target *target = &targets[count];

		if (!make_question(target))
			break;
		target->fd = connect_server(span_trim(server));
		if (target->fd == -1)
			continue;
		(void)send(target->fd, target->question, target->length, 0);
		count++;
	}
	return count;
}

/* Takes what has come for TARGET; it is done with after an answer, and after an error (nobody
 * listens there). */
static enum probe_finding read_target(struct target *target)
{
	uint8_t reply[REPLY_MAX];
	ssize_t size = recv(target->fd, reply, sizeof reply, 0);
	enum probe_finding finding = PROBE_FOREIGN;

	if (size >= 0)
		finding = probe_judge(target->question, target->length, reply, (size_t)size);
	if (size == -1 || finding != PROBE_FOREIGN) {
		close(target->fd);
		target->fd = -1;
	}
	return finding;
}

/* Waits until one of TARGETS can be read. False: the time is over, or all have answered. */
static bool wait_targets(const struct target *targets, unsigned count, int64_t deadline,
			 struct pollfd *polls)
{
	int64_t left = deadline - clock_mono();
	unsigned waiting = 0;

	for (unsigned i = 0; i < count; i++) {
		polls[i] = (struct pollfd){.fd = targets[i].fd, .events = POLLIN};
		waiting += targets[i].fd != -1;
	}
	return waiting > 0 && left > 0 && poll(polls, count, (int)(left / CLOCK_MS) + 1) > 0;
}

/* Asks every server, and reads what they answer until one IS_FOUND. */
static bool probe_finds(const struct forward_servers *servers, bool (*is_found)(enum probe_finding),
			int64_t patience)
{
	int64_t deadline = clock_mono() + patience;
	struct target targets[TARGETS_MAX];
	struct pollfd polls[TARGETS_MAX];
	unsigned count = ask_servers(servers, targets);
	bool found = false;

	while (!found && wait_targets(targets, count, deadline, polls)) {
		for (unsigned i = 0; i < count; i++) {
			if (polls[i].revents != 0 && is_found(read_target(&targets[i])))
				found = true;
		}
	}
	for (unsigned i = 0; i < count; i++) {
		if (targets[i].fd != -1)
			close(targets[i].fd);
	}
	return found;
}

static bool is_changed(enum probe_finding finding)
{
	return finding == PROBE_CHANGED;
}

static bool is_answer(enum probe_finding finding)
{
	return finding != PROBE_FOREIGN;
}

bool probe_keeps_case(const struct forward_servers *servers)
{
	return !probe_finds(servers, is_changed, PROBE_MS * CLOCK_MS);
}

bool probe_is_answered(const struct forward_servers *servers)
{
	return probe_finds(servers, is_answer, REACH_MS * CLOCK_MS);
}

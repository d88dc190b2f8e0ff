/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dnsd: a small authoritative DNS server for tests and demonstrations, UDP and TCP on one port.
 *
 *     dnsd [options] ZONE
 *
 * One thread and one poll loop. Replies that are delayed wait in a queue, each for its own time, so
 * that a delay is what a distant server would cost, not what a slow one would. SIGHUP reads the
 * zone again (a file with a fault leaves the old one in service), SIGTERM ends. The form of the
 * zone's file is in dnsd_zone.h.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/clock.h"
#include "lib/ip.h"
#include "lib/name.h"
#include "t/tools/dnsd_reply.h"
#include "t/tools/dnsd_zone.h"

enum { CONNECTIONS_MAX = 256, TCP_QUERY_MAX = 4096, UDP_DEFAULT_SIZE = 512, PORT_TRIES = 50 };

static const char usage[] =
    "usage: dnsd [options] ZONE\n"
    "  --address IP        listen there (127.0.0.1)\n"
    "  --port N            0 takes a free one (0)\n"
    "  --port-file FILE    write the port into FILE when it is ready\n"
    "  --negative-ttl SEC  of the root's SOA (60)\n"
    "  --delay MS          every answer comes so much later\n"
    "  --drop NAME         never answer questions for NAME; here and below * is any name\n"
    "  --servfail NAME     answer SERVFAIL\n"
    "  --refuse NAME       answer REFUSED\n"
    "  --truncate NAME     over UDP say that the answer does not fit\n"
    "  --lower NAME        give the question back in lower case\n"
    "  --raw-log FILE      a line for each question: the name in the letters it came in\n"
    "  --log FILE          a line for each question: seconds, udp or tcp, name, type, outcome\n";

struct fault {
	struct fault *next;
	enum reply_fault kind;
	const char *name;
};

struct connection {
	int fd; /* -1: free */
	size_t have;
	uint8_t query[2 + TCP_QUERY_MAX];
	struct buf out;
};

struct pending {
	struct pending *next;
	int64_t due;
	struct connection *connection; /* NULL: UDP */
	struct sockaddr_storage to;
	socklen_t to_length;
	size_t length;
	uint8_t data[];
};

static struct {
	const char *zone_path, *port_file, *log_path, *raw_path, *address;
	uint64_t port, negative_ttl, delay;
	struct fault *faults;
	struct zone *zone;
	FILE *log, *raw;
	int udp, tcp;
	struct connection connections[CONNECTIONS_MAX];
	struct pending *first;
} server = {.address = "127.0.0.1", .negative_ttl = 60, .udp = -1, .tcp = -1};

static volatile sig_atomic_t reload, stop;

static int fail(const char *what)
{
	fprintf(stderr, "dnsd: %s: %s\n", what, strerror(errno));
	return -1;
}

/* ---- sending, now or later ---- */

static void close_connection(struct connection *connection)
{
	for (struct pending *pending = server.first; pending != NULL; pending = pending->next) {
		if (pending->connection == connection)
			pending->length = 0;
	}
	close(connection->fd);
	connection->fd = -1;
	connection->have = 0;
	buf_free(&connection->out);
}

static void flush_connection(struct connection *connection)
{
	struct span out = buf_view(&connection->out);
	ssize_t sent = send(connection->fd, out.p, span_len(out), MSG_NOSIGNAL);

	if (sent == -1 && errno != EAGAIN && errno != EINTR) {
		close_connection(connection);
	} else if (sent > 0) {
		memmove(connection->out.data, connection->out.data + sent,
			span_len(out) - (size_t)sent);
		connection->out.len -= (size_t)sent;
	}
}

static void send_reply(const struct pending *pending)
{
	const uint8_t length[2] = {(uint8_t)(pending->length >> 8), (uint8_t)pending->length};

	if (pending->length == 0)
		return;
	if (pending->connection == NULL) {
		(void)sendto(server.udp, pending->data, pending->length, 0,
			     (const struct sockaddr *)&pending->to, pending->to_length);
		return;
	}
	buf_add(&pending->connection->out, length, sizeof length);
	buf_add(&pending->connection->out, pending->data, pending->length);
	flush_connection(pending->connection);
}

static void send_due(void)
{
	while (server.first != NULL && server.first->due <= clock_mono()) {
		struct pending *pending = server.first;

		server.first = pending->next;
		send_reply(pending);
		free(pending);
	}
}

/* In the order in which they are due. */
static struct pending *pending_new(const struct reply *reply, int64_t arrived, uint32_t delay)
{
	struct pending *pending = calloc(1, sizeof *pending + reply->length);
	struct pending **link = &server.first;

	if (pending == NULL)
		abort();
	pending->due = arrived + (int64_t)(server.delay + delay) * CLOCK_MS;
	pending->length = reply->length;
	memcpy(pending->data, reply->data, reply->length);
	while (*link != NULL && (*link)->due <= pending->due)
		link = &(*link)->next;
	pending->next = *link;
	*link = pending;
	return pending;
}

/* ---- answering ---- */

static enum reply_fault fault_of(const struct reply_query *query, bool tcp, uint32_t *delay)
{
	enum reply_fault in_zone;

	*delay = 0;
	for (const struct fault *fault = server.faults; fault != NULL; fault = fault->next) {
		if ((strcmp(fault->name, "*") == 0 || strcmp(fault->name, query->name) == 0) &&
		    !(tcp && fault->kind == REPLY_TRUNCATE))
			return fault->kind;
	}
	in_zone = zone_fault(server.zone, query->name, query->type, delay);
	if (in_zone == REPLY_NO_TCP)
		return tcp ? REPLY_DROP : REPLY_TRUNCATE;
	return tcp && in_zone == REPLY_TRUNCATE ? REPLY_GOOD : in_zone;
}

static void log_query(const struct reply_query *query, int64_t arrived, bool tcp,
		      const char *outcome)
{
	char room[12];

	if (server.log == NULL)
		return;
	fprintf(server.log, "%lld.%06lld %s %s %s %s\n", (long long)(arrived / CLOCK_SECOND),
		(long long)(arrived % CLOCK_SECOND / 1000), tcp ? "tcp" : "udp",
		query->name[0] == '\0' ? "." : query->name, reply_type_text(query->type, room),
		outcome);
}

/* The query has a whole name. */
static void log_raw(const uint8_t *data, const struct reply_query *query)
{
	const uint8_t *label = data + REPLY_HEADER;

	if (server.raw == NULL || query->name[0] == '\0')
		return;
	for (; *label != 0; label += 1 + *label)
		fprintf(server.raw, "%s%.*s", label == data + REPLY_HEADER ? "" : ".", *label,
			(const char *)label + 1);
	fputc('\n', server.raw);
}

static size_t udp_size(const struct reply_query *query)
{
	if (!query->edns || query->edns_size < UDP_DEFAULT_SIZE)
		return UDP_DEFAULT_SIZE;
	return query->edns_size < REPLY_EDNS_SIZE ? query->edns_size : REPLY_EDNS_SIZE;
}

/* The reply, queued, or NULL when there is none. */
static struct pending *answer(const uint8_t *data, size_t size, bool tcp)
{
	static struct reply reply;
	int64_t arrived = clock_mono();
	struct reply_query query;
	enum reply_fault fault;
	unsigned rcode;
	uint32_t delay;

	if (!reply_read(data, size, &query, &rcode))
		return NULL;
	log_raw(data, &query);
	fault = fault_of(&query, tcp, &delay);
	if (fault == REPLY_DROP) {
		log_query(&query, arrived, tcp, "dropped");
		return NULL;
	}
	reply_make(server.zone, data, &query, rcode, fault, tcp ? REPLY_MAX : udp_size(&query),
		   &reply);
	log_query(&query, arrived, tcp, reply.truncated ? "TC" : reply_rcode_text(reply.rcode));
	return pending_new(&reply, arrived, delay);
}

static void read_udp(void)
{
	uint8_t data[TCP_QUERY_MAX];
	struct sockaddr_storage from;
	struct pending *pending;

	for (;;) {
		socklen_t length = sizeof from;
		ssize_t size =
		    recvfrom(server.udp, data, sizeof data, 0, (struct sockaddr *)&from, &length);

		if (size == -1)
			return;
		pending = answer(data, (size_t)size, false);
		if (pending != NULL) {
			pending->to = from;
			pending->to_length = length;
		}
	}
}

/* Answers the whole queries that are there. False: what came is not a query. */
static bool take_queries(struct connection *connection)
{
	while (connection->have >= 2) {
		size_t size = (size_t)connection->query[0] << 8 | connection->query[1];
		struct pending *pending;

		if (size > TCP_QUERY_MAX)
			return false;
		if (connection->have < 2 + size)
			return true;
		pending = answer(connection->query + 2, size, true);
		if (pending != NULL)
			pending->connection = connection;
		connection->have -= 2 + size;
		memmove(connection->query, connection->query + 2 + size, connection->have);
	}
	return true;
}

static void read_connection(struct connection *connection)
{
	ssize_t size = recv(connection->fd, connection->query + connection->have,
			    sizeof connection->query - connection->have, 0);

	if (size == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	if (size > 0) {
		connection->have += (size_t)size;
		if (take_queries(connection))
			return;
	}
	close_connection(connection);
}

static void accept_connection(void)
{
	int fd = accept(server.tcp, NULL, NULL);

	if (fd == -1)
		return;
	for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
		if (server.connections[i].fd != -1)
			continue;
		fcntl(fd, F_SETFL, O_NONBLOCK);
		server.connections[i].fd = fd;
		return;
	}
	close(fd);
}

/* ---- the loop ---- */

static int load_zone(void)
{
	struct why why;
	struct zone *zone = zone_load(server.zone_path, (uint32_t)server.negative_ttl, &why);

	if (zone == NULL) {
		fprintf(stderr, "dnsd: %s\n", why.text);
		return -1;
	}
	zone_free(server.zone);
	server.zone = zone;
	return 0;
}

static nfds_t fill_poll(struct pollfd *polls, struct connection **who)
{
	nfds_t count = 0;

	polls[count++] = (struct pollfd){.fd = server.udp, .events = POLLIN};
	polls[count++] = (struct pollfd){.fd = server.tcp, .events = POLLIN};
	for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
		struct connection *connection = &server.connections[i];

		if (connection->fd == -1)
			continue;
		who[count] = connection;
		polls[count].fd = connection->fd;
		polls[count].events = POLLIN;
		if (connection->out.len > 0)
			polls[count].events |= POLLOUT;
		count++;
	}
	return count;
}

static void wait_for_work(const sigset_t *during)
{
	static struct pollfd polls[CONNECTIONS_MAX + 2];
	static struct connection *who[CONNECTIONS_MAX + 2];
	nfds_t count = fill_poll(polls, who);
	struct timespec wait = {0};

	if (server.first != NULL) {
		int64_t left = server.first->due - clock_mono();

		if (left > 0) {
			wait.tv_sec = left / CLOCK_SECOND;
			wait.tv_nsec = left % CLOCK_SECOND;
		}
	}
	if (ppoll(polls, count, server.first != NULL ? &wait : NULL, during) <= 0)
		return;
	for (nfds_t i = 2; i < count; i++) {
		if ((polls[i].revents & POLLOUT) != 0)
			flush_connection(who[i]);
		if ((polls[i].revents & (POLLIN | POLLHUP | POLLERR)) != 0 && who[i]->fd != -1)
			read_connection(who[i]);
	}
	if (polls[0].revents != 0)
		read_udp();
	if (polls[1].revents != 0)
		accept_connection();
}

static void serve(const sigset_t *during)
{
	while (!stop) {
		if (reload) {
			reload = 0;
			(void)load_zone();
		}
		wait_for_work(during);
		send_due();
	}
}

static void on_signal(int signal)
{
	if (signal == SIGHUP)
		reload = 1;
	else
		stop = 1;
}

/* Signals arrive only while the loop waits. */
static void catch_signals(sigset_t *during)
{
	struct sigaction action = {.sa_handler = on_signal};
	sigset_t caught;

	sigemptyset(&caught);
	sigaddset(&caught, SIGHUP);
	sigaddset(&caught, SIGTERM);
	sigaddset(&caught, SIGINT);
	sigprocmask(SIG_BLOCK, &caught, during);
	sigaction(SIGHUP, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	sigdelset(during, SIGHUP);
	sigdelset(during, SIGTERM);
	sigdelset(during, SIGINT);
}

/* ---- setting up ---- */

static int open_socket(const struct sockaddr_storage *address, socklen_t length, int type)
{
	int fd = socket(address->ss_family, type, 0), one = 1;

	if (fd == -1)
		return -1;
	if (type == SOCK_STREAM)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (bind(fd, (const struct sockaddr *)address, length) == -1 ||
	    fcntl(fd, F_SETFL, O_NONBLOCK) == -1 || (type == SOCK_STREAM && listen(fd, 64) == -1)) {
		close(fd);
		return -1;
	}
	return fd;
}

static socklen_t make_address(const struct ip *ip, uint16_t port, struct sockaddr_storage *address)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};

	memcpy(&in.sin_addr, ip->bytes, sizeof in.sin_addr);
	memcpy(&in6.sin6_addr, ip->bytes, sizeof in6.sin6_addr);
	memset(address, 0, sizeof *address);
	if (ip->family == 4) {
		memcpy(address, &in, sizeof in);
		return sizeof in;
	}
	memcpy(address, &in6, sizeof in6);
	return sizeof in6;
}

static uint16_t port_of(int fd)
{
	struct sockaddr_storage address = {0};
	socklen_t length = sizeof address;
	struct sockaddr_in in;

	getsockname(fd, (struct sockaddr *)&address, &length);
	memcpy(&in, &address, sizeof in); /* the port is at the same place in both families */
	return ntohs(in.sin_port);
}

/* TCP takes the port, UDP must get the same; with port 0 another one is tried until both have it.
 */
static int open_sockets(const struct ip *ip)
{
	struct sockaddr_storage address;
	socklen_t length;

	for (unsigned i = 0; i < PORT_TRIES; i++) {
		length = make_address(ip, (uint16_t)server.port, &address);
		server.tcp = open_socket(&address, length, SOCK_STREAM);
		if (server.tcp == -1)
			return fail("TCP socket");
		length = make_address(ip, port_of(server.tcp), &address);
		server.udp = open_socket(&address, length, SOCK_DGRAM);
		if (server.udp != -1) {
			server.port = port_of(server.tcp);
			return 0;
		}
		if (server.port != 0 || errno != EADDRINUSE)
			break;
		close(server.tcp);
	}
	return fail("UDP socket");
}

static int announce(void)
{
	char temporary[4096];
	FILE *file;

	printf("dnsd: %s@%u\n", server.address, (unsigned)server.port);
	fflush(stdout);
	if (server.port_file == NULL)
		return 0;
	snprintf(temporary, sizeof temporary, "%s.new", server.port_file);
	file = fopen(temporary, "w");
	if (file == NULL)
		return fail(temporary);
	fprintf(file, "%u\n", (unsigned)server.port);
	if (fclose(file) != 0 || rename(temporary, server.port_file) == -1)
		return fail(server.port_file);
	return 0;
}

static int open_log(const char *path, FILE **log)
{
	if (path == NULL)
		return 0;
	*log = fopen(path, "a");
	if (*log == NULL)
		return fail(path);
	setvbuf(*log, NULL, _IOLBF, 0);
	return 0;
}

static int start_serving(void)
{
	struct ip ip;

	for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
		server.connections[i].fd = -1;
		buf_init(&server.connections[i].out, NULL, 0);
	}
	if (!ip_parse(span_of(server.address), &ip)) {
		fprintf(stderr, "dnsd: %s: not an address\n", server.address);
		return -1;
	}
	if (open_log(server.log_path, &server.log) == -1 ||
	    open_log(server.raw_path, &server.raw) == -1)
		return -1;
	if (load_zone() == -1 || open_sockets(&ip) == -1)
		return -1;
	return announce();
}

static void finish(void)
{
	struct pending *next;
	struct fault *other;

	for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
		if (server.connections[i].fd != -1)
			close_connection(&server.connections[i]);
	}
	for (struct pending *pending = server.first; pending != NULL; pending = next) {
		next = pending->next;
		free(pending);
	}
	for (struct fault *fault = server.faults; fault != NULL; fault = other) {
		other = fault->next;
		free(fault);
	}
	close(server.udp);
	close(server.tcp);
	zone_free(server.zone);
	if (server.log != NULL)
		fclose(server.log);
	if (server.raw != NULL)
		fclose(server.raw);
	if (server.port_file != NULL)
		unlink(server.port_file);
}

/* ---- the command line ---- */

static const struct name_code fault_kinds[] = {
    {"drop", REPLY_DROP},         {"servfail", REPLY_SERVFAIL}, {"refuse", REPLY_REFUSED},
    {"truncate", REPLY_TRUNCATE}, {"lower", REPLY_LOWER},       {NULL, 0},
};

static const struct {
	const char *name;
	uint64_t *value;
	uint64_t max;
} numbers[] = {
    {"port", &server.port, 65535},
    {"negative-ttl", &server.negative_ttl, UINT32_MAX},
    {"delay", &server.delay, 60000},
};

static const struct {
	const char *name;
	const char **value;
} texts[] = {
    {"address", &server.address},
    {"port-file", &server.port_file},
    {"log", &server.log_path},
    {"raw-log", &server.raw_path},
};

static void add_fault(int kind, char *name)
{
	struct fault *fault = calloc(1, sizeof *fault);

	if (fault == NULL)
		abort();
	for (char *p = name; *p != '\0'; p++) {
		*p = (char)char_lower((unsigned char)*p);
		if (*p == '.' && p[1] == '\0')
			*p = '\0';
	}
	fault->kind = (enum reply_fault)kind;
	fault->name = name;
	fault->next = server.faults;
	server.faults = fault;
}

/* NAME is an option without its dashes. */
static bool set_option(const char *name, char *value)
{
	int kind = name_code(fault_kinds, span_of(name), -1);

	if (kind != -1) {
		add_fault(kind, value);
		return true;
	}
	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
		if (strcmp(numbers[i].name, name) == 0)
			return span_number(span_of(value), numbers[i].max, numbers[i].value);
	}
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		if (strcmp(texts[i].name, name) == 0) {
			*texts[i].value = value;
			return true;
		}
	}
	return false;
}

int main(int argc, char **argv)
{
	sigset_t during;
	int i = 1;

	for (; i + 1 < argc && strncmp(argv[i], "--", 2) == 0; i += 2) {
		if (!set_option(argv[i] + 2, argv[i + 1]))
			break;
	}
	if (i + 1 != argc || argv[i][0] == '-') {
		fputs(usage, stderr);
		return 64;
	}
	server.zone_path = argv[i];
	catch_signals(&during);
	if (start_serving() == -1) {
		finish();
		return 1;
	}
	serve(&during);
	finish();
	return 0;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * load [options] LIST SOCKET [SOCKET...]: sends messages to filters as an MTA does, and measures.
 *
 * One blocking thread for each connection. With several sockets every message passes through the
 * filters one behind the other, each seeing the fields that those before it inserted, as in an MTA.
 * The result is one line of NAME=VALUE: latencies in milliseconds (message: MAIL to the answer of
 * its end; end: only that last step), CPU in microseconds for a message, memory in KiB.
 */
#include <getopt.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/lock.h"
#include "milter/protocol/client.h"
#include "t/bench/mailset.h"
#include "t/bench/usage.h"

enum { SOCKETS_MAX = 4, PIDS_MAX = 8, INSERTED_MAX = 16 };

static const char usage_text[] =
    "usage: load [options] LIST SOCKET [SOCKET...]\n"
    "  -c N   connections at a time (1)\n"
    "  -n N   messages in all (1000)\n"
    "  -k N   messages for one connection; 0: as many as there are (0)\n"
    "  -t MS  the client thinks so long before each SMTP command (0)\n"
    "  -b     all connections send the content of their message at the same moment (N = "
    "connections)\n"
    "  -i N   idle connections beside the busy ones (0)\n"
    "  -l L   the client has logged in as L\n"
    "  -p PID the server's process; may be repeated; what comes from it counts too\n"
    "  -v     say what was wrong with the first wrong verdicts\n";

static struct {
	unsigned long connections, messages, keep, think, idle;
	const char *login;
	pid_t pids[PIDS_MAX];
	unsigned pid_count;
	bool verbose, together;
	pthread_barrier_t barrier;
	const char *sockets[SOCKETS_MAX];
	unsigned socket_count;
	struct mailset set;
} run = {.connections = 1, .messages = 1000};

static atomic_ulong next_message, wrong, failed;
static int64_t *message_times, *end_times; /* by number of message; 0: failed */

/* What the filters inserted into one message. */
struct inserted {
	struct span packets[INSERTED_MAX]; /* name, NUL, value, NUL; heap */
	unsigned count;
};

struct client {
	struct milter_client filters[SOCKETS_MAX];
	unsigned open;
	struct inserted inserted;
	struct why why;
};

static void think(void)
{
	struct timespec pause = {(time_t)(run.think / 1000), (long)(run.think % 1000) * 1000000};

	if (run.think > 0)
		nanosleep(&pause, NULL);
}

/* ---- a connection ---- */

static void hang_up(struct client *client)
{
	for (unsigned i = 0; i < client->open; i++) {
		milter_client_put(&client->filters[i], 'Q', span_of(""));
		milter_client_flush(&client->filters[i], NULL);
		milter_client_close(&client->filters[i]);
	}
	client->open = 0;
}

/* The data of a step for every filter; their answers do not matter before the end. */
static int step_all(struct client *client, char kind, const char *const *macros, struct span data)
{
	struct packet reply;

	for (unsigned i = 0; i < client->open; i++) {
		struct milter_client *filter = &client->filters[i];

		if (macros != NULL && milter_client_wanted(filter, kind))
			milter_client_macros(filter, kind, macros);
		if (milter_client_step(filter, kind, data, &reply, &client->why) != 0)
			return -1;
		if (strchr("rty4", reply.kind) != NULL)
			return why_set(&client->why, "step %c: refused (%c)", kind, reply.kind);
	}
	return 0;
}

static int greet(struct client *client, const struct mail *mail)
{
	static const char *const macros[] = {"j", "mx.bench", "{daemon_name}", "smtpd", NULL};
	struct buf data;
	int bad;

	buf_init(&data, NULL, 0);
	buf_printf(&data, "%s%c4%c%c%s%c", mail->helo, 0, 0x30, 0x39, mail->ip, 0);
	bad = step_all(client, 'C', macros, buf_view(&data));
	buf_free(&data);
	if (bad != 0)
		return -1;
	think();
	return step_all(client, 'H', NULL, span_make(mail->helo, strlen(mail->helo) + 1));
}

static int call(struct client *client, const struct mail *mail)
{
	while (client->open < run.socket_count) {
		struct milter_client *filter = &client->filters[client->open];

		if (milter_client_open(filter, run.sockets[client->open], &client->why) != 0)
			return -1;
		client->open++;
		if (milter_client_negotiate(filter, MILTER_CLIENT_ALL_ACTIONS,
					    MILTER_CLIENT_ALL_STEPS, &client->why) != 0)
			return -1;
	}
	return greet(client, mail);
}

/* ---- a message ---- */

static void forget_inserted(struct inserted *inserted)
{
	while (inserted->count > 0)
		free((void *)(uintptr_t)inserted->packets[--inserted->count].p);
}

static void note_inserted(struct inserted *inserted, struct span packet)
{
	char *copy = malloc(span_len(packet) + 1);

	if (copy == NULL || inserted->count == INSERTED_MAX)
		abort();
	memcpy(copy, packet.p, span_len(packet));
	copy[span_len(packet)] = '\0';
	inserted->packets[inserted->count++] = span_make(copy, span_len(packet));
}

static bool as_expected(const struct inserted *inserted, const struct mail *mail)
{
	if (mail->field == NULL)
		return true;
	for (unsigned i = 0; i < inserted->count; i++) {
		const char *name = inserted->packets[i].p, *value = name + strlen(name) + 1;

		if (strcmp(name, mail->field) == 0 && strstr(value, mail->text) != NULL)
			return true;
	}
	return false;
}

static int envelope(struct client *client, const struct mail *mail, const char *queue_id)
{
	const char *const macros[] = {
	    "i",       queue_id, "{auth_type}", run.login == NULL ? NULL : "PLAIN", "{auth_authen}",
	    run.login, NULL};
	struct buf data;
	int bad;

	buf_init(&data, NULL, 0);
	buf_printf(&data, "<%s>%c", mail->mail_from, 0);
	bad = step_all(client, 'M', macros, buf_view(&data));
	think();
	buf_clear(&data);
	buf_printf(&data, "<%s>%c", mail->rcpt, 0);
	bad = bad != 0 ? bad : step_all(client, 'R', NULL, buf_view(&data));
	buf_free(&data);
	think();
	return bad != 0 ? bad : step_all(client, 'T', NULL, span_of(""));
}

static int content(struct client *client, struct milter_client *filter, const struct mail *mail)
{
	bool leading = (filter->steps & 0x100000) != 0;
	struct packet reply;
	struct span rest = mail->body;

	for (unsigned i = client->inserted.count; i > 0; i--) {
		if (milter_client_step(filter, 'L', client->inserted.packets[i - 1], &reply,
				       &client->why) != 0)
			return -1;
	}
	for (unsigned i = 0; i < mail->field_count; i++) {
		if (milter_client_step(filter, 'L', mail->fields[i].packet[leading], &reply,
				       &client->why) != 0)
			return -1;
	}
	if (milter_client_step(filter, 'N', span_of(""), &reply, &client->why) != 0)
		return -1;
	while (!span_empty(rest)) {
		struct span part = rest;

		if (span_len(part) > MILTER_CLIENT_CHUNK)
			part.end = part.p + MILTER_CLIENT_CHUNK;
		rest.p = part.end;
		if (milter_client_step(filter, 'B', part, &reply, &client->why) != 0)
			return -1;
		if (reply.kind == 's')
			break;
	}
	return 0;
}

/* The last step: changes come first, then the answer. */
static int finish(struct client *client, struct milter_client *filter, const char *queue_id)
{
	const char *const macros[] = {"i", queue_id, NULL};
	struct packet reply;

	milter_client_macros(filter, 'E', macros);
	milter_client_put(filter, 'E', span_of(""));
	for (;;) {
		if (milter_client_read(filter, &reply, &client->why) != 0)
			return -1;
		if (reply.kind == 'i' && span_len(reply.data) > 4)
			note_inserted(&client->inserted,
				      (struct span){reply.data.p + 4, reply.data.end});
		else if (reply.kind == 'h')
			note_inserted(&client->inserted, reply.data);
		else if (strchr("acdrtyf4", reply.kind) != NULL)
			return reply.kind == 'a' || reply.kind == 'c'
				   ? 0
				   : why_set(&client->why, "answered %c %.*s", reply.kind,
					     (int)span_len(reply.data), reply.data.p);
	}
}

static int send_message(struct client *client, const struct mail *mail, unsigned long number)
{
	int64_t start = clock_mono(), last;
	char queue_id[32];

	snprintf(queue_id, sizeof queue_id, "Q%08lX", number);
	if (envelope(client, mail, queue_id) != 0)
		return -1;
	think();
	if (run.together)
		pthread_barrier_wait(&run.barrier);
	for (unsigned i = 0; i < client->open; i++) {
		struct milter_client *filter = &client->filters[i];

		if (content(client, filter, mail) != 0)
			return -1;
		last = clock_mono();
		if (finish(client, filter, queue_id) != 0)
			return -1;
		end_times[number] += clock_mono() - last;
	}
	message_times[number] = clock_mono() - start;
	return 0;
}

static void complain(const char *text, const struct mail *mail, const struct client *client)
{
	if (!run.verbose || atomic_load(&wrong) > 5)
		return;
	fprintf(stderr, "load: %s: %s\n", mail->mail_from, text);
	for (unsigned i = 0; i < client->inserted.count; i++) {
		const char *name = client->inserted.packets[i].p;

		fprintf(stderr, "  %s: %s\n", name, name + strlen(name) + 1);
	}
}

static void one_message(struct client *client, unsigned long number, unsigned long *left)
{
	const struct mail *mail = &run.set.mails[number % run.set.count];

	if (run.keep > 0 && *left == 0)
		hang_up(client);
	if (client->open == 0) {
		*left = run.keep;
		if (call(client, mail) != 0)
			goto lost;
	}
	(*left)--;
	if (send_message(client, mail, number) != 0)
		goto lost;
	if (!as_expected(&client->inserted, mail)) {
		atomic_fetch_add(&wrong, 1);
		complain("wrong verdict", mail, client);
	}
	forget_inserted(&client->inserted);
	return;
lost:
	atomic_fetch_add(&failed, 1);
	complain(client->why.text, mail, client);
	forget_inserted(&client->inserted);
	hang_up(client);
}

static void *work(void *arg)
{
	struct client client = {.open = 0};
	unsigned long number, left = 0;

	(void)arg;
	while ((number = atomic_fetch_add(&next_message, 1)) < run.messages)
		one_message(&client, number, &left);
	hang_up(&client);
	return NULL;
}

/* ---- the whole ---- */

static int compare(const void *a, const void *b)
{
	int64_t x, y;

	memcpy(&x, a, sizeof x);
	memcpy(&y, b, sizeof y);
	return x < y ? -1 : x > y;
}

/* Of those that did not fail; sorts. */
static void print_times(const char *name, int64_t *times)
{
	static const struct {
		const char *name;
		double part;
	} parts[] = {{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"max", 1}};
	unsigned long first = 0, count;

	qsort(times, run.messages, sizeof *times, compare);
	while (first < run.messages && times[first] == 0)
		first++;
	count = run.messages - first;
	for (size_t i = 0; i < sizeof parts / sizeof parts[0] && count > 0; i++) {
		unsigned long at = first + (unsigned long)((double)(count - 1) * parts[i].part);

		printf(" %s_%s=%.2f", name, parts[i].name, (double)times[at] / (double)CLOCK_MS);
	}
}

static void print_result(double seconds, const struct usage *before, const struct usage *after)
{
	double messages = (double)run.messages;

	printf("messages=%lu seconds=%.3f rate=%.0f wrong=%lu failed=%lu", run.messages, seconds,
	       messages / seconds, atomic_load(&wrong), atomic_load(&failed));
	print_times("message", message_times);
	print_times("end", end_times);
	printf(" cpu=%.0f user=%.0f system=%.0f",
	       (after->user + after->system - before->user - before->system) * 1e6 / messages,
	       (after->user - before->user) * 1e6 / messages,
	       (after->system - before->system) * 1e6 / messages);
	printf(" resident=%ld peak=%ld\n", after->resident, after->peak);
}

static struct client *open_idle(void)
{
	struct client *idle = calloc(run.idle + 1, sizeof *idle);
	struct usage before, after;
	struct timespec second = {.tv_sec = 1};

	if (idle == NULL)
		abort();
	if (run.idle == 0)
		return idle;
	usage_read(&before, run.pids, run.pid_count);
	for (unsigned long i = 0; i < run.idle; i++) {
		if (call(&idle[i], &run.set.mails[0]) != 0) {
			fprintf(stderr, "load: idle connection %lu: %s\n", i, idle[i].why.text);
			exit(1);
		}
	}
	nanosleep(&second, NULL);
	usage_read(&after, run.pids, run.pid_count);
	printf("idle=%.2f ", (double)(after.resident - before.resident) / (double)run.idle);
	return idle;
}

static void measure(void)
{
	pthread_t *threads = calloc(run.connections, sizeof *threads);
	struct client *idle = open_idle();
	struct usage before, after;
	int64_t start;

	pthread_barrier_init(&run.barrier, NULL, (unsigned)run.connections);
	usage_read(&before, run.pids, run.pid_count);
	start = clock_mono();
	for (unsigned long i = 0; i < run.connections; i++) {
		if (thread_start(&threads[i], work, NULL) != 0)
			abort();
	}
	for (unsigned long i = 0; i < run.connections; i++)
		pthread_join(threads[i], NULL);
	start = clock_mono() - start;
	usage_read(&after, run.pids, run.pid_count);
	print_result((double)start / (double)CLOCK_SECOND, &before, &after);
	for (unsigned long i = 0; i < run.idle; i++)
		hang_up(&idle[i]);
	free(idle);
	free(threads);
}

static unsigned long *number_option(int letter)
{
	switch (letter) {
	case 'c':
		return &run.connections;
	case 'n':
		return &run.messages;
	case 'k':
		return &run.keep;
	case 't':
		return &run.think;
	case 'i':
		return &run.idle;
	default:
		return NULL;
	}
}

static bool parse_options(int argc, char **argv)
{
	int letter;

	while ((letter = getopt(argc, argv, "bc:n:k:t:i:l:p:v")) != -1) {
		unsigned long *number = number_option(letter);

		if (number != NULL)
			*number = strtoul(optarg, NULL, 10);
		else if (letter == 'l')
			run.login = optarg;
		else if (letter == 'v')
			run.verbose = true;
		else if (letter == 'b')
			run.together = true;
		else if (letter == 'p' && run.pid_count < PIDS_MAX)
			run.pids[run.pid_count++] = (pid_t)atol(optarg);
		else
			return false;
	}
	return argc - optind >= 2 && argc - optind - 1 <= SOCKETS_MAX && run.connections > 0 &&
	       run.messages > 0;
}

int main(int argc, char **argv)
{
	struct arena *arena = arena_new(0);

	if (!parse_options(argc, argv)) {
		fputs(usage_text, stderr);
		return EX_USAGE;
	}
	mailset_load(&run.set, arena, argv[optind]);
	while (++optind < argc)
		run.sockets[run.socket_count++] = argv[optind];
	message_times = calloc(run.messages, sizeof *message_times);
	end_times = calloc(run.messages, sizeof *end_times);
	if (message_times == NULL || end_times == NULL)
		abort();
	measure();
	free(message_times);
	free(end_times);
	arena_free(arena);
	return atomic_load(&wrong) + atomic_load(&failed) == 0 ? 0 : 1;
}

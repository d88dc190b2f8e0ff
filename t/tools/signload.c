/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * signload [-c CONNECTIONS] [-a ADDRESS] [-s N] [-w MS] STOP-FILE SOCKET RECORDS: sends messages of
 * a local sender to a filter as an MTA does, one after the other on each connection, MS (0) apart,
 * until STOP-FILE exists; and verifies every signature that it gets. RECORDS has a line "NAME
 * VALUE" for each key, of all times.
 *
 * Prints NAME=VALUE: sent; accepted; deferred (4xx); cut (the connection ended before the answer);
 * unsigned (accepted with less than N, 1, DKIM-Signatures); bad (accepted with one that does not
 * verify).
 */
#include <getopt.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/lock.h"
#include "milter/protocol/client.h"
#include "policy/dkim/check.h"
#include "t/lib/dns_memory.h"

enum { CONNECTIONS_MAX = 64, VALUES_MAX = 8 };

static struct {
	const char *stop, *socket, *author;
	struct dns *dns;
	struct dkimcheck_engine *engine;
	unsigned long signatures, pause;
} run = {.author = "user@example.com", .signatures = 1};

static atomic_uint sent, accepted, deferred, cut, without, bad, told;

/* A message under way, and the signatures that it was given. */
struct attempt {
	struct arena *arena;
	struct milter_client milter;
	bool open;
	const char *fields[8][2];
	unsigned field_count;
	const char *body;
	const char *signatures[VALUES_MAX];
	unsigned signature_count;
};

static void put_field(struct attempt *attempt, const char *name, const char *value)
{
	attempt->fields[attempt->field_count][0] = name;
	attempt->fields[attempt->field_count++][1] = value;
}

static void write_message(struct attempt *attempt, unsigned number)
{
	attempt->field_count = attempt->signature_count = 0;
	put_field(attempt, "From", arena_printf(attempt->arena, " <%s>", run.author));
	put_field(attempt, "To", " <a@example.net>");
	put_field(attempt, "Subject", arena_printf(attempt->arena, " number %u", number));
	put_field(attempt, "Message-ID", arena_printf(attempt->arena, " <%u@example.com>", number));
	attempt->body = arena_printf(attempt->arena, "Message %u.\r\n", number);
}

/* ---- the MTA ---- */

static struct span pair(struct arena *arena, const char *a, const char *b)
{
	size_t first = strlen(a) + 1, second = strlen(b) + 1;
	char *data = arena_alloc(arena, first + second);

	memcpy(data, a, first);
	memcpy(data + first, b, second);
	return span_make(data, first + second);
}

static int greet(struct attempt *attempt)
{
	static const char connect[] = "localhost\0"
				      "4"
				      "\0\0"
				      "127.0.0.1";
	struct packet reply;

	if (milter_client_open(&attempt->milter, run.socket, NULL) != 0)
		return -1;
	attempt->open = true;
	if (milter_client_negotiate(&attempt->milter, MILTER_CLIENT_ALL_ACTIONS,
				    MILTER_CLIENT_ALL_STEPS, NULL) != 0)
		return -1;
	return milter_client_step(&attempt->milter, 'C', span_make(connect, sizeof connect), &reply,
				  NULL);
}

static void note_change(struct attempt *attempt, const struct packet *reply)
{
	static const char name[] = "DKIM-Signature";
	size_t skip = reply->kind == 'i' ? 4 : 0;
	struct span data = reply->data;

	if (span_len(data) <= skip + sizeof name || memcmp(data.p + skip, name, sizeof name) != 0 ||
	    attempt->signature_count == VALUES_MAX)
		return;
	data.p += skip + sizeof name;
	attempt->signatures[attempt->signature_count++] = arena_span(attempt->arena, data);
}

/* The reply to the whole message; 0: none came. */
static char transmit(struct attempt *attempt)
{
	struct milter_client *milter = &attempt->milter;
	bool leading = (milter->steps & 0x100000) != 0;
	const char *from = arena_printf(attempt->arena, "<%s>", run.author);
	struct packet reply;

	if (milter_client_step(milter, 'M', span_make(from, strlen(from) + 1), &reply, NULL) != 0)
		return 0;
	for (unsigned i = 0; i < attempt->field_count; i++) {
		const char *value = attempt->fields[i][1];

		milter_client_put(
		    milter, 'L',
		    pair(attempt->arena, attempt->fields[i][0], leading ? value : value + 1));
	}
	if (milter_client_step(milter, 'N', span_of(""), &reply, NULL) != 0 ||
	    milter_client_step(milter, 'B', span_of(attempt->body), &reply, NULL) != 0)
		return 0;
	milter_client_put(milter, 'E', span_of(""));
	do {
		if (milter_client_read(milter, &reply, NULL) != 0)
			return 0;
		note_change(attempt, &reply);
	} while (strchr("acdrtyf4", reply.kind) == NULL);
	return reply.kind;
}

/* ---- the verifier ---- */

/* With CRLF where a milter has LF. */
static struct span wire_value(struct arena *arena, const char *value)
{
	struct buf out;

	buf_init(&out, arena, 0);
	for (; *value != '\0'; value++) {
		if (*value == '\n')
			buf_char(&out, '\r');
		buf_char(&out, *value);
	}
	return buf_view(&out);
}

static bool all_pass(const struct attempt *attempt)
{
	static const struct dkimcheck_rules rules = {
	    .max_signatures = VALUES_MAX, .min_rsa_bits = 1024, .clock_drift = 300};
	struct dns_scope *scope = dns_scope_new(run.dns, 20, CLOCK_SECOND);
	struct dkimcheck *check;
	struct verdict verdict = {0};
	bool good = true;

	dns_scope_deadline(scope, clock_mono() + CLOCK_SECOND);
	check = dkimcheck_new(run.engine, &rules, attempt->arena, scope, clock_wall());
	for (unsigned i = 0; i < attempt->signature_count; i++)
		dkimcheck_header(check, span_of("DKIM-Signature"),
				 wire_value(attempt->arena, attempt->signatures[i]));
	for (unsigned i = 0; i < attempt->field_count; i++)
		dkimcheck_header(check, span_of(attempt->fields[i][0]),
				 span_of(attempt->fields[i][1]));
	dkimcheck_end_of_headers(check, NULL);
	dkimcheck_body(check, span_of(attempt->body));
	dkimcheck_finish(check, &verdict);
	for (unsigned i = 0; i < verdict.dkim_count; i++)
		good = good && verdict.dkim[i].result == AUTH_PASS;
	dns_scope_free(scope);
	return good && verdict.dkim_count == attempt->signature_count;
}

static void judge_answer(const struct attempt *attempt, char kind)
{
	if (kind == 't' || kind == 'y') {
		atomic_fetch_add(&deferred, 1);
		return;
	}
	atomic_fetch_add(&accepted, 1);
	if (attempt->signature_count < run.signatures) {
		atomic_fetch_add(&without, 1);
	} else if (!all_pass(attempt)) {
		atomic_fetch_add(&bad, 1);
		if (atomic_fetch_add(&told, 1) == 0)
			fprintf(stderr, "DKIM-Signature:%s\n", attempt->signatures[0]);
	}
}

/* ---- the whole ---- */

static void hang_up(struct attempt *attempt)
{
	if (attempt->open)
		milter_client_close(&attempt->milter);
	attempt->open = false;
}

static void *send_messages(void *arg)
{
	struct attempt attempt = {.open = false};

	(void)arg;
	while (access(run.stop, F_OK) != 0) {
		char kind = 0;

		attempt.arena = arena_new(0);
		write_message(&attempt, atomic_fetch_add(&sent, 1));
		if (attempt.open || greet(&attempt) == 0)
			kind = transmit(&attempt);
		if (kind != 0) {
			judge_answer(&attempt, kind);
		} else {
			atomic_fetch_add(&cut, 1);
			hang_up(&attempt);
			usleep(10000);
		}
		arena_free(attempt.arena);
		usleep((useconds_t)(run.pause * 1000));
	}
	hang_up(&attempt);
	return NULL;
}

static void read_records(const char *path)
{
	FILE *file = fopen(path, "r");
	char line[4096];

	if (file == NULL)
		abort();
	while (fgets(line, sizeof line, file) != NULL) {
		char *value = strchr(line, ' ');
		size_t length = strcspn(line, "\n");

		if (value == NULL)
			continue;
		*value++ = '\0';
		dns_memory_add(run.dns, line, DNS_TYPE_TXT, value, length - (size_t)(value - line),
			       NULL);
	}
	fclose(file);
}

int main(int argc, char **argv)
{
	struct dns_settings settings = {.cache_entries = 1000};
	pthread_t threads[CONNECTIONS_MAX];
	unsigned connections = 4;
	int option;

	while ((option = getopt(argc, argv, "c:a:s:w:")) != -1) {
		if (option == 'c')
			connections = (unsigned)strtoul(optarg, NULL, 10) % (CONNECTIONS_MAX + 1);
		else if (option == 'a')
			run.author = optarg;
		else if (option == 's')
			run.signatures = strtoul(optarg, NULL, 10);
		else if (option == 'w')
			run.pause = strtoul(optarg, NULL, 10);
		else
			return 64;
	}
	if (argc - optind != 3)
		return 64;
	run.stop = argv[optind];
	run.socket = argv[optind + 1];
	run.dns = dns_new_memory(&settings);
	run.engine = dkimcheck_engine_new(NULL);
	read_records(argv[optind + 2]);
	for (unsigned i = 0; i < connections; i++)
		thread_start(&threads[i], send_messages, NULL);
	for (unsigned i = 0; i < connections; i++)
		pthread_join(threads[i], NULL);
	printf("sent=%u accepted=%u deferred=%u cut=%u unsigned=%u bad=%u\n", atomic_load(&sent),
	       atomic_load(&accepted), atomic_load(&deferred), atomic_load(&cut),
	       atomic_load(&without), atomic_load(&bad));
	dkimcheck_engine_free(run.engine);
	dns_free(run.dns);
	return 0;
}

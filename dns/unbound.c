/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The back end that asks the network, through libunbound: validation, retries, TCP when an answer
 * is cut, random ports and identities are its work; the cache is ours.
 *
 * libunbound has a thread that resolves; one of this module's threads takes the results from its
 * pipe and makes answers of them. Results that are still open when we close would never come, so
 * each question is in a list and is failed then.
 *
 * Only the settings' file form has all that we need (dns/forward.h), so they are given to
 * libunbound as a file that is gone when dns_new_unbound() returns. Its parser is not reentrant.
 *
 * To libunbound a server that says SERVFAIL and servers that say nothing are the same. When a
 * question has had no answer for a second, or SERVFAIL, and no other had one meanwhile, the servers
 * are asked once (dns/probe.h), in the thread that takes the results: if one answers that is soon,
 * and if none does there are no other results to take.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <unbound.h>
#include <unistd.h>

#include "dns/backend.h"
#include "dns/forward.h"
#include "dns/packet.h"
#include "dns/probe.h"
#include "dns/wire.h"
#include "lib/buf.h"
#include "lib/clock.h"
#include "lib/heap.h"
#include "lib/lock.h"
#include "lib/name.h"

enum { CLASS_IN = 1, RCODE_NOERROR = 0, RCODE_SERVFAIL = 2, RCODE_NXDOMAIN = 3, REASON_MAX = 256 };

enum { ALIASES_MAX = 8 };
enum { PATIENCE_MS = 1000 }; /* with servers that do not answer */

struct query {
	struct query *next, **link;
	struct unbound *unbound;
	struct question *question;
	int64_t start;
	unsigned aliases; /* followed out of a zone of a file */
};

struct unbound {
	struct backend backend;
	struct ub_ctx *ctx;
	struct lock lock; /* for the rest */
	struct cond changed;
	struct query *open;
	struct forward_servers servers;
	int64_t heard; /* when a server last answered; of the thread */
	bool ready;
	bool zoned;  /* a zone is read from a file */
	int stop[2]; /* a pipe; closing its end tells the thread to end */
	pthread_t thread;
};

static const struct name_code rcodes[] = {
    {"FORMERR", 1}, {"SERVFAIL", 2}, {"NOTIMP", 4}, {"REFUSED", 5}, {NULL, 0},
};

/* ---- results ---- */

/*
 * libunbound calls it bogus, too, when a question for a key was lost, and then all that is below
 * that key, for a minute. Its words are the only difference. What is said of the root's key is a
 * fault of the way to us, and not of the name that was asked for.
 */
static bool is_unproven(const char *why)
{
	static const char *const words[] = {"DNSKEY record",  "no DNSKEY rrset",    "no DS",
					    "trust anchor",   "for key . ",         "validation . ",
					    "malloc failure", "validation suspends"};

	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		if (strstr(why, words[i]) != NULL)
			return true;
	}
	return false;
}

static struct answer *bogus_answer(const struct ub_result *result)
{
	const char *why =
	    result->why_bogus != NULL ? result->why_bogus : "DNSSEC validation failed";
	bool unproven = is_unproven(why);
	struct answer *answer;
	char reason[REASON_MAX];

	snprintf(reason, sizeof reason, "%s: %s", unproven ? "bogus, or its key was lost" : "bogus",
		 why);
	answer = answer_failure(reason);
	answer->public.bogus = !unproven;
	answer->public.unproven = unproven;
	return answer;
}

static void note_answer(struct unbound *unbound)
{
	unbound->heard = clock_mono();
	atomic_store(&unbound->backend.unreachable, false);
}

static struct answer *unreachable_answer(const struct unbound *unbound)
{
	char reason[REASON_MAX];

	snprintf(reason, sizeof reason, "unreachable: no answer from %s", unbound->backend.servers);
	return answer_failure(reason);
}

/* Whether a server has answered lately or since START, when it was asked something; or does now. */
static bool hears_servers(struct unbound *unbound, int64_t start)
{
	if (unbound->heard != 0 &&
	    (unbound->heard >= start || clock_mono() - unbound->heard < PATIENCE_MS * CLOCK_MS))
		return true;
	if (probe_is_answered(&unbound->servers))
		note_answer(unbound);
	else
		atomic_store(&unbound->backend.unreachable, true);
	return !atomic_load(&unbound->backend.unreachable);
}

static struct answer *negative_answer(const struct ub_result *result)
{
	uint32_t ttl = 0;

	if (result->answer_packet != NULL && result->answer_len > 0)
		ttl = packet_negative_ttl(result->answer_packet, (size_t)result->answer_len);
	return answer_negative(result->rcode == RCODE_NXDOMAIN ? DNS_NXDOMAIN : DNS_NODATA, ttl,
			       result->secure);
}

static struct answer *data_answer(enum dns_type type, const struct ub_result *result)
{
	struct rdata rdata[DNS_RECORDS_MAX + 1];
	size_t count = 0;

	for (; count <= DNS_RECORDS_MAX && result->data[count] != NULL; count++) {
		rdata[count].data = (const uint8_t *)result->data[count];
		rdata[count].length = (size_t)result->len[count];
	}
	return answer_data(type, rdata, count, result->ttl > 0 ? (uint32_t)result->ttl : 0,
			   result->secure);
}

static struct answer *answer_of(const struct query *query, const struct ub_result *result)
{
	enum dns_type type = resolver_question(query->question)->type;
	const char *rcode;

	if (result->rcode == RCODE_SERVFAIL && !result->bogus &&
	    !hears_servers(query->unbound, query->start))
		return unreachable_answer(query->unbound);
	note_answer(query->unbound);
	if (result->bogus)
		return bogus_answer(result);
	if (result->rcode == RCODE_NOERROR && result->havedata && result->data[0] != NULL)
		return data_answer(type, result);
	if (result->rcode == RCODE_NOERROR || result->rcode == RCODE_NXDOMAIN)
		return negative_answer(result);
	rcode = name_text(rcodes, result->rcode);
	return answer_failure(*rcode != '?' ? rcode : "a response code that is not known");
}

/* ---- questions ---- */

static struct query *open_query(struct unbound *unbound, struct question *question)
{
	struct query *query = heap_zero(sizeof *query);

	query->unbound = unbound;
	query->question = question;
	query->start = clock_mono();
	lock_take(&unbound->lock);
	query->next = unbound->open;
	query->link = &unbound->open;
	if (query->next != NULL)
		query->next->link = &query->next;
	unbound->open = query;
	lock_drop(&unbound->lock);
	return query;
}

static void close_query(struct query *query, struct answer *answer)
{
	struct unbound *unbound = query->unbound;

	lock_take(&unbound->lock);
	*query->link = query->next;
	if (query->next != NULL)
		query->next->link = query->link;
	lock_drop(&unbound->lock);
	resolver_answered(query->question, answer);
	free(query);
}

static void on_result(void *arg, int error, struct ub_result *result);

/* From a zone of a file comes what that zone has: an alias is followed here. True: the question
 * goes on. */
static bool follow_alias(struct query *query, const struct ub_result *result)
{
	struct unbound *unbound = query->unbound;

	if (!unbound->zoned || result->havedata || result->rcode != RCODE_NOERROR ||
	    result->canonname == NULL || strcasecmp(result->canonname, result->qname) == 0 ||
	    query->aliases == ALIASES_MAX)
		return false;
	query->aliases++;
	return ub_resolve_async(unbound->ctx, result->canonname, result->qtype, CLASS_IN, query,
				on_result, NULL) == 0;
}

static void on_result(void *arg, int error, struct ub_result *result)
{
	struct query *query = arg;
	struct answer *answer;

	if (error == 0 && result != NULL && follow_alias(query, result)) {
		ub_resolve_free(result);
		return;
	}
	if (error != 0 || result == NULL)
		answer = answer_failure(error != 0 ? ub_strerror(error) : "no result");
	else
		answer = answer_of(query, result);
	ub_resolve_free(result);
	close_query(query, answer);
}

/* libunbound reads names as a master file has them: unusual bytes are escaped. */
static void start_query(struct backend *backend, struct question *question)
{
	struct unbound *unbound = (struct unbound *)backend;
	const struct key *key = resolver_question(question);
	struct query *query = open_query(unbound, question);
	uint8_t wire[WIRE_NAME_MAX];
	char name[WIRE_TEXT_MAX];
	int error;

	if (wire_name_text(wire, wire_name_make(key->name, key->length, wire), name) == 0) {
		close_query(query, answer_failure("not a name"));
		return;
	}
	error =
	    ub_resolve_async(unbound->ctx, name, (int)key->type, CLASS_IN, query, on_result, NULL);
	if (error != 0)
		close_query(query, answer_failure(ub_strerror(error)));
}

/* ---- the thread ---- */

static void on_warm(void *arg, int error, struct ub_result *result)
{
	(void)arg;
	(void)error;
	ub_resolve_free(result);
}

/* The first question makes libunbound start its own thread; asked from here that one inherits our
 * mask of blocked signals. The name is in a zone that libunbound answers itself. */
static void warm_up(struct unbound *unbound)
{
	(void)ub_resolve_async(unbound->ctx, "warm.countersign.invalid", DNS_TYPE_TXT, CLASS_IN,
			       NULL, on_warm, NULL);
	lock_take(&unbound->lock);
	unbound->ready = true;
	cond_wake_all(&unbound->changed);
	lock_drop(&unbound->lock);
}

/* When the question was asked that has waited longest; 0: none does. */
static int64_t oldest_start(struct unbound *unbound)
{
	int64_t oldest = 0;

	lock_take(&unbound->lock);
	for (const struct query *query = unbound->open; query != NULL; query = query->next)
		oldest = oldest == 0 || query->start < oldest ? query->start : oldest;
	lock_drop(&unbound->lock);
	return oldest;
}

static void look_for_servers(struct unbound *unbound)
{
	int64_t start = oldest_start(unbound);

	if (start != 0 && clock_mono() - start >= PATIENCE_MS * CLOCK_MS)
		(void)hears_servers(unbound, start);
}

static void *take_results(void *arg)
{
	struct unbound *unbound = arg;
	struct pollfd polls[2] = {
	    {.fd = ub_fd(unbound->ctx), .events = POLLIN},
	    {.fd = unbound->stop[0], .events = POLLIN},
	};

	warm_up(unbound);
	while (polls[1].revents == 0) {
		int ready = poll(polls, 2, PATIENCE_MS);

		if (ready > 0 && polls[0].revents != 0)
			(void)ub_process(unbound->ctx);
		else if (ready == 0)
			look_for_servers(unbound);
	}
	return NULL;
}

static void free_unbound(struct unbound *unbound)
{
	ub_ctx_delete(unbound->ctx);
	buf_free(&unbound->servers.text);
	cond_done(&unbound->changed);
	lock_done(&unbound->lock);
	free(unbound);
}

static void unbound_free(struct backend *backend)
{
	struct unbound *unbound = (struct unbound *)backend;
	struct query *query, *next;

	close(unbound->stop[1]);
	pthread_join(unbound->thread, NULL);
	close(unbound->stop[0]);
	ub_ctx_delete(unbound->ctx);
	unbound->ctx = NULL;
	for (query = unbound->open; query != NULL; query = next) {
		next = query->next;
		close_query(query, answer_failure("the resolver was closed"));
	}
	free_unbound(unbound);
}

/* ---- configuration ---- */

static int write_all(int fd, struct span text)
{
	while (!span_empty(text)) {
		ssize_t written = write(fd, text.p, span_len(text));

		if (written == -1 && errno != EINTR)
			return -1;
		text.p += written > 0 ? written : 0;
	}
	return 0;
}

static int parse_config(struct ub_ctx *ctx, const char *path)
{
	static pthread_mutex_t parser = PTHREAD_MUTEX_INITIALIZER;
	int error;

	pthread_mutex_lock(&parser);
	error = ub_ctx_config(ctx, path);
	pthread_mutex_unlock(&parser);
	return error;
}

/* A file in memory: a hardened service may have no place to write to. */
static bool load_from_memory(struct ub_ctx *ctx, struct span text)
{
	int fd = memfd_create("countersign-dns", MFD_CLOEXEC);
	char path[32];
	bool loaded;

	if (fd == -1)
		return false;
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	loaded =
	    write_all(fd, text) == 0 && access(path, R_OK) == 0 && parse_config(ctx, path) == 0;
	close(fd);
	return loaded;
}

/* And where files in memory have no path, a temporary one. */
static int load_from_file(struct ub_ctx *ctx, struct span text, struct why *why)
{
	char path[] = "/tmp/countersign-dns-XXXXXX";
	int fd = mkstemp(path), error, result = -1;

	if (fd == -1)
		return why_set(why, "%s: %s (the DNS library reads its settings from a file)", path,
			       strerror(errno));
	if (write_all(fd, text) == -1) {
		why_set(why, "%s: %s", path, strerror(errno));
	} else {
		error = parse_config(ctx, path);
		result = error == 0 ? 0 : why_set(why, "DNS library: %s", ub_strerror(error));
	}
	close(fd);
	unlink(path);
	return result;
}

static int check_anchor(const char *path, struct why *why)
{
	FILE *file = fopen(path, "re");

	if (file == NULL)
		return why_set(why, "trust anchor %s: %s", path, strerror(errno));
	fclose(file);
	return 0;
}

/* Adding a zone makes libunbound take its settings, so that a fault in them shows now. */
static int configure_context(struct unbound *unbound, const struct dns_settings *settings,
			     struct why *why)
{
	struct ub_ctx *ctx = unbound->ctx;
	struct buf config;
	int error;

	buf_init(&config, NULL, 0);
	forward_config(&config, &unbound->servers, settings->trust_anchor != NULL,
		       unbound->backend.caps, settings->zone, settings->zone_file);
	error = load_from_memory(ctx, buf_view(&config))
		    ? 0
		    : load_from_file(ctx, buf_view(&config), why);
	buf_free(&config);
	if (error == -1)
		return -1;
	if (settings->trust_anchor != NULL && check_anchor(settings->trust_anchor, why) == -1)
		return -1;
	error = ub_ctx_async(ctx, 1);
	if (error == 0 && settings->trust_anchor != NULL)
		error = ub_ctx_add_ta_file(ctx, settings->trust_anchor);
	if (error == 0)
		error = ub_ctx_zone_add(ctx, "countersign.invalid.", "static");
	if (error != 0)
		return why_set(why, "DNS library: %s%s%s", ub_strerror(error),
			       settings->trust_anchor != NULL ? "; trust anchor " : "",
			       settings->trust_anchor != NULL ? settings->trust_anchor : "");
	return 0;
}

static int start_thread(struct unbound *unbound, struct why *why)
{
	if (pipe2(unbound->stop, O_CLOEXEC) == -1)
		return why_set(why, "DNS: pipe: %s", strerror(errno));
	if (thread_start(&unbound->thread, take_results, unbound) == -1) {
		close(unbound->stop[0]);
		close(unbound->stop[1]);
		return why_set(why, "DNS: no thread could be started");
	}
	lock_take(&unbound->lock);
	while (!unbound->ready)
		cond_wait(&unbound->changed, &unbound->lock);
	lock_drop(&unbound->lock);
	return 0;
}

/* MAY_ASK: whether the servers may be asked something for it. */
static bool choose_caps(const struct unbound *unbound, enum dns_caps caps, bool may_ask)
{
	if (caps == DNS_CAPS_AUTO && may_ask)
		return probe_keeps_case(&unbound->servers);
	return caps != DNS_CAPS_OFF;
}

/* Configured, without a thread. */
static struct unbound *make_unbound(const struct dns_settings *settings, bool may_ask,
				    struct why *why)
{
	struct unbound *unbound = heap_zero(sizeof *unbound);

	lock_init(&unbound->lock);
	cond_init(&unbound->changed);
	unbound->ctx = ub_ctx_create();
	if (unbound->ctx == NULL) {
		why_set(why, "DNS library: %s", strerror(errno));
	} else if (ub_ctx_debugout(unbound->ctx, NULL) == 0 &&
		   forward_servers(&unbound->servers, settings, why) == 0) {
		unbound->zoned = settings->zone != NULL;
		unbound->backend.caps = choose_caps(unbound, settings->caps, may_ask);
		if (configure_context(unbound, settings, why) == 0)
			return unbound;
	}
	free_unbound(unbound);
	return NULL;
}

struct dns *dns_new_unbound(const struct dns_settings *settings, struct why *why)
{
	static const struct backend_calls calls = {start_query, unbound_free};
	static const struct dns_settings none;
	struct unbound *unbound;

	if (settings == NULL)
		settings = &none;
	unbound = make_unbound(settings, true, why);
	if (unbound == NULL)
		return NULL;
	if (start_thread(unbound, why) != 0) {
		free_unbound(unbound);
		return NULL;
	}
	unbound->backend.calls = &calls;
	unbound->backend.servers = buf_text(&unbound->servers.text);
	return resolver_new(settings, &unbound->backend);
}

int dns_check_unbound(const struct dns_settings *settings, struct why *why)
{
	struct unbound *unbound = make_unbound(settings, false, why);

	if (unbound == NULL)
		return -1;
	free_unbound(unbound);
	return 0;
}

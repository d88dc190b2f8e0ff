/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * postfix/smtp[PID]: Verified TLS connection established to HOST[ADDRESS]:25: TLSv1.3 ...
 * postfix/smtp[PID]: certificate verification failed for HOST[ADDRESS]:25: certificate has expired
 * postfix/smtp[PID]: QUEUE: to=<USER@DOMAIN>, relay=HOST[ADDRESS]:25, ..., status=sent (250 ...)
 *
 * A connection is used for one delivery: of later ones over it nobody can tell that it was the
 * same. Queue names, hosts and replies are the words of others: a line is only searched for what
 * Postfix writes before them.
 */
#include "report/tls/postlog.h"

#include <stdlib.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/heap.h"
#include "mail/domain.h"
#include "tls/sts.h"

enum { CONNECTIONS_MAX = 256, HOST_MAX = 320 };

enum trust { TRUST_NONE, TRUST_ANONYMOUS, TRUST_UNTRUSTED, TRUST_TRUSTED, TRUST_VERIFIED };

static const struct name_code trust_names[] = {{"Anonymous", TRUST_ANONYMOUS},
					       {"Untrusted", TRUST_UNTRUSTED},
					       {"Trusted", TRUST_TRUSTED},
					       {"Verified", TRUST_VERIFIED},
					       {NULL, 0}};

/* The last connection of a process of Postfix. */
struct connection {
	uint64_t pid, used;
	enum trust trust;
	int fault;           /* of the certificate, enum session_result; 0: none that is known */
	char host[HOST_MAX]; /* "mx.example.com[192.0.2.1]:25"; "": none */
};

struct postlog {
	postlog_policy *policy;
	session_take *take;
	void *arg;
	struct arena *arena; /* of a line */
	uint64_t clock;
	struct connection connections[CONNECTIONS_MAX];
};

struct postlog *postlog_new(postlog_policy *policy, session_take *take, void *arg)
{
	struct postlog *postlog = heap_zero(sizeof *postlog);

	postlog->policy = policy;
	postlog->take = take;
	postlog->arg = arg;
	postlog->arena = arena_new(0);
	return postlog;
}

void postlog_free(struct postlog *postlog)
{
	if (postlog == NULL)
		return;
	arena_free(postlog->arena);
	free(postlog);
}

/* ---- words ---- */

/* What follows the first MARK; an empty span at the end of TEXT: it has none. */
static bool skip_past(struct span *text, const char *mark)
{
	const char *found = memmem(text->p, span_len(*text), mark, strlen(mark));

	if (found == NULL)
		return false;
	text->p = found + strlen(mark);
	return true;
}

static struct span take_until(struct span text, const char *mark)
{
	const char *found = memmem(text.p, span_len(text), mark, strlen(mark));

	return (struct span){text.p, found == NULL ? text.end : found};
}

static bool starts_with(struct span text, const char *mark)
{
	return span_len(text) >= strlen(mark) && memcmp(text.p, mark, strlen(mark)) == 0;
}

/* "DATE HOST postfix/smtp[123]: TEXT", of any instance and clone of smtp(8). The first word that
 * ends with a colon names the program: what follows it, a client can have chosen. */
static bool read_process(struct span *line, uint64_t *pid)
{
	struct span word;

	do {
		word = take_until(*line, " ");
		if (word.end == line->end)
			return false;
		line->p = word.end + 1;
	} while (span_empty(word) || word.end[-1] != ':');
	if (!starts_with(word, "postfix") || !skip_past(&word, "/smtp["))
		return false;
	word.end -= strlen("]:");
	return word.p < word.end && span_number(word, UINT32_MAX, pid);
}

static struct connection *find_connection(struct postlog *postlog, uint64_t pid)
{
	struct connection *oldest = &postlog->connections[0];

	for (unsigned i = 0; i < CONNECTIONS_MAX; i++) {
		struct connection *connection = &postlog->connections[i];

		if (connection->pid == pid)
			return connection;
		if (connection->used < oldest->used)
			oldest = connection;
	}
	memset(oldest, 0, sizeof *oldest);
	oldest->pid = pid;
	return oldest;
}

static bool is_host(const struct connection *connection, struct span host)
{
	return span_len(host) > 0 && span_eq(host, connection->host);
}

/* Another host's facts go. */
static void set_host(struct connection *connection, struct span host)
{
	if (is_host(connection, host))
		return;
	connection->trust = TRUST_NONE;
	connection->fault = 0;
	connection->host[0] = '\0';
	if (span_len(host) >= sizeof connection->host)
		return;
	memcpy(connection->host, host.p, span_len(host));
	connection->host[span_len(host)] = '\0';
}

/* ---- a connection ---- */

static const struct {
	const char *words;
	enum session_result result;
} faults[] = {{"certificate has expired", SESSION_EXPIRED},
	      {"num=10:", SESSION_EXPIRED},
	      {"num=62:", SESSION_HOST_MISMATCH},
	      {"num=65:", SESSION_INVALID}, /* no matching DANE TLSA records */
	      {"", SESSION_NOT_TRUSTED}};

/* Before the connection is reported: why its certificate was refused. The name of an issuer, which
 * is the other side's words, comes last. */
static bool read_fault(struct connection *connection, struct span text)
{
	struct span host;

	if (starts_with(text, "server "))
		text.p += strlen("server ");
	if (!starts_with(text, "certificate verification failed for "))
		return false;
	text.p += strlen("certificate verification failed for ");
	host = take_until(text, ": ");
	set_host(connection, host);
	text.p = host.end + (host.end < text.end ? strlen(": ") : 0);
	for (unsigned i = 0; connection->fault == 0; i++) {
		if (starts_with(text, faults[i].words))
			connection->fault = (int)faults[i].result;
	}
	return true;
}

static bool read_connection(struct connection *connection, struct span text)
{
	struct span word = take_until(text, " ");
	int trust = name_code(trust_names, word, -1);

	text.p = word.end;
	if (trust != -1 && starts_with(text, " TLS connection established to ")) {
		text.p += strlen(" TLS connection established to ");
		set_host(connection, take_until(text, ": TLS"));
		connection->trust = (enum trust)trust;
		return true;
	}
	text.p = word.p;
	return read_fault(connection, text);
}

/* ---- a delivery ---- */

struct delivery {
	const char *domain;
	struct span relay, reason;
	bool sent;
};

/* "QUEUE: to=<a@b>, orig_to=<...>, relay=HOST, delay=..., dsn=..., status=WORD (REASON)" */
static bool read_delivery(struct arena *arena, struct span text, struct delivery *delivery)
{
	struct span address, at, status;
	bool has_domain = false;

	if (!skip_past(&text, ": to=<"))
		return false;
	address = take_until(text, ">, ");
	at = address;
	text.p = address.end;
	while (skip_past(&at, "@")) {
		address = at;
		has_domain = true;
	}
	if (!skip_past(&text, ", relay="))
		return false;
	delivery->relay = take_until(text, ", ");
	if (!skip_past(&text, ", status="))
		return false;
	status = take_until(text, " (");
	text.p = status.end;
	delivery->sent = span_eq(status, "sent");
	delivery->reason = text;
	delivery->domain = has_domain ? domain_to_ascii(arena, address) : NULL;
	return delivery->domain != NULL;
}

/* Postfix's own words, which begin the reason; 0: not a failure of TLS. */
static int find_result(const struct delivery *delivery, const struct connection *connection)
{
	const struct span reason = delivery->reason;

	if (starts_with(reason, " (TLS is required, but was not offered by host "))
		return SESSION_NO_STARTTLS;
	if (starts_with(reason, " (Cannot start TLS: "))
		return SESSION_INVALID;
	if (starts_with(reason, " (Server certificate not trusted") ||
	    starts_with(reason, " (Server certificate not verified")) {
		if (connection->fault != 0)
			return connection->fault;
		return connection->trust == TRUST_UNTRUSTED ? SESSION_NOT_TRUSTED : SESSION_INVALID;
	}
	return starts_with(reason, " (TLSA lookup error for ") ? SESSION_DNSSEC_INVALID : 0;
}

/* ---- what is told ---- */

/* False: there is none, or its mode is none, which is the same. */
static bool find_held(struct postlog *postlog, const char *domain, struct span *text,
		      struct sts_policy *policy)
{
	const char *found = postlog->policy(postlog->arg, postlog->arena, domain);
	struct why why;

	*text = span_of(found);
	return found != NULL && sts_policy_parse(postlog->arena, *text, policy, &why) == 0 &&
	       policy->mode != STS_NONE;
}

static const char *write_held(struct arena *arena, const char *domain, struct span text,
			      const struct sts_policy *policy)
{
	struct session_texts lines = {arena_array(arena, STS_PATTERNS_MAX, sizeof(char *)), 0};
	struct session_texts hosts = {arena_array(arena, STS_PATTERNS_MAX, sizeof(char *)), 0};
	struct span line;
	bool more = true;

	while (lines.count < STS_PATTERNS_MAX && span_split(&text, &more, '\n', &line)) {
		if (!span_empty(span_trim(line)))
			lines.items[lines.count++] = arena_span(arena, span_trim(line));
	}
	for (; hosts.count < policy->count; hosts.count++)
		hosts.items[hosts.count] = policy->patterns[hosts.count];
	return session_policy_text(arena, SESSION_STS, domain, &lines, &hosts);
}

/* RESULT: with mode testing Postfix delivers to a host that the policy would not allow. */
static const char *find_policy(struct postlog *postlog, const char *domain, bool dane,
			       enum trust trust, int *result)
{
	const struct session_texts none = {NULL, 0};
	struct sts_policy policy;
	struct span text;

	if (!find_held(postlog, domain, &text, &policy))
		return session_policy_text(postlog->arena, dane ? SESSION_TLSA : SESSION_NO_POLICY,
					   domain, &none, &none);
	if (*result == 0 && policy.mode == STS_TESTING && trust < TRUST_TRUSTED)
		*result = SESSION_NOT_TRUSTED;
	return write_held(postlog->arena, domain, text, &policy);
}

/* "mx.example.com[192.0.2.1]:25" */
static void split_relay(struct arena *arena, struct span relay, struct session_detail *detail)
{
	struct span host = take_until(relay, "["), address = {host.end, relay.end};

	if (host.end == relay.end)
		return;
	address.p++;
	detail->mx_host = arena_span(arena, host);
	detail->receiving_ip = arena_span(arena, take_until(address, "]"));
}

static void tell_session(struct postlog *postlog, const struct delivery *delivery, int result,
			 const struct connection *connection)
{
	bool starts = starts_with(delivery->reason, " (Cannot start TLS: ");
	bool dane = connection->trust == TRUST_VERIFIED || (result != 0 && !starts);
	struct session session = {
	    .domain = delivery->domain,
	    .policy = find_policy(postlog, delivery->domain, dane, connection->trust, &result),
	    .detail = "",
	    .source = SESSION_DERIVED,
	    .count = 1};
	struct session_detail detail = {.result = (enum session_result)result};

	session.kind = result == 0 ? SESSION_DONE : SESSION_FAILED;
	postlog->take(postlog->arg, &session);
	if (result == 0)
		return;
	split_relay(postlog->arena, delivery->relay, &detail);
	session.kind = SESSION_DETAIL;
	session.detail = session_detail_text(postlog->arena, &detail);
	postlog->take(postlog->arg, &session);
}

static void take_delivery(struct postlog *postlog, struct connection *connection, struct span text)
{
	struct delivery delivery;
	int result;

	if (!read_delivery(postlog->arena, text, &delivery))
		return;
	if (!is_host(connection, delivery.relay))
		set_host(connection, delivery.relay);
	result = find_result(&delivery, connection);
	if (result != 0 || connection->trust != TRUST_NONE)
		tell_session(postlog, &delivery, result, connection);
	connection->trust = TRUST_NONE;
	connection->fault = 0;
}

void postlog_line(struct postlog *postlog, struct span line)
{
	struct connection *connection;
	uint64_t pid;

	if (span_len(line) > POSTLOG_LINE_MAX || !read_process(&line, &pid))
		return;
	connection = find_connection(postlog, pid);
	connection->used = ++postlog->clock;
	if (!read_connection(connection, line))
		take_delivery(postlog, connection, line);
	arena_reset(postlog->arena);
}

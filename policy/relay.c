/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The fields are read as they come, and no longer once the client is known. A line of the relay
 * that cannot be read ends the search: what is below may be the stranger's.
 */
#include "policy/relay.h"

#include <assert.h>
#include <string.h>

#include "mail/authres_read.h"
#include "mail/domain.h"
#include "policy/trace.h"

enum { RESULTS_MAX = 8 };

struct relay_reader {
	const struct relay_rules *rules;
	const struct relay *relay;
	struct arena *arena;
	struct relay_origin at; /* as far as the lines have been followed */
	unsigned hops;
	bool done, found;
	const char *results[RESULTS_MAX]; /* Authentication-Results of the relay, from the top */
	unsigned result_count;
};

const struct relay *relay_find(const struct relay_rules *rules, const struct ip *client)
{
	for (unsigned i = 0; i < rules->count && client->family != 0; i++)
		if (ip_in_any(client, rules->items[i].from, rules->items[i].from_count))
			return &rules->items[i];
	return NULL;
}

struct relay_reader *relay_reader_new(const struct relay_rules *rules, const struct relay *relay,
				      const struct ip *client, const char *helo,
				      struct arena *arena)
{
	struct relay_reader *reader = arena_make(arena, struct relay_reader);

	assert(!relay->skip);
	reader->rules = rules;
	reader->relay = relay;
	reader->arena = arena;
	reader->at = (struct relay_origin){*client, helo};
	return reader;
}

/* A program of the relay may hand a message back to it: that is no other host. */
static void follow_client(struct relay_reader *reader, const struct ip *ip, struct span helo)
{
	if (ip_is_loopback(ip))
		return;
	reader->at = (struct relay_origin){*ip, arena_span(reader->arena, helo)};
	if (relay_find(reader->rules, ip) == NULL)
		reader->done = reader->found = true;
}

static void read_received(struct relay_reader *reader, struct span value)
{
	struct span helo;
	struct ip ip;

	switch (trace_client(value, &ip, &helo)) {
	case TRACE_CLIENT:
		follow_client(reader, &ip, helo);
		break;
	case TRACE_SUBMITTED: /* on the host that the lines have led to */
		reader->done = reader->found = true;
		break;
	case TRACE_UNREADABLE:
		reader->done = true;
		break;
	}
	if (++reader->hops == RELAY_HOPS_MAX)
		reader->done = true;
}

void relay_header(struct relay_reader *reader, struct span name, struct span value)
{
	name = span_trim(name);
	if (reader->done)
		return;
	if (span_ieq(name, "received"))
		read_received(reader, value);
	else if (reader->relay->results_of != NULL && reader->result_count < RESULTS_MAX &&
		 span_ieq(name, "authentication-results") &&
		 authres_is_ours(value, reader->relay->results_of))
		reader->results[reader->result_count++] = arena_span(reader->arena, value);
}

const struct relay_origin *relay_origin(const struct relay_reader *reader)
{
	return reader->found ? &reader->at : NULL;
}

/* ---- results ---- */

/* The domain that RESULT is about, or NULL. */
static const char *result_domain(const struct relay_reader *reader,
				 const struct authres_result *result, bool null_sender)
{
	const char *value = authres_value(result, "smtp", null_sender ? "helo" : "mailfrom");
	const char *at = value == NULL ? NULL : strrchr(value, '@');

	return value == NULL ? NULL
			     : domain_to_ascii(reader->arena, span_of(at == NULL ? value : at + 1));
}

/* RFC 8601 section 2.7.2. */
static bool is_final(enum auth_result result)
{
	return result != AUTH_TEMPERROR && result != AUTH_POLICY;
}

static bool take_result(const struct relay_reader *reader, const struct authres_result *result,
			const char *domain, bool null_sender, struct spf_verdict *out)
{
	int code = name_code(auth_result_names, span_of(result->result), -1);
	const char *about = result_domain(reader, result, null_sender);

	if (strcmp(result->method, "spf") != 0 || code < 0 || !is_final((enum auth_result)code) ||
	    about == NULL || !domain_equal(about, domain))
		return false;
	*out = (struct spf_verdict){
	    .result = (enum auth_result)code,
	    .scope = SPF_SCOPE_MFROM,
	    .domain = about,
	    .why = arena_printf(reader->arena, "%s says so (relays)", reader->relay->results_of)};
	return true;
}

/* Without a Received field that names the client, nothing says where the relay's own fields end. */
bool relay_spf(const struct relay_reader *reader, const char *mail_from, struct spf_verdict *out)
{
	bool null_sender = mail_from[0] == '\0';
	const char *domain = null_sender ? domain_to_ascii(reader->arena, span_of(reader->at.helo))
					 : domain_of_address(reader->arena, mail_from);

	for (unsigned i = 0; i < reader->result_count && reader->found && domain != NULL; i++) {
		struct authres_results results;

		if (!authres_parse(reader->arena, span_of(reader->results[i]), &results))
			continue;
		for (unsigned k = 0; k < results.count; k++)
			if (take_result(reader, &results.items[k], domain, null_sender, out))
				return true;
	}
	return false;
}

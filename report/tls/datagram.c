/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * {"dpv":"1","d":DOMAIN,"pr":RECORD,"policies":[{"policy-type":1|2|9,"policy-domain":...,
 * "policy-string":[...],"mx-host":[...],"failure-details":[{"c":CODE,"s":SENDING IP,"n":MX,
 * "h":HELO,"r":RECEIVING IP,"a":INFORMATION,"f":REASON}],"t":FAILURES,"f":0|1}]}
 *
 * The texts that other domains published are in it. The record is not used: it is looked up again
 * when a report is made.
 */
#include "report/tls/datagram.h"

#include <jansson.h>
#include <string.h>

#include "lib/utf8.h"
#include "mail/domain.h"
#include "report/json.h"

enum { UNFINISHED = 901 /* the session was ended before it had a result */ };

struct reading {
	struct arena *arena;
	const char *domain;
	enum session_source source;
	session_take *take;
	void *arg;
};

/* NULL: it is not a text. */
static const char *member_text(struct arena *arena, const json_t *object, const char *name)
{
	const json_t *value = json_object_get(object, name);
	struct buf clean;
	size_t length;

	if (!json_is_string(value))
		return NULL;
	length = json_string_length(value);
	buf_init(&clean, arena, 0);
	utf8_clean(&clean, span_make(json_string_value(value),
				     length < SESSION_TEXT_MAX ? length : SESSION_TEXT_MAX));
	return buf_text(&clean);
}

static struct session_texts member_list(struct arena *arena, const json_t *object, const char *name)
{
	const json_t *value = json_object_get(object, name), *item;
	struct session_texts texts = {arena_array(arena, DATAGRAM_LIST_MAX, sizeof(char *)), 0};
	size_t i;

	json_array_foreach(value, i, item)
	{
		struct buf clean;

		if (!json_is_string(item) || texts.count == DATAGRAM_LIST_MAX)
			continue;
		buf_init(&clean, arena, 0);
		utf8_clean(&clean, span_of(json_string_value(item)));
		if (clean.len <= SESSION_TEXT_MAX)
			texts.items[texts.count++] = buf_text(&clean);
	}
	return texts;
}

static enum session_policy read_type(const json_t *policy)
{
	json_int_t type = json_integer_value(json_object_get(policy, "policy-type"));

	return type == SESSION_TLSA || type == SESSION_STS ? (enum session_policy)type
							   : SESSION_NO_POLICY;
}

static void take_detail(const struct reading *reading, struct session *session, const json_t *item)
{
	struct arena *arena = reading->arena;
	json_int_t code = json_integer_value(json_object_get(item, "c"));
	struct session_detail detail = {
	    .result = (enum session_result)code,
	    .sending_ip = member_text(arena, item, "s"),
	    .mx_host = member_text(arena, item, "n"),
	    .mx_helo = member_text(arena, item, "h"),
	    .receiving_ip = member_text(arena, item, "r"),
	    .information = member_text(arena, item, "a"),
	    .reason = member_text(arena, item, "f"),
	};

	if (code < SESSION_NO_STARTTLS || code > SESSION_DANE_REQUIRED ||
	    (code > SESSION_INVALID && code < SESSION_STS_FETCH))
		detail.result = SESSION_INVALID; /* a later version's */
	session->kind = SESSION_DETAIL;
	session->detail = session_detail_text(arena, &detail);
	reading->take(reading->arg, session);
}

static void take_policy(const struct reading *reading, const json_t *policy)
{
	struct arena *arena = reading->arena;
	struct session_texts lines = member_list(arena, policy, "policy-string");
	struct session_texts hosts = member_list(arena, policy, "mx-host");
	const char *domain = member_text(arena, policy, "policy-domain");
	const json_t *details = json_object_get(policy, "failure-details"), *item;
	struct session session = {
	    .domain = reading->domain, .detail = "", .source = reading->source, .count = 1};
	bool failed = json_integer_value(json_object_get(policy, "f")) != 0;
	size_t i;

	if (!failed &&
	    json_integer_value(json_object_get(json_array_get(details, 0), "c")) == UNFINISHED)
		return;
	session.policy = session_policy_text(
	    arena, read_type(policy), domain == NULL ? reading->domain : domain, &lines, &hosts);
	session.kind = failed ? SESSION_FAILED : SESSION_DONE;
	reading->take(reading->arg, &session);
	json_array_foreach(details, i, item)
	{
		if (failed && json_is_object(item) && i < DATAGRAM_LIST_MAX)
			take_detail(reading, &session, item);
	}
}

static int take_policies(struct reading *reading, const json_t *root, struct why *why)
{
	const json_t *version = json_object_get(root, "dpv"), *policy;
	const json_t *policies = json_object_get(root, "policies");
	const char *domain = member_text(reading->arena, root, "d");
	size_t i;

	if (!json_is_string(version) || strcmp(json_string_value(version), "1") != 0)
		return why_set(why, "it does not have the version (dpv) 1");
	reading->domain = domain == NULL ? NULL : domain_to_ascii(reading->arena, span_of(domain));
	if (reading->domain == NULL)
		return why_set(why, "it has no valid domain (d)");
	if (!json_is_array(policies) || json_array_size(policies) == 0 ||
	    json_array_size(policies) > DATAGRAM_POLICIES_MAX)
		return why_set(why, "it does not have 1 to %d policies", DATAGRAM_POLICIES_MAX);
	json_array_foreach(policies, i, policy)
	{
		if (!json_is_object(policy))
			return why_set(why, "policy %zu is not an object", i);
	}
	for (i = 0; i < json_array_size(policies); i++)
		take_policy(reading, json_array_get(policies, i));
	return 0;
}

int datagram_parse(struct arena *arena, struct span text, enum session_source source,
		   session_take *take, void *arg, struct why *why)
{
	struct reading reading = {.arena = arena, .source = source, .take = take, .arg = arg};
	json_error_t error;
	json_t *root;
	int result;

	if (span_len(text) > DATAGRAM_BYTES_MAX)
		return why_set(why, "it has more than %d bytes", DATAGRAM_BYTES_MAX);
	root = json_loadb(text.p, span_len(text), JSON_REJECT_DUPLICATES, &error);
	if (!json_is_object(root)) {
		json_decref(root);
		return why_set(why, "it is not a JSON object");
	}
	result = take_policies(&reading, root, why);
	json_decref(root);
	return result;
}

void datagram_write(struct buf *out, struct arena *arena, const char *domain,
		    enum session_policy type, const struct session_detail *detail)
{
	const struct {
		const char *name, *text;
	} members[] = {{"n", detail->mx_host}, {"a", detail->information}, {"f", detail->reason}};
	const char *quoted = json_quote(arena, domain);

	buf_printf(out,
		   "{\"dpv\":\"1\",\"d\":%s,\"policies\":[{\"policy-type\":%d,"
		   "\"policy-domain\":%s,\"failure-details\":[{\"c\":%d",
		   quoted, (int)type, quoted, (int)detail->result);
	for (unsigned i = 0; i < sizeof members / sizeof members[0]; i++) {
		if (members[i].text != NULL)
			buf_printf(out, ",\"%s\":%s", members[i].name,
				   json_quote(arena, members[i].text));
	}
	buf_printf(out, "}],\"t\":1,\"f\":1}]}");
}

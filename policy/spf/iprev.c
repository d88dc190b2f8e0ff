/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PTR first, then the addresses of all its names at once: two answers deep, however many names.
 * iprev_start() lets the second step follow the first in the resolver; iprev_names() starts what is
 * not started yet, so the check is right without it, only later.
 */
#include "policy/spf/iprev.h"

#include <assert.h>
#include <string.h>

static enum dns_type address_type(const struct ip *client)
{
	return client->family == 6 ? DNS_TYPE_AAAA : DNS_TYPE_A;
}

static unsigned usable_names(const struct dns_answer *answer)
{
	if (answer == NULL || answer->status != DNS_DATA)
		return 0;
	return answer->count < IPREV_NAMES_MAX ? answer->count : IPREV_NAMES_MAX;
}

static bool is_root(const char *name)
{
	return strcmp(name, ".") == 0;
}

static void start_addresses(struct dns_scope *scope, const struct dns_answer *answer,
			    const struct ip *client)
{
	for (unsigned i = 0; i < usable_names(answer); i++) {
		if (!is_root(answer->records[i].text))
			dns_start(scope, answer->records[i].text, address_type(client));
	}
}

static void follow_ptr(struct dns_scope *scope, struct dns_lookup *lookup, const void *arg)
{
	const struct ip *client = arg;

	start_addresses(scope, dns_lookup_answer(lookup), client);
}

void iprev_start(struct dns_scope *scope, const struct ip *client)
{
	char name[IP_REVERSE_MAX];

	if (client->family != 0)
		dns_start_follow(scope, ip_reverse(client, name), DNS_TYPE_PTR, follow_ptr, client);
}

void iprev_names(struct dns_scope *scope, const struct ip *client, struct iprev_names *out)
{
	char name[IP_REVERSE_MAX];

	memset(out, 0, sizeof *out);
	if (client->family == 0)
		return;
	out->answer = dns_wait(dns_start(scope, ip_reverse(client, name), DNS_TYPE_PTR));
	start_addresses(scope, out->answer, client);
	for (unsigned i = 0; i < usable_names(out->answer); i++) {
		if (!is_root(out->answer->records[i].text))
			out->name[out->count++] = out->answer->records[i].text;
	}
}

enum dns_status iprev_has(struct dns_scope *scope, const struct ip *client, const char *name)
{
	const struct dns_answer *answer = dns_wait(dns_start(scope, name, address_type(client)));

	if (answer->status == DNS_TEMPFAIL)
		return DNS_TEMPFAIL;
	for (unsigned i = 0; i < answer->count; i++) {
		struct ip ip =
		    ip_from_bytes(answer->records[i].address, client->family == 6 ? 16 : 4);

		if (ip_equal(&ip, client))
			return DNS_DATA;
	}
	return DNS_NODATA;
}

static void set_result(struct iprev_verdict *out, enum auth_result result, const char *name,
		       const char *why)
{
	out->result = result;
	out->name = name;
	out->why = why;
}

/* RFC 8601 section 2.7.3: what each answer to PTR that is not a name means. */
static void judge_without_names(const struct iprev_names *names, const char *address,
				struct arena *arena, struct iprev_verdict *out)
{
	if (names->answer == NULL)
		set_result(out, AUTH_NONE, NULL, "the client has no IP address");
	else if (names->answer->status == DNS_TEMPFAIL)
		set_result(out, AUTH_TEMPERROR, NULL,
			   arena_printf(arena, "PTR of %s: %s (RFC 8601 section 2.7.3)", address,
					names->answer->reason));
	else
		set_result(
		    out, AUTH_PERMERROR, NULL,
		    arena_printf(arena, "%s has no PTR record (RFC 8601 section 2.7.3)", address));
}

void iprev_check(struct dns_scope *scope, const struct ip *client, struct arena *arena,
		 struct iprev_verdict *out)
{
	char address[IP_TEXT_MAX];
	struct iprev_names names;
	const char *failed = NULL;

	ip_text(client, address);
	iprev_names(scope, client, &names);
	assert(names.count <= IPREV_NAMES_MAX);
	if (names.count == 0) {
		judge_without_names(&names, address, arena, out);
		return;
	}
	for (unsigned i = 0; i < names.count; i++) {
		const char *name = arena_string(arena, names.name[i]);
		enum dns_status status = iprev_has(scope, client, name);

		if (status == DNS_DATA) {
			set_result(out, AUTH_PASS, name,
				   arena_printf(
				       arena, "%s is %s and has that address (RFC 8601 section 3)",
				       address, name));
			return;
		}
		if (status == DNS_TEMPFAIL && failed == NULL)
			failed = name;
	}
	if (failed != NULL)
		set_result(
		    out, AUTH_TEMPERROR, failed,
		    arena_printf(arena,
				 "the address of %s could not be determined (RFC 8601 section 3)",
				 failed));
	else
		set_result(
		    out, AUTH_FAIL, arena_string(arena, names.name[0]),
		    arena_printf(
			arena,
			"%s is named %s%s, which %s not have that address (RFC 8601 section 3)",
			address, names.name[0], names.count > 1 ? " and others" : "",
			names.count > 1 ? "do" : "does"));
}

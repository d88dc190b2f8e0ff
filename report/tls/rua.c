/* SPDX-License-Identifier: BSD-2-Clause */
#include "report/tls/rua.h"

#include <assert.h>
#include <string.h>

#include "mail/domain.h"
#include "policy/dmarc/destination.h"
#include "tls/tlsrpt.h"

static const char scheme[] = "https://";

bool rua_is_url(const char *address)
{
	return span_istarts(span_of(address), scheme);
}

/* https://HOST[:443][/PATH]: a name, no user, no other port, no blank or control. */
static const char *read_url(struct arena *arena, struct span uri)
{
	const char *url, *rest;
	struct span host;

	if (span_len(uri) > RUA_LENGTH_MAX)
		return NULL;
	for (const char *p = uri.p; p < uri.end; p++) {
		if (*p <= ' ' || *p > '~' || strchr("\"<>\\^`{|}#", *p) != NULL)
			return NULL;
	}
	url = arena_span(arena, uri);
	rest = url + strlen(scheme);
	host = span_make(rest, strcspn(rest, ":/?"));
	rest = host.end;
	if (strncmp(rest, ":443", 4) == 0 && strchr("/?", rest[4]) != NULL)
		rest += 4;
	if (*rest == ':' || domain_to_ascii(arena, host) == NULL ||
	    memchr(host.p, '.', span_len(host)) == NULL)
		return NULL;
	return url;
}

/* As in a DMARC record, which has the same grammar; a size limit is not part of it here. */
static const char *read_mailto(struct arena *arena, struct span uri)
{
	struct destination list[DESTINATION_MAX];

	if (memchr(uri.p, '!', span_len(uri)) != NULL || destination_parse(arena, uri, list) != 1 ||
	    strlen(list[0].address) > RUA_LENGTH_MAX)
		return NULL;
	return list[0].address;
}

static unsigned parse_addresses(struct arena *arena, struct span text,
				const char *addresses[RUA_MAX])
{
	unsigned count = 0;
	struct span uri;
	bool more = true;

	while (count < RUA_MAX && span_split(&text, &more, ',', &uri)) {
		const char *address;
		bool known = false;

		uri = span_trim(uri);
		address =
		    span_istarts(uri, scheme) ? read_url(arena, uri) : read_mailto(arena, uri);
		for (unsigned i = 0; address != NULL && i < count; i++)
			known |= strcmp(addresses[i], address) == 0;
		if (address != NULL && !known)
			addresses[count++] = address;
	}
	assert(count <= RUA_MAX);
	return count;
}

enum rua_answer rua_find(struct dns_scope *scope, struct arena *arena, const char *domain,
			 const char *addresses[RUA_MAX], unsigned *count)
{
	const char *name = arena_printf(arena, "_smtp._tls.%s", domain), *rua;
	const struct dns_answer *answer = dns_wait(dns_start(scope, name, DNS_TYPE_TXT));
	struct span found = span_of(NULL);
	unsigned records = 0;
	struct why why;

	*count = 0;
	if (answer->status == DNS_TEMPFAIL)
		return RUA_LATER;
	for (unsigned i = 0; i < answer->count; i++) {
		struct span text = span_make(answer->records[i].text, answer->records[i].length);

		if (!tlsrpt_record_is(text))
			continue;
		found = text;
		records++;
	}
	rua = records == 1 ? tlsrpt_record_parse(arena, found, &why) : NULL;
	if (rua != NULL)
		*count = parse_addresses(arena, span_of(rua), addresses);
	return *count > 0 ? RUA_FOUND : RUA_NONE;
}

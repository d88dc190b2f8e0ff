/* SPDX-License-Identifier: BSD-2-Clause */
#include "bimi/obtain.h"

#include "bimi/cache.h"
#include "lib/clock.h"
#include "lib/url.h"
#include "tls/fetch.h"

static const int64_t obtain_timeout = 10 * CLOCK_SECOND;

static const size_t max_bytes[] = {
    [OBTAIN_LOGO] = 262144, [OBTAIN_CERTIFICATE] = 262144, [OBTAIN_LIST] = BIMI_LIST_BYTES};

size_t bimi_obtain_max(enum obtain_kind kind)
{
	return max_bytes[kind];
}

/* A server that is busy, or that did not answer, may do so later. */
static enum obtain_outcome judge_fetch(enum fetch_outcome outcome, long status)
{
	if (outcome == FETCH_DONE)
		return OBTAINED;
	if (outcome != FETCH_ERROR)
		return OBTAIN_REFUSED;
	return status == 0 || status >= 500 || status == 408 || status == 429 ? OBTAIN_FAILED
									      : OBTAIN_REFUSED;
}

static bool is_dns_failing(const struct obtain_web *web, const char *host)
{
	static const enum dns_type types[] = {DNS_TYPE_AAAA, DNS_TYPE_A};

	for (unsigned i = 0; i < 2; i++)
		if (dns_wait(dns_start(web->scope, host, types[i]))->status == DNS_TEMPFAIL)
			return true;
	return false;
}

enum obtain_outcome bimi_obtain(const struct obtain_web *web, enum obtain_kind kind,
				const char *uri, struct arena *arena, struct span *bytes,
				struct why *why)
{
	struct ip addresses[DIAL_ADDRESSES_MAX];
	struct fetch_document document = {.url = uri, .limit = max_bytes[kind]};
	enum fetch_outcome outcome;
	struct url_web url;

	*bytes = span_of("");
	if (url_parse_web(uri, &url, why) == -1)
		return OBTAIN_REFUSED;
	if (!url.tls && kind != OBTAIN_LIST) {
		why_set(why, "%.200s is not an https URI", uri);
		return OBTAIN_REFUSED;
	}
	document.host = url.host;
	document.http = !url.tls;
	document.addresses = addresses;
	document.count = dial_find(web->scope, url.host, addresses);
	document.ca_file = web->ca_file;
	document.timeout = obtain_timeout;
	if (document.count == 0) {
		why_set(why, "%s has no address in DNS", url.host);
		return is_dns_failing(web, url.host) ? OBTAIN_FAILED : OBTAIN_REFUSED;
	}
	outcome = fetch_document(&document, arena, why);
	if (outcome == FETCH_DONE)
		*bytes = document.body;
	return judge_fetch(outcome, document.status);
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "tls/dial.h"

#include <assert.h>
#include <curl/curl.h>
#include <stdlib.h>

#include "lib/buf.h"
#include "lib/clock.h"
#include "lib/crypto/host.h"

/* "mta-sts.example.com:443:192.0.2.1,[2001:db8::1]" */
static struct curl_slist *list_addresses(const struct dial_target *target)
{
	struct curl_slist *list;
	char text[IP_TEXT_MAX];
	struct buf entry;

	buf_init(&entry, NULL, 0);
	buf_printf(&entry, "%s:%u:", target->host, target->port);
	for (unsigned i = 0; i < target->count && i < DIAL_ADDRESSES_MAX; i++) {
		bool six = target->addresses[i].family == 6;

		ip_text(&target->addresses[i], text);
		buf_printf(&entry, "%s%s%s%s", i == 0 ? "" : ",", six ? "[" : "", text,
			   six ? "]" : "");
	}
	list = curl_slist_append(NULL, buf_text(&entry));
	buf_free(&entry);
	if (list == NULL)
		abort();
	return list;
}

static CURLcode require_name(CURL *curl, void *context, void *arg)
{
	const struct dial *dial = arg;

	(void)curl;
	return crypto_require_host(context, dial->target.host) == 0 ? CURLE_OK
								    : CURLE_SSL_CONNECT_ERROR;
}

static void set_rules(struct dial *dial)
{
	long timeout = (long)(dial->target.timeout / CLOCK_MS);
	CURL *curl = dial->curl;

	curl_easy_setopt(curl, CURLOPT_RESOLVE, dial->addresses);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, dial->error);
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(curl, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, timeout);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, timeout);
	curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L);
	curl_easy_setopt(curl, CURLOPT_SSL_CTX_FUNCTION, require_name);
	curl_easy_setopt(curl, CURLOPT_SSL_CTX_DATA, dial);
	if (dial->target.ca_file != NULL) {
		curl_easy_setopt(curl, CURLOPT_CAINFO, dial->target.ca_file);
		curl_easy_setopt(curl, CURLOPT_CAPATH, NULL);
	}
}

void dial_begin(struct dial *dial, const struct dial_target *target)
{
	static_assert(sizeof dial->error >= CURL_ERROR_SIZE, "libcurl writes as much");
	assert(target->count > 0);
	*dial = (struct dial){.target = *target, .curl = curl_easy_init()};
	if (dial->curl == NULL)
		abort();
	dial->addresses = list_addresses(target);
	set_rules(dial);
}

void dial_trust_any(struct dial *dial)
{
	curl_easy_setopt(dial->curl, CURLOPT_SSL_VERIFYPEER, 0L);
	curl_easy_setopt(dial->curl, CURLOPT_SSL_VERIFYHOST, 0L);
	curl_easy_setopt(dial->curl, CURLOPT_SSL_CTX_FUNCTION, NULL);
}

void dial_end(struct dial *dial)
{
	curl_easy_cleanup(dial->curl);
	curl_slist_free_all(dial->addresses);
}

unsigned dial_find(struct dns_scope *scope, const char *host,
		   struct ip addresses[DIAL_ADDRESSES_MAX])
{
	static const enum dns_type types[] = {DNS_TYPE_AAAA, DNS_TYPE_A};
	unsigned count = 0;

	for (unsigned t = 0; t < 2; t++)
		(void)dns_start(scope, host, types[t]);
	for (unsigned t = 0; t < 2; t++) {
		const struct dns_answer *answer = dns_wait(dns_start(scope, host, types[t]));

		for (unsigned i = 0; i < answer->count && count < DIAL_ADDRESSES_MAX; i++)
			addresses[count++] =
			    ip_from_bytes(answer->records[i].address, t == 0 ? 16 : 4);
	}
	return count;
}

void dial_clean(struct why *why)
{
	for (char *p = why->text; *p != '\0'; p++) {
		if (*p < ' ' || *p > '~')
			*p = '?';
	}
}

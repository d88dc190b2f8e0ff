/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * libcurl speaks SMTP. It gives the chain only of a handshake that succeeds, so after a certificate
 * was refused it connects again and accepts any.
 */
#include "tls/probe.h"

#include <assert.h>
#include <curl/curl.h>
#include <string.h>

static size_t drop_data(char *data, size_t size, size_t count, void *arg)
{
	(void)data;
	(void)arg;
	return size * count;
}

static void read_chain(CURL *curl, struct arena *arena, struct probe *probe)
{
	static const char prefix[] = "Cert:";
	struct curl_certinfo *info = NULL;

	if (curl_easy_getinfo(curl, CURLINFO_CERTINFO, &info) != CURLE_OK || info == NULL)
		return;
	for (int i = 0; i < info->num_of_certs && probe->count < PROBE_CHAIN_MAX; i++) {
		for (const struct curl_slist *line = info->certinfo[i]; line != NULL;
		     line = line->next) {
			if (strncmp(line->data, prefix, sizeof prefix - 1) == 0)
				probe->chain[probe->count++] =
				    span_of(arena_string(arena, line->data + sizeof prefix - 1));
		}
	}
}

static CURLcode connect_once(const struct dial_target *target, bool verify, struct arena *arena,
			     struct probe *probe, struct why *why)
{
	struct dial dial;
	CURLcode code;

	dial_begin(&dial, target);
	if (!verify)
		dial_trust_any(&dial);
	curl_easy_setopt(dial.curl, CURLOPT_PROTOCOLS_STR, "smtp");
	curl_easy_setopt(dial.curl, CURLOPT_URL,
			 arena_printf(arena, "smtp://%s:%u", target->host, target->port));
	curl_easy_setopt(dial.curl, CURLOPT_USE_SSL, (long)CURLUSESSL_ALL);
	curl_easy_setopt(dial.curl, CURLOPT_CUSTOMREQUEST, "NOOP");
	curl_easy_setopt(dial.curl, CURLOPT_NOBODY, 1L);
	curl_easy_setopt(dial.curl, CURLOPT_CERTINFO, 1L);
	curl_easy_setopt(dial.curl, CURLOPT_WRITEFUNCTION, drop_data);
	curl_easy_setopt(dial.curl, CURLOPT_HEADERFUNCTION, drop_data);
	code = curl_easy_perform(dial.curl);
	read_chain(dial.curl, arena, probe);
	why_set(why, "%s", dial.error[0] != '\0' ? dial.error : curl_easy_strerror(code));
	dial_end(&dial);
	dial_clean(why);
	return code;
}

void probe_host(const struct dial_target *target, struct arena *arena, struct probe *probe)
{
	struct why why = {""}, ignored;
	CURLcode code;

	assert(target->port == PROBE_PORT);
	memset(probe, 0, sizeof *probe);
	code = connect_once(target, true, arena, probe, &why);
	if (code != CURLE_PEER_FAILED_VERIFICATION && probe->count > 0)
		return; /* what the server says after the handshake does not count */
	probe->reason = arena_string(arena, why.text);
	switch (code) {
	case CURLE_PEER_FAILED_VERIFICATION:
		probe->outcome = PROBE_REFUSED;
		if (probe->count == 0)
			(void)connect_once(target, false, arena, probe, &ignored);
		break;
	case CURLE_USE_SSL_FAILED:
		probe->outcome = PROBE_PLAIN;
		probe->reason = "it does not offer STARTTLS";
		break;
	case CURLE_SSL_CONNECT_ERROR:
		probe->outcome = PROBE_PLAIN;
		break;
	default:
		probe->outcome = PROBE_UNREACHABLE;
	}
}

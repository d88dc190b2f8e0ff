/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * libcurl speaks HTTPS. It is given the addresses, so that it asks no DNS, and asked before each
 * connection, so that none is made to an address of a site's own network, whatever DNS said.
 */
#include "tls/fetch.h"

#include <curl/curl.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/buf.h"
#include "lib/special.h"
#include "tls/sts.h"

const struct name_code fetch_outcome_names[] = {{"done", FETCH_DONE},
						{"sts-policy-fetch-error", FETCH_ERROR},
						{"sts-webpki-invalid", FETCH_CERTIFICATE},
						{"sts-policy-invalid", FETCH_INVALID},
						{NULL, 0}};

enum { HEADER_MAX = 65536, PORT = 443 };

struct transfer {
	const char *host;
	struct buf body;
	size_t header_bytes;
	bool refused; /* an address that is not public */
};

int fetch_init(struct why *why)
{
	CURLcode code = curl_global_init(CURL_GLOBAL_DEFAULT);

	return code == CURLE_OK ? 0 : why_set(why, "libcurl: %s", curl_easy_strerror(code));
}

/* ---- what libcurl asks ---- */

static curl_socket_t open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct transfer *transfer = arg;
	struct ip ip;

	(void)purpose;
	if (!ip_from_sockaddr(&address->addr, &ip) || !special_is_global(&ip)) {
		transfer->refused = true;
		return CURL_SOCKET_BAD;
	}
	return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static size_t take_body(char *data, size_t size, size_t count, void *arg)
{
	struct transfer *transfer = arg;

	buf_add(&transfer->body, data, size * count);
	return transfer->body.failed ? 0 : size * count;
}

static size_t take_header(char *data, size_t size, size_t count, void *arg)
{
	struct transfer *transfer = arg;

	(void)data;
	transfer->header_bytes += size * count;
	return transfer->header_bytes > HEADER_MAX ? 0 : size * count;
}

/* ---- the request ---- */

static void set_rules(CURL *curl, const char *url)
{
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https");
	curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(curl, CURLOPT_MAXFILESIZE, (long)STS_POLICY_MAX);
	curl_easy_setopt(curl, CURLOPT_USERAGENT, "countersign");
}

static void set_calls(CURL *curl, struct transfer *transfer)
{
	curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, open_socket);
	curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, transfer);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, transfer);
	curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header);
	curl_easy_setopt(curl, CURLOPT_HEADERDATA, transfer);
}

/* ---- the answer ---- */

/* text/plain, with or without parameters. */
static bool is_plain(const char *type)
{
	struct span rest = span_of(type), media;
	bool more = true;

	return span_split(&rest, &more, ';', &media) && span_ieq(span_trim(media), "text/plain");
}

static enum fetch_outcome explain_failure(CURLcode code, const struct transfer *transfer,
					  const char *error, struct why *why)
{
	if (transfer->body.failed || code == CURLE_FILESIZE_EXCEEDED)
		why_set(why, "the policy is longer than %d bytes", STS_POLICY_MAX);
	else if (transfer->header_bytes > HEADER_MAX)
		why_set(why, "the header of the answer is longer than %d bytes", HEADER_MAX);
	else if (transfer->refused)
		why_set(why, "%s has an address that the Internet cannot reach", transfer->host);
	else
		why_set(why, "%s", error[0] != '\0' ? error : curl_easy_strerror(code));
	if (transfer->body.failed || code == CURLE_FILESIZE_EXCEEDED)
		return FETCH_INVALID;
	return code == CURLE_PEER_FAILED_VERIFICATION ? FETCH_CERTIFICATE : FETCH_ERROR;
}

static enum fetch_outcome judge_answer(CURL *curl, struct transfer *transfer, struct arena *arena,
				       const char **text, struct why *why)
{
	const char *type = NULL;
	struct sts_policy policy;
	long status = 0;

	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(curl, CURLINFO_CONTENT_TYPE, &type);
	if (status != 200) {
		why_set(why, "HTTP status %ld%s", status,
			status >= 300 && status < 400 ? ", and redirects must not be followed"
						      : "");
		return FETCH_ERROR;
	}
	if (type == NULL || !is_plain(type)) {
		why_set(why, "the media type is not text/plain but %.80s",
			type == NULL ? "missing" : type);
		return FETCH_INVALID;
	}
	if (sts_policy_parse(arena, buf_view(&transfer->body), &policy, why) == -1) {
		why_prefix(why, "the policy is not valid: ");
		return FETCH_INVALID;
	}
	*text = arena_span(arena, buf_view(&transfer->body));
	return FETCH_DONE;
}

enum fetch_outcome fetch_policy(const struct fetch_request *request, struct arena *arena,
				const char **text, struct why *why)
{
	const char *host = arena_printf(arena, "mta-sts.%s", request->domain);
	const struct dial_target target = {
	    host, PORT, request->addresses, request->count, request->ca_file, request->timeout};
	struct transfer transfer = {.host = host};
	enum fetch_outcome outcome;
	struct dial dial;
	CURLcode code;

	if (request->count == 0) {
		why_set(why, "%s has no address", host);
		return FETCH_ERROR;
	}
	dial_begin(&dial, &target);
	buf_init(&transfer.body, NULL, STS_POLICY_MAX);
	set_rules(dial.curl, arena_printf(arena, "https://%s/.well-known/mta-sts.txt", host));
	set_calls(dial.curl, &transfer);
	code = curl_easy_perform(dial.curl);
	outcome = code == CURLE_OK ? judge_answer(dial.curl, &transfer, arena, text, why)
				   : explain_failure(code, &transfer, dial.error, why);
	if (outcome != FETCH_DONE)
		dial_clean(why);
	dial_end(&dial);
	buf_free(&transfer.body);
	return outcome;
}

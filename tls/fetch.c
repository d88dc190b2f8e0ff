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

enum { HEADER_MAX = 65536, PORT = 443, HTTP_PORT = 80 };

struct transfer {
	const char *host;
	size_t limit;
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

static void set_rules(CURL *curl, const struct fetch_document *document)
{
	curl_easy_setopt(curl, CURLOPT_URL, document->url);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, document->http ? "http" : "https");
	curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(curl, CURLOPT_MAXFILESIZE, (long)document->limit);
	curl_easy_setopt(curl, CURLOPT_USERAGENT, "countersign");
}

/* Without "Expect: 100-continue", which would wait. Returns the fields of the header. */
static struct curl_slist *set_post(CURL *curl, const struct fetch_document *document,
				   struct arena *arena)
{
	const char *type = arena_printf(arena, "Content-Type: %s", document->media_type);
	struct curl_slist *fields = curl_slist_append(curl_slist_append(NULL, type), "Expect:");

	curl_easy_setopt(curl, CURLOPT_POST, 1L);
	curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)ftello(document->post));
	curl_easy_setopt(curl, CURLOPT_READDATA, document->post);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, fields);
	rewind(document->post);
	return fields;
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

static enum fetch_outcome explain_failure(CURLcode code, const struct transfer *transfer,
					  const char *error, struct why *why)
{
	if (transfer->body.failed || code == CURLE_FILESIZE_EXCEEDED)
		why_set(why, "it is longer than %zu bytes", transfer->limit);
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

static enum fetch_outcome read_answer(CURL *curl, struct transfer *transfer, struct arena *arena,
				      struct fetch_document *document, struct why *why)
{
	const char *type = NULL;
	long status = 0;

	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(curl, CURLINFO_CONTENT_TYPE, &type);
	document->status = status;
	if (status != 200) {
		why_set(why, "HTTP status %ld%s", status,
			status >= 300 && status < 400 ? ", and redirects must not be followed"
						      : "");
		return FETCH_ERROR;
	}
	document->type = arena_string(arena, type);
	document->body = span_of(arena_span(arena, buf_view(&transfer->body)));
	document->body.end = document->body.p + transfer->body.len;
	return FETCH_DONE;
}

/* Whether a connection was made, as far as libcurl tells. */
static bool has_reached(CURL *curl, CURLcode code)
{
	curl_off_t connected = 0;

	curl_easy_getinfo(curl, CURLINFO_CONNECT_TIME_T, &connected);
	return code != CURLE_COULDNT_CONNECT && code != CURLE_COULDNT_RESOLVE_HOST &&
	       (code != CURLE_OPERATION_TIMEDOUT || connected > 0);
}

enum fetch_outcome fetch_document(struct fetch_document *document, struct arena *arena,
				  struct why *why)
{
	const struct dial_target target = {document->host,      document->http ? HTTP_PORT : PORT,
					   document->addresses, document->count,
					   document->ca_file,   document->timeout};
	struct transfer transfer = {.host = document->host, .limit = document->limit};
	struct curl_slist *fields = NULL;
	enum fetch_outcome outcome;
	struct dial dial;
	CURLcode code;

	if (document->count == 0) {
		why_set(why, "%s has no address", document->host);
		return FETCH_ERROR;
	}
	dial_begin(&dial, &target);
	buf_init(&transfer.body, NULL, document->limit);
	set_rules(dial.curl, document);
	set_calls(dial.curl, &transfer);
	if (document->trust_any)
		dial_trust_any(&dial);
	if (document->post != NULL)
		fields = set_post(dial.curl, document, arena);
	code = curl_easy_perform(dial.curl);
	document->reached = transfer.refused || has_reached(dial.curl, code);
	outcome = code == CURLE_OK ? read_answer(dial.curl, &transfer, arena, document, why)
				   : explain_failure(code, &transfer, dial.error, why);
	if (outcome != FETCH_DONE)
		dial_clean(why);
	dial_end(&dial);
	curl_slist_free_all(fields);
	buf_free(&transfer.body);
	return outcome;
}

/* ---- a policy ---- */

/* text/plain, with or without parameters. */
static bool is_plain(const char *type)
{
	struct span rest = span_of(type), media;
	bool more = true;

	return span_split(&rest, &more, ';', &media) && span_ieq(span_trim(media), "text/plain");
}

enum fetch_outcome fetch_check_policy(const struct fetch_document *document, struct arena *arena,
				      const char **text, struct why *why)
{
	struct sts_policy policy;

	if (document->type == NULL || !is_plain(document->type)) {
		why_set(why, "the media type is not text/plain but %.80s",
			document->type == NULL ? "missing" : document->type);
		dial_clean(why);
		return FETCH_INVALID;
	}
	if (sts_policy_parse(arena, document->body, &policy, why) == -1) {
		why_prefix(why, "the policy is not valid: ");
		dial_clean(why);
		return FETCH_INVALID;
	}
	*text = document->body.p;
	return FETCH_DONE;
}

const char *fetch_policy_host(struct arena *arena, const char *domain)
{
	return arena_printf(arena, "mta-sts.%s", domain);
}

const char *fetch_policy_url(struct arena *arena, const char *domain)
{
	return arena_printf(arena, "https://mta-sts.%s/.well-known/mta-sts.txt", domain);
}

enum fetch_outcome fetch_policy(const struct fetch_request *request, struct arena *arena,
				const char **text, struct why *why)
{
	struct fetch_document document = {.url = fetch_policy_url(arena, request->domain),
					  .host = fetch_policy_host(arena, request->domain),
					  .addresses = request->addresses,
					  .count = request->count,
					  .ca_file = request->ca_file,
					  .timeout = request->timeout,
					  .limit = STS_POLICY_MAX};
	enum fetch_outcome outcome = fetch_document(&document, arena, why);

	return outcome == FETCH_DONE ? fetch_check_policy(&document, arena, text, why) : outcome;
}

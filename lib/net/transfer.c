/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * set_*() turn rules into libcurl's options, ends[] turns its codes into ours. Where addresses are
 * given, libcurl asks no DNS; where only public ones may be used, it asks before each connection,
 * whatever DNS said.
 */
#include "lib/net/transfer.h"

#include <assert.h>
#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/clock.h"
#include "lib/crypto/host.h"
#include "lib/heap.h"
#include "lib/special.h"

struct transfer {
	struct transfer_rules rules;
	struct transfer_calls calls;
	CURL *curl;
	struct curl_slist *addresses;
	struct curl_slist *fields; /* the recipient of a mail, or fields of HTTP's header */
	char error[CURL_ERROR_SIZE];
	curl_socket_t fd; /* of SMTP, as long as there is a connection */

	FILE *sent;
	bool sent_all;
	int64_t stopped_at; /* when GO_ON was false first, or 0 */

	/* of the last run */
	CURLcode code;
	size_t limit, bytes, header_bytes;
	bool refused;
};

int transfer_init(struct why *why)
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

static CURLcode require_name(CURL *curl, void *context, void *arg)
{
	const struct transfer *transfer = arg;

	(void)curl;
	return crypto_require_host(context, transfer->rules.host) == 0 ? CURLE_OK
								       : CURLE_SSL_CONNECT_ERROR;
}

static size_t read_sent(char *to, size_t size, size_t count, void *arg)
{
	struct transfer *transfer = arg;
	size_t got = fread(to, size, count, transfer->sent);

	transfer->sent_all = got == 0;
	return got == 0 && ferror(transfer->sent) ? CURL_READFUNC_ABORT : got;
}

static int may_go_on(void *arg, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	struct transfer *transfer = arg;
	int64_t now = clock_mono();

	(void)a, (void)b, (void)c, (void)d;
	if (transfer->stopped_at == 0 && !transfer->rules.go_on())
		transfer->stopped_at = now;
	return transfer->stopped_at != 0 &&
	       now >=
		   transfer->stopped_at + (transfer->sent_all ? transfer->rules.grace_period : 0);
}

/* ---- what it tells ---- */

static size_t take_body(char *data, size_t size, size_t count, void *arg)
{
	struct transfer *transfer = arg;
	const struct transfer_calls *calls = &transfer->calls;

	size *= count;
	transfer->bytes += size;
	if (transfer->limit > 0 && transfer->bytes > transfer->limit)
		return 0;
	return calls->body == NULL || calls->body(calls->arg, span_make(data, size)) ? size : 0;
}

static size_t take_header(char *data, size_t size, size_t count, void *arg)
{
	struct transfer *transfer = arg;

	size *= count;
	transfer->header_bytes += size;
	if (transfer->rules.header_max > 0 && transfer->header_bytes > transfer->rules.header_max)
		return 0;
	if (transfer->calls.header != NULL)
		transfer->calls.header(transfer->calls.arg, span_make(data, size));
	return size;
}

static int take_trace(CURL *curl, curl_infotype type, char *data, size_t size, void *arg)
{
	const struct transfer_calls *calls = &((struct transfer *)arg)->calls;

	(void)curl;
	if (type == CURLINFO_HEADER_OUT)
		calls->command(calls->arg, span_make(data, size));
	else if (type == CURLINFO_HEADER_IN)
		calls->reply(calls->arg, span_make(data, size));
	return 0;
}

/* Of two that are tried at once (IPv6 and IPv4) the last one is kept. */
static int note_socket(void *arg, curl_socket_t fd, curlsocktype purpose)
{
	struct transfer *transfer = arg;

	(void)purpose;
	transfer->fd = fd;
	return CURL_SOCKOPT_OK;
}

static int close_socket(void *arg, curl_socket_t fd)
{
	struct transfer *transfer = arg;

	if (transfer->fd == fd)
		transfer->fd = CURL_SOCKET_BAD;
	return close(fd);
}

/* ---- the rules ---- */

/* "mta-sts.example.com:443:192.0.2.1,[2001:db8::1]" */
static struct curl_slist *list_addresses(const struct transfer_rules *rules)
{
	struct curl_slist *list;
	char text[IP_TEXT_MAX];
	struct buf entry;

	buf_init(&entry, NULL, 0);
	buf_printf(&entry, "%s:%u:", rules->host, rules->port);
	for (unsigned i = 0; i < rules->count && i < TRANSFER_ADDRESSES_MAX; i++) {
		bool six = rules->addresses[i].family == 6;

		ip_text(&rules->addresses[i], text);
		buf_printf(&entry, "%s%s%s%s", i == 0 ? "" : ",", six ? "[" : "", text,
			   six ? "]" : "");
	}
	list = curl_slist_append(NULL, buf_text(&entry));
	buf_free(&entry);
	if (list == NULL)
		abort();
	return list;
}

static void set_way(struct transfer *transfer)
{
	const struct transfer_rules *rules = &transfer->rules;
	CURL *curl = transfer->curl;

	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, rules->protocols);
	curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(curl, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(curl, CURLOPT_USERAGENT, "countersign");
	if (rules->host != NULL) {
		transfer->addresses = list_addresses(rules);
		curl_easy_setopt(curl, CURLOPT_RESOLVE, transfer->addresses);
	}
	if (rules->public_only) {
		curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, open_socket);
		curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, transfer);
	}
	if (rules->user != NULL) {
		curl_easy_setopt(curl, CURLOPT_USERNAME, rules->user);
		curl_easy_setopt(curl, CURLOPT_PASSWORD, rules->password);
	}
}

static void set_tls(struct transfer *transfer)
{
	static const long starttls[] = {[TRANSFER_STARTTLS_NEVER] = CURLUSESSL_NONE,
					[TRANSFER_STARTTLS_OFFERED] = CURLUSESSL_TRY,
					[TRANSFER_STARTTLS_REQUIRED] = CURLUSESSL_ALL};
	const struct transfer_rules *rules = &transfer->rules;
	bool verify = rules->proof != TRANSFER_PROOF_NONE;
	CURL *curl = transfer->curl;

	curl_easy_setopt(curl, CURLOPT_USE_SSL, starttls[rules->starttls]);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, verify ? 1L : 0L);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, verify ? 2L : 0L);
	if (rules->proof == TRANSFER_PROOF_DNS_NAME) {
		curl_easy_setopt(curl, CURLOPT_SSL_CTX_FUNCTION, require_name);
		curl_easy_setopt(curl, CURLOPT_SSL_CTX_DATA, transfer);
	}
	if (!rules->any_tls)
		curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	if (rules->keep_chain)
		curl_easy_setopt(curl, CURLOPT_CERTINFO, 1L);
	if (rules->ca_file != NULL) { /* and none of those in the system's directory */
		curl_easy_setopt(curl, CURLOPT_CAINFO, rules->ca_file);
		curl_easy_setopt(curl, CURLOPT_CAPATH, NULL);
	}
}

static void set_limits(struct transfer *transfer)
{
	const struct transfer_rules *rules = &transfer->rules;
	CURL *curl = transfer->curl;
	long reply_ms = (long)(rules->reply_timeout / CLOCK_MS);

	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS,
			 (long)(rules->connect_timeout / CLOCK_MS));
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)(rules->timeout / CLOCK_MS));
	if (rules->reply_timeout > 0)
		curl_easy_setopt(curl, CURLOPT_SERVER_RESPONSE_TIMEOUT, (reply_ms + 999) / 1000);
	if (rules->stalled_timeout > 0) {
		curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
		curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME,
				 (long)(rules->stalled_timeout / CLOCK_SECOND));
	}
	if (rules->no_body)
		curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
	if (rules->go_on != NULL) {
		curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
		curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, may_go_on);
		curl_easy_setopt(curl, CURLOPT_XFERINFODATA, transfer);
	}
}

/* Without take_body() and take_header() libcurl would write to standard output. */
static void set_calls(struct transfer *transfer)
{
	CURL *curl = transfer->curl;

	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, transfer->error);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, transfer);
	curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header);
	curl_easy_setopt(curl, CURLOPT_HEADERDATA, transfer);
	if (transfer->calls.command == NULL)
		return;
	curl_easy_setopt(curl, CURLOPT_VERBOSE, 1L);
	curl_easy_setopt(curl, CURLOPT_DEBUGFUNCTION, take_trace);
	curl_easy_setopt(curl, CURLOPT_DEBUGDATA, transfer);
	curl_easy_setopt(curl, CURLOPT_SOCKOPTFUNCTION, note_socket);
	curl_easy_setopt(curl, CURLOPT_SOCKOPTDATA, transfer);
	curl_easy_setopt(curl, CURLOPT_CLOSESOCKETFUNCTION, close_socket);
	curl_easy_setopt(curl, CURLOPT_CLOSESOCKETDATA, transfer);
}

struct transfer *transfer_new(const struct transfer_rules *rules,
			      const struct transfer_calls *calls)
{
	struct transfer *transfer = heap_zero(sizeof *transfer);

	assert(rules->protocols != NULL);
	assert(rules->connect_timeout > 0 && rules->timeout > 0);
	assert(rules->host == NULL || rules->count > 0);
	assert(rules->host != NULL || rules->proof != TRANSFER_PROOF_DNS_NAME);
	assert((calls->command == NULL) == (calls->reply == NULL));
	transfer->rules = *rules;
	transfer->calls = *calls;
	transfer->fd = CURL_SOCKET_BAD;
	transfer->curl = curl_easy_init();
	if (transfer->curl == NULL)
		abort();
	set_way(transfer);
	set_tls(transfer);
	set_limits(transfer);
	set_calls(transfer);
	return transfer;
}

void transfer_free(struct transfer *transfer)
{
	if (transfer == NULL)
		return;
	curl_easy_cleanup(transfer->curl);
	curl_slist_free_all(transfer->addresses);
	curl_slist_free_all(transfer->fields);
	free(transfer);
}

/* ---- what is sent ---- */

static void add_field(struct transfer *transfer, const char *text)
{
	struct curl_slist *fields = curl_slist_append(transfer->fields, text);

	if (fields == NULL)
		abort();
	transfer->fields = fields;
}

static void set_sent(struct transfer *transfer, FILE *file)
{
	assert(file != NULL && transfer->sent == NULL);
	transfer->sent = file;
	curl_easy_setopt(transfer->curl, CURLOPT_READFUNCTION, read_sent);
	curl_easy_setopt(transfer->curl, CURLOPT_READDATA, transfer);
	rewind(file);
}

void transfer_set_mail(struct transfer *transfer, const char *sender, const char *recipient,
		       FILE *message)
{
	set_sent(transfer, message);
	add_field(transfer, recipient);
	curl_easy_setopt(transfer->curl, CURLOPT_MAIL_FROM, sender);
	curl_easy_setopt(transfer->curl, CURLOPT_MAIL_RCPT, transfer->fields);
	curl_easy_setopt(transfer->curl, CURLOPT_UPLOAD, 1L);
}

/* Without "Expect: 100-continue", which would wait. */
void transfer_set_post(struct transfer *transfer, FILE *content, const char *media_type)
{
	curl_off_t size = ftello(content);
	struct buf type;

	set_sent(transfer, content);
	buf_init(&type, NULL, 0);
	buf_printf(&type, "Content-Type: %s", media_type);
	add_field(transfer, buf_text(&type));
	buf_free(&type);
	add_field(transfer, "Expect:");
	curl_easy_setopt(transfer->curl, CURLOPT_POST, 1L);
	curl_easy_setopt(transfer->curl, CURLOPT_POSTFIELDSIZE_LARGE, size);
	curl_easy_setopt(transfer->curl, CURLOPT_HTTPHEADER, transfer->fields);
}

/* ---- a run, and what came of it ---- */

static const struct {
	CURLcode code;
	enum transfer_end end;
} ends[] = {
    {CURLE_OK, TRANSFER_DONE},
    {CURLE_COULDNT_RESOLVE_HOST, TRANSFER_UNREACHABLE},
    {CURLE_COULDNT_CONNECT, TRANSFER_UNREACHABLE},
    {CURLE_OPERATION_TIMEDOUT, TRANSFER_TIMEOUT},
    {CURLE_ABORTED_BY_CALLBACK, TRANSFER_STOPPED},
    {CURLE_USE_SSL_FAILED, TRANSFER_NO_STARTTLS},
    {CURLE_SSL_CONNECT_ERROR, TRANSFER_NO_TLS},
    {CURLE_PEER_FAILED_VERIFICATION, TRANSFER_CERTIFICATE},
    {CURLE_SSL_CACERT_BADFILE, TRANSFER_CA_FILE},
    {CURLE_LOGIN_DENIED, TRANSFER_LOGIN},
    {CURLE_QUOTE_ERROR, TRANSFER_COMMAND_REFUSED},
    {CURLE_WEIRD_SERVER_REPLY, TRANSFER_UNEXPECTED},
    {CURLE_REMOTE_FILE_NOT_FOUND, TRANSFER_MISSING},
    {CURLE_FILESIZE_EXCEEDED, TRANSFER_TOO_LONG},
};

static enum transfer_end judge_end(const struct transfer *transfer)
{
	size_t header_max = transfer->rules.header_max;

	for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
		if (ends[i].code == transfer->code)
			return ends[i].end;
	}
	if (transfer->limit > 0 && transfer->bytes > transfer->limit)
		return TRANSFER_TOO_LONG;
	if (header_max > 0 && transfer->header_bytes > header_max)
		return TRANSFER_HEADER_TOO_LONG;
	return TRANSFER_FAILED;
}

enum transfer_end transfer_run(struct transfer *transfer, const char *url, const char *command,
			       size_t limit)
{
	CURL *curl = transfer->curl;

	transfer->error[0] = '\0';
	transfer->bytes = transfer->header_bytes = 0;
	transfer->limit = limit;
	transfer->refused = false;
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, command);
	curl_easy_setopt(curl, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)limit);
	transfer->code = curl_easy_perform(curl);
	if (transfer->calls.command != NULL && transfer->fd == CURL_SOCKET_BAD)
		curl_easy_getinfo(curl, CURLINFO_ACTIVESOCKET, &transfer->fd);
	return judge_end(transfer);
}

const char *transfer_reason(const struct transfer *transfer)
{
	return transfer->error[0] != '\0' ? transfer->error : curl_easy_strerror(transfer->code);
}

void transfer_clean(struct why *why)
{
	for (char *p = why->text; *p != '\0'; p++) {
		if (*p < ' ' || *p > '~')
			*p = '?';
	}
}

bool transfer_has_refused(const struct transfer *transfer)
{
	return transfer->refused;
}

/* As far as libcurl tells. */
bool transfer_has_reached(const struct transfer *transfer)
{
	CURLcode code = transfer->code;
	curl_off_t connected = 0;

	curl_easy_getinfo(transfer->curl, CURLINFO_CONNECT_TIME_T, &connected);
	return transfer->refused ||
	       (code != CURLE_COULDNT_CONNECT && code != CURLE_COULDNT_RESOLVE_HOST &&
		(code != CURLE_OPERATION_TIMEDOUT || connected > 0));
}

long transfer_status(const struct transfer *transfer)
{
	long status = 0;

	curl_easy_getinfo(transfer->curl, CURLINFO_RESPONSE_CODE, &status);
	return status;
}

const char *transfer_type(const struct transfer *transfer)
{
	const char *type = NULL;

	curl_easy_getinfo(transfer->curl, CURLINFO_CONTENT_TYPE, &type);
	return type;
}

unsigned transfer_chain(const struct transfer *transfer, struct arena *arena, struct span *chain,
			unsigned max)
{
	static const char prefix[] = "Cert:";
	struct curl_certinfo *info = NULL;
	unsigned count = 0;

	if (curl_easy_getinfo(transfer->curl, CURLINFO_CERTINFO, &info) != CURLE_OK || info == NULL)
		return 0;
	for (int i = 0; i < info->num_of_certs && count < max; i++) {
		for (const struct curl_slist *line = info->certinfo[i]; line != NULL;
		     line = line->next) {
			if (strncmp(line->data, prefix, sizeof prefix - 1) == 0 && count < max)
				chain[count++] =
				    span_of(arena_string(arena, line->data + sizeof prefix - 1));
		}
	}
	return count;
}

void transfer_stop_listening(const struct transfer *transfer)
{
	assert(transfer->calls.command != NULL);
	if (transfer->fd != CURL_SOCKET_BAD)
		shutdown(transfer->fd, SHUT_RD);
}

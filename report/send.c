/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * libcurl speaks SMTP, but does not tell which command a reply belongs to, and that decides what a
 * refusal is about: 5xx to RCPT or to the mail itself is about this recipient, 5xx to anything else
 * is about this host. Therefore its trace is read: commands as they are sent, replies as they
 * arrive. Only the verb of a command is kept: what follows AUTH is a secret.
 */
#include "report/send.h"

#include <assert.h>
#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/clock.h"
#include "lib/span.h"

enum { TIMEOUT_MS = 300 * 1000, CONNECT_MS = 30 * 1000, LAST_ANSWER_MS = 3000 };

struct trace {
	char verb[5]; /* of the last command but QUIT: "MAIL" */
	bool quit;    /* the reply to QUIT is of no interest */
	struct why reply;
	int code;
	bool (*go_on)(void);
	bool whole;         /* the mail was sent to its end */
	int64_t stopped_at; /* when GO_ON was false first, or 0 */
	FILE *message;
	curl_socket_t fd; /* as long as there is a connection */
};

int send_init(struct why *why)
{
	CURLcode code = curl_global_init(CURL_GLOBAL_DEFAULT);

	return code == CURLE_OK ? 0 : why_set(why, "libcurl: %s", curl_easy_strerror(code));
}

/* ---- the password ---- */

enum { PASSWORD_MAX = 1024 };

const char *send_password(struct arena *arena, const char *path, struct why *why)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *text = arena_alloc(arena, PASSWORD_MAX + 1);
	ssize_t length = -1;
	struct stat st;

	if (fd >= 0 && fstat(fd, &st) == 0)
		length = read(fd, text, PASSWORD_MAX);
	if (length < 0)
		why_set(why, "%s: %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	if (length < 0)
		return NULL;
	text[length] = '\0';
	text[strcspn(text, "\r\n")] = '\0';
	if ((st.st_mode & (S_IROTH | S_IWOTH)) != 0)
		why_set(why, "%s: everybody can read this password: chmod 0640 %s", path, path);
	else if (text[0] == '\0')
		why_set(why, "%s: there is no password in its first line", path);
	else
		return text;
	return NULL;
}

/* ---- commands and replies ---- */

static void note_command(struct trace *trace, struct span text)
{
	size_t length = span_len(text) < 4 ? span_len(text) : 4;

	trace->quit = span_istarts(text, "QUIT");
	if (trace->quit)
		return;
	assert(length < sizeof trace->verb);
	memcpy(trace->verb, text.p, length);
	trace->verb[length] = '\0';
}

/* RFC 5321 section 4.2: Reply-line = *( Reply-code "-" [ textstring ] CRLF ) Reply-code ... */
static void note_reply(struct trace *trace, struct span text)
{
	uint64_t code;

	text = span_trim(text);
	if (span_len(text) < 3 || trace->quit || !span_number(span_make(text.p, 3), 599, &code))
		return;
	trace->code = (int)code;
	why_set(&trace->reply, "%.*s", (int)span_len(text), text.p);
	for (char *p = trace->reply.text; *p != '\0'; p++)
		if ((unsigned char)*p < ' ' || (unsigned char)*p > '~')
			*p = '?';
}

/* QUIT was said. Its answer is not waited for (RFC 5321 section 4.1.1.10 says SHOULD): nothing
 * depends on it, and a server may owe it for long. */
static void stop_listening(curl_socket_t fd)
{
	if (fd != CURL_SOCKET_BAD)
		shutdown(fd, SHUT_RD);
}

static int on_trace(CURL *curl, curl_infotype type, char *data, size_t size, void *arg)
{
	struct trace *trace = arg;

	(void)curl;
	if (type == CURLINFO_HEADER_OUT) {
		note_command(trace, span_make(data, size));
		if (trace->quit)
			stop_listening(trace->fd);
	} else if (type == CURLINFO_HEADER_IN) {
		note_reply(trace, span_make(data, size));
	}
	return 0;
}

/* Of two that are tried at once (IPv6 and IPv4) the last one is kept. */
static int on_socket(void *arg, curl_socket_t fd, curlsocktype purpose)
{
	struct trace *trace = arg;

	(void)purpose;
	trace->fd = fd;
	return CURL_SOCKOPT_OK;
}

static int on_close(void *arg, curl_socket_t fd)
{
	struct trace *trace = arg;

	if (trace->fd == fd)
		trace->fd = CURL_SOCKET_BAD;
	return close(fd);
}

/* Replies are delivered as data too. */
static size_t drop_data(char *data, size_t size, size_t count, void *arg)
{
	(void)data;
	(void)arg;
	return size * count;
}

static size_t read_message(char *to, size_t size, size_t count, void *arg)
{
	struct trace *trace = arg;
	size_t got = fread(to, size, count, trace->message);

	trace->whole = got == 0;
	return got == 0 && ferror(trace->message) ? CURL_READFUNC_ABORT : got;
}

/* ---- when to give up ---- */

static int on_progress(void *arg, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	struct trace *trace = arg;
	int64_t now = clock_mono();

	(void)a, (void)b, (void)c, (void)d;
	if (trace->stopped_at == 0 && !trace->go_on())
		trace->stopped_at = now;
	return trace->stopped_at != 0 &&
	       now >= trace->stopped_at + (trace->whole ? LAST_ANSWER_MS * CLOCK_MS : 0);
}

static void set_limits(CURL *curl, const struct send_server *server, struct trace *trace)
{
	long ms = server->timeout == 0 ? (long)TIMEOUT_MS : (long)(server->timeout / CLOCK_MS);

	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, ms);
	/* libcurl's own limit for one answer is two minutes, in place of TIMEOUT_MS where it waits
	 * for the last one */
	curl_easy_setopt(curl, CURLOPT_SERVER_RESPONSE_TIMEOUT, (ms + 999) / 1000);
	if (server->go_on == NULL)
		return;
	curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
	curl_easy_setopt(curl, CURLOPT_XFERINFODATA, trace);
}

/* ---- sending ---- */

static void set_tls(CURL *curl, const struct send_server *server)
{
	bool smtps = span_istarts(span_of(server->url), "smtps:");
	bool offered = server->tls == SEND_TLS_OFFERED, verify = server->tls == SEND_TLS_VERIFIED;

	if (!smtps)
		curl_easy_setopt(curl, CURLOPT_USE_SSL,
				 offered ? (long)CURLUSESSL_TRY : (long)CURLUSESSL_ALL);
	if (!smtps && !verify) {
		curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 0L);
		curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
	}
	if (server->ca_file != NULL)
		curl_easy_setopt(curl, CURLOPT_CAINFO, server->ca_file);
}

static void set_login(CURL *curl, const struct send_server *server)
{
	if (server->user == NULL)
		return;
	curl_easy_setopt(curl, CURLOPT_USERNAME, server->user);
	curl_easy_setopt(curl, CURLOPT_PASSWORD, server->password);
}

static void set_up(CURL *curl, const struct send_server *server, struct trace *trace)
{
	struct buf url;

	buf_init(&url, NULL, 0);
	buf_string(&url, server->url);
	while (url.len > 0 && url.data[url.len - 1] == '/')
		url.len--;
	if (server->helo != NULL)
		buf_printf(&url, "/%s", server->helo);
	curl_easy_setopt(curl, CURLOPT_URL, buf_text(&url));
	buf_free(&url);
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	set_limits(curl, server, trace);
	set_tls(curl, server);
	set_login(curl, server);
	curl_easy_setopt(curl, CURLOPT_VERBOSE, 1L);
	curl_easy_setopt(curl, CURLOPT_DEBUGFUNCTION, on_trace);
	curl_easy_setopt(curl, CURLOPT_DEBUGDATA, trace);
	curl_easy_setopt(curl, CURLOPT_SOCKOPTFUNCTION, on_socket);
	curl_easy_setopt(curl, CURLOPT_SOCKOPTDATA, trace);
	curl_easy_setopt(curl, CURLOPT_CLOSESOCKETFUNCTION, on_close);
	curl_easy_setopt(curl, CURLOPT_CLOSESOCKETDATA, trace);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, drop_data);
	curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, drop_data);
}

/* Explains what libcurl does not say clearly. */
static void explain_code(CURLcode code, struct why *reply)
{
	if (code == CURLE_USE_SSL_FAILED)
		why_set(reply, "the server does not offer STARTTLS, and reports.tls asks for it");
	else if (code == CURLE_PEER_FAILED_VERIFICATION)
		why_prefix(reply, "the server's certificate is not valid for reports.via: ");
	else if (code == CURLE_SSL_CACERT_BADFILE)
		why_prefix(reply, "reports.tls_ca: ");
	else if (code == CURLE_LOGIN_DENIED)
		why_prefix(reply, "the server refused reports.user or the password: ");
}

static enum send_outcome judge_outcome(CURLcode code, const struct trace *trace, const char *error,
				       struct why *reply)
{
	bool about_it = strcmp(trace->verb, "RCPT") == 0 || strcmp(trace->verb, "DATA") == 0;
	bool began = about_it || strcmp(trace->verb, "MAIL") == 0;

	*reply = trace->reply;
	if (code == CURLE_OK)
		return SEND_DONE;
	if (code == CURLE_ABORTED_BY_CALLBACK) {
		why_set(reply, "stopped before the server had answered");
		return SEND_STOPPED;
	}
	if (trace->code >= 500 && about_it)
		return SEND_REFUSED;
	if (trace->code < 400)
		why_set(reply, "%s", error[0] != '\0' ? error : curl_easy_strerror(code));
	explain_code(code, reply);
	return began && trace->code >= 400 ? SEND_LATER : SEND_AWAY;
}

enum send_outcome send_mail(const struct send_server *server, const char *sender,
			    const char *recipient, FILE *message, send_answer *answer, void *arg,
			    struct why *reply)
{
	char error[CURL_ERROR_SIZE] = "";
	struct trace trace = {.go_on = server->go_on, .message = message, .fd = CURL_SOCKET_BAD};
	enum send_outcome outcome;
	struct curl_slist *to = curl_slist_append(NULL, recipient);
	CURL *curl = curl_easy_init();

	assert(message != NULL);
	if (curl == NULL || to == NULL)
		abort();
	set_up(curl, server, &trace);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, error);
	curl_easy_setopt(curl, CURLOPT_MAIL_FROM, sender);
	curl_easy_setopt(curl, CURLOPT_MAIL_RCPT, to);
	curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
	curl_easy_setopt(curl, CURLOPT_READFUNCTION, read_message);
	curl_easy_setopt(curl, CURLOPT_READDATA, &trace);
	rewind(message);
	outcome = judge_outcome(curl_easy_perform(curl), &trace, error, reply);
	if (answer != NULL)
		answer(arg, outcome, reply->text);
	if (trace.fd == CURL_SOCKET_BAD)
		curl_easy_getinfo(curl, CURLINFO_ACTIVESOCKET, &trace.fd);
	stop_listening(trace.fd); /* libcurl says QUIT now */
	curl_slist_free_all(to);
	curl_easy_cleanup(curl);
	return outcome;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which command a reply belongs to decides what a refusal is about: 5xx to RCPT or to the mail
 * itself is about this recipient, 5xx to anything else is about this host. Therefore commands are
 * read as they are sent, replies as they arrive. Only the verb of a command is kept: what follows
 * AUTH is a secret.
 */
#include "report/send.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/clock.h"
#include "lib/net/transfer.h"
#include "lib/span.h"

static const int64_t default_timeout = 300 * CLOCK_SECOND, connect_timeout = 30 * CLOCK_SECOND,
		     last_answer_time = 3 * CLOCK_SECOND;

struct trace {
	char verb[5]; /* of the last command but QUIT: "MAIL" */
	bool quit;    /* the reply to QUIT is of no interest */
	struct why reply;
	int code;
	struct transfer *transfer;
};

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

/* After QUIT its answer is not waited for (RFC 5321 section 4.1.1.10 says SHOULD): nothing depends
 * on it, and a server may owe it for long. */
static void note_command(void *arg, struct span text)
{
	struct trace *trace = arg;
	size_t length = span_len(text) < 4 ? span_len(text) : 4;

	trace->quit = span_istarts(text, "QUIT");
	if (trace->quit) {
		transfer_stop_listening(trace->transfer);
		return;
	}
	assert(length < sizeof trace->verb);
	memcpy(trace->verb, text.p, length);
	trace->verb[length] = '\0';
}

/* RFC 5321 section 4.2: Reply-line = *( Reply-code "-" [ textstring ] CRLF ) Reply-code ... */
static void note_reply(void *arg, struct span text)
{
	struct trace *trace = arg;
	uint64_t code;

	text = span_trim(text);
	if (span_len(text) < 3 || trace->quit || !span_number(span_make(text.p, 3), 599, &code))
		return;
	trace->code = (int)code;
	why_set(&trace->reply, "%.*s", (int)span_len(text), text.p);
	transfer_clean(&trace->reply);
}

/* ---- sending ---- */

static struct transfer_rules server_rules(const struct send_server *server)
{
	bool smtps = span_istarts(span_of(server->url), "smtps:");
	bool offered = server->tls == SEND_TLS_OFFERED, verify = server->tls == SEND_TLS_VERIFIED;
	int64_t timeout = server->timeout == 0 ? default_timeout : server->timeout;
	struct transfer_rules rules = {.protocols = "smtp,smtps",
				       .any_tls = true,
				       .ca_file = server->ca_file,
				       .user = server->user,
				       .password = server->password,
				       .connect_timeout = connect_timeout,
				       .timeout = timeout,
				       /* libcurl's own limit is two minutes, in place of
					* TIMEOUT where it waits for the last reply */
				       .reply_timeout = timeout,
				       .go_on = server->go_on,
				       .grace_period = last_answer_time};

	rules.proof = smtps || verify ? TRANSFER_PROOF_URL : TRANSFER_PROOF_NONE;
	if (!smtps)
		rules.starttls = offered ? TRANSFER_STARTTLS_OFFERED : TRANSFER_STARTTLS_REQUIRED;
	return rules;
}

static struct transfer *open_transfer(const struct send_server *server, struct trace *trace)
{
	const struct transfer_calls calls = {
	    .command = note_command, .reply = note_reply, .arg = trace};
	const struct transfer_rules rules = server_rules(server);

	return transfer_new(&rules, &calls);
}

static enum transfer_end run_transfer(struct transfer *transfer, const struct send_server *server)
{
	enum transfer_end end;
	struct buf url;

	buf_init(&url, NULL, 0);
	buf_string(&url, server->url);
	while (url.len > 0 && url.data[url.len - 1] == '/')
		url.len--;
	if (server->helo != NULL)
		buf_printf(&url, "/%s", server->helo);
	end = transfer_run(transfer, buf_text(&url), NULL, 0);
	buf_free(&url);
	return end;
}

/* Explains what is not said clearly. */
static void explain_end(enum transfer_end end, struct why *reply)
{
	if (end == TRANSFER_NO_STARTTLS)
		why_set(reply, "the server does not offer STARTTLS, and reports.tls asks for it");
	else if (end == TRANSFER_CERTIFICATE)
		why_prefix(reply, "the server's certificate is not valid for reports.via: ");
	else if (end == TRANSFER_CA_FILE)
		why_prefix(reply, "reports.tls_ca: ");
	else if (end == TRANSFER_LOGIN)
		why_prefix(reply, "the server refused reports.user or the password: ");
}

static enum send_outcome judge_outcome(enum transfer_end end, const struct trace *trace,
				       struct why *reply)
{
	bool about_it = strcmp(trace->verb, "RCPT") == 0 || strcmp(trace->verb, "DATA") == 0;
	bool began = about_it || strcmp(trace->verb, "MAIL") == 0;

	*reply = trace->reply;
	if (end == TRANSFER_DONE)
		return SEND_DONE;
	if (end == TRANSFER_STOPPED) {
		why_set(reply, "stopped before the server had answered");
		return SEND_STOPPED;
	}
	if (trace->code >= 500 && about_it)
		return SEND_REFUSED;
	if (trace->code < 400)
		why_set(reply, "%s", transfer_reason(trace->transfer));
	explain_end(end, reply);
	return began && trace->code >= 400 ? SEND_LATER : SEND_AWAY;
}

enum send_outcome send_mail(const struct send_server *server, const char *sender,
			    const char *recipient, FILE *message, send_answer *answer, void *arg,
			    struct why *reply)
{
	struct trace trace = {.code = 0};
	enum send_outcome outcome;

	assert(message != NULL);
	trace.transfer = open_transfer(server, &trace);
	transfer_set_mail(trace.transfer, sender, recipient, message);
	outcome = judge_outcome(run_transfer(trace.transfer, server), &trace, reply);
	if (answer != NULL)
		answer(arg, outcome, reply->text);
	transfer_stop_listening(trace.transfer);
	transfer_free(trace.transfer);
	return outcome;
}

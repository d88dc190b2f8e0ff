/*
 * Between libmilter and milter/session.h. What the protocol asks of a filter is settled here:
 *
 * - steps that never carry a verdict are not answered (SMFIP_NR_*); libmilter answers for us where
 *   the MTA does not know that. Body chunks are answered, so that the rest can be skipped; and MAIL,
 *   because MTAs keep back what needs no answer: lookups are under way while the client still talks;
 * - header values come with their first blank (SMFIP_HDR_LEADSPC) or get one; folds come as LF and
 *   are made CRLF; values we add have LF folds and, with LEADSPC, their own first blank;
 * - every session of the process asks for the same steps: libmilter keeps the union globally;
 * - macros are asked for by stage and copied when their stage is called.
 */
#include "milter/callbacks.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <libmilter/mfapi.h>
#include <libmilter/mfdef.h>

#include "lib/buf.h"
#include "lib/log.h"
#include "milter/counters.h"
#include "milter/session.h"

enum {
	DATA_SIZE = 1 << 20,      /* the largest packet: a 100 kB header field must fit */
	MTA_SILENCE = 600,        /* seconds a connection may be quiet in mid-packet */
	REPLY_TEXT_MAX = 490      /* of an SMTP reply, before "%" is doubled */
};

struct connection {
	struct session *session;
	struct buf scratch;
	bool leading_space; /* values carry their first blank */
	bool may_skip;      /* the MTA understands SMFIS_SKIP */
};

static struct service *service_of_process;
static _Atomic unsigned long last_steps; /* for a context that is used again without negotiation */

static const unsigned long wanted_actions =
    SMFIF_ADDHDRS | SMFIF_CHGHDRS | SMFIF_QUARANTINE | SMFIF_SETSYMLIST;
static const unsigned long needed_actions = SMFIF_ADDHDRS | SMFIF_CHGHDRS;
static const unsigned long wanted_steps =
    SMFIP_NR_CONN | SMFIP_NR_HELO | SMFIP_NR_RCPT | SMFIP_NR_HDR | SMFIP_NR_EOH |
    SMFIP_NODATA | SMFIP_NOUNKNOWN | SMFIP_SKIP | SMFIP_HDR_LEADSPC;

static const struct {
	int stage;
	const char *macros;
} macro_lists[] = {
    {SMFIM_CONNECT, "j {daemon_name}"},
    {SMFIM_ENVFROM, "i {auth_type} {auth_authen}"},
    {SMFIM_EOM, "i"},
};

/* libmilter's interface takes char * for what it does not change. */
static char *loose(const char *text)
{
	union {
		const char *in;
		char *out;
	} u = {.in = text};

	return u.out;
}

static struct connection *connection_new(SMFICTX *ctx, unsigned long steps)
{
	struct connection *connection = calloc(1, sizeof *connection);

	if (connection == NULL)
		abort();
	connection->session = session_new(service_of_process);
	connection->leading_space = (steps & SMFIP_HDR_LEADSPC) != 0;
	connection->may_skip = (steps & SMFIP_SKIP) != 0;
	buf_init(&connection->scratch, NULL, 0);
	smfi_setpriv(ctx, connection);
	return connection;
}

static struct connection *connection_of(SMFICTX *ctx)
{
	struct connection *connection = smfi_getpriv(ctx);

	return connection != NULL ? connection : connection_new(ctx, atomic_load(&last_steps));
}

static const char *macro(SMFICTX *ctx, const char *name)
{
	return smfi_getsymval(ctx, loose(name));
}

static sfsistat on_negotiate(SMFICTX *ctx, unsigned long f0, unsigned long f1, unsigned long f2,
			     unsigned long f3, unsigned long *pf0, unsigned long *pf1,
			     unsigned long *pf2, unsigned long *pf3)
{
	(void)f2;
	(void)f3;
	if ((f0 & needed_actions) != needed_actions) {
		counters_count(METRIC_MILTER_ERRORS, COUNT_STAGE_NEGOTIATE, 0, 0);
		log_error("the MTA does not let a filter change header fields; its version must be "
			  "Postfix 2.6, Sendmail 8.14 or later");
		return SMFIS_REJECT;
	}
	*pf0 = f0 & wanted_actions;
	*pf1 |= f1 & wanted_steps;
	*pf2 = 0;
	*pf3 = 0;
	atomic_store(&last_steps, f1);
	connection_new(ctx, f1);
	if ((f0 & SMFIF_SETSYMLIST) == 0)
		return SMFIS_CONTINUE;
	for (size_t i = 0; i < sizeof macro_lists / sizeof macro_lists[0]; i++)
		smfi_setsymlist(ctx, macro_lists[i].stage, loose(macro_lists[i].macros));
	return SMFIS_CONTINUE;
}

static sfsistat on_connect(SMFICTX *ctx, char *name, _SOCK_ADDR *address)
{
	struct session_facts facts = {
	    .mta_name = macro(ctx, "j"),
	    .daemon_name = macro(ctx, "{daemon_name}"),
	};

	session_connect(connection_of(ctx)->session, name, (const struct sockaddr *)address, &facts);
	return SMFIS_NOREPLY;
}

static sfsistat on_helo(SMFICTX *ctx, char *helo)
{
	session_helo(connection_of(ctx)->session, helo);
	return SMFIS_NOREPLY;
}

static sfsistat on_mail(SMFICTX *ctx, char **argv)
{
	struct session_facts facts = {
	    .mta_name = macro(ctx, "j"),
	    .daemon_name = macro(ctx, "{daemon_name}"),
	    .auth_type = macro(ctx, "{auth_type}"),
	    .auth_login = macro(ctx, "{auth_authen}"),
	};

	session_mail(connection_of(ctx)->session, argv[0], &facts);
	return SMFIS_CONTINUE;
}

static sfsistat on_rcpt(SMFICTX *ctx, char **argv)
{
	session_rcpt(connection_of(ctx)->session, argv[0]);
	return SMFIS_NOREPLY;
}

/* The value as it stood in the message: with its first blank, lines ended by CRLF. */
static struct span wire_value(struct connection *connection, const char *value)
{
	struct buf *out = &connection->scratch;
	const char *line = value, *end;

	if (connection->leading_space && strchr(value, '\n') == NULL)
		return span_of(value);
	buf_clear(out);
	if (!connection->leading_space)
		buf_char(out, ' ');
	while ((end = strchr(line, '\n')) != NULL) {
		buf_add(out, line, (size_t)(end - line));
		if (end == line || end[-1] != '\r')
			buf_char(out, '\r');
		buf_char(out, '\n');
		line = end + 1;
	}
	buf_string(out, line);
	return buf_view(out);
}

static sfsistat on_header(SMFICTX *ctx, char *name, char *value)
{
	struct connection *connection = connection_of(ctx);

	session_header(connection->session, span_of(name), wire_value(connection, value));
	return SMFIS_NOREPLY;
}

static sfsistat on_end_of_headers(SMFICTX *ctx)
{
	session_end_of_headers(connection_of(ctx)->session);
	return SMFIS_NOREPLY;
}

static sfsistat on_body(SMFICTX *ctx, unsigned char *chunk, size_t length)
{
	struct connection *connection = connection_of(ctx);

	if (session_body(connection->session, span_make(chunk, length)) || !connection->may_skip)
		return SMFIS_CONTINUE;
	return SMFIS_SKIP;
}

/* RFC 5321 section 4.2: one line, printable; libmilter and Sendmail format it, hence "%%". */
static int set_reply(SMFICTX *ctx, struct connection *connection, const struct smtp_reply *reply)
{
	struct buf *text = &connection->scratch;
	size_t used = 0;

	buf_clear(text);
	for (const char *c = reply->text; *c != '\0' && used < REPLY_TEXT_MAX; c++, used++) {
		if (*c == '%')
			buf_string(text, "%%");
		else
			buf_char(text, *c >= ' ' && *c <= '~' ? *c : '?');
	}
	return smfi_setreply(ctx, loose(reply->code), loose(reply->enhanced), loose(buf_text(text)));
}

static int make_change(SMFICTX *ctx, const struct connection *connection,
		       const struct header_change *change)
{
	const char *value = change->value;

	if (change->remove > 0)
		return smfi_chgheader(ctx, loose(change->name), (int)change->remove, NULL);
	if (!connection->leading_space && *value == ' ')
		value++;
	return smfi_insheader(ctx, 0, loose(change->name), loose(value));
}

static int make_changes(SMFICTX *ctx, const struct connection *connection,
			const struct answer *answer)
{
	for (unsigned i = 0; i < answer->change_count; i++) {
		if (make_change(ctx, connection, &answer->changes[i]) != MI_SUCCESS)
			return MI_FAILURE;
	}
	if (answer->hold != NULL)
		return smfi_quarantine(ctx, loose(answer->hold));
	return MI_SUCCESS;
}

static const sfsistat status_of[] = {
    [ACTION_ACCEPT] = SMFIS_CONTINUE,
    [ACTION_QUARANTINE] = SMFIS_CONTINUE,
    [ACTION_REJECT] = SMFIS_REJECT,
    [ACTION_TEMPFAIL] = SMFIS_TEMPFAIL,
};

static sfsistat on_end_of_message(SMFICTX *ctx)
{
	struct connection *connection = connection_of(ctx);
	const char *queue_id = macro(ctx, "i");
	sfsistat status;
	struct answer answer;

	session_end(connection->session, queue_id, &answer);
	status = status_of[answer.action];
	if (make_changes(ctx, connection, &answer) != MI_SUCCESS) {
		counters_count(METRIC_MILTER_ERRORS, COUNT_STAGE_CHANGE, 0, 0);
		log_error("%s: the MTA did not take a change of the header; answered with 451",
			  queue_id == NULL ? "NOQUEUE" : queue_id);
		status = SMFIS_TEMPFAIL;
	} else if (answer.reply.code != NULL) {
		set_reply(ctx, connection, &answer.reply);
	}
	session_abort(connection->session);
	return status;
}

static sfsistat on_abort(SMFICTX *ctx)
{
	session_abort(connection_of(ctx)->session);
	return SMFIS_CONTINUE;
}

static sfsistat on_close(SMFICTX *ctx)
{
	struct connection *connection = smfi_getpriv(ctx);

	if (connection == NULL)
		return SMFIS_CONTINUE;
	smfi_setpriv(ctx, NULL);
	session_free(connection->session);
	buf_free(&connection->scratch);
	free(connection);
	return SMFIS_CONTINUE;
}

int callbacks_register(struct service *service, struct why *why)
{
	struct smfiDesc filter = {
	    .xxfi_name = loose("countersign"),
	    .xxfi_version = SMFI_VERSION,
	    .xxfi_flags = wanted_actions,
	    .xxfi_connect = on_connect,
	    .xxfi_helo = on_helo,
	    .xxfi_envfrom = on_mail,
	    .xxfi_envrcpt = on_rcpt,
	    .xxfi_header = on_header,
	    .xxfi_eoh = on_end_of_headers,
	    .xxfi_body = on_body,
	    .xxfi_eom = on_end_of_message,
	    .xxfi_abort = on_abort,
	    .xxfi_close = on_close,
	    .xxfi_negotiate = on_negotiate,
	};

	service_of_process = service;
	if (smfi_register(filter) != MI_SUCCESS)
		return why_set(why, "libmilter refused to register the filter");
	smfi_setmaxdatasize(DATA_SIZE);
	smfi_settimeout(MTA_SILENCE);
	return 0;
}

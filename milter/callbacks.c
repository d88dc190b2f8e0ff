/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Between libmilter and milter/session.h. What is asked of the MTA is in
 * milter/protocol/protocol.h; libmilter answers for us where the MTA does not know steps without an
 * answer. Every session of the process asks for the same steps: libmilter keeps the union globally.
 */
#include "milter/callbacks.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <libmilter/mfapi.h>
#include <libmilter/mfdef.h>

#include "lib/buf.h"
#include "lib/heap.h"
#include "lib/log.h"
#include "metrics/counters.h"
#include "milter/protocol/protocol.h"
#include "milter/session.h"

/* The protocol's numbers are libmilter's. */
_Static_assert(PROTOCOL_ACTIONS ==
		   (SMFIF_ADDHDRS | SMFIF_CHGHDRS | SMFIF_QUARANTINE | SMFIF_SETSYMLIST),
	       "actions");
_Static_assert(PROTOCOL_STEPS ==
		   (SMFIP_NR_CONN | SMFIP_NR_HELO | SMFIP_NR_RCPT | SMFIP_NR_HDR | SMFIP_NR_EOH |
		    SMFIP_NODATA | SMFIP_NOUNKNOWN | SMFIP_SKIP | SMFIP_HDR_LEADSPC),
	       "steps");
_Static_assert(SMFIM_CONNECT == 0 && SMFIM_ENVFROM == 2 && SMFIM_EOM == 5, "stages");

struct connection {
	struct session *session;
	struct buf scratch;
	bool leading_space; /* values carry their first blank */
	bool may_skip;      /* the MTA understands SMFIS_SKIP */
};

static struct service *service_of_process;
static _Atomic unsigned long last_steps; /* for a context that is used again without negotiation */

/* libmilter's interface takes char * for what it does not change. */
static char *unconst_text(const char *text)
{
	union {
		const char *in;
		char *out;
	} u = {.in = text};

	return u.out;
}

static struct connection *connection_new(SMFICTX *ctx, unsigned long steps)
{
	struct connection *connection = heap_zero(sizeof *connection);

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

static const char *get_macro(SMFICTX *ctx, const char *name)
{
	return smfi_getsymval(ctx, unconst_text(name));
}

static sfsistat on_negotiate(SMFICTX *ctx, unsigned long f0, unsigned long f1, unsigned long f2,
			     unsigned long f3, unsigned long *pf0, unsigned long *pf1,
			     unsigned long *pf2, unsigned long *pf3)
{
	(void)f2;
	(void)f3;
	if ((f0 & PROTOCOL_ACTIONS_NEEDED) != PROTOCOL_ACTIONS_NEEDED) {
		counters_count(METRIC_MILTER_ERRORS, COUNT_STAGE_NEGOTIATE, 0, 0);
		log_error("%s", protocol_too_little);
		return SMFIS_REJECT;
	}
	*pf0 = f0 & PROTOCOL_ACTIONS;
	*pf1 |= f1 & PROTOCOL_STEPS;
	*pf2 = 0;
	*pf3 = 0;
	atomic_store(&last_steps, f1);
	connection_new(ctx, f1);
	if ((f0 & SMFIF_SETSYMLIST) == 0)
		return SMFIS_CONTINUE;
	for (const struct protocol_macros *asked = protocol_macros; asked->names != NULL; asked++)
		smfi_setsymlist(ctx, asked->stage, unconst_text(asked->names));
	return SMFIS_CONTINUE;
}

static sfsistat on_connect(SMFICTX *ctx, char *name, _SOCK_ADDR *address)
{
	struct session_facts facts = {
	    .mta_name = get_macro(ctx, "j"),
	    .daemon_name = get_macro(ctx, "{daemon_name}"),
	};

	session_connect(connection_of(ctx)->session, name, (const struct sockaddr *)address,
			&facts);
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
	    .mta_name = get_macro(ctx, "j"),
	    .daemon_name = get_macro(ctx, "{daemon_name}"),
	    .auth_type = get_macro(ctx, "{auth_type}"),
	    .auth_login = get_macro(ctx, "{auth_authen}"),
	};

	session_mail(connection_of(ctx)->session, argv[0], &facts);
	return SMFIS_CONTINUE;
}

static sfsistat on_rcpt(SMFICTX *ctx, char **argv)
{
	session_rcpt(connection_of(ctx)->session, argv[0]);
	return SMFIS_NOREPLY;
}

static sfsistat on_header(SMFICTX *ctx, char *name, char *value)
{
	struct connection *connection = connection_of(ctx);

	session_header(
	    connection->session, span_of(name),
	    protocol_value(&connection->scratch, span_of(value), connection->leading_space));
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

static int set_reply(SMFICTX *ctx, struct connection *connection, const struct smtp_reply *reply)
{
	return smfi_setreply(ctx, unconst_text(reply->code), unconst_text(reply->enhanced),
			     unconst_text(protocol_reply_text(&connection->scratch, reply)));
}

static int make_change(SMFICTX *ctx, const struct connection *connection,
		       const struct header_change *change)
{
	if (change->remove > 0)
		return smfi_chgheader(ctx, unconst_text(change->name), (int)change->remove, NULL);
	return smfi_insheader(
	    ctx, 0, unconst_text(change->name),
	    unconst_text(protocol_inserted(change->value, connection->leading_space)));
}

static int make_changes(SMFICTX *ctx, const struct connection *connection,
			const struct answer *answer)
{
	for (unsigned i = 0; i < answer->change_count; i++) {
		if (make_change(ctx, connection, &answer->changes[i]) != MI_SUCCESS)
			return MI_FAILURE;
	}
	if (answer->hold != NULL)
		return smfi_quarantine(ctx, unconst_text(answer->hold));
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
	const char *queue_id = get_macro(ctx, "i");
	sfsistat status;
	struct answer answer;

	session_end(connection->session, queue_id, &answer);
	status = answer.discard ? SMFIS_DISCARD : status_of[answer.action];
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
	    .xxfi_name = unconst_text("countersign"),
	    .xxfi_version = SMFI_VERSION,
	    .xxfi_flags = PROTOCOL_ACTIONS,
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
	smfi_setmaxdatasize(PROTOCOL_PACKET_MAX);
	return 0;
}

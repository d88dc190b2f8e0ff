/* SPDX-License-Identifier: BSD-2-Clause */
#include "audit/probe/server.h"

static void read_chain(const struct talk *talk, struct arena *arena, struct probe_tls *tls)
{
	struct certificate own;
	struct why why;

	if (certificate_read(arena, session_chain(talk->session, arena), &tls->chain, &why) == -1) {
		tls->chain = NULL;
		return;
	}
	certificate_describe(tls->chain, 0, &own);
	tls->not_after = own.not_after;
}

bool server_secure(struct talk *talk, const struct probe_target *target, bool old,
		   struct arena *arena, struct probe_tls *tls)
{
	const struct session_settings settings = {target->host, target->ca_file, old};
	struct why why = {""};

	tls->done = talk_secure(talk, &settings, &why) == 0;
	if (!tls->done) {
		tls->fault = reply_clean(arena, span_of(why.text));
		return false;
	}
	tls->version = arena_string(arena, session_version(talk->session));
	tls->old = session_is_old(talk->session);
	tls->chain_fault = arena_string(arena, session_chain_fault(talk->session));
	tls->named = session_has_name(talk->session);
	read_chain(talk, arena, tls);
	return true;
}

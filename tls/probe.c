/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * libcurl gives the chain only of a handshake that succeeds, so after a certificate was refused
 * another connection is made, and accepts any.
 */
#include "tls/probe.h"

#include <assert.h>
#include <string.h>

static enum transfer_end connect_once(const struct dial_target *target, bool verify,
				      struct arena *arena, struct probe *probe, struct why *why)
{
	const char *url = arena_printf(arena, "smtp://%s:%u", target->host, target->port);
	const struct transfer_calls none = {.body = NULL};
	struct transfer_rules rules = dial_rules(target);
	struct transfer *transfer;
	enum transfer_end end;

	rules.protocols = "smtp";
	rules.starttls = TRANSFER_STARTTLS_REQUIRED;
	rules.keep_chain = true;
	rules.no_body = true;
	if (!verify)
		rules.proof = TRANSFER_PROOF_NONE;
	transfer = transfer_new(&rules, &none);
	end = transfer_run(transfer, url, "NOOP", 0);
	probe->count = transfer_chain(transfer, arena, probe->chain, PROBE_CHAIN_MAX);
	why_set(why, "%s", transfer_reason(transfer));
	transfer_clean(why);
	transfer_free(transfer);
	return end;
}

void probe_host(const struct dial_target *target, struct arena *arena, struct probe *probe)
{
	struct why why = {""}, ignored;
	enum transfer_end end;

	assert(target->port == PROBE_PORT);
	memset(probe, 0, sizeof *probe);
	end = connect_once(target, true, arena, probe, &why);
	if (end != TRANSFER_CERTIFICATE && probe->count > 0)
		return; /* what the server says after the handshake does not count */
	probe->reason = arena_string(arena, why.text);
	switch (end) {
	case TRANSFER_CERTIFICATE:
		probe->outcome = PROBE_REFUSED;
		if (probe->count == 0)
			(void)connect_once(target, false, arena, probe, &ignored);
		break;
	case TRANSFER_NO_STARTTLS:
		probe->outcome = PROBE_PLAIN;
		probe->reason = "it does not offer STARTTLS";
		break;
	case TRANSFER_NO_TLS:
		probe->outcome = PROBE_PLAIN;
		break;
	default:
		probe->outcome = PROBE_UNREACHABLE;
	}
}

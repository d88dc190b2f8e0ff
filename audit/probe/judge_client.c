/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rules about the servers for mail programs.
 */
#include "audit/probe/visit.h"

static const char *subject_of(struct judge *judge, const struct probe_client *client)
{
	char text[IP_TEXT_MAX];

	return arena_printf(judge->arena, "%s (%s) port %u for %s", client->host,
			    ip_text(&client->ip, text), client->port, client->service);
}

static void judge_client(struct judge *judge, const struct probe_client *client)
{
	const char *subject = subject_of(judge, client);

	if (client->way == PROBE_WAY_NONE) {
		judge_find_as(judge, AUDIT_CLIENT_UNREACHABLE, AUDIT_SKIP, subject,
			      "not known: %s: %s", subject, client->reason);
		return;
	}
	if (client->way != PROBE_WAY_SPEAKS) {
		judge_find(judge, AUDIT_CLIENT_UNREACHABLE, subject, "%s: %s", subject,
			   client->reason);
		return;
	}
	if (!client->tls.done) {
		judge_find(judge, AUDIT_CLIENT_PLAIN, subject, "%s: %s", subject,
			   client->tls.fault != NULL ? client->tls.fault : "it offers no TLS");
		return;
	}
	if (client->tls.chain_fault != NULL)
		judge_find(judge, AUDIT_CLIENT_CERTIFICATE, subject, "%s: %s", subject,
			   client->tls.chain_fault);
	if (!client->tls.named)
		judge_find(judge, AUDIT_CLIENT_CERTIFICATE, subject,
			   "%s: the certificate has not the name %s", subject, client->host);
	if (client->tls.chain_fault == NULL && client->tls.named)
		visit_judge_certificate(judge, subject, client->host, &client->tls, false);
}

void visit_judge_client(struct judge *judge)
{
	const struct probe_facts *facts = &judge->facts->probe;

	for (unsigned i = 0; i < facts->client_count; i++)
		judge_client(judge, &facts->clients[i]);
}

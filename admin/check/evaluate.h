/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The evaluators of policy/ as the settings want them, for commands that judge: verify, spf, dmarc,
 * dkim, dns. Signing keys are not read.
 */
#ifndef ADMIN_CHECK_EVALUATE_H
#define ADMIN_CHECK_EVALUATE_H

#include "admin/admin.h"
#include "context/context.h"
#include "dns/dns.h"

struct evaluate {
	struct admin *admin;
	const struct conf *conf;
	struct conf judging; /* CONF without signing */
	struct dkimcheck_engine *engine;
	struct context *context;
	struct dns *dns;
	struct dns_scope *scope; /* with the budget and the patience of one message */
	struct arena *arena;     /* of the evaluation: released before the resolver */
	int64_t start;           /* clock_mono() */
	const char *host;        /* authserv_id, or this host's name */
};

/* 0, or the exit status after the error was printed. Either way EVALUATE is then closed. */
int evaluate_open(struct evaluate *evaluate, struct admin *admin);
void evaluate_close(struct evaluate *evaluate);

/* DMARC for mail from DOMAIN that proves nothing: what is left of the evaluation is the policy,
 * found as for a message. DOMAIN lives until evaluate_close(). */
void evaluate_dmarc(const struct evaluate *evaluate, const char *domain, struct dmarc_verdict *out);

/* The address in "<bob@example.com>", which is what SMTP has; one without angles as it is. */
const char *evaluate_sender(struct arena *arena, const char *address);

#endif

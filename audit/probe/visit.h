/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Connections to the servers that the DNS names: what they are, and the rules about what comes
 * back. Everything is bounded in time and number, and all of an audit's are made together.
 */
#ifndef AUDIT_PROBE_VISIT_H
#define AUDIT_PROBE_VISIT_H

#include "audit/judge.h"
#include "audit/look.h"
#include "audit/probe/tasks.h"

/* After the facts of the DNS; fills LOOK->facts->probe. */
void visit_look(const struct look *look);
void visit_judge(struct judge *judge);

/* Parts of them: first all tasks are added, then what they brought is read. */
struct visit_web *visit_web_plan(const struct look *look, struct tasks *tasks);
void visit_web_read(const struct look *look, struct visit_web *web);
void visit_smtp_plan(const struct look *look, struct tasks *tasks);
void visit_client_plan(const struct look *look, struct tasks *tasks);

/* Our own name in EHLO. */
const char *visit_own_name(const struct look *look);

void visit_judge_web(struct judge *judge);
void visit_judge_smtp(struct judge *judge);
void visit_judge_client(struct judge *judge);

/* What SUBJECT shows of TLS; TRUSTED: the certificate is what a TLSA record says, and nobody needs
 * its issuer. */
void visit_judge_certificate(struct judge *judge, const char *subject, const char *host,
			     const struct probe_tls *tls, bool trusted);

#endif

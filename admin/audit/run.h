/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Auditing many domains at once.
 */
#ifndef ADMIN_AUDIT_RUN_H
#define ADMIN_AUDIT_RUN_H

#include "admin/admin.h"
#include "audit/rules.h"

enum { AUDIT_PARALLEL_MAX = 64 };

/* What was found about one domain; lives in ARENA. */
struct audit_result {
	const char *domain;
	struct arena *arena;
	const struct audit_facts *facts;
	struct audit_findings findings;
};

/* Called in the order of DOMAINS by the thread that called audit_run(); RESULT ends with the call.
 */
typedef void audit_take(void *arg, const struct audit_result *result);

/* 0, or -1 when the user interrupted it. PARALLEL: domains at a time. CHANGED: NULL, or a resolver
 * by which each domain is audited, too: the findings are then what it makes worse. */
int audit_run(const struct admin *admin, const struct audit_settings *settings, struct dns *dns,
	      const char *const *domains, unsigned count, unsigned parallel, audit_take *take,
	      struct dns *changed, void *arg);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `countersign audit --with-zone=FILE`: the domain as it would be with the zone in FILE.
 */
#ifndef ADMIN_AUDIT_ZONE_H
#define ADMIN_AUDIT_ZONE_H

#include "admin/audit/run.h"

/* A resolver that has FILE in place of the zone of DOMAIN, which DNS is asked for. NULL after the
 * error was printed. */
struct dns *zone_open(struct admin *admin, const struct conf *conf, struct dns *dns,
		      const char *domain, const char *file);

/* What BEFORE does not have and AFTER has: warnings and errors, and what summaries of both differ
 * in. */
struct audit_findings zone_compare(const struct audit_settings *settings,
				   const struct audit_result *before,
				   const struct audit_result *after, struct arena *arena);

#endif

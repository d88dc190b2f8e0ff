/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whether the domains that received reports are about ask for them here: in their DMARC records,
 * and, where our address is in another domain, with that domain's agreement (RFC 9990 section 4).
 */
#ifndef ADMIN_INBOX_DESTINATIONS_H
#define ADMIN_INBOX_DESTINATIONS_H

#include "admin/check/evaluate.h"
#include "report/sources/findings.h"
#include "store/sql/sql.h"

/* Calls FOUND for each finding about DOMAIN and those below it (NULL: any), by reports that begin
 * on FROM_DAY or later. Texts live in the command's arena. Nothing is said where inbox.addresses is
 * empty, or the DNS does not answer. 0, or -1 with WHY. */
typedef void destinations_found(void *arg, const struct finding *finding);
int destinations_check(const struct evaluate *evaluate, struct sql *sql, const char *domain,
		       int32_t from_day, destinations_found *found, void *arg, struct why *why);

#endif

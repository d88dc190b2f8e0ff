/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What was sent in the name of a domain, by receiver and day: for the profiles bulk and warm-up.
 */
#ifndef ADMIN_AUDIT_TRAFFIC_H
#define ADMIN_AUDIT_TRAFFIC_H

#include "admin/admin.h"
#include "lib/jsonout.h"
#include "audit/bulk/bulk.h"

/* The last DAYS before the day of NOW, and that day. Without a ledger it is not known. LOG: an MTA
 * log to count deferrals in, or NULL. It lives in ADMIN's arena. */
const struct bulk_traffic *traffic_load(struct admin *admin, const char *domain, int64_t now,
					unsigned days, const char *log);

/* PLAN: messages for a receiver on the first day, and at most twice as many each day; 0: none. */
void traffic_show(const struct admin *admin, const struct bulk_traffic *traffic, int64_t plan);
void traffic_json(struct jsonout *out, const struct bulk_traffic *traffic, int64_t plan);

#endif

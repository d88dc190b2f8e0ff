/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The selectors that received reports have.
 */
#ifndef ADMIN_AUDIT_SEEN_H
#define ADMIN_AUDIT_SEEN_H

#include "admin/admin.h"
#include "audit/audit.h"

/* Of DOMAIN, or of all (NULL), with which messages passed in the last 90 days. Nothing is set where
 * the ledger is missing. Texts live in ADMIN's arena. */
void seen_load(struct admin *admin, const char *domain, struct audit_settings *settings);

#endif

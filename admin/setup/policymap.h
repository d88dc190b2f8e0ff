/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * smtp_tls_policy_maps: a list of maps, of which one is ours. Which map that is depends on the
 * version of Postfix (tls/answer.h).
 */
#ifndef ADMIN_SETUP_POLICYMAP_H
#define ADMIN_SETUP_POLICYMAP_H

#include "admin/setup/postfix.h"

/* "policy", or "policy310" from Postfix 3.10 on. */
const char *policymap_name(const char *mail_version);

/* Whether Postfix may tell of its TLS sessions by itself (TLSRPT, from 3.10 on; it must have been
 * built for it). */
bool policymap_has_reports(const char *mail_version);

/* The value with our map at ADDRESS ("unix:countersign/tls.sock") at the end, and no other one of
 * ours. */
const char *policymap_add(const struct postfix *postfix, struct arena *arena, const char *address);

/* The map of our service at ADDRESS that LIST names, "policy"; NULL: none. */
const char *policymap_find(struct arena *arena, const char *list, const char *address);

/* LIST without what is in AFTER but not in BEFORE (NULL: nothing). */
const char *policymap_without(struct arena *arena, const char *list, const char *after,
			      const char *before);

/* Whether Postfix has roots to verify the certificates of other hosts with. */
bool policymap_has_roots(const struct postfix *postfix, struct arena *arena);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whether a domain's DMARC policy protects its name enough for an indicator to be shown
 * (draft-brand-indicators-for-message-identification, "Authentication Requirements").
 */
#ifndef POLICY_BIMI_GATE_H
#define POLICY_BIMI_GATE_H

#include "dns/dns.h"
#include "policy/dmarc/dmarc.h"

enum bimi_gate { BIMI_GATE_OPEN, BIMI_GATE_CLOSED, BIMI_GATE_ABSENT, BIMI_GATE_UNKNOWN };

/* The record of DOMAIN alone, as DMARC looks it up in SCOPE; it is waited for. WHY: the reason in
 * ARENA, but for BIMI_GATE_OPEN. */
enum bimi_gate bimi_gate_check(struct dns_scope *scope, const struct dmarc_rules *rules,
			       struct arena *arena, const char *domain, const char **why);

#endif

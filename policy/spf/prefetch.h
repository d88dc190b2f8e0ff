/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Asks ahead for what an SPF evaluation will need (see policy/spf/spf.h). Internal to
 * policy/spf/spf*.
 */
#ifndef POLICY_SPF_PREFETCH_H
#define POLICY_SPF_PREFETCH_H

#include "dns/dns.h"
#include "lib/arena.h"
#include "policy/spf/macro.h"

enum { SPF_PREFETCH_HOSTS = 20 }; /* addresses of MX names that are asked for ahead */

/* VALUES is copied; its texts stay, and ARENA stays, as long as SCOPE lives. */
void spf_prefetch(struct dns_scope *scope, const struct spf_macro_values *values,
		  struct arena *arena);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ADMIN_AUDIT_FACTS_H
#define ADMIN_AUDIT_FACTS_H

#include "lib/jsonout.h"
#include "audit/facts.h"

/* The members of FACTS into the open object; the same facts give the same bytes. ARENA: for
 * texts that are made. */
void facts_json(struct jsonout *out, struct arena *arena, const struct audit_facts *facts);

/* A member "probe" of the open object. */
void facts_probe_json(struct jsonout *out, const struct probe_facts *facts);

#endif

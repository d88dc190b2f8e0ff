/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How one signature was judged, a line for each thing that was read, for `countersign verify -v`.
 */
#ifndef POLICY_DKIM_EXPLAIN_H
#define POLICY_DKIM_EXPLAIN_H

#include "dns/dns.h"
#include "policy/dkim/engine.h"
#include "policy/result/steps.h"

/* HEADER: all fields of the message; FIELD: the signature. ANSWER: what DNS said of KEY_NAME; NULL:
 * it was not asked, or has not answered. KEY: the one that may be used, or NULL. */
void dkimexplain(struct steps *steps, const struct dkimengine_field *header,
		 const struct dkimengine_field *field, const char *key_name,
		 const struct dns_answer *answer, const struct dkimkey *key);

#endif

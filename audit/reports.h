/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The addresses that a domain wants reports at.
 */
#ifndef AUDIT_REPORTS_H
#define AUDIT_REPORTS_H

#include "audit/look.h"

/* Those of RUA (NULL: none) that are mailto:, with what the DNS says of them. POLICY_DOMAIN: whose
 * DMARC reports they are (RFC 9990 section 4); NULL: reports that need nobody's agreement. */
unsigned reports_look(const struct look *look, const char *rua, const char *policy_domain,
		      struct audit_report list[AUDIT_REPORTS_MAX]);

/* How many entries RUA has. */
unsigned reports_count(struct span rua);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whether a mark certificate has been revoked: its revocation lists are fetched, kept, and read by
 * a process without rights.
 */
#ifndef BIMI_REVOCATION_H
#define BIMI_REVOCATION_H

#include "bimi/evidence.h"
#include "bimi/inspect.h"

/* EVIDENCE has no faults, and leads to its roots, so it is their issuers who say where the lists
 * are: BIMI_FACT_LIST of FINDINGS, to which is added what is found. 0, or -1 with WHY: a process
 * cannot be made. */
int bimi_revocation_inspect(const struct inspect_tools *tools, struct bimi_evidence *evidence,
			    struct bimi_findings *findings, struct why *why);

#endif

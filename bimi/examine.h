/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Examines a file in a process without rights (lib/system/sandbox.h): whatever the bytes do to the
 * libraries that read them, it costs that one process.
 */
#ifndef BIMI_EXAMINE_H
#define BIMI_EXAMINE_H

#include "bimi/evidence.h"
#include "bimi/finding.h"
#include "lib/why.h"

enum bimi_kind {
	BIMI_NEITHER,
	BIMI_LOGO,
	BIMI_CERTIFICATE,
	BIMI_REVOCATION /* of a certificate: bimi_evidence_check_revoked() */
};

/* By the first bytes: gzip, UTF-16 or "<", after a byte order mark and blanks, is a logo; anything
 * with
 * "-----BEGIN " is a certificate. */
enum bimi_kind bimi_kind_of(struct span bytes);

/* EVIDENCE->pem has the bytes; for a logo, nothing else of it is looked at. FINDINGS
 * has been initialized. 0, or -1 with WHY: no process could be made. */
int bimi_examine(enum bimi_kind kind, const struct bimi_evidence *evidence,
		 struct bimi_findings *findings, struct why *why);

#endif

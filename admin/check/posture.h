/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The records of a domain that say where its mail arrives and how: MX, TLSA, MTA-STS, TLS-RPT,
 * BIMI, and the services that mail programs look for (RFC 6186, RFC 8314).
 */
#ifndef ADMIN_CHECK_POSTURE_H
#define ADMIN_CHECK_POSTURE_H

#include "admin/check/evaluate.h"

/* One record as it is published. VALUE: of TXT its text, else its data as a zone file has it. */
struct posture_record {
	const char *kind; /* "mx", "tlsa", "mta-sts", "tlsrpt", "bimi", "srv" */
	const char *name, *type, *value;
	const char *fault; /* or NULL */
	bool proposed;     /* it is not published, and would be good to have */
};

/* Calls TAKE for each in a fixed order; all texts live as long as the command. A record that the
 * DNS did not tell is left out. */
typedef void posture_take(void *arg, const struct posture_record *record);
void posture_each(const struct evaluate *evaluate, const char *domain, posture_take *take,
		  void *arg);

#endif

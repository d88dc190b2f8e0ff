/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TLS reports into the outbox of this host: one for each domain and day with sessions, if the
 * domain asks for them. Each host reports its own sessions, so the identifier has the host's.
 */
#ifndef REPORT_TLS_BUILD_H
#define REPORT_TLS_BUILD_H

#include "report/sender.h"
#include "report/tls/document.h"

/* The CONFIG of a TLS report in the outbox, which a policy of DMARC cannot have. */
#define TLS_REPORT_CONFIG "746c737270740000746c737270740000"

/* Days FROM to TO as far as they are over; DOMAIN NULL: all. A dry run tells what would be built,
 * and asks no DNS. 0, or -1 when the store fails. */
int tls_report_build(struct sender *sender, const char *domain, int32_t from, int32_t to,
		     struct why *why);

/* The report as text, whether or not it was built; 1: there is nothing to report. */
int tls_report_write(struct sender *sender, const char *domain, int32_t day, FILE *out,
		     struct document_sum *sum, struct why *why);

#endif

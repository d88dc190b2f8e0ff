/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The values of reports in one form, whatever the reporter makes of them.
 */
#ifndef REPORT_INBOX_NORMAL_H
#define REPORT_INBOX_NORMAL_H

#include "lib/ip.h"
#include "report/inbox/record.h"
#include "lib/span.h"

enum normal_time { NORMAL_TIME, NORMAL_TIME_REPAIRED, NORMAL_TIME_UNKNOWN };

/* Seconds since 1970, perhaps with decimals, in milliseconds, or as RFC 3339 and what is like it
 * ("2024-01-09 00:00:00", without a zone: UTC). */
enum normal_time normal_time(struct span text, int64_t *at);

/* The Date of a message and what is like it (RFC 5322 section 3.3, obsolete zones included). */
int64_t normal_mail_date(struct span text);

/* Canonical text of an address that may have "/32" or "/128", brackets or "IPv6:" around it; NULL:
 * it is none. *REPAIRED: it was not that text. */
const char *normal_ip(struct arena *arena, struct span text, bool *repaired);

/* An A-label domain where TEXT is a valid name, else the clean text; NULL for an empty one. */
const char *normal_domain(struct arena *arena, struct span text);

/* DKIM (RFC 8601 section 2.7.1) and SPF results (2.7.2) in lower case. *RAW: the word, where it was
 * another one. */
const char *normal_dkim_result(struct arena *arena, struct span text, const char **raw);
const char *normal_spf_result(struct arena *arena, struct span text, const char **raw);

/* What the evaluation says about alignment: "pass" or "fail". */
const char *normal_aligned(struct arena *arena, struct span text, const char **raw);
const char *normal_disposition(struct arena *arena, struct span text, const char **raw);
const char *normal_policy(struct arena *arena, struct span text, const char **raw);
const char *normal_reason(struct arena *arena, struct span text, const char **raw);

/* The identifier of a report, without <> and blanks; NULL when nothing is left. */
const char *normal_report_id(struct arena *arena, struct span text);

#endif

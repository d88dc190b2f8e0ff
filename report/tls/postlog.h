/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sessions read from the log of Postfix before 3.10, which has no other record of them: the line
 * about a TLS connection of smtp(8), and the delivery by the same process that follows it.
 *
 * Which policy applied is not in the log: an MTA-STS policy that is held, else DANE where the host
 * was verified or refused, else none. What cannot be told from the log is not counted.
 */
#ifndef REPORT_TLS_POSTLOG_H
#define REPORT_TLS_POSTLOG_H

#include "lib/span.h"
#include "report/tls/session.h"

enum { POSTLOG_LINE_MAX = 4096 };

/* The text of the MTA-STS policy of DOMAIN that is held, in ARENA; or NULL. */
typedef const char *postlog_policy(void *arg, struct arena *arena, const char *domain);

struct postlog;
struct postlog *postlog_new(postlog_policy *policy, session_take *take, void *arg);
void postlog_free(struct postlog *postlog);

/* A line without its end. */
void postlog_line(struct postlog *postlog, struct span line);

#endif

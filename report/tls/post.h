/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A TLS report by HTTPS POST (RFC 8460 section 5.4), in a process of its own: other domains choose
 * the server. Only addresses that the Internet can reach, port 443, no redirect; the answer's body
 * is not read. The certificate is not verified (section 3): the report is about just that.
 */
#ifndef REPORT_TLS_POST_H
#define REPORT_TLS_POST_H

#include <stdio.h>

#include "dns/dns.h"
#include "report/send.h"

/* GZ from its beginning. Status 200 to 299 is SEND_DONE, 408, 429 and 5xx SEND_LATER, another one
 * SEND_REFUSED; a server that cannot be reached is SEND_LATER. REPLY: why. ANSWER: as of
 * send_mail(), or NULL. */
enum send_outcome post_report(struct dns_scope *scope, const char *url, FILE *gz, int64_t timeout,
			      send_answer *answer, void *arg, struct why *reply);

#endif

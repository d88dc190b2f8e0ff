/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The process that sends reports, as the supervisor sees it: one at a time, some seconds after the
 * start and then every half hour. The first after 00:10 UTC builds the reports of the day before
 * and sends them spread over reports.spread; the others try again what is due.
 */
#ifndef DAEMON_REPORT_SENDER_H
#define DAEMON_REPORT_SENDER_H

#include "daemon/helper.h"

/* Starts one if it is due and CONF wants it. When to look again (clock_mono()), or 0: only when
 * this one has ended. KEYS: our public keys as text, or NULL. WORKERS: whose files the process
 * closes. */
int64_t report_sender_start(struct helper *report_sender, const struct conf *conf, const char *keys,
			    const struct workers *workers);

/* As helper_look_after. To end one: helper_stop(); it ends at once between two mails, else when
 * this mail is done or the patience with it is over. */
int64_t report_sender_look_after(struct helper *report_sender);

#endif

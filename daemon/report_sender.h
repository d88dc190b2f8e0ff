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
 * this one has ended. CREW is what it must not keep open. */
int64_t postman_start(struct aide *postman, const struct conf *conf, const struct crew *crew);

/* As aide_look_after. To end one: aide_stop(); it ends at once between two mails, else when this
 * mail is done or the patience with it is over. */
int64_t postman_look_after(struct aide *postman);

#endif

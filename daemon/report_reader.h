/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The process that reads received reports out of the spool (report/spool.h) and stores them, as the
 * supervisor sees it. Each mail is read by a process of its own without rights
 * (report/inbox/reader.h), which this one starts.
 */
#ifndef DAEMON_REPORT_READER_H
#define DAEMON_REPORT_READER_H

#include "daemon/helper.h"

/* Starts one if there is none and CONF has inbox.addresses. When to look again (clock_mono()), or
 * 0. WORKERS: whose files the process closes. */
int64_t report_reader_start(struct helper *helper, const struct conf *conf,
			    const struct workers *workers);
void report_reader_stop(struct helper *helper);

/* As helper_look_after(). */
int64_t report_reader_look_after(struct helper *helper);

#endif

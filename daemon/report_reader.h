/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The process that reads received reports out of the spool (report/spool.h) and stores them, as the
 * supervisor sees it. Each mail is read by a process of its own without rights
 * (report/inbox/reader.h), which this one starts.
 */
#ifndef DAEMON_REPORT_READER_H
#define DAEMON_REPORT_READER_H

#include "daemon/helper.h"

extern const struct helper_kind report_reader_kind;

#endif

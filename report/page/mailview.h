/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The page of the log of messages (store/messages.h): a search, and what became of each message.
 */
#ifndef REPORT_PAGE_MAILVIEW_H
#define REPORT_PAGE_MAILVIEW_H

#include "lib/jsonout.h"
#include "mail/logfields.h"
#include "report/page/page.h"
#include "report/page/path.h"
#include "store/ledger.h"

/* A message as an object in the array that is open: "time", and all its fields. TIME as text. */
void mailview_json(struct jsonout *json, const char *time, const struct logfields *fields);

/* As reportview_list. The log is read back from REQUEST->before, at most until DEADLINE
 * (clock_mono()); a page says how far. */
int mailview_write(struct buf *to, const struct path_request *request, struct page_frame *frame,
		   const struct ledger_settings *settings, int64_t deadline, struct arena *arena,
		   bool *more, struct why *why);

#endif

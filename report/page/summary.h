/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What matters most of the page as plain text, for the mail to which the page is attached.
 */
#ifndef REPORT_PAGE_SUMMARY_H
#define REPORT_PAGE_SUMMARY_H

#include "report/page/facts.h"

/* UTF-8; lines end with LF. Strangers' characters are shown as html_plain() does. */
void summary_text(struct buf *to, const struct page_facts *facts, struct arena *arena);

#endif

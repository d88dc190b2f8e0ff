/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The parts of the page about mail in our names: a verdict for each domain, what changed, sources.
 */
#ifndef REPORT_PAGE_DOMAINS_H
#define REPORT_PAGE_DOMAINS_H

#include "report/page/page.h"

/* What is different about FLOW since CHANGED_DAY, in ARENA; NULL: nothing. */
const char *page_change(const struct flow *flow, int32_t changed_day, struct arena *arena);

void page_verdicts(struct buf *to, const struct page_facts *facts);
void page_changes(struct buf *to, const struct page_facts *facts, struct arena *arena);
void page_sources(struct buf *to, const struct page_facts *facts, struct arena *arena);

#endif

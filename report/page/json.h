/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The facts of the page as JSON: the numbers that the page shows.
 */
#ifndef REPORT_PAGE_JSON_H
#define REPORT_PAGE_JSON_H

#include "lib/jsonout.h"
#include "report/page/facts.h"

/* One source, as an object in the array that is open. */
void page_json_flow(struct jsonout *out, const struct flow *flow, struct arena *arena);

void page_json(struct jsonout *out, const struct page_facts *facts, struct arena *arena);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The pages of received reports: the list, and one report with its rows. Both are read from the
 * ledger a part at a time.
 */
#ifndef REPORT_PAGE_REPORTVIEW_H
#define REPORT_PAGE_REPORTVIEW_H

#include "report/page/page.h"
#include "report/page/path.h"
#include "store/sql/sql.h"

enum { VIEW_ROWS = 50 }; /* of a page */

/* Each appends HTML, or JSON when REQUEST wants it, to TO. FRAME has all but the title. *MORE:
 * there is another part. 0; 1: there is no such report, or several; -1 with WHY. */
int reportview_list(struct buf *to, const struct path_request *request, struct page_frame *frame,
		    struct sql *sql, struct arena *arena, bool *more, struct why *why);
int reportview_one(struct buf *to, const struct path_request *request, struct page_frame *frame,
		   struct sql *sql, struct arena *arena, bool *more, struct why *why);

/* Links to the parts before and after PAGE; QUERY: the parameters, each with "&" after it. */
void reportview_parts(struct buf *to, const char *query, unsigned page, bool more);

#endif

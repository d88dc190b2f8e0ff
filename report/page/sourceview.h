/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The page of one source of mail in a domain's name (report/sources/gather.h).
 */
#ifndef REPORT_PAGE_SOURCEVIEW_H
#define REPORT_PAGE_SOURCEVIEW_H

#include "report/page/page.h"
#include "report/page/path.h"

/* Appends HTML, or JSON when REQUEST wants it, about the source REQUEST->name in FACTS, which were
 * gathered for its domain. False: there is no such source. */
bool sourceview_write(struct buf *to, const struct path_request *request, struct page_frame *frame,
		      const struct page_facts *facts, struct arena *arena);

#endif

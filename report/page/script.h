/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The only script of a page: it sorts and filters the rows of tables. A page is whole without it.
 */
#ifndef REPORT_PAGE_SCRIPT_H
#define REPORT_PAGE_SCRIPT_H

#include "lib/buf.h"

/* <script>, at the end of the body. */
void script_write(struct buf *to);

/* What a page is served with, and has in itself: nothing is loaded, and only that script runs, by
 * its digest (Content Security Policy Level 3). FORM: with a form for a search. */
void script_policy(struct buf *to, bool form);

#endif

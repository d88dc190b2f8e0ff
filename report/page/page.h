/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The page that a person looks at: one HTML document without anything from elsewhere, with charts
 * as SVG. It works without its script, from a file, printed, at 320 pixels, in light and dark.
 */
#ifndef REPORT_PAGE_PAGE_H
#define REPORT_PAGE_PAGE_H

#include "report/page/facts.h"

void page_write(struct buf *to, const struct page_facts *facts, struct arena *arena);

/* ---- other pages, which the daemon serves ---- */

struct page_frame {
	const char *title;
	const char *root; /* as that of struct page_facts */
	bool form, charts;
	int32_t first_day;
	unsigned days;     /* 0: they are not told */
	int64_t generated; /* wall seconds */
	const char *version;
};

/* Everything up to <main>, which the caller opens, and from its end on. */
void page_begin(struct buf *to, const struct page_frame *frame);
void page_end(struct buf *to);

/* <a> that leads to PARTS below ROOT, which ends with NULL; the caller closes it. */
void page_link(struct buf *to, const char *root, const char *const *parts);
#define PAGE_PATH(...) ((const char *const[]){__VA_ARGS__, NULL})

/* ---- for the page's parts ---- */

enum { PAGE_NAME_MAX = 60 }; /* characters of a stranger's text */

/* <table> with headings; one that begins with '>' is of numbers. Ended with page_table_end(). */
void page_table_begin(struct buf *to, const char *caption, const char *const *headings,
		      unsigned count);
void page_table_end(struct buf *to);
void page_cell(struct buf *to, const char *text);
void page_number_cell(struct buf *to, int64_t number);
void page_day_cell(struct buf *to, int32_t day);

/* A word that judges, with its look: "good", "doubt", "bad" or "none". */
void page_badge(struct buf *to, const char *look, const char *text);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Strangers' text in HTML. Whatever is shown (an organization's name, a domain, a comment of a
 * report) may be an attack on the page: markup, control and bidirectional characters, endless
 * names. These functions are the only way by which such text gets into a page.
 *
 * Markup characters become references. Bytes that are not UTF-8 become U+FFFD. Control,
 * bidirectional and invisible characters are shown by their number, "[U+202E]".
 */
#ifndef REPORT_PAGE_HTML_H
#define REPORT_PAGE_HTML_H

#include <stdint.h>

#include "lib/buf.h"

/* TEXT for an element or for an attribute in double quotes; NULL gives "-". */
void html_text(struct buf *to, const char *text);

/* At most MAX characters of TEXT, for an element; what was cut is in a title. */
void html_short(struct buf *to, const char *text, unsigned max);

/* TEXT as one segment of a path, or as a value in a query, of a URL in an attribute. */
void html_path(struct buf *to, const char *text);

/* At most MAX characters of TEXT for a text without markup, such as that of a mail. */
void html_plain(struct buf *to, const char *text, unsigned max);

void html_number(struct buf *to, int64_t number);

/* "2026-11-22" */
void html_day(struct buf *to, int32_t day);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The parts of the page about everything else: mail received here, TLS, complaints and keys,
 * reporters, the daemon.
 */
#ifndef REPORT_PAGE_OTHERS_H
#define REPORT_PAGE_OTHERS_H

#include "report/page/page.h"

void page_received(struct buf *to, const struct page_facts *facts);
void page_tls(struct buf *to, const struct page_facts *facts);
void page_complaints(struct buf *to, const struct page_facts *facts);
void page_posture(struct buf *to, const struct page_facts *facts);
void page_keys(struct buf *to, const struct page_facts *facts);
void page_reporters(struct buf *to, const struct page_facts *facts);
void page_daemon(struct buf *to, const struct page_facts *facts);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The page by mail (page.mail): put into the outbox once in a day or week, by the process that has
 * the turn at sending.
 */
#ifndef CONTEXT_PAGE_MAIL_H
#define CONTEXT_PAGE_MAIL_H

#include "context/sending.h"
#include "report/page/facts.h"

/* Adds what is known of the daemon to FACTS. */
typedef void page_mail_daemon(void *arg, struct page_facts *facts);

/* SENDING is open to send. 0: it is there, or is not wanted; -1 with WHY. */
int page_mail_put(const struct sending *sending, const struct conf *conf, page_mail_daemon *daemon,
		  void *arg, struct why *why);

/* FACTS as a notice, whose texts live in ARENA. */
void page_mail_make(const struct page_facts *facts, struct arena *arena, struct notice *notice);

#endif

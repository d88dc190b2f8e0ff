/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What this host knows about itself and can ask the DNS, as the facts by which sources are
 * classified (report/sources/classify.h).
 */
#ifndef ADMIN_INBOX_FACTS_H
#define ADMIN_INBOX_FACTS_H

#include "admin/check/evaluate.h"
#include "report/sources/classify.h"

struct inbox_facts;

/* NULL after the error was printed; *STATUS is the exit code. */
struct inbox_facts *inbox_facts_open(struct admin *admin, int *status);
void inbox_facts_close(struct inbox_facts *facts);

struct source_facts inbox_facts_of(struct inbox_facts *facts);

/* Calls VISIT with each selector of the keyring. */
typedef void inbox_selector_visit(void *arg, const char *domain, const char *selector);
void inbox_facts_selectors(const struct inbox_facts *facts, inbox_selector_visit *visit, void *arg);

#endif

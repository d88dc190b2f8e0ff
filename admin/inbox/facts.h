/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What this host knows about itself (context/site.h), for a command.
 */
#ifndef ADMIN_INBOX_FACTS_H
#define ADMIN_INBOX_FACTS_H

#include "admin/check/evaluate.h"
#include "context/site.h"

struct inbox_facts {
	struct admin *admin;
	struct evaluate evaluate;
	struct site *site;
};

/* An exit code; other than ADMIN_DONE after the error was printed. Either way FACTS is then
 * closed. */
int inbox_facts_open(struct inbox_facts *facts, struct admin *admin);
void inbox_facts_close(struct inbox_facts *facts); /* warns where DNS did not answer */

#endif

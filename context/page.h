/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where the facts of the page (report/page/facts.h) come from: the ledger, the shared store, the
 * personal data, the outbox, the keyring. All is read, nothing is changed. Used by both programs.
 */
#ifndef CONTEXT_PAGE_H
#define CONTEXT_PAGE_H

#include "context/site.h"
#include "report/page/facts.h"
#include "store/ledger.h"

struct page_inputs {
	const struct conf *conf;
	struct site *site;
	int64_t deadline; /* clock_mono(); from then on the DNS is not asked. 0: none */
	void (*tell)(void *arg, const char *text); /* says which part is left empty; or NULL */
	void *arg;
};

/* Days, domain and time of FACTS are set; the daemon's part is left to the caller but for what
 * waits to be sent. 0, or -1 with WHY: the ledger cannot be read. All lives in ARENA. */
int page_collect(struct page_facts *facts, const struct page_inputs *inputs, struct arena *arena,
		 struct why *why);

/* Of the last DAYS days until now; what changed: within a week. */
void page_set_days(struct page_facts *facts, unsigned days);

#endif

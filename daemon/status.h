/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What `countersign status` is told: facts, one a line, an empty line, and all metrics in
 * Prometheus's text format (metrics/exposition.h). Read by metrics/read.h.
 *
 *     version TEXT
 *     pid NUMBER
 *     settings PATH
 *     log_level NAME
 *     listen ADDRESS                                          (each)
 *     worker PID STATE SINCE ADDRESS                          (each; state: starting ready leaving)
 *     key_process PID STATE SINCE USER MEMORY                 (each; current loading leaving;
 *                                                             locked swappable)
 *     confined KIND LIMITS                                    (each kind of process: confined.h)
 *     reload OUTCOME TIME                                     (accepted refused)
 *     reload_error TEXT                                       (each)
 *     trouble TEXT                                            (of the ledger, now)
 *     key_trouble TEXT                                        (keys that cannot be used)
 *     key DOMAIN SELECTOR TYPE BITS STATE SIGNS PUBLISHED SINCE CREATED
 *                                                             (each; signs: yes no; published:
 *                                                             yes no unknown)
 *
 * Times are wall seconds, 0 where not known.
 */
#ifndef DAEMON_STATUS_H
#define DAEMON_STATUS_H

#include "daemon/keys/manager.h"
#include "daemon/reload.h"
#include "daemon/workers.h"
#include "lib/buf.h"
#include "report/page/facts.h"

struct status_facts {
	const char *settings_path;
	const struct workers *workers;
	const struct reload *reload;
	const struct keymanager *keys;
};

/* What a page says of the daemon, but for what waits in the outbox. */
void status_fill_page(struct page_facts *page);

void status_write(struct buf *out, const struct status_facts *facts);

#endif

/*
 * What `countersign status` is told: facts, one a line, an empty line, and all metrics in
 * Prometheus's text format (milter/exposition.h). Read by admin/status.h.
 *
 *     version TEXT
 *     pid NUMBER
 *     settings PATH
 *     log_level NAME
 *     listen ADDRESS                                          (each)
 *     worker PID STATE SINCE ADDRESS                          (each; state: starting ready leaving)
 *     reload OUTCOME TIME                                     (accepted refused)
 *     reload_error TEXT                                       (each)
 *     trouble TEXT                                            (of the ledger, now)
 *     key_trouble TEXT                                        (keys that cannot be used)
 *     key DOMAIN SELECTOR TYPE BITS STATE SIGNS PUBLISHED SINCE CREATED
 *                                                             (each; signs: yes no; published: yes
 *                                                             no unknown)
 *
 * Times are wall seconds, 0 where not known.
 */
#ifndef MILTER_STATUS_H
#define MILTER_STATUS_H

#include "lib/buf.h"
#include "milter/crew.h"
#include "milter/reload.h"

struct status_facts {
	const char *settings_path;
	const struct crew *crew;
	const struct reload *reload;
};

void status_write(struct buf *out, const struct status_facts *facts);

#endif

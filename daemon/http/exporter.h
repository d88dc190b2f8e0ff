/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The process that serves http.listen, as the supervisor sees it. It reads the shared counters and,
 * once, the policies of tls.own_policies; no key, no ledger.
 */
#ifndef DAEMON_HTTP_EXPORTER_H
#define DAEMON_HTTP_EXPORTER_H

#include "daemon/helper.h"

struct exporter {
	struct helper helper;
	unsigned tries; /* in a row, that ended soon */
};

/* Starts one when CONF wants it and there is none. When to look again (clock_mono()), or 0. */
int64_t exporter_start(struct exporter *exporter, const struct conf *conf,
		       const struct workers *workers);

/* It is to end; after a reload the next one has the new addresses. */
void exporter_stop(struct exporter *exporter);

/* As helper_look_after. */
int64_t exporter_look_after(struct exporter *exporter);

#endif

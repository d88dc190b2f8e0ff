/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The process that brings what this host counts to the shared store (store/ship/ship.h), as the
 * supervisor sees it: one for as long as the daemon runs, when store.shared is set.
 */
#ifndef DAEMON_SHIPPER_H
#define DAEMON_SHIPPER_H

#include "daemon/helper.h"

/* Starts it if there is none and CONF wants it. When to look again (clock_mono()), or 0. */
int64_t shipper_start(struct helper *helper, const struct conf *conf,
		      const struct workers *workers);

void shipper_stop(struct helper *helper);

/* As helper_look_after. */
int64_t shipper_look_after(struct helper *helper);

#endif

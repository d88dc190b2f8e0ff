/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The process that brings what this host counts to the shared store (store/ship/ship.h), as the
 * supervisor sees it: one for as long as the daemon runs, when store.shared is set.
 */
#ifndef DAEMON_SHIPPER_H
#define DAEMON_SHIPPER_H

#include "daemon/helper.h"

extern const struct helper_kind shipper_kind;

#endif

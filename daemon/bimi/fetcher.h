/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The process that finds out about BIMI records for the workers (bimi/cache.h): it fetches logos
 * and mark certificates, each record in a process of its own, and keeps what it found.
 */
#ifndef DAEMON_BIMI_FETCHER_H
#define DAEMON_BIMI_FETCHER_H

#include "daemon/helper.h"

extern const struct helper_kind bimi_fetcher_kind;

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Results that were answered and are in no ledger: what the running daemon has counted of them, and
 * the damaged journals that were kept (store/journal.h).
 */
#ifndef ADMIN_DAEMON_LOSSES_H
#define ADMIN_DAEMON_LOSSES_H

#include "admin/admin.h"

/* COUNT is 0 where it is not known. */
typedef void losses_tell(void *arg, const char *what, int64_t count);

/* Calls TELL for each finding on the ledger at PATH, which is the one of the settings; returns
 * their number. A daemon that cannot be asked finds nothing. */
unsigned losses_find(struct admin *admin, const char *path, losses_tell *tell, void *arg);

#endif

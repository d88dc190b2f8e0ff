/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Looks whether the ledger is what was stored in it, and brings it up to date: before the first
 * worker opens it.
 */
#ifndef DAEMON_CHECKER_H
#define DAEMON_CHECKER_H

#include "conf/conf.h"

/* Before any worker: a short look at the ledger's file. A damaged one is set aside, and what can be
 * read of it is saved (store/rescue.h). An older one is migrated. The log of messages is begun
 * again where it is damaged, and removed where none is to be kept. Says what it finds. */
void checker_look(const struct conf *conf);

#endif

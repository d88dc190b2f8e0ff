/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Looks whether the ledger is what was stored in it: before the first worker opens it.
 */
#ifndef DAEMON_CHECKER_H
#define DAEMON_CHECKER_H

#include "conf/conf.h"

/* Before any worker: a short look at the ledger's file. A damaged one is set aside, and what can be
 * read of it is saved (store/rescue.h). Says what it finds. */
void checker_look(const struct conf *conf);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Checks the ledger's file for damage, for `countersign doctor`: read-only, also while others
 * write.
 */
#ifndef STORE_INTEGRITY_H
#define STORE_INTEGRITY_H

#include "store/sql/driver.h"

/* DRIVER_CAUSE_NONE: it can be opened, its schema is of this version, and SQLite's quick_check,
 * which reads the whole file, finds nothing. Otherwise the cause, and the reason in WHY. */
enum driver_cause integrity_check(const struct ledger_settings *settings, struct why *why);

#endif

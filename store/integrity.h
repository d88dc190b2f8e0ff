/*
 * Is the file of the ledger whole? For `countersign doctor`: read-only, and while others write.
 */
#ifndef STORE_INTEGRITY_H
#define STORE_INTEGRITY_H

#include "store/ledger.h"

/* 0: it can be opened, its schema is ours, and its pages hang together (SQLite's quick_check: the
 * whole file is read). -1 with the reason. */
int integrity_check(const struct ledger_settings *settings, struct why *why);

#endif

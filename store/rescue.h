/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A damaged ledger is set aside, and a new one begun with what can be read of it and is as it was
 * stored (store/integrity.h). Tables are read from both ends, the rows of each report by
 * themselves: what is lost lies on the damaged pages, and is counted. A report whose rows have more
 * messages than were counted is left out: nobody can say which of them is right. The log of
 * messages is not saved.
 *
 * To be called while nobody else has the file open.
 */
#ifndef STORE_RESCUE_H
#define STORE_RESCUE_H

#include "store/ledger.h"

struct rescue {
	char kept[512];         /* the damaged file's new name */
	int64_t rows, messages; /* that were saved */
	int64_t lost;           /* messages, at most; -1: nothing could be read */
	int64_t log_bytes;      /* of a log that had to be left out: what only that had is not among
				 * the LOST */
};

/* The file at PATH begins as a ledger does, at least in part: it is not some other file that the
 * settings name by mistake. */
bool rescue_is_ledger(const char *path);

/* 0: it was done. -1: nothing was changed. */
int rescue_ledger(const struct ledger_settings *settings, struct rescue *rescue, struct why *why);

#endif

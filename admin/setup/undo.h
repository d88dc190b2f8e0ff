/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `countersign setup --undo`: the MTA's settings as they were before `countersign setup`, from the
 * record that it keeps (admin/setup/record.h). Settings, keys and ledger stay.
 */
#ifndef ADMIN_SETUP_UNDO_H
#define ADMIN_SETUP_UNDO_H

#include "admin/setup/place.h"

/* PRINT: only says what would be done. An exit code; ADMIN_NO: Postfix still asks countersignd,
 * through settings that are not in the record. */
int undo_run(struct admin *admin, const struct place *place, const char *record, bool print);

#endif

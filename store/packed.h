/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A row as bytes: its keys are hashed over them, the journal keeps them (store/journal.h), and they
 * hold the texts of a row that waits. Only the machine that wrote them reads them.
 */
#ifndef STORE_PACKED_H
#define STORE_PACKED_H

#include "lib/span.h"
#include "store/sql/driver.h"

size_t packed_size(const struct ledger_row *row);

/* Writes ROW into BYTES, which has packed_size(ROW) of them. AT becomes that row, with its
 * keys; its texts are in BYTES. */
void packed_write(const struct ledger_row *row, char *bytes, struct driver_row *at);

/* Reads a row from BYTES, which hold its texts, and makes its keys. False: not a row. */
bool packed_read(struct span bytes, struct driver_row *at);

#endif

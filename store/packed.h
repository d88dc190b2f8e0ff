/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A row as bytes: what its keys are made of, what the journal keeps (store/journal.h) and, while a
 * row waits, where its texts are. Only read by the machine that wrote it.
 */
#ifndef STORE_PACKED_H
#define STORE_PACKED_H

#include "lib/span.h"
#include "store/sql/driver.h"

size_t packed_size(const struct ledger_row *row);

/* Writes ROW into BYTES, which has packed_size(ROW) of them. AT is that row, with its keys; its
 * texts are in BYTES. */
void packed_write(const struct ledger_row *row, char *bytes, struct driver_row *at);

/* The row that BYTES are, with its keys; its texts are there. False: they are no row. */
bool packed_read(struct span bytes, struct driver_row *at);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How a host begins to ship to a store.
 */
#ifndef STORE_SHIP_JOIN_H
#define STORE_SHIP_JOIN_H

#include "store/ship/spool.h"
#include "store/sql/shared.h"

/* Joins the store with this ID, to which SHIP is connected; does nothing if it has joined it. */
int ship_join(struct ship *ship, const unsigned char id[SHARED_ID_LEN], struct why *why);

#endif

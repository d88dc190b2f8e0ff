/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * MTA-STS policies of other domains (store/policies.h) between a host's ledger and the shared
 * store: one host fetches, and all have the policy. The newer of two counts, by the hosts' clocks.
 * A store that is away changes nothing: each host then fetches what it needs.
 */
#ifndef STORE_SHIP_POLICIES_H
#define STORE_SHIP_POLICIES_H

#include "store/ship/ship.h"

/* Gives some of this host's policies to the shared store and takes some of the others'. Does not
 * connect: nothing happens before ship_step() has. 1: there is more; 0; -1: failed, and the next
 * ship_step() connects again. */
int ship_policies_step(struct ship *ship, struct why *why);

/* Removes what has expired, here and there. */
int ship_policies_expire(struct ship *ship, struct why *why);

#endif

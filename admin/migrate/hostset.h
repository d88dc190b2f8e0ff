/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A set of clients as OpenDKIM and OpenDMARC name them (opendkim.conf(5), PeerList): addresses and
 * networks, where "!" excludes what a wider entry includes. The most precise entry that holds an
 * address decides; of two that are equally precise the exclusion does.
 */
#ifndef ADMIN_MIGRATE_HOSTSET_H
#define ADMIN_MIGRATE_HOSTSET_H

#include <stdbool.h>

#include "lib/arena.h"
#include "lib/ip.h"
#include "lib/why.h"

enum { HOSTSET_MAX = 4096 }; /* entries */

struct hostset_entry {
	struct ip_network network;
	bool excluded;
};

struct hostset {
	struct hostset_entry *items; /* of the arena */
	unsigned count, room;
};

/* [ "!" ] address [ "/" bits ]. -1 with the reason for what the two programs never match (bits
 * after the prefix, an IPv4-mapped address, brackets), for a name, and for a network of everybody.
 */
int hostset_add(struct hostset *set, struct arena *arena, struct span text, struct why *why);

/* The smallest list of networks that holds the addresses of WITH without those of WITHOUT (or
 * NULL), in ascending order, IPv4 first. */
typedef void hostset_network(void *arg, const struct ip_network *network);
void hostset_each(const struct hostset *with, const struct hostset *without, hostset_network *each,
		  void *arg);

/* "192.0.2.0/24", "192.0.2.1" */
const char *hostset_text(struct arena *arena, const struct ip_network *network);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Zones of SPF records at random, and who asks. The same seed gives the same zone. WILD ones have
 * everything: macros, loops, limits, errors of syntax, lookups that fail. PLAIN ones have only what
 * every implementation that is in use reads alike.
 */
#ifndef T_LIB_SPFGEN_H
#define T_LIB_SPFGEN_H

#include "dns/dns.h"
#include "lib/arena.h"

enum { SPFGEN_RECORDS_MAX = 100, SPFGEN_CASES = 6 };

struct spfgen_record {
	const char *name;
	enum dns_type type;
	const char *data;
};

struct spfgen_case {
	const char *client, *helo, *mail_from;
};

struct spfgen {
	struct arena *arena;
	uint64_t state;
	bool plain;
	struct spfgen_record records[SPFGEN_RECORDS_MAX];
	unsigned count;
	struct spfgen_record fails[4]; /* name and type of lookups that fail */
	unsigned fail_count;
	struct spfgen_case cases[SPFGEN_CASES];
};

void spfgen_make(struct spfgen *gen, struct arena *arena, unsigned seed, bool plain);
void spfgen_load(const struct spfgen *gen, struct dns *dns); /* a memory one, cleared first */

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is asked: a name in its one form (lower case, no final dot) and a type, with its hash.
 *
 * Names come from strangers, so the hash is keyed with random bytes: nobody outside can choose
 * names that fall into one bucket (SipHash-1-3).
 */
#ifndef DNS_KEY_H
#define DNS_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dns/dns.h"

struct key_seed {
	uint64_t words[2];
};

struct key {
	const char *name; /* NUL-terminated; every byte stands for itself, a backslash too */
	size_t length;
	enum dns_type type;
	uint64_t hash;
};

void key_seed_init(struct key_seed *seed);

/* False when DNS cannot carry NAME: an empty label, one over 63, over 253 in all; or the root,
 * which holds nothing that mail asks for. COPY holds what KEY points to. */
bool key_init(struct key *key, const struct key_seed *seed, const char *name, enum dns_type type,
	      char copy[DNS_NAME_MAX + 1]);

bool key_same(const struct key *a, const struct key *b);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Answers by question until their time has passed. Bounded by entries and by bytes, the least
 * recently used go first; safe for all threads.
 */
#ifndef DNS_CACHE_H
#define DNS_CACHE_H

#include "dns/answer.h"
#include "dns/key.h"

struct cache;

struct cache *cache_new(unsigned entries, size_t bytes);
void cache_free(struct cache *cache);

struct answer *cache_get(struct cache *cache, const struct key *key, int64_t now); /* takes a ref */
void cache_put(struct cache *cache, const struct key *key, struct answer *answer, int64_t now);
void cache_flush(struct cache *cache);
uint64_t cache_entries(struct cache *cache);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Shards, each with a lock, a hash table and a list in the order of use. The lowest bits of the
 * hash choose the shard, the others the bucket. An entry is one block with its name behind it.
 */
#include "dns/cache.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/heap.h"
#include "lib/lock.h"

enum { SHARDS_MAX = 64, SHARD_ENTRIES_MIN = 256 };

struct entry {
	struct entry *next;          /* in its bucket */
	struct entry *newer, *older; /* in order of use */
	struct answer *answer;
	int64_t expires; /* clock_mono() */
	struct key key;
	char name[];
};

struct shard {
	struct lock lock;
	struct entry **buckets;
	struct entry *newest, *oldest;
	size_t entries;
	size_t bytes;
};

struct cache {
	unsigned shard_bits;
	size_t bucket_mask;
	size_t max_entries; /* of one shard */
	size_t max_bytes;
	struct shard shards[];
};

static size_t entry_bytes(const struct entry *entry)
{
	return sizeof *entry + entry->key.length + 1 + entry->answer->bytes;
}

struct cache *cache_new(unsigned entries, size_t bytes)
{
	unsigned bits = 0;
	struct cache *cache;
	size_t buckets = 16;

	while ((1u << bits) < SHARDS_MAX && entries >> (bits + 1) >= SHARD_ENTRIES_MIN)
		bits++;
	cache = heap_zero(sizeof *cache + ((size_t)1 << bits) * sizeof cache->shards[0]);
	cache->shard_bits = bits;
	cache->max_entries = entries >> bits > 0 ? entries >> bits : 1;
	cache->max_bytes = bytes >> bits;
	while (buckets < cache->max_entries)
		buckets *= 2;
	cache->bucket_mask = buckets - 1;
	for (unsigned i = 0; i < 1u << bits; i++) {
		lock_init(&cache->shards[i].lock);
		cache->shards[i].buckets = heap_array(buckets, sizeof *cache->shards[i].buckets);
	}
	return cache;
}

static struct shard *shard_of(struct cache *cache, const struct key *key)
{
	return &cache->shards[key->hash & ((UINT64_C(1) << cache->shard_bits) - 1)];
}

static struct entry **find_entry(struct cache *cache, struct shard *shard, const struct key *key)
{
	struct entry **link = &shard->buckets[key->hash >> cache->shard_bits & cache->bucket_mask];

	while (*link != NULL && !key_same(&(*link)->key, key))
		link = &(*link)->next;
	return link;
}

static void unlist_entry(struct shard *shard, struct entry *entry)
{
	assert(entry->newer != NULL || shard->newest == entry);
	assert(entry->older != NULL || shard->oldest == entry);
	*(entry->newer != NULL ? &entry->newer->older : &shard->newest) = entry->older;
	*(entry->older != NULL ? &entry->older->newer : &shard->oldest) = entry->newer;
}

static void list_newest(struct shard *shard, struct entry *entry)
{
	entry->newer = NULL;
	entry->older = shard->newest;
	*(shard->newest != NULL ? &shard->newest->newer : &shard->oldest) = entry;
	shard->newest = entry;
}

static void remove_entry(struct shard *shard, struct entry **link)
{
	struct entry *entry = *link;

	assert(entry != NULL && shard->entries > 0);
	*link = entry->next;
	unlist_entry(shard, entry);
	shard->entries--;
	shard->bytes -= entry_bytes(entry);
	answer_drop(entry->answer);
	free(entry);
}

struct answer *cache_get(struct cache *cache, const struct key *key, int64_t now)
{
	struct shard *shard = shard_of(cache, key);
	struct answer *answer = NULL;
	struct entry **link, *entry;

	lock_take(&shard->lock);
	link = find_entry(cache, shard, key);
	entry = *link;
	if (entry != NULL && entry->expires <= now) {
		remove_entry(shard, link);
	} else if (entry != NULL) {
		answer = answer_take(entry->answer);
		if (entry != shard->newest) {
			unlist_entry(shard, entry);
			list_newest(shard, entry);
		}
	}
	lock_drop(&shard->lock);
	return answer;
}

static struct entry *entry_new(const struct key *key, struct answer *answer, int64_t now)
{
	struct entry *entry = heap_alloc(sizeof *entry + key->length + 1);

	memcpy(entry->name, key->name, key->length + 1);
	entry->key = *key;
	entry->key.name = entry->name;
	entry->answer = answer_take(answer);
	entry->expires = now + answer->public.ttl * CLOCK_SECOND;
	return entry;
}

void cache_put(struct cache *cache, const struct key *key, struct answer *answer, int64_t now)
{
	struct shard *shard = shard_of(cache, key);
	struct entry **link, *entry;

	if (answer->public.ttl == 0)
		return;
	entry = entry_new(key, answer, now);
	lock_take(&shard->lock);
	link = find_entry(cache, shard, key);
	if (*link != NULL)
		remove_entry(shard, link);
	link = find_entry(cache, shard, key);
	entry->next = *link;
	*link = entry;
	list_newest(shard, entry);
	shard->entries++;
	shard->bytes += entry_bytes(entry);
	while (shard->entries > 1 &&
	       (shard->entries > cache->max_entries || shard->bytes > cache->max_bytes))
		remove_entry(shard, find_entry(cache, shard, &shard->oldest->key));
	lock_drop(&shard->lock);
}

void cache_flush(struct cache *cache)
{
	for (unsigned i = 0; i < 1u << cache->shard_bits; i++) {
		struct shard *shard = &cache->shards[i];

		lock_take(&shard->lock);
		while (shard->oldest != NULL)
			remove_entry(shard, find_entry(cache, shard, &shard->oldest->key));
		lock_drop(&shard->lock);
	}
}

uint64_t cache_entries(struct cache *cache)
{
	uint64_t entries = 0;

	for (unsigned i = 0; i < 1u << cache->shard_bits; i++) {
		lock_take(&cache->shards[i].lock);
		entries += cache->shards[i].entries;
		lock_drop(&cache->shards[i].lock);
	}
	return entries;
}

void cache_free(struct cache *cache)
{
	cache_flush(cache);
	for (unsigned i = 0; i < 1u << cache->shard_bits; i++) {
		lock_done(&cache->shards[i].lock);
		free(cache->shards[i].buckets);
	}
	free(cache);
}

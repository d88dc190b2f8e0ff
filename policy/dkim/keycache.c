/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sets of a few keys, each with its lock; the digest chooses the set, and in a full set the key
 * that was not used for longest goes. A digest cannot be chosen by a sender to any effect but that
 * one: keys of one set push each other out, and are decoded again.
 *
 * A key counts who holds it: the cache, and every arena it was given to. Who lets go last frees it.
 * Keys are decoded outside of the lock; of two threads that decode the same one the first is kept.
 */
#include "policy/dkim/keycache.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "lib/crypto/hash.h"
#include "lib/crypto/public.h"
#include "lib/heap.h"
#include "lib/lock.h"

enum { WAYS = 8, SETS_MAX = 1 << 16 };

struct shared_key {
	atomic_uint holders;
	struct crypt_public *key;
};

struct slot {
	uint8_t digest[CRYPT_DIGEST_LEN];
	struct shared_key *shared; /* NULL: free */
	uint64_t used;
};

struct set {
	struct lock lock;
	uint64_t clock;
	struct slot slots[WAYS];
};

struct keycache {
	unsigned mask;
	struct set sets[];
};

struct keycache *keycache_new(unsigned keys)
{
	unsigned sets = 1;
	struct keycache *cache;

	while (sets * WAYS < keys && sets < SETS_MAX)
		sets *= 2;
	cache = heap_zero(sizeof *cache + sets * sizeof cache->sets[0]);
	assert((sets & (sets - 1)) == 0);
	cache->mask = sets - 1;
	for (unsigned i = 0; i < sets; i++)
		lock_init(&cache->sets[i].lock);
	return cache;
}

static void release_key(void *arg)
{
	struct shared_key *shared = arg;

	if (shared == NULL || atomic_fetch_sub(&shared->holders, 1) != 1)
		return;
	crypt_public_free(shared->key);
	free(shared);
}

/* Those that somebody uses stay until then. */
static void empty_set(struct set *set)
{
	lock_take(&set->lock);
	for (unsigned way = 0; way < WAYS; way++) {
		release_key(set->slots[way].shared);
		set->slots[way].shared = NULL;
	}
	lock_drop(&set->lock);
}

void keycache_flush(struct keycache *cache)
{
	for (unsigned i = 0; i <= cache->mask; i++)
		empty_set(&cache->sets[i]);
}

void keycache_free(struct keycache *cache)
{
	if (cache == NULL)
		return;
	keycache_flush(cache);
	for (unsigned i = 0; i <= cache->mask; i++)
		lock_done(&cache->sets[i].lock);
	free(cache);
}

/* With the set's lock. */
static struct slot *find_slot(struct set *set, const uint8_t digest[CRYPT_DIGEST_LEN])
{
	for (unsigned i = 0; i < WAYS; i++) {
		struct slot *slot = &set->slots[i];

		if (slot->shared != NULL && memcmp(slot->digest, digest, CRYPT_DIGEST_LEN) == 0)
			return slot;
	}
	return NULL;
}

static struct shared_key *take_key(struct set *set, const uint8_t digest[CRYPT_DIGEST_LEN])
{
	struct shared_key *shared = NULL;
	struct slot *slot;

	lock_take(&set->lock);
	slot = find_slot(set, digest);
	if (slot != NULL) {
		slot->used = ++set->clock;
		shared = slot->shared;
		atomic_fetch_add(&shared->holders, 1);
	}
	lock_drop(&set->lock);
	return shared;
}

static struct slot *oldest_slot(struct set *set)
{
	struct slot *slot = &set->slots[0];

	for (unsigned i = 1; i < WAYS; i++)
		if (set->slots[i].used < slot->used)
			slot = &set->slots[i];
	return slot;
}

static void keep_key(struct set *set, const uint8_t digest[CRYPT_DIGEST_LEN],
		     struct shared_key *shared)
{
	struct shared_key *gone = NULL;

	lock_take(&set->lock);
	if (find_slot(set, digest) == NULL) {
		struct slot *slot = oldest_slot(set);

		gone = slot->shared;
		memcpy(slot->digest, digest, sizeof slot->digest);
		slot->used = ++set->clock;
		slot->shared = shared;
		atomic_fetch_add(&shared->holders, 1);
	}
	lock_drop(&set->lock);
	release_key(gone);
}

static struct shared_key *decode_key(enum crypt_type type, struct span data, struct why *why)
{
	struct crypt_public *key = crypt_public_parse(type, data, why);
	struct shared_key *shared;

	if (key == NULL)
		return NULL;
	shared = heap_zero(sizeof *shared);
	assert(key != NULL);
	shared->key = key;
	atomic_init(&shared->holders, 1);
	return shared;
}

/* The same bytes of another type are another key. */
static struct set *set_of(struct keycache *cache, enum crypt_type type, struct span data,
			  uint8_t digest[CRYPT_DIGEST_LEN])
{
	crypt_sha256(data.p, span_len(data), digest);
	digest[0] ^= (uint8_t)type;
	return &cache->sets[(digest[1] | digest[2] << 8) & cache->mask];
}

const struct crypt_public *keycache_get(struct keycache *cache, enum crypt_type type,
					struct span data, struct arena *arena, struct why *why)
{
	uint8_t digest[CRYPT_DIGEST_LEN];
	struct set *set = set_of(cache, type, data, digest);
	struct shared_key *shared = take_key(set, digest);

	if (shared == NULL) {
		shared = decode_key(type, data, why);
		if (shared == NULL)
			return NULL;
		keep_key(set, digest, shared);
	}
	arena_on_free(arena, release_key, shared);
	return shared->key;
}

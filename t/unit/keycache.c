/* SPDX-License-Identifier: BSD-2-Clause */
/* policy/dkim/keycache: keys are found again, pushed out, and never freed under a user. */
#include <string.h>

#include "lib/crypto/key.h"
#include "lib/lock.h"
#include "policy/dkim/keycache.h"
#include "t/lib/tap.h"

enum { THREADS = 4, ROUNDS = 400, KEYS = 40 };

static struct arena *forever;
static struct span public_keys[KEYS];
static struct span signatures[KEYS];
static uint8_t digest[CRYPT_DIGEST_LEN] = {1, 2, 3};

static void make_keys(void)
{
	for (unsigned i = 0; i < KEYS; i++) {
		struct crypt_key *key =
		    crypt_key_generate(i == 0 ? CRYPT_RSA : CRYPT_ED25519, 1024, NULL);

		crypt_key_public(key, forever, &public_keys[i], NULL);
		crypt_key_sign(key, digest, forever, &signatures[i], NULL);
		crypt_key_free(key);
	}
}

static const struct crypt_public *get_key(struct keycache *cache, unsigned i, struct arena *arena)
{
	return keycache_get(cache, i == 0 ? CRYPT_RSA : CRYPT_ED25519, public_keys[i], arena, NULL);
}

static bool verifies(struct keycache *cache, unsigned i, struct arena *arena)
{
	const struct crypt_public *key = get_key(cache, i, arena);

	return key != NULL && crypt_public_verify(key, digest, signatures[i]);
}

static void test_reuse(void)
{
	struct keycache *cache = keycache_new(64);
	struct arena *arena = arena_new(0);
	const struct crypt_public *first, *again;
	struct why why = {""};

	first = keycache_get(cache, CRYPT_RSA, public_keys[0], arena, &why);
	again = keycache_get(cache, CRYPT_RSA, public_keys[0], arena, &why);
	ok(first != NULL && first == again, "the same record gives the same key");
	ok(verifies(cache, 0, arena) && verifies(cache, 1, arena), "keys of both types verify");
	ok(keycache_get(cache, CRYPT_RSA, public_keys[1], arena, &why) == NULL &&
	       why.text[0] != '\0',
	   "an Ed25519 key is no RSA key: %s", why.text);
	ok(keycache_get(cache, CRYPT_ED25519, span_of(""), arena, NULL) == NULL, "nothing is none");
	keycache_free(cache);
	ok(crypt_public_verify(first, digest, signatures[0]), "a key outlives the cache");
	arena_free(arena);
}

/* The keys that ARENA holds stay where they are, so that another pointer is another decoding. */
static void test_bound(void)
{
	struct keycache *cache = keycache_new(8);
	struct arena *arena = arena_new(0);
	const struct crypt_public *first, *second, *last;
	unsigned good = 0;

	for (unsigned i = 0; i < 8; i++)
		good += verifies(cache, i, arena);
	first = get_key(cache, 0, arena);
	second = get_key(cache, 1, arena);
	for (unsigned i = 8; i < KEYS; i++)
		good += verifies(cache, i, arena) && verifies(cache, 0, arena);
	is_int(good, KEYS, "more keys than there is room for");
	last = get_key(cache, KEYS - 1, arena);
	ok(get_key(cache, 0, arena) == first && get_key(cache, KEYS - 1, arena) == last,
	   "what was used last is still there");
	ok(get_key(cache, 1, arena) != second, "what was not used is gone");
	arena_free(arena);
	keycache_free(cache);
}

struct work {
	struct keycache *cache;
	unsigned good;
};

static void *use(void *arg)
{
	struct work *work = arg;
	struct arena *arena = arena_new(0);

	for (unsigned i = 0; i < ROUNDS; i++) {
		work->good += verifies(work->cache, i * 7 % KEYS, arena) &&
			      verifies(work->cache, i % 3, arena);
		arena_reset(arena);
	}
	arena_free(arena);
	return NULL;
}

/* Far fewer places than keys, so that threads push each other's keys out. */
static void test_threads(void)
{
	struct work work[THREADS];
	pthread_t threads[THREADS];

	work[0].cache = keycache_new(8);
	for (int i = 0; i < THREADS; i++) {
		work[i] = (struct work){.cache = work[0].cache};
		thread_start(&threads[i], use, &work[i]);
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		is_int(work[i].good, ROUNDS, "thread %d", i);
	}
	keycache_free(work[0].cache);
}

int main(void)
{
	forever = arena_new(0);
	make_keys();
	test_reuse();
	test_bound();
	test_threads();
	arena_free(forever);
	return tap_done();
}

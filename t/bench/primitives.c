/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * primitives: what cannot be avoided, measured alone, in microseconds of CPU: RSA-2048 and Ed25519
 * with the key at hand, and relaxed canonicalisation with SHA-256 of bodies of three sizes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/crypto/key.h"
#include "lib/crypto/public.h"
#include "policy/dkim/canon.h"

enum { RUNS = 5 };

static struct crypt_key *key;
static struct crypt_public *public;
static struct span signature, body;
static uint8_t digest[CRYPT_DIGEST_LEN];

static void sign_once(struct arena *arena)
{
	crypt_key_sign(key, digest, arena, &signature, NULL);
}

static void verify_once(struct arena *arena)
{
	(void)arena;
	if (!crypt_public_verify(public, digest, signature))
		abort();
}

static void hash_once(struct arena *arena)
{
	struct canon_body *canon = canon_body_new(arena, DKIMSIG_RELAXED);
	uint8_t out[32];

	canon_body_add(canon, body);
	canon_body_finish(canon, out);
}

static double cpu(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

/* The median of some runs; each call has an arena of its own, as a message has. */
static double measure(void (*once)(struct arena *), unsigned times)
{
	double runs[RUNS];

	for (unsigned i = 0; i < RUNS; i++) {
		double start = cpu();

		for (unsigned j = 0; j < times; j++) {
			struct arena *arena = arena_new(0);

			once(arena);
			arena_free(arena);
		}
		runs[i] = (cpu() - start) / times;
		for (unsigned j = i; j > 0 && runs[j] < runs[j - 1]; j--) {
			double other = runs[j];

			runs[j] = runs[j - 1];
			runs[j - 1] = other;
		}
	}
	return runs[RUNS / 2];
}

static void measure_key(enum crypt_type type, const char *name, unsigned times)
{
	struct arena *arena = arena_new(0);
	struct span data;

	key = crypt_key_generate(type, 2048, NULL);
	crypt_key_public(key, arena, &data, NULL);
	public = crypt_public_parse(type, data, NULL);
	printf("%s_sign=%.1f ", name, measure(sign_once, times));
	crypt_key_sign(key, digest, arena, &signature, NULL);
	printf("%s_verify=%.1f ", name, measure(verify_once, times * 4));
	crypt_public_free(public);
	crypt_key_free(key);
	arena_free(arena);
}

static void measure_body(const char *name, size_t size, unsigned times)
{
	static const char line[] = "The quick brown fox jumps over the lazy dog and goes on\r\n";
	char *text = malloc(size);

	for (size_t i = 0; i < size; i++)
		text[i] = line[i % (sizeof line - 1)];
	body = span_make(text, size);
	printf("hash_%s=%.1f ", name, measure(hash_once, times));
	free(text);
}

int main(void)
{
	memset(digest, 7, sizeof digest);
	measure_key(CRYPT_RSA, "rsa", 100);
	measure_key(CRYPT_ED25519, "ed25519", 500);
	measure_body("4k", 4096, 2000);
	measure_body("60k", 60 << 10, 200);
	measure_body("1m", 1 << 20, 20);
	printf("\n");
	return 0;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* policy/crypt: keys from the DNS and from files; what is accepted has sane sizes. */
#include <assert.h>

#include "lib/crypto/key.h"
#include "lib/crypto/public.h"
#include "t/lib/fuzz.h"

/* A key that is accepted has a public half, and what it signs can be verified or not: that p and q
 * are primes is not checked. */
static void use_key(const struct crypt_key *key, const uint8_t *digest, struct arena *arena)
{
	struct span data, signature;
	struct crypt_public *public;

	if (crypt_key_bits(key) < 1024 && crypt_key_type(key) == CRYPT_RSA)
		return; /* the caller refuses it */
	if (crypt_key_public(key, arena, &data, NULL) != 0)
		return;
	public = crypt_public_parse(crypt_key_type(key), data, NULL);
	if (public != NULL && crypt_key_sign(key, digest, arena, &signature, NULL) == 0)
		(void)crypt_public_verify(public, digest, signature);
	crypt_public_free(public);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t digest[CRYPT_DIGEST_LEN];
	struct span text = span_make(data, size), spki;
	struct arena *arena = arena_new(0);
	struct crypt_key *key;
	struct crypt_public *public = crypt_public_parse(CRYPT_RSA, text, NULL);

	assert(crypt_public_spki(text, arena, &spki) == (public != NULL));
	if (public != NULL) {
		(void)crypt_public_verify(public, digest, text);
	}
	crypt_public_free(public);
	if (size > CRYPT_ED25519_LEN) {
		public =
		    crypt_public_parse(CRYPT_ED25519, span_make(data, CRYPT_ED25519_LEN), NULL);
		if (public != NULL)
			(void)crypt_public_verify(public, digest, span_make(data + 32, size - 32));
		crypt_public_free(public);
	}
	key = crypt_key_parse(text, NULL);
	if (key != NULL)
		use_key(key, digest, arena);
	crypt_key_free(key);
	arena_free(arena);
	return 0;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* policy/crypt: keys from the DNS and from files; what is accepted has sane sizes. */
#include <assert.h>

#include "lib/crypto/key.h"
#include "lib/crypto/public.h"
#include "t/lib/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t digest[CRYPT_DIGEST_LEN];
	struct span text = span_make(data, size), spki;
	struct arena *arena = arena_new(0);
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
	crypt_key_free(crypt_key_parse(text, NULL));
	arena_free(arena);
	return 0;
}

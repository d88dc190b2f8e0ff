/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/crypto/aead.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/crypto/hash.h"
#include "lib/crypto/openssl.h"

enum { NONCE_LEN = 12, TAG_LEN = 16 };

int aead_make_key(uint8_t key[AEAD_KEY_LEN], struct why *why)
{
	return getentropy(key, AEAD_KEY_LEN) == 0
		   ? 0
		   : why_set(why, "no random numbers: %s", strerror(errno));
}

static EVP_CIPHER_CTX *new_context(void)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();

	if (ctx == NULL)
		abort();
	return ctx;
}

static bool is_short(struct span text)
{
	return span_len(text) <= INT_MAX / 2;
}

int aead_seal(const uint8_t key[AEAD_KEY_LEN], struct span header, struct span plain,
	      struct buf *out, struct why *why)
{
	size_t size = AEAD_OVERHEAD + span_len(plain);
	uint8_t *nonce = (uint8_t *)buf_reserve(out, size), *text;
	EVP_CIPHER_CTX *ctx;
	int n, good;

	assert(is_short(header) && is_short(plain));
	if (nonce == NULL)
		return why_set(why, "too long to be sealed");
	if (getentropy(nonce, NONCE_LEN) != 0)
		return why_set(why, "no random numbers: %s", strerror(errno));
	text = nonce + NONCE_LEN;
	ctx = new_context();
	good =
	    EVP_EncryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, key, nonce) == 1 &&
	    EVP_EncryptUpdate(ctx, NULL, &n, (const uint8_t *)header.p, (int)span_len(header)) ==
		1 &&
	    EVP_EncryptUpdate(ctx, text, &n, (const uint8_t *)plain.p, (int)span_len(plain)) == 1 &&
	    EVP_EncryptFinal_ex(ctx, text + n, &n) == 1 &&
	    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, TAG_LEN, text + span_len(plain)) == 1;
	EVP_CIPHER_CTX_free(ctx);
	if (!good)
		return openssl_failed(why, "AES-256-GCM");
	out->len += size;
	return 0;
}

int aead_open(const uint8_t key[AEAD_KEY_LEN], struct span header, struct span sealed,
	      struct buf *plain, struct why *why)
{
	const uint8_t *nonce = (const uint8_t *)sealed.p;
	uint8_t tag[TAG_LEN], *text;
	EVP_CIPHER_CTX *ctx;
	size_t size;
	int n = 0, good;

	if (span_len(sealed) < AEAD_OVERHEAD || !is_short(sealed) || !is_short(header))
		return why_set(why, "too short or too long");
	size = span_len(sealed) - AEAD_OVERHEAD;
	text = (uint8_t *)buf_reserve(plain, size + 1);
	if (text == NULL)
		return why_set(why, "too long");
	memcpy(tag, sealed.end - TAG_LEN, sizeof tag);
	ctx = new_context();
	good = EVP_DecryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, key, nonce) == 1 &&
	       EVP_DecryptUpdate(ctx, NULL, &n, (const uint8_t *)header.p, (int)span_len(header)) ==
		   1 &&
	       EVP_DecryptUpdate(ctx, text, &n, nonce + NONCE_LEN, (int)size) == 1 &&
	       EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_TAG, TAG_LEN, tag) == 1 &&
	       EVP_DecryptFinal_ex(ctx, text + n, &n) == 1;
	EVP_CIPHER_CTX_free(ctx);
	if (good) {
		plain->len += size;
		return 0;
	}
	crypt_wipe(text, size);
	(void)openssl_failed(NULL, "AES-256-GCM");
	return why_set(why, "it does not authenticate: damaged, or sealed for another purpose");
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/crypto/openssl.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

static EVP_MD *sha256;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void fetch_sha256(void)
{
	sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	if (sha256 == NULL)
		abort();
}

const EVP_MD *openssl_sha256(void)
{
	pthread_once(&once, fetch_sha256);
	return sha256;
}

int openssl_failed(struct why *why, const char *what)
{
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());

	ERR_clear_error();
	return why_set(why, "%s: OpenSSL says \"%s\"", what, reason == NULL ? "no reason" : reason);
}

void openssl_key_init(struct openssl_key *key, enum crypt_type type, unsigned bits, EVP_PKEY *pkey)
{
	assert(pkey != NULL && bits > 0);
	key->type = type;
	key->bits = bits;
	key->pkey = pkey;
	atomic_init(&key->spare, NULL);
	atomic_init(&key->pattern, NULL);
}

void openssl_key_done(struct openssl_key *key)
{
	assert(key->pkey != NULL);
	EVP_PKEY_CTX_free(atomic_load(&key->spare));
	EVP_MD_CTX_free(atomic_load(&key->pattern));
	EVP_PKEY_free(key->pkey);
}

/* ---- RSA ---- */

static EVP_PKEY_CTX *borrow_rsa(struct openssl_key *key, int (*init)(EVP_PKEY_CTX *))
{
	EVP_PKEY_CTX *ctx = atomic_exchange(&key->spare, NULL);

	if (ctx != NULL)
		return ctx;
	ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key->pkey, NULL);
	if (ctx != NULL && init(ctx) == 1 &&
	    EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1 &&
	    EVP_PKEY_CTX_set_signature_md(ctx, openssl_sha256()) == 1)
		return ctx;
	EVP_PKEY_CTX_free(ctx);
	return NULL;
}

static void return_rsa(struct openssl_key *key, EVP_PKEY_CTX *ctx)
{
	EVP_PKEY_CTX_free(atomic_exchange(&key->spare, ctx));
}

static bool sign_rsa(struct openssl_key *key, const uint8_t *digest, uint8_t *signature,
		     size_t *length)
{
	EVP_PKEY_CTX *ctx = borrow_rsa(key, EVP_PKEY_sign_init);
	bool good =
	    ctx != NULL && EVP_PKEY_sign(ctx, signature, length, digest, CRYPT_DIGEST_LEN) == 1;

	return_rsa(key, ctx);
	return good;
}

static bool verify_rsa(struct openssl_key *key, const uint8_t *digest, const uint8_t *signature,
		       size_t length)
{
	EVP_PKEY_CTX *ctx = borrow_rsa(key, EVP_PKEY_verify_init);
	bool good =
	    ctx != NULL && EVP_PKEY_verify(ctx, signature, length, digest, CRYPT_DIGEST_LEN) == 1;

	return_rsa(key, ctx);
	return good;
}

/* ---- Ed25519 ---- */

/* EVP_DigestSignInit_ex or EVP_DigestVerifyInit_ex */
typedef int ed25519_init(EVP_MD_CTX *ctx, EVP_PKEY_CTX **pctx, const char *digest,
			 OSSL_LIB_CTX *library, const char *properties, EVP_PKEY *pkey,
			 const OSSL_PARAM params[]);

/* The pattern, made by the first thread that needs it; NULL: OpenSSL cannot. */
static EVP_MD_CTX *find_pattern(struct openssl_key *key, ed25519_init *init)
{
	EVP_MD_CTX *known = atomic_load(&key->pattern), *made;

	if (known != NULL)
		return known;
	made = EVP_MD_CTX_new();
	if (made != NULL && init(made, NULL, NULL, NULL, NULL, key->pkey, NULL) == 1 &&
	    atomic_compare_exchange_strong(&key->pattern, &known, made))
		return made;
	EVP_MD_CTX_free(made);
	return known;
}

static EVP_MD_CTX *copy_ed25519(struct openssl_key *key, ed25519_init *init)
{
	EVP_MD_CTX *known = find_pattern(key, init), *ctx = EVP_MD_CTX_new();

	if (known != NULL && ctx != NULL && EVP_MD_CTX_copy_ex(ctx, known) == 1)
		return ctx;
	EVP_MD_CTX_free(ctx);
	return NULL;
}

static bool sign_ed25519(struct openssl_key *key, const uint8_t *digest, uint8_t *signature,
			 size_t *length)
{
	EVP_MD_CTX *ctx = copy_ed25519(key, EVP_DigestSignInit_ex);
	bool good =
	    ctx != NULL && EVP_DigestSign(ctx, signature, length, digest, CRYPT_DIGEST_LEN) == 1;

	EVP_MD_CTX_free(ctx);
	return good;
}

static bool verify_ed25519(struct openssl_key *key, const uint8_t *digest, const uint8_t *signature,
			   size_t length)
{
	EVP_MD_CTX *ctx = copy_ed25519(key, EVP_DigestVerifyInit_ex);
	bool good =
	    ctx != NULL && EVP_DigestVerify(ctx, signature, length, digest, CRYPT_DIGEST_LEN) == 1;

	EVP_MD_CTX_free(ctx);
	return good;
}

/* ---- both; the key stays what it is, only its spare operation changes hands ---- */

bool openssl_key_sign(const struct openssl_key *key, const uint8_t *digest, uint8_t *signature,
		      size_t *length)
{
	struct openssl_key *own = (struct openssl_key *)(uintptr_t)key;

	return key->type == CRYPT_RSA ? sign_rsa(own, digest, signature, length)
				      : sign_ed25519(own, digest, signature, length);
}

bool openssl_key_verify(const struct openssl_key *key, const uint8_t *digest,
			const uint8_t *signature, size_t length)
{
	struct openssl_key *own = (struct openssl_key *)(uintptr_t)key;

	return key->type == CRYPT_RSA ? verify_rsa(own, digest, signature, length)
				      : verify_ed25519(own, digest, signature, length);
}

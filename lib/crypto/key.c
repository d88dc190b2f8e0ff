/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PEM is opened by OpenSSL, which wipes what it holds; which block of the file is meant, and why
 * one cannot be used, is said here.
 */
#include "lib/crypto/key.h"

#include <stdlib.h>
#include <string.h>

#include "lib/crypto/openssl.h"

struct crypt_key {
	struct openssl_key key;
};

static struct crypt_key *take_pkey(enum crypt_type type, EVP_PKEY *pkey, struct why *why)
{
	struct crypt_key *key;

	if (pkey == NULL) {
		openssl_failed(why, "the private key cannot be used");
		return NULL;
	}
	key = malloc(sizeof *key);
	if (key == NULL)
		abort();
	openssl_key_init(&key->key, type, (unsigned)EVP_PKEY_get_bits(pkey), pkey);
	return key;
}

/* ---- reading ---- */

static bool has_text(struct span text, const char *what)
{
	return memmem(text.p, span_len(text), what, strlen(what)) != NULL;
}

/* Nobody is asked for a pass phrase. */
static int refuse_passphrase(char *buffer, int size, int writing, void *arg)
{
	(void)buffer;
	(void)size;
	(void)writing;
	(void)arg;
	return -1;
}

static EVP_PKEY *decode_pem(struct span pem)
{
	EVP_PKEY *pkey = NULL;
	OSSL_DECODER_CTX *decoder =
	    OSSL_DECODER_CTX_new_for_pkey(&pkey, "PEM", NULL, NULL, EVP_PKEY_KEYPAIR, NULL, NULL);
	const unsigned char *data = (const unsigned char *)pem.p;
	size_t length = span_len(pem);

	if (decoder != NULL &&
	    OSSL_DECODER_CTX_set_pem_password_cb(decoder, refuse_passphrase, NULL) == 1)
		(void)OSSL_DECODER_from_data(decoder, &data, &length);
	OSSL_DECODER_CTX_free(decoder);
	return pkey;
}

static bool has_good_size(EVP_PKEY *pkey)
{
	BIGNUM *e = NULL;
	bool good = EVP_PKEY_get_bits(pkey) <= CRYPT_RSA_MAX_BITS &&
		    EVP_PKEY_get_bn_param(pkey, "e", &e) == 1 && BN_is_odd(e) &&
		    BN_num_bits(e) <= 32;

	BN_free(e);
	return good;
}

/* Its private and its public half belong together. */
static bool signs_for_itself(const struct crypt_key *key)
{
	static const uint8_t digest[CRYPT_DIGEST_LEN];
	uint8_t signature[CRYPT_RSA_MAX_BITS / 8];
	size_t length = sizeof signature;
	struct crypt_key verifier;
	bool good = openssl_key_sign(&key->key, digest, signature, &length);

	if (!good || EVP_PKEY_up_ref(key->key.pkey) != 1)
		return false;
	openssl_key_init(&verifier.key, key->key.type, key->key.bits, key->key.pkey);
	good = openssl_key_verify(&verifier.key, digest, signature, length);
	openssl_key_done(&verifier.key);
	return good;
}

static struct crypt_key *check_pair(struct crypt_key *key, struct why *why)
{
	if (key == NULL || signs_for_itself(key))
		return key;
	ERR_clear_error();
	why_set(why, "the private key is damaged: its numbers do not match each other");
	crypt_key_free(key);
	return NULL;
}

struct crypt_key *crypt_key_parse(struct span pem, struct why *why)
{
	EVP_PKEY *pkey;

	if (!has_text(pem, "PRIVATE KEY-----")) {
		why_set(why, "no private key found (PEM: -----BEGIN PRIVATE KEY-----)");
		return NULL;
	}
	if (has_text(pem, "ENCRYPTED")) {
		why_set(
		    why,
		    "the private key is encrypted; decrypt it: openssl pkey -in FILE -out FILE");
		return NULL;
	}
	pkey = decode_pem(pem);
	if (pkey == NULL) {
		openssl_failed(why, "the private key is damaged");
		return NULL;
	}
	if (EVP_PKEY_is_a(pkey, "ED25519"))
		return check_pair(take_pkey(CRYPT_ED25519, pkey, why), why);
	if (EVP_PKEY_is_a(pkey, "RSA") && has_good_size(pkey))
		return check_pair(take_pkey(CRYPT_RSA, pkey, why), why);
	why_set(why, EVP_PKEY_is_a(pkey, "RSA")
			 ? "an RSA key with over 8192 bits or an unusual exponent"
			 : "DKIM does not support this type of private key (use RSA or Ed25519)");
	EVP_PKEY_free(pkey);
	return NULL;
}

int crypt_key_check(const struct crypt_key *key, struct why *why)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key->key.pkey, NULL);
	bool good = ctx != NULL && EVP_PKEY_check(ctx) == 1;

	EVP_PKEY_CTX_free(ctx);
	return good ? 0 : openssl_failed(why, "the private key is damaged");
}

/* ---- writing ---- */

int crypt_key_pem(const struct crypt_key *key, struct buf *out, struct why *why)
{
	BIO *bio = BIO_new(BIO_s_secmem());
	char *text = NULL;
	long length;

	if (bio == NULL ||
	    PEM_write_bio_PKCS8PrivateKey(bio, key->key.pkey, NULL, NULL, 0, NULL, NULL) != 1) {
		BIO_free(bio);
		return openssl_failed(why, "cannot write the private key");
	}
	length = BIO_get_mem_data(bio, &text);
	buf_add(out, text, (size_t)length);
	BIO_free(bio);
	return 0;
}

struct crypt_key *crypt_key_generate(enum crypt_type type, unsigned bits, struct why *why)
{
	if (type == CRYPT_ED25519)
		return take_pkey(type, EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), why);
	if (bits < 1024 || bits > CRYPT_RSA_MAX_BITS) {
		why_set(why, "an RSA key has from 1024 to %d bits, not %u", CRYPT_RSA_MAX_BITS,
			bits);
		return NULL;
	}
	return take_pkey(type, EVP_RSA_gen(bits), why);
}

void crypt_key_free(struct crypt_key *key)
{
	if (key == NULL)
		return;
	openssl_key_done(&key->key);
	free(key);
}

enum crypt_type crypt_key_type(const struct crypt_key *key)
{
	return key->key.type;
}

unsigned crypt_key_bits(const struct crypt_key *key)
{
	return key->key.bits;
}

int crypt_key_public(const struct crypt_key *key, struct arena *arena, struct span *data,
		     struct why *why)
{
	size_t raw = CRYPT_ED25519_LEN;
	uint8_t *der = NULL;
	int length;

	if (key->key.type == CRYPT_ED25519) {
		der = arena_alloc(arena, raw);
		if (EVP_PKEY_get_raw_public_key(key->key.pkey, der, &raw) != 1)
			return openssl_failed(why, "cannot write the public key");
		*data = span_make(der, raw);
		return 0;
	}
	length = i2d_PUBKEY(key->key.pkey, &der);
	if (length <= 0)
		return openssl_failed(why, "cannot write the public key");
	*data = span_make(arena_copy(arena, der, (size_t)length), (size_t)length);
	OPENSSL_free(der);
	return 0;
}

int crypt_key_sign(const struct crypt_key *key, const uint8_t digest[CRYPT_DIGEST_LEN],
		   struct arena *arena, struct span *signature, struct why *why)
{
	size_t length = (size_t)EVP_PKEY_get_size(key->key.pkey);
	uint8_t *out = arena_alloc(arena, length);

	if (!openssl_key_sign(&key->key, digest, out, &length))
		return openssl_failed(why, "cannot sign");
	*signature = span_make(out, length);
	return 0;
}

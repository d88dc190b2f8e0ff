/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A file in one of the common forms is read by lib/crypto/keytext, its numbers are checked against
 * each other, and it is kept as DER: OpenSSL gets it when it is first to sign. Of these
 * OPEN_MAX_KEYS stay open, the last used ones: OpenSSL's form of a key takes ten times the memory,
 * and making it a third of the time of a signature. Any other file is opened by OpenSSL at once,
 * and stays open; which block of it is meant, and why one cannot be used, is said here.
 */
#include "lib/crypto/key.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "lib/crypto/hash.h"
#include "lib/crypto/keytext.h"
#include "lib/crypto/openssl.h"
#include "lib/heap.h"
#include "lib/lock.h"

enum { OPEN_MAX_KEYS = 4096 };

/* A key as OpenSSL has it. */
struct open_key {
	struct openssl_key key;
	struct crypt_key *owner;
	unsigned users;
	struct open_key *newer, *older; /* of the list, if the owner has DER */
};

struct crypt_key {
	enum crypt_type type;
	unsigned bits;
	uint8_t *der; /* NULL: OPEN stays */
	size_t length;
	uint8_t ed25519[CRYPT_ED25519_LEN]; /* the public half */
	struct open_key *open;              /* NULL: not now. With DER: under the lock */
};

static struct {
	pthread_once_t once;
	struct lock lock;
	struct open_key *newest, *oldest;
	unsigned count;
} open_keys = {.once = PTHREAD_ONCE_INIT};

static void begin_open_keys(void)
{
	lock_init(&open_keys.lock);
}

static struct crypt_key *key_new(enum crypt_type type, unsigned bits)
{
	struct crypt_key *key = heap_zero(sizeof *key);

	key->type = type;
	key->bits = bits;
	pthread_once(&open_keys.once, begin_open_keys);
	return key;
}

static struct open_key *open_new(struct crypt_key *owner, EVP_PKEY *pkey)
{
	struct open_key *open = heap_zero(sizeof *open);

	openssl_key_init(&open->key, owner->type, owner->bits, pkey);
	open->owner = owner;
	return open;
}

static void open_free(struct open_key *open)
{
	openssl_key_done(&open->key);
	free(open);
}

static struct crypt_key *take_pkey(enum crypt_type type, EVP_PKEY *pkey, struct why *why)
{
	struct crypt_key *key;

	if (pkey == NULL) {
		openssl_failed(why, "the private key cannot be used");
		return NULL;
	}
	key = key_new(type, (unsigned)EVP_PKEY_get_bits(pkey));
	key->open = open_new(key, pkey);
	return key;
}

/* ---- keys that are open ---- */

static void unlink_open(struct open_key *open)
{
	*(open->newer != NULL ? &open->newer->older : &open_keys.newest) = open->older;
	*(open->older != NULL ? &open->older->newer : &open_keys.oldest) = open->newer;
	open->newer = open->older = NULL;
	open_keys.count--;
}

static void link_newest(struct open_key *open)
{
	open->older = open_keys.newest;
	*(open->older != NULL ? &open->older->newer : &open_keys.oldest) = open;
	open_keys.newest = open;
	open_keys.count++;
}

/* The oldest that nobody uses, taken off the list, when there are too many; or NULL. */
static struct open_key *take_surplus(void)
{
	struct open_key *open = open_keys.count > OPEN_MAX_KEYS ? open_keys.oldest : NULL;

	while (open != NULL && open->users > 0)
		open = open->newer;
	if (open == NULL)
		return NULL;
	unlink_open(open);
	open->owner->open = NULL;
	return open;
}

static EVP_PKEY *decode_der(const struct crypt_key *key)
{
	EVP_PKEY *pkey = NULL;
	OSSL_DECODER_CTX *decoder = OSSL_DECODER_CTX_new_for_pkey(
	    &pkey, "DER", NULL, key->type == CRYPT_RSA ? "RSA" : "ED25519", EVP_PKEY_KEYPAIR, NULL,
	    NULL);
	const unsigned char *data = key->der;
	size_t length = key->length;

	if (decoder != NULL)
		(void)OSSL_DECODER_from_data(decoder, &data, &length);
	OSSL_DECODER_CTX_free(decoder);
	return pkey;
}

/* One that is open, as the newest; NULL: it is not. */
static struct open_key *use_open(struct crypt_key *key)
{
	struct open_key *open;

	lock_take(&open_keys.lock);
	open = key->open;
	if (open != NULL) {
		open->users++;
		unlink_open(open);
		link_newest(open);
	}
	lock_drop(&open_keys.lock);
	return open;
}

/* Until drop_open(). NULL with a reason: OpenSSL does not take it. */
static struct open_key *take_open(const struct crypt_key *constant, struct why *why)
{
	struct crypt_key *key = (struct crypt_key *)(uintptr_t)constant; /* it stays what it is */
	struct open_key *open, *surplus = NULL, *mine;
	EVP_PKEY *pkey;

	if (key->der == NULL)
		return key->open;
	open = use_open(key);
	if (open != NULL)
		return open;
	pkey = decode_der(key);
	if (pkey == NULL) {
		openssl_failed(why, "the private key is damaged");
		return NULL;
	}
	mine = open_new(key, pkey);
	lock_take(&open_keys.lock);
	if (key->open == NULL) { /* no other thread was first */
		key->open = mine;
		link_newest(mine);
		mine = NULL;
	}
	open = key->open;
	open->users++;
	surplus = take_surplus();
	assert(surplus != open);
	lock_drop(&open_keys.lock);
	if (mine != NULL)
		open_free(mine);
	if (surplus != NULL)
		open_free(surplus);
	return open;
}

static void drop_open(struct open_key *open)
{
	if (open->owner->der == NULL)
		return;
	lock_take(&open_keys.lock);
	assert(open->users > 0);
	open->users--;
	lock_drop(&open_keys.lock);
}

/* ---- common forms ---- */

static bool equals_product(const BIGNUM *product, const BIGNUM *a, const BIGNUM *b, BN_CTX *ctx)
{
	BIGNUM *result = BN_CTX_get(ctx);

	return result != NULL && BN_mul(result, a, b, ctx) == 1 && BN_cmp(result, product) == 0;
}

/* a * b = 1 mod m */
static bool are_inverse(const BIGNUM *a, const BIGNUM *b, const BIGNUM *m, BN_CTX *ctx)
{
	BIGNUM *result = BN_CTX_get(ctx);

	return result != NULL && BN_mod_mul(result, a, b, m, ctx) == 1 && BN_is_one(result);
}

/* d mod p-1 is DP, and e is its inverse (RFC 8017 section 3.2). */
static bool fits_prime(const BIGNUM *e, const BIGNUM *d, const BIGNUM *p, const BIGNUM *dp,
		       BN_CTX *ctx)
{
	BIGNUM *below = BN_CTX_get(ctx), *rest = BN_CTX_get(ctx);

	return rest != NULL && BN_copy(below, p) != NULL && BN_sub_word(below, 1) == 1 &&
	       !BN_is_zero(below) && BN_mod(rest, d, below, ctx) == 1 && BN_cmp(rest, dp) == 0 &&
	       are_inverse(e, dp, below, ctx);
}

/* What makes its signatures right, but whether p and q are primes: some 20 us for RSA-2048. */
static bool numbers_match(const struct keytext *text)
{
	BN_CTX *ctx = BN_CTX_new();
	BIGNUM *n[KEYTEXT_NUMBERS] = {NULL};
	bool good = ctx != NULL;

	if (ctx != NULL)
		BN_CTX_start(ctx);
	for (unsigned i = 0; i < KEYTEXT_NUMBERS && good; i++) {
		n[i] = BN_bin2bn((const uint8_t *)text->numbers[i].p,
				 (int)span_len(text->numbers[i]), NULL);
		good = n[i] != NULL;
	}
	good = good && BN_is_odd(n[KEYTEXT_E]) && BN_num_bits(n[KEYTEXT_E]) <= 32 &&
	       !BN_is_one(n[KEYTEXT_E]) &&
	       equals_product(n[KEYTEXT_N], n[KEYTEXT_P], n[KEYTEXT_Q], ctx) &&
	       fits_prime(n[KEYTEXT_E], n[KEYTEXT_D], n[KEYTEXT_P], n[KEYTEXT_DP], ctx) &&
	       fits_prime(n[KEYTEXT_E], n[KEYTEXT_D], n[KEYTEXT_Q], n[KEYTEXT_DQ], ctx) &&
	       are_inverse(n[KEYTEXT_Q], n[KEYTEXT_QINV], n[KEYTEXT_P], ctx);
	for (unsigned i = 0; i < KEYTEXT_NUMBERS; i++)
		BN_clear_free(n[i]);
	if (ctx != NULL)
		BN_CTX_end(ctx);
	BN_CTX_free(ctx);
	ERR_clear_error();
	return good;
}

static unsigned count_bits(struct span number)
{
	unsigned bits = 8 * (unsigned)span_len(number);

	for (unsigned char top = (unsigned char)*number.p; (top & 0x80) == 0; top <<= 1)
		bits--;
	return bits;
}

static bool make_ed25519_public(const struct keytext *text, uint8_t out[CRYPT_ED25519_LEN])
{
	size_t length = CRYPT_ED25519_LEN;
	EVP_PKEY *pkey = EVP_PKEY_new_raw_private_key(
	    EVP_PKEY_ED25519, NULL, (const uint8_t *)text->seed.p, CRYPT_ED25519_LEN);
	bool good = pkey != NULL && EVP_PKEY_get_raw_public_key(pkey, out, &length) == 1;

	EVP_PKEY_free(pkey);
	ERR_clear_error();
	return good;
}

static struct crypt_key *keep_der(struct span der, const struct keytext *text)
{
	struct crypt_key *key =
	    key_new(text->type, text->type == CRYPT_RSA ? count_bits(text->numbers[KEYTEXT_N])
							: 8 * CRYPT_ED25519_LEN);

	if (text->type == CRYPT_ED25519 ? !make_ed25519_public(text, key->ed25519)
					: key->bits > CRYPT_RSA_MAX_BITS || !numbers_match(text)) {
		free(key);
		return NULL;
	}
	key->length = span_len(der);
	key->der = heap_alloc(key->length);
	memcpy(key->der, der.p, key->length);
	return key;
}

/* NULL: it is for OpenSSL, which says why it cannot be used. */
static struct crypt_key *read_common(struct span pem)
{
	struct arena *arena = arena_new(0);
	struct crypt_key *key = NULL;
	struct keytext text;
	struct span der;

	if (keytext_open_pem(arena, pem, &der)) {
		if (keytext_read(der, &text))
			key = keep_der(der, &text);
		crypt_wipe((void *)(uintptr_t)der.p, span_len(der));
	}
	arena_free(arena);
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
	struct openssl_key verifier;
	bool good = openssl_key_sign(&key->open->key, digest, signature, &length);

	if (!good || EVP_PKEY_up_ref(key->open->key.pkey) != 1)
		return false;
	openssl_key_init(&verifier, key->type, key->bits, key->open->key.pkey);
	good = openssl_key_verify(&verifier, digest, signature, length);
	openssl_key_done(&verifier);
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
	struct crypt_key *common = read_common(pem);
	EVP_PKEY *pkey;

	if (common != NULL)
		return common;
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
	struct open_key *open = take_open(key, why);
	EVP_PKEY_CTX *ctx;
	bool good;

	if (open == NULL)
		return -1;
	ctx = EVP_PKEY_CTX_new_from_pkey(NULL, open->key.pkey, NULL);
	good = ctx != NULL && EVP_PKEY_check(ctx) == 1;
	EVP_PKEY_CTX_free(ctx);
	drop_open(open);
	return good ? 0 : openssl_failed(why, "the private key is damaged");
}

/* ---- writing ---- */

int crypt_key_pem(const struct crypt_key *key, struct buf *out, struct why *why)
{
	struct open_key *open = take_open(key, why);
	BIO *bio = BIO_new(BIO_s_secmem());
	char *text = NULL;
	size_t length;
	int result = 0;

	if (open == NULL)
		result = -1;
	else if (bio == NULL ||
		 PEM_write_bio_PKCS8PrivateKey(bio, open->key.pkey, NULL, NULL, 0, NULL, NULL) != 1)
		result = openssl_failed(why, "cannot write the private key");
	if (result == 0) {
		length = (size_t)BIO_get_mem_data(bio, &text);
		buf_add(out, text, length);
	}
	if (open != NULL)
		drop_open(open);
	BIO_free(bio);
	return result;
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
	struct open_key *open;

	if (key == NULL)
		return;
	lock_take(&open_keys.lock);
	open = key->open; /* another thread may be letting go of it */
	if (key->der != NULL && open != NULL) {
		assert(open->users == 0);
		unlink_open(open);
	}
	lock_drop(&open_keys.lock);
	if (open != NULL)
		open_free(open);
	if (key->der != NULL)
		crypt_wipe(key->der, key->length);
	free(key->der);
	free(key);
}

enum crypt_type crypt_key_type(const struct crypt_key *key)
{
	return key->type;
}

unsigned crypt_key_bits(const struct crypt_key *key)
{
	return key->bits;
}

static int write_common_public(const struct crypt_key *key, struct arena *arena, struct span *data)
{
	struct keytext text;
	struct buf out;
	bool good;

	if (key->type == CRYPT_ED25519) {
		*data = span_make(arena_copy(arena, key->ed25519, CRYPT_ED25519_LEN),
				  CRYPT_ED25519_LEN);
		return 0;
	}
	good = keytext_read(span_make(key->der, key->length), &text);
	assert(good);
	(void)good;
	buf_init(&out, arena, 0);
	keytext_put_public(&text, arena, &out);
	*data = buf_view(&out);
	return 0;
}

int crypt_key_public(const struct crypt_key *key, struct arena *arena, struct span *data,
		     struct why *why)
{
	size_t raw = CRYPT_ED25519_LEN;
	uint8_t *der = NULL;
	int length;

	if (key->der != NULL)
		return write_common_public(key, arena, data);
	if (key->type == CRYPT_ED25519) {
		der = arena_alloc(arena, raw);
		if (EVP_PKEY_get_raw_public_key(key->open->key.pkey, der, &raw) != 1)
			return openssl_failed(why, "cannot write the public key");
		*data = span_make(der, raw);
		return 0;
	}
	length = i2d_PUBKEY(key->open->key.pkey, &der);
	if (length <= 0)
		return openssl_failed(why, "cannot write the public key");
	*data = span_make(arena_copy(arena, der, (size_t)length), (size_t)length);
	OPENSSL_free(der);
	return 0;
}

int crypt_key_sign(const struct crypt_key *key, const uint8_t digest[CRYPT_DIGEST_LEN],
		   struct arena *arena, struct span *signature, struct why *why)
{
	struct open_key *open = take_open(key, why);
	size_t length;
	uint8_t *out;
	bool good;

	if (open == NULL)
		return -1;
	length = (size_t)EVP_PKEY_get_size(open->key.pkey);
	out = arena_alloc(arena, length);
	good = openssl_key_sign(&open->key, digest, out, &length);
	drop_open(open);
	if (!good)
		return openssl_failed(why, "cannot sign");
	*signature = span_make(out, length);
	return 0;
}

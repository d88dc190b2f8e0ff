/*
 * OpenSSL 3 through its EVP interface only.
 *
 * Keys are not given to OpenSSL's decoders (0.2 to 0.8 ms for each key): the few DER forms that
 * DKIM knows are read here and handed over as numbers, which is 20 to 60 times faster and lets
 * nothing else through. Signing and verifying work on a digest that is already made.
 *
 * Bytes of private keys stay in buffers that are wiped; OpenSSL wipes its own numbers.
 */
#include "policy/crypt.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base64.h"
#include "policy/der.h"

struct crypt_hash {
	EVP_MD_CTX *ctx;
};

/* A key's operation that is set up and not in use: setting one up takes a third of what it does. */
typedef _Atomic(EVP_PKEY_CTX *) spare_ctx;

/* The same for Ed25519: what is set up once stays as it is, and each operation is a copy of it. */
typedef _Atomic(EVP_MD_CTX *) pattern_ctx;

struct crypt_key {
	enum crypt_type type;
	unsigned bits;
	EVP_PKEY *pkey;
	spare_ctx spare;
	pattern_ctx pattern;
};

struct crypt_public {
	enum crypt_type type;
	unsigned bits;
	EVP_PKEY *pkey;
	spare_ctx spare;
	pattern_ctx pattern;
};

static EVP_MD *sha256;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void fetch(void)
{
	sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	if (sha256 == NULL)
		abort();
}

static void *make(size_t size)
{
	void *p = calloc(1, size);

	if (p == NULL)
		abort();
	return p;
}

/* WHAT and OpenSSL's own reason; leaves its error queue empty. Returns -1. */
static int openssl_failed(struct why *why, const char *what)
{
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());

	ERR_clear_error();
	return why_set(why, "%s: OpenSSL says \"%s\"", what, reason == NULL ? "no reason" : reason);
}

void crypt_wipe(void *data, size_t len)
{
	if (data != NULL)
		OPENSSL_cleanse(data, len);
}

/* ---- SHA-256 ---- */

static void free_ctx(void *ctx)
{
	EVP_MD_CTX_free(ctx);
}

struct crypt_hash *crypt_hash_new(struct arena *arena)
{
	struct crypt_hash *hash = arena_make(arena, struct crypt_hash);

	pthread_once(&once, fetch);
	hash->ctx = EVP_MD_CTX_new();
	if (hash->ctx == NULL || EVP_DigestInit_ex2(hash->ctx, sha256, NULL) != 1)
		abort();
	arena_on_free(arena, free_ctx, hash->ctx);
	return hash;
}

void crypt_hash_add(struct crypt_hash *hash, const void *data, size_t len)
{
	if (len > 0 && EVP_DigestUpdate(hash->ctx, data, len) != 1)
		abort();
}

void crypt_hash_finish(struct crypt_hash *hash, uint8_t digest[CRYPT_DIGEST_LEN])
{
	if (EVP_DigestFinal_ex(hash->ctx, digest, NULL) != 1 ||
	    EVP_DigestInit_ex2(hash->ctx, sha256, NULL) != 1)
		abort();
}

void crypt_hash_peek(const struct crypt_hash *hash, const void *data, size_t len,
		     uint8_t digest[CRYPT_DIGEST_LEN])
{
	EVP_MD_CTX *copy = EVP_MD_CTX_new();

	if (copy == NULL || EVP_MD_CTX_copy_ex(copy, hash->ctx) != 1 ||
	    EVP_DigestUpdate(copy, data, len) != 1 || EVP_DigestFinal_ex(copy, digest, NULL) != 1)
		abort();
	EVP_MD_CTX_free(copy);
}

/* ---- RSA numbers ---- */

enum rsa_number { RSA_N, RSA_E, RSA_D, RSA_P, RSA_Q, RSA_DP, RSA_DQ, RSA_QINV, RSA_NUMBERS };

static const char *const rsa_params[RSA_NUMBERS] = {
    OSSL_PKEY_PARAM_RSA_N,         OSSL_PKEY_PARAM_RSA_E,
    OSSL_PKEY_PARAM_RSA_D,         OSSL_PKEY_PARAM_RSA_FACTOR1,
    OSSL_PKEY_PARAM_RSA_FACTOR2,   OSSL_PKEY_PARAM_RSA_EXPONENT1,
    OSSL_PKEY_PARAM_RSA_EXPONENT2, OSSL_PKEY_PARAM_RSA_COEFFICIENT1,
};

static unsigned bit_length(struct span number)
{
	unsigned bits = (unsigned)span_len(number) * 8, top;

	if (bits == 0)
		return 0;
	for (top = (unsigned char)*number.p; top < 0x80; top <<= 1)
		bits--;
	return bits;
}

/* Sizes that cannot be abused: the modulus bounded, the exponent small and odd. */
static bool rsa_size_good(const struct span *numbers, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		if (span_len(numbers[i]) > CRYPT_RSA_MAX_BITS / 8)
			return false;
	}
	return bit_length(numbers[RSA_E]) >= 2 && bit_length(numbers[RSA_E]) <= 32 &&
	       (numbers[RSA_E].end[-1] & 1) != 0 && (numbers[RSA_N].end[-1] & 1) != 0;
}

/* OpenSSL takes integers in the machine's own byte order. */
static void native_order(uint8_t *out, struct span number)
{
	static const uint16_t one = 1;
	size_t n = span_len(number);

	for (size_t i = 0; i < n; i++) {
		size_t to = *(const uint8_t *)&one == 1 ? n - 1 - i : i;

		out[to] = (uint8_t)number.p[i];
	}
}

/* The first COUNT numbers: 2 make a public key, 8 a private one. */
static EVP_PKEY *rsa_from_numbers(const struct span *numbers, unsigned count)
{
	uint8_t bytes[RSA_NUMBERS][CRYPT_RSA_MAX_BITS / 8];
	OSSL_PARAM params[RSA_NUMBERS + 1];
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	EVP_PKEY *pkey = NULL;

	for (unsigned i = 0; i < count; i++) {
		native_order(bytes[i], numbers[i]);
		params[i] = OSSL_PARAM_construct_BN(rsa_params[i], bytes[i], span_len(numbers[i]));
	}
	params[count] = OSSL_PARAM_construct_end();
	if (ctx == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
	    EVP_PKEY_fromdata(ctx, &pkey, count > 2 ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY,
			      params) != 1)
		pkey = NULL;
	EVP_PKEY_CTX_free(ctx);
	if (count > 2)
		crypt_wipe(bytes, sizeof bytes);
	return pkey;
}

/* X * Y mod (M - LESS) == REST mod (M - LESS); T are three numbers to work with. */
static bool product_is(BIGNUM *const t[3], const BIGNUM *x, const BIGNUM *y, const BIGNUM *m,
		       unsigned less, const BIGNUM *rest, BN_CTX *ctx)
{
	return BN_copy(t[0], m) != NULL && BN_sub_word(t[0], less) == 1 &&
	       BN_mod_mul(t[1], x, y, t[0], ctx) == 1 && BN_nnmod(t[2], rest, t[0], ctx) == 1 &&
	       BN_cmp(t[1], t[2]) == 0;
}

/* RFC 8017 section 3.2: n = pq, e d = 1 (mod p-1, q-1), dP = d mod p-1, dQ = d mod q-1, q qInv = 1
 * (mod p). */
static bool rsa_numbers_agree(const struct span numbers[RSA_NUMBERS])
{
	BN_CTX *ctx = BN_CTX_secure_new();
	BIGNUM *b[RSA_NUMBERS], *t[3];
	const BIGNUM *one = BN_value_one();
	bool good = ctx != NULL;

	if (!good)
		return false;
	BN_CTX_start(ctx);
	t[0] = BN_CTX_get(ctx);
	t[1] = BN_CTX_get(ctx);
	t[2] = BN_CTX_get(ctx);
	for (unsigned i = 0; i < RSA_NUMBERS; i++) {
		b[i] = BN_CTX_get(ctx);
		good = good && b[i] != NULL &&
		       BN_bin2bn((const uint8_t *)numbers[i].p, (int)span_len(numbers[i]), b[i]) !=
			   NULL;
	}
	good = good && BN_mul(t[0], b[RSA_P], b[RSA_Q], ctx) == 1 && BN_cmp(t[0], b[RSA_N]) == 0 &&
	       product_is(t, b[RSA_D], b[RSA_E], b[RSA_P], 1, one, ctx) &&
	       product_is(t, b[RSA_D], b[RSA_E], b[RSA_Q], 1, one, ctx) &&
	       product_is(t, b[RSA_D], one, b[RSA_P], 1, b[RSA_DP], ctx) &&
	       product_is(t, b[RSA_D], one, b[RSA_Q], 1, b[RSA_DQ], ctx) &&
	       product_is(t, b[RSA_Q], b[RSA_QINV], b[RSA_P], 0, one, ctx);
	BN_CTX_end(ctx);
	BN_CTX_free(ctx);
	ERR_clear_error();
	return good;
}

/* ---- reading keys ---- */

static const char oid_rsa[] = "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01"; /* 1.2.840.113549.1.1.1 */
static const char oid_ed25519[] = "\x2b\x65\x70";                     /* 1.3.101.112 */

/* AlgorithmIdentifier ::= SEQUENCE { algorithm OBJECT IDENTIFIER, parameters ANY OPTIONAL } */
static bool take_algorithm(struct span *in, const char *oid)
{
	struct span rest = *in, algorithm, id, null;

	if (!der_take(&rest, DER_SEQUENCE, &algorithm) || !der_take(&algorithm, DER_OID, &id) ||
	    !span_eq(id, oid))
		return false;
	(void)der_take(&algorithm, DER_NULL, &null);
	if (!span_empty(algorithm))
		return false;
	*in = rest;
	return true;
}

/* RFC 8017 appendix A.1.1: RSAPublicKey ::= SEQUENCE { modulus INTEGER, publicExponent INTEGER } */
static bool rsa_public_numbers(struct span data, struct span numbers[2])
{
	struct span fields;

	return der_take(&data, DER_SEQUENCE, &fields) && span_empty(data) &&
	       der_take_positive(&fields, &numbers[RSA_N]) &&
	       der_take_positive(&fields, &numbers[RSA_E]) && span_empty(fields) &&
	       rsa_size_good(numbers, 2);
}

/* RFC 5280 section 4.1: SubjectPublicKeyInfo ::= SEQUENCE { AlgorithmIdentifier, BIT STRING };
 * gives what the bits hold. */
static bool open_spki(struct span data, struct span *key)
{
	struct span fields;

	if (!der_take(&data, DER_SEQUENCE, &fields) || !span_empty(data) ||
	    !take_algorithm(&fields, oid_rsa) || !der_take(&fields, DER_BIT_STRING, key) ||
	    !span_empty(fields) || span_empty(*key) || *key->p != 0)
		return false;
	key->p++;
	return true;
}

/* RFC 8017 appendix A.1.2: RSAPrivateKey ::= SEQUENCE { version 0, n, e, d, p, q, dP, dQ, qInv } */
static bool rsa_private_numbers(struct span data, struct span numbers[RSA_NUMBERS])
{
	struct span fields, version;

	if (!der_take(&data, DER_SEQUENCE, &fields) || !span_empty(data) ||
	    !der_take(&fields, DER_INTEGER, &version) || span_len(version) != 1 || *version.p != 0)
		return false;
	for (unsigned i = 0; i < RSA_NUMBERS; i++) {
		if (!der_take_positive(&fields, &numbers[i]))
			return false;
	}
	return span_empty(fields) && rsa_size_good(numbers, RSA_NUMBERS);
}

static struct crypt_key *new_key(enum crypt_type type, unsigned bits, EVP_PKEY *pkey,
				 struct why *why)
{
	struct crypt_key *key;

	if (pkey == NULL) {
		openssl_failed(why, "the private key cannot be used");
		return NULL;
	}
	key = make(sizeof *key);
	key->type = type;
	key->bits = bits;
	key->pkey = pkey;
	return key;
}

static struct crypt_key *rsa_key(struct span pkcs1, struct why *why)
{
	struct span numbers[RSA_NUMBERS];

	if (!rsa_private_numbers(pkcs1, numbers)) {
		why_set(why,
			"not an RSA private key that can be used (its structure is damaged, or it "
			"has over %d bits)",
			CRYPT_RSA_MAX_BITS);
		return NULL;
	}
	if (!rsa_numbers_agree(numbers)) {
		why_set(why, "the RSA key is damaged: its numbers do not belong together");
		return NULL;
	}
	return new_key(CRYPT_RSA, bit_length(numbers[RSA_N]),
		       rsa_from_numbers(numbers, RSA_NUMBERS), why);
}

/*
 * RFC 5958: OneAsymmetricKey ::= SEQUENCE { version, AlgorithmIdentifier, OCTET STRING, ... };
 * RFC 8410 section 7: the octets of Ed25519 are an OCTET STRING of 32 bytes.
 */
static struct crypt_key *pkcs8_key(struct span data, struct why *why)
{
	struct span fields, version, octets, seed;

	if (!der_take(&data, DER_SEQUENCE, &fields) || !span_empty(data) ||
	    !der_take(&fields, DER_INTEGER, &version)) {
		why_set(why, "the private key is damaged");
		return NULL;
	}
	if (take_algorithm(&fields, oid_rsa) && der_take(&fields, DER_OCTET_STRING, &octets))
		return rsa_key(octets, why);
	if (take_algorithm(&fields, oid_ed25519) && der_take(&fields, DER_OCTET_STRING, &octets) &&
	    der_take(&octets, DER_OCTET_STRING, &seed) && span_empty(octets) &&
	    span_len(seed) == CRYPT_ED25519_LEN)
		return new_key(CRYPT_ED25519, 256,
			       EVP_PKEY_new_raw_private_key(
				   EVP_PKEY_ED25519, NULL, (const uint8_t *)seed.p, span_len(seed)),
			       why);
	why_set(why, "a private key of a kind that DKIM does not know (it knows RSA and Ed25519)");
	return NULL;
}

/* ---- PEM ---- */

static const char *find(struct span text, const char *what)
{
	size_t n = strlen(what);

	for (; span_len(text) >= n; text.p++) {
		text.p = memchr(text.p, *what, span_len(text) - n + 1);
		if (text.p == NULL)
			return NULL;
		if (memcmp(text.p, what, n) == 0)
			return text.p;
	}
	return NULL;
}

/* RFC 7468 section 3: the text between BEGIN and END of the first block that has this label. */
static bool pem_block(struct arena *arena, struct span pem, const char *label, struct span *inside)
{
	const char *begin = arena_printf(arena, "-----BEGIN %s-----", label);
	const char *end = arena_printf(arena, "-----END %s-----", label);

	inside->p = find(pem, begin);
	if (inside->p == NULL)
		return false;
	inside->p += strlen(begin);
	inside->end = pem.end;
	inside->end = find(*inside, end);
	return inside->end != NULL;
}

static struct crypt_key *parse_pem(struct arena *arena, struct span pem, struct why *why)
{
	bool pkcs8, encrypted;
	const uint8_t *der;
	struct crypt_key *key;
	struct span inside;
	size_t length;

	encrypted = pem_block(arena, pem, "ENCRYPTED PRIVATE KEY", &inside);
	pkcs8 = !encrypted && pem_block(arena, pem, "PRIVATE KEY", &inside);
	if (!encrypted && !pkcs8 && !pem_block(arena, pem, "RSA PRIVATE KEY", &inside)) {
		why_set(why, "no private key in it (PEM: -----BEGIN PRIVATE KEY-----)");
		return NULL;
	}
	if (encrypted || find(inside, "ENCRYPTED") != NULL) {
		why_set(
		    why,
		    "the private key is encrypted; decrypt it: openssl pkey -in FILE -out FILE");
		return NULL;
	}
	if (!base64_decode(arena, inside, &der, &length)) {
		why_set(why, "the private key is damaged: not base 64");
		return NULL;
	}
	key = pkcs8 ? pkcs8_key(span_make(der, length), why) : rsa_key(span_make(der, length), why);
	OPENSSL_cleanse((void *)(uintptr_t)der, length);
	return key;
}

struct crypt_key *crypt_key_parse(struct span pem, struct why *why)
{
	struct arena *arena = arena_new(0);
	struct crypt_key *key = parse_pem(arena, pem, why);

	arena_free(arena);
	return key;
}

int crypt_key_pem(const struct crypt_key *key, struct buf *out, struct why *why)
{
	BIO *bio = BIO_new(BIO_s_secmem());
	char *text = NULL;
	long length;

	if (bio == NULL ||
	    PEM_write_bio_PKCS8PrivateKey(bio, key->pkey, NULL, NULL, 0, NULL, NULL) != 1) {
		BIO_free(bio);
		return openssl_failed(why, "cannot write the private key");
	}
	length = BIO_get_mem_data(bio, &text);
	buf_add(out, text, (size_t)length);
	BIO_free(bio);
	return 0;
}

/* ---- private keys ---- */

struct crypt_key *crypt_key_generate(enum crypt_type type, unsigned bits, struct why *why)
{
	if (type == CRYPT_ED25519)
		return new_key(type, 256, EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), why);
	if (bits < 1024 || bits > CRYPT_RSA_MAX_BITS) {
		why_set(why, "an RSA key has from 1024 to %d bits, not %u", CRYPT_RSA_MAX_BITS,
			bits);
		return NULL;
	}
	return new_key(type, bits, EVP_RSA_gen(bits), why);
}

void crypt_key_free(struct crypt_key *key)
{
	if (key == NULL)
		return;
	EVP_PKEY_CTX_free(atomic_load(&key->spare));
	EVP_MD_CTX_free(atomic_load(&key->pattern));
	EVP_PKEY_free(key->pkey);
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

int crypt_key_public(const struct crypt_key *key, struct arena *arena, struct span *data,
		     struct why *why)
{
	size_t raw = CRYPT_ED25519_LEN;
	uint8_t *der = NULL;
	int length;

	if (key->type == CRYPT_ED25519) {
		der = arena_alloc(arena, raw);
		if (EVP_PKEY_get_raw_public_key(key->pkey, der, &raw) != 1)
			return openssl_failed(why, "cannot write the public key");
		*data = span_make(der, raw);
		return 0;
	}
	length = i2d_PUBKEY(key->pkey, &der);
	if (length <= 0)
		return openssl_failed(why, "cannot write the public key");
	*data = span_make(arena_copy(arena, der, (size_t)length), (size_t)length);
	OPENSSL_free(der);
	return 0;
}

/* An operation on digests with PKCS#1 v1.5 padding (RFC 6376 section 3.3.1). */
static EVP_PKEY_CTX *rsa_operation(spare_ctx *spare, EVP_PKEY *pkey, int (*init)(EVP_PKEY_CTX *))
{
	EVP_PKEY_CTX *ctx = atomic_exchange(spare, NULL);

	if (ctx != NULL)
		return ctx;
	ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
	pthread_once(&once, fetch);
	if (ctx != NULL && init(ctx) == 1 &&
	    EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1 &&
	    EVP_PKEY_CTX_set_signature_md(ctx, sha256) == 1)
		return ctx;
	EVP_PKEY_CTX_free(ctx);
	return NULL;
}

/* One is kept for the next time. */
static void rsa_done(spare_ctx *spare, EVP_PKEY_CTX *ctx)
{
	EVP_PKEY_CTX_free(atomic_exchange(spare, ctx));
}

static bool rsa_sign(const struct crypt_key *key, const uint8_t *digest, uint8_t *out,
		     size_t *length)
{
	spare_ctx *spare = (spare_ctx *)(uintptr_t)&key->spare;
	EVP_PKEY_CTX *ctx = rsa_operation(spare, key->pkey, EVP_PKEY_sign_init);
	bool good = ctx != NULL && EVP_PKEY_sign(ctx, out, length, digest, CRYPT_DIGEST_LEN) == 1;

	rsa_done(spare, ctx);
	return good;
}

/* EVP_DigestSignInit_ex or EVP_DigestVerifyInit_ex */
typedef int ed25519_init(EVP_MD_CTX *ctx, EVP_PKEY_CTX **pctx, const char *digest,
			 OSSL_LIB_CTX *library, const char *properties, EVP_PKEY *pkey,
			 const OSSL_PARAM params[]);

/* The pattern, made by whoever comes first; NULL: OpenSSL cannot. */
static EVP_MD_CTX *ed25519_pattern(pattern_ctx *pattern, EVP_PKEY *pkey, ed25519_init *init)
{
	EVP_MD_CTX *known = atomic_load(pattern), *made;

	if (known != NULL)
		return known;
	made = EVP_MD_CTX_new();
	if (made != NULL && init(made, NULL, NULL, NULL, NULL, pkey, NULL) == 1 &&
	    atomic_compare_exchange_strong(pattern, &known, made))
		return made;
	EVP_MD_CTX_free(made);
	return known;
}

static EVP_MD_CTX *ed25519_operation(pattern_ctx *pattern, EVP_PKEY *pkey, ed25519_init *init)
{
	EVP_MD_CTX *known = ed25519_pattern(pattern, pkey, init), *ctx = EVP_MD_CTX_new();

	if (known != NULL && ctx != NULL && EVP_MD_CTX_copy_ex(ctx, known) == 1)
		return ctx;
	EVP_MD_CTX_free(ctx);
	return NULL;
}

/* RFC 8463 section 3: PureEdDSA, its message is the digest. */
static bool ed25519_sign(const struct crypt_key *key, const uint8_t *digest, uint8_t *out,
			 size_t *length)
{
	pattern_ctx *pattern = (pattern_ctx *)(uintptr_t)&key->pattern;
	EVP_MD_CTX *ctx = ed25519_operation(pattern, key->pkey, EVP_DigestSignInit_ex);
	bool good = ctx != NULL && EVP_DigestSign(ctx, out, length, digest, CRYPT_DIGEST_LEN) == 1;

	EVP_MD_CTX_free(ctx);
	return good;
}

int crypt_key_sign(const struct crypt_key *key, const uint8_t digest[CRYPT_DIGEST_LEN],
		   struct arena *arena, struct span *signature, struct why *why)
{
	size_t length = (size_t)EVP_PKEY_get_size(key->pkey);
	uint8_t *out = arena_alloc(arena, length);
	bool good = key->type == CRYPT_RSA ? rsa_sign(key, digest, out, &length)
					   : ed25519_sign(key, digest, out, &length);

	if (!good)
		return openssl_failed(why, "cannot sign");
	*signature = span_make(out, length);
	return 0;
}

/* ---- public keys ---- */

struct crypt_public *crypt_public_parse(enum crypt_type type, struct span data, struct why *why)
{
	struct span inside, numbers[2];
	struct crypt_public *key;
	EVP_PKEY *pkey;
	unsigned bits = 256;

	if (type == CRYPT_ED25519) {
		if (span_len(data) != CRYPT_ED25519_LEN) {
			why_set(why, "an Ed25519 key has 32 bytes, not %zu (RFC 8463 section 4.2)",
				span_len(data));
			return NULL;
		}
		pkey = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, (const uint8_t *)data.p,
						   span_len(data));
	} else {
		if (!rsa_public_numbers(open_spki(data, &inside) ? inside : data, numbers)) {
			why_set(why,
				"not an RSA public key that can be used (RFC 6376 section 3.6.1)");
			return NULL;
		}
		bits = bit_length(numbers[RSA_N]);
		pkey = rsa_from_numbers(numbers, 2);
	}
	if (pkey == NULL) {
		openssl_failed(why, "the public key cannot be used");
		return NULL;
	}
	key = make(sizeof *key);
	key->type = type;
	key->bits = bits;
	key->pkey = pkey;
	return key;
}

void crypt_public_free(struct crypt_public *key)
{
	if (key == NULL)
		return;
	EVP_PKEY_CTX_free(atomic_load(&key->spare));
	EVP_MD_CTX_free(atomic_load(&key->pattern));
	EVP_PKEY_free(key->pkey);
	free(key);
}

unsigned crypt_public_bits(const struct crypt_public *key)
{
	return key->bits;
}

static bool rsa_verify(const struct crypt_public *key, const uint8_t *digest,
		       struct span signature)
{
	spare_ctx *spare = (spare_ctx *)(uintptr_t)&key->spare;
	EVP_PKEY_CTX *ctx = rsa_operation(spare, key->pkey, EVP_PKEY_verify_init);
	bool good =
	    ctx != NULL && EVP_PKEY_verify(ctx, (const uint8_t *)signature.p, span_len(signature),
					   digest, CRYPT_DIGEST_LEN) == 1;

	rsa_done(spare, ctx);
	return good;
}

static bool ed25519_verify(const struct crypt_public *key, const uint8_t *digest,
			   struct span signature)
{
	pattern_ctx *pattern = (pattern_ctx *)(uintptr_t)&key->pattern;
	EVP_MD_CTX *ctx = ed25519_operation(pattern, key->pkey, EVP_DigestVerifyInit_ex);
	bool good = ctx != NULL &&
		    EVP_DigestVerify(ctx, (const uint8_t *)signature.p, span_len(signature), digest,
				     CRYPT_DIGEST_LEN) == 1;

	EVP_MD_CTX_free(ctx);
	return good;
}

bool crypt_public_verify(const struct crypt_public *key, const uint8_t digest[CRYPT_DIGEST_LEN],
			 struct span signature)
{
	bool good = key->type == CRYPT_RSA ? rsa_verify(key, digest, signature)
					   : ed25519_verify(key, digest, signature);

	ERR_clear_error();
	return good;
}

bool crypt_rsa_spki(struct span data, struct arena *arena, struct span *spki)
{
	struct buf algorithm, bits, fields, out;
	struct span inside, numbers[2];

	if (open_spki(data, &inside) && rsa_public_numbers(inside, numbers)) {
		*spki = data;
		return true;
	}
	if (!rsa_public_numbers(data, numbers))
		return false;
	buf_init(&algorithm, arena, 0);
	der_put(&algorithm, DER_OID, span_of(oid_rsa));
	der_put(&algorithm, DER_NULL, span_of(""));
	buf_init(&bits, arena, 0);
	buf_char(&bits, 0);
	buf_span(&bits, data);
	buf_init(&fields, arena, 0);
	der_put(&fields, DER_SEQUENCE, buf_view(&algorithm));
	der_put(&fields, DER_BIT_STRING, buf_view(&bits));
	buf_init(&out, arena, 0);
	der_put(&out, DER_SEQUENCE, buf_view(&fields));
	*spki = buf_view(&out);
	return true;
}

const char *crypt_version(void)
{
	return OpenSSL_version(OPENSSL_VERSION_STRING);
}

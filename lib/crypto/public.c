/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/crypto/public.h"

#include <assert.h>
#include <stdlib.h>

#include "lib/buf.h"
#include "lib/crypto/der.h"
#include "lib/crypto/openssl.h"
#include "lib/heap.h"

enum rsa_number { RSA_N, RSA_E, RSA_NUMBERS };

static const char oid_rsa[] = "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01"; /* 1.2.840.113549.1.1.1 */

static unsigned bit_length(struct span number)
{
	unsigned bits = (unsigned)span_len(number) * 8, top;

	if (bits == 0)
		return 0;
	for (top = (unsigned char)*number.p; top < 0x80; top <<= 1)
		bits--;
	return bits;
}

/* The exponent small, both odd. */
static bool are_usable(const struct span numbers[RSA_NUMBERS])
{
	return bit_length(numbers[RSA_E]) >= 2 && bit_length(numbers[RSA_E]) <= 32 &&
	       (numbers[RSA_E].end[-1] & 1) != 0 && (numbers[RSA_N].end[-1] & 1) != 0;
}

/* OpenSSL takes integers in the machine's own byte order. */
static void put_native_order(uint8_t *out, struct span number)
{
	static const uint16_t one = 1;
	size_t n = span_len(number);

	for (size_t i = 0; i < n; i++) {
		size_t to = *(const uint8_t *)&one == 1 ? n - 1 - i : i;

		out[to] = (uint8_t)number.p[i];
	}
}

static EVP_PKEY *make_rsa(const struct span numbers[RSA_NUMBERS])
{
	static const char *const names[] = {"n", "e"}; /* OSSL_PKEY_PARAM_RSA_N, _E */
	uint8_t bytes[RSA_NUMBERS][CRYPT_RSA_MAX_BITS / 8];
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	OSSL_PARAM params[RSA_NUMBERS + 1];
	EVP_PKEY *pkey = NULL;

	for (unsigned i = 0; i < RSA_NUMBERS; i++) {
		assert(span_len(numbers[i]) <= sizeof bytes[i]);
		put_native_order(bytes[i], numbers[i]);
		params[i] = OSSL_PARAM_construct_BN(names[i], bytes[i], span_len(numbers[i]));
	}
	params[RSA_NUMBERS] = OSSL_PARAM_construct_end();
	if (ctx == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
	    EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) != 1)
		pkey = NULL;
	EVP_PKEY_CTX_free(ctx);
	return pkey;
}

/* AlgorithmIdentifier ::= SEQUENCE { algorithm OBJECT IDENTIFIER, parameters ANY OPTIONAL } */
static bool take_rsa_algorithm(struct span *in)
{
	struct span rest = *in, algorithm, id, null;

	if (!der_take(&rest, DER_SEQUENCE, &algorithm) || !der_take(&algorithm, DER_OID, &id) ||
	    !span_eq(id, oid_rsa))
		return false;
	(void)der_take(&algorithm, DER_NULL, &null);
	if (!span_empty(algorithm))
		return false;
	*in = rest;
	return true;
}

/* RFC 8017 appendix A.1.1: RSAPublicKey ::= SEQUENCE { modulus INTEGER, publicExponent INTEGER } */
static bool read_numbers(struct span data, struct span numbers[RSA_NUMBERS])
{
	struct span fields;

	return der_take(&data, DER_SEQUENCE, &fields) && span_empty(data) &&
	       der_take_positive(&fields, &numbers[RSA_N]) &&
	       der_take_positive(&fields, &numbers[RSA_E]) && span_empty(fields) &&
	       are_usable(numbers);
}

/* RFC 5280 section 4.1: SubjectPublicKeyInfo ::= SEQUENCE { AlgorithmIdentifier, BIT STRING };
 * gives what the bits hold. */
static bool open_spki(struct span data, struct span *key)
{
	struct span fields;

	if (!der_take(&data, DER_SEQUENCE, &fields) || !span_empty(data) ||
	    !take_rsa_algorithm(&fields) || !der_take(&fields, DER_BIT_STRING, key) ||
	    !span_empty(fields) || span_empty(*key) || *key->p != 0)
		return false;
	key->p++;
	return true;
}

/* In either form. */
static bool read_rsa(struct span data, struct span numbers[RSA_NUMBERS])
{
	struct span inside;

	return read_numbers(open_spki(data, &inside) ? inside : data, numbers);
}

unsigned crypt_public_rsa_bits(struct span data)
{
	struct span numbers[RSA_NUMBERS];

	return read_rsa(data, numbers) ? bit_length(numbers[RSA_N]) : 0;
}

struct crypt_public {
	struct openssl_key key;
};

static EVP_PKEY *open_ed25519(struct span data, struct why *why)
{
	EVP_PKEY *pkey = NULL;

	if (span_len(data) != CRYPT_ED25519_LEN) {
		why_set(why, "an Ed25519 key has 32 bytes, not %zu (RFC 8463 section 4.2)",
			span_len(data));
		return NULL;
	}
	pkey = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, (const uint8_t *)data.p,
					   span_len(data));
	if (pkey == NULL)
		openssl_failed(why, "the public key cannot be used");
	return pkey;
}

static EVP_PKEY *open_rsa(struct span data, unsigned *bits, struct why *why)
{
	struct span numbers[RSA_NUMBERS];
	EVP_PKEY *pkey;

	if (!read_rsa(data, numbers) || bit_length(numbers[RSA_N]) > CRYPT_RSA_MAX_BITS) {
		why_set(why, "not an RSA public key that can be used (RFC 6376 section 3.6.1)");
		return NULL;
	}
	*bits = bit_length(numbers[RSA_N]);
	pkey = make_rsa(numbers);
	if (pkey == NULL)
		openssl_failed(why, "the public key cannot be used");
	return pkey;
}

struct crypt_public *crypt_public_parse(enum crypt_type type, struct span data, struct why *why)
{
	unsigned bits = CRYPT_ED25519_LEN * 8;
	EVP_PKEY *pkey =
	    type == CRYPT_ED25519 ? open_ed25519(data, why) : open_rsa(data, &bits, why);
	struct crypt_public *public;

	if (pkey == NULL)
		return NULL;
	public = heap_alloc(sizeof *public);
	openssl_key_init(&public->key, type, bits, pkey);
	return public;
}

void crypt_public_free(struct crypt_public *public)
{
	if (public == NULL)
		return;
	openssl_key_done(&public->key);
	free(public);
}

bool crypt_public_verify(const struct crypt_public *public, const uint8_t digest[CRYPT_DIGEST_LEN],
			 struct span signature)
{
	bool good = openssl_key_verify(&public->key, digest, (const uint8_t *)signature.p,
				       span_len(signature));

	ERR_clear_error();
	return good;
}

bool crypt_public_spki(struct span data, struct arena *arena, struct span *spki)
{
	struct buf algorithm, bits, fields, out;
	struct span inside, numbers[RSA_NUMBERS];

	if (!read_rsa(data, numbers) || bit_length(numbers[RSA_N]) > CRYPT_RSA_MAX_BITS)
		return false;
	if (open_spki(data, &inside)) {
		*spki = data;
		return true;
	}
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

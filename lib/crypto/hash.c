/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * OpenSSL's SHA-256, fetched once for the process: fetching it costs more than hashing a header.
 */
#include "lib/crypto/hash.h"

#include <assert.h>
#include <limits.h>
#include <stdlib.h>

#include "lib/crypto/openssl.h"

struct crypt_hash {
	EVP_MD_CTX *ctx;
};

static void free_context(void *ctx)
{
	EVP_MD_CTX_free(ctx);
}

struct crypt_hash *crypt_hash_new(struct arena *arena)
{
	struct crypt_hash *hash = arena_make(arena, struct crypt_hash);

	hash->ctx = EVP_MD_CTX_new();
	if (hash->ctx == NULL || EVP_DigestInit_ex2(hash->ctx, openssl_sha256(), NULL) != 1)
		abort();
	arena_on_free(arena, free_context, hash->ctx);
	return hash;
}

void crypt_hash_add(struct crypt_hash *hash, const void *data, size_t len)
{
	assert(data != NULL || len == 0);
	if (len > 0 && EVP_DigestUpdate(hash->ctx, data, len) != 1)
		abort();
}

void crypt_hash_finish(struct crypt_hash *hash, uint8_t digest[CRYPT_DIGEST_LEN])
{
	if (EVP_DigestFinal_ex(hash->ctx, digest, NULL) != 1 ||
	    EVP_DigestInit_ex2(hash->ctx, openssl_sha256(), NULL) != 1)
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

void crypt_sha256(const void *data, size_t len, uint8_t digest[CRYPT_DIGEST_LEN])
{
	unsigned written;

	if (EVP_Digest(data, len, digest, &written, openssl_sha256(), NULL) != 1)
		abort();
}

/* ---- digests of others ---- */

/* RFC 8017 appendix B.1 */
static const struct {
	const char *oid;
	const char *name;
	size_t length;
} algorithms[] = {
    {"\x2b\x0e\x03\x02\x1a", "SHA1", 20},
    {"\x60\x86\x48\x01\x65\x03\x04\x02\x01", "SHA256", 32},
    {"\x60\x86\x48\x01\x65\x03\x04\x02\x02", "SHA384", 48},
    {"\x60\x86\x48\x01\x65\x03\x04\x02\x03", "SHA512", 64},
};

enum { ALGORITHMS = sizeof algorithms / sizeof *algorithms };

static unsigned find_algorithm(struct span oid)
{
	unsigned i = 0;

	while (i < ALGORITHMS && !span_eq(oid, algorithms[i].oid))
		i++;
	return i;
}

size_t crypt_digest_length(struct span oid)
{
	unsigned i = find_algorithm(oid);

	return i == ALGORITHMS ? 0 : algorithms[i].length;
}

bool crypt_digest_matches(struct span oid, struct span digest, struct span data)
{
	unsigned i = find_algorithm(oid);
	unsigned char made[EVP_MAX_MD_SIZE];
	size_t length;

	return i < ALGORITHMS &&
	       EVP_Q_digest(NULL, algorithms[i].name, NULL, data.p, span_len(data), made,
			    &length) == 1 &&
	       span_same(digest, span_make(made, length));
}

void crypt_hmac(const void *key, size_t key_len, const void *data, size_t len,
		uint8_t digest[CRYPT_DIGEST_LEN])
{
	unsigned written;

	assert(key != NULL && key_len <= INT_MAX);
	if (HMAC(openssl_sha256(), key, (int)key_len, data, len, digest, &written) == NULL)
		abort();
}

void crypt_wipe(void *data, size_t len)
{
	if (data != NULL)
		OPENSSL_cleanse(data, len);
}

const char *crypt_version(void)
{
	return OpenSSL_version(OPENSSL_VERSION_STRING);
}

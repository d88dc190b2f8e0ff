/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/crypto/tlsa.h"

#include <limits.h>

#include "lib/crypto/openssl.h"

static X509 *read_certificate(struct span pem)
{
	BIO *bio = span_len(pem) > INT_MAX ? NULL : BIO_new_mem_buf(pem.p, (int)span_len(pem));
	X509 *certificate = bio == NULL ? NULL : PEM_read_bio_X509(bio, NULL, NULL, NULL);

	BIO_free(bio);
	ERR_clear_error();
	return certificate;
}

static bool matches_data(const unsigned char *der, size_t length, unsigned matching,
			 struct span data)
{
	const EVP_MD *const kinds[] = {NULL, EVP_sha256(), EVP_sha512()};
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned size = 0;

	if (matching == 0)
		return span_same(span_make(der, length), data);
	return EVP_Digest(der, length, digest, &size, kinds[matching], NULL) == 1 &&
	       span_same(span_make(digest, size), data);
}

bool crypt_certificate_matches(struct span pem, unsigned selector, unsigned matching,
			       struct span data)
{
	X509 *certificate = selector > 1 || matching > 2 ? NULL : read_certificate(pem);
	unsigned char *der = NULL;
	bool matches;
	int length;

	if (certificate == NULL)
		return false;
	length = selector == 0 ? i2d_X509(certificate, &der)
			       : i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
	matches = length > 0 && matches_data(der, (size_t)length, matching, data);
	OPENSSL_free(der);
	X509_free(certificate);
	return matches;
}

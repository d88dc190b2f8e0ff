/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/crypto/keytext.h"

#include <assert.h>
#include <string.h>

#include "lib/codec/base64.h"
#include "lib/crypto/der.h"

static const char rsa_encryption[] = "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01"; /* RFC 3279 2.3.1 */
static const char ed25519[] = "\x2b\x65\x70";                                /* RFC 8410 3 */

/* ---- PEM (RFC 7468) ---- */

static const char *find_text(struct span text, const char *what)
{
	return span_empty(text) ? NULL : memmem(text.p, span_len(text), what, strlen(what));
}

static bool find_block(struct span pem, const char *begin, const char *end, struct span *body)
{
	const char *first = find_text(pem, begin), *last;

	if (first == NULL)
		return false;
	body->p = first + strlen(begin);
	body->end = pem.end;
	last = find_text(*body, end);
	if (last == NULL ||
	    find_text(span_make(last, (size_t)(pem.end - last)), "-----BEGIN") != NULL ||
	    find_text(span_make(pem.p, (size_t)(first - pem.p)), "-----BEGIN") != NULL)
		return false;
	body->end = last;
	return true;
}

bool keytext_open_pem(struct arena *arena, struct span pem, struct span *der)
{
	const uint8_t *data;
	struct span body;
	size_t length;

	if (!find_block(pem, "-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----", &body) &&
	    !find_block(pem, "-----BEGIN RSA PRIVATE KEY-----", "-----END RSA PRIVATE KEY-----",
			&body))
		return false;
	if (!base64_decode(arena, body, &data, &length))
		return false;
	*der = span_make(data, length);
	return true;
}

/* ---- DER ---- */

/* version = INTEGER: 0, of one byte */
static bool take_version(struct span *in)
{
	struct span version;

	return der_take(in, DER_INTEGER, &version) && span_len(version) == 1 && *version.p == 0;
}

/* RSAPrivateKey = SEQUENCE { version 0, n, e, d, p, q, d mod p-1, d mod q-1, 1/q mod p } */
static bool read_pkcs1(struct span der, struct keytext *key)
{
	struct span list;

	if (!der_take(&der, DER_SEQUENCE, &list) || !span_empty(der) || !take_version(&list))
		return false;
	for (unsigned i = 0; i < KEYTEXT_NUMBERS; i++)
		if (!der_take_positive(&list, &key->numbers[i]))
			return false;
	key->type = CRYPT_RSA;
	return span_empty(list);
}

/* PrivateKeyInfo = SEQUENCE { version 0, SEQUENCE { OID, [ NULL ] }, OCTET STRING } */
static bool read_pkcs8(struct span der, struct keytext *key)
{
	struct span list, algorithm, oid, parameters, content;

	if (!der_take(&der, DER_SEQUENCE, &list) || !span_empty(der) || !take_version(&list) ||
	    !der_take(&list, DER_SEQUENCE, &algorithm) || !der_take(&algorithm, DER_OID, &oid) ||
	    !der_take(&list, DER_OCTET_STRING, &content) || !span_empty(list))
		return false;
	if (span_eq(oid, rsa_encryption))
		return der_take(&algorithm, DER_NULL, &parameters) && span_empty(parameters) &&
		       span_empty(algorithm) && read_pkcs1(content, key);
	key->type = CRYPT_ED25519;
	return span_eq(oid, ed25519) && span_empty(algorithm) &&
	       der_take(&content, DER_OCTET_STRING, &key->seed) && span_empty(content) &&
	       span_len(key->seed) == CRYPT_ED25519_LEN;
}

bool keytext_read(struct span der, struct keytext *key)
{
	memset(key, 0, sizeof *key);
	return read_pkcs8(der, key) || read_pkcs1(der, key);
}

static void put_positive(struct buf *out, struct span bytes, struct arena *arena)
{
	struct buf number;

	buf_init(&number, arena, 0);
	if ((*bytes.p & 0x80) != 0)
		buf_char(&number, '\0');
	buf_span(&number, bytes);
	der_put(out, DER_INTEGER, buf_view(&number));
}

void keytext_put_public(const struct keytext *rsa, struct arena *arena, struct buf *out)
{
	struct buf numbers, algorithm, bits, list;

	assert(rsa->type == CRYPT_RSA);
	buf_init(&numbers, arena, 0);
	buf_init(&algorithm, arena, 0);
	buf_init(&bits, arena, 0);
	buf_init(&list, arena, 0);
	put_positive(&numbers, rsa->numbers[KEYTEXT_N], arena);
	put_positive(&numbers, rsa->numbers[KEYTEXT_E], arena);
	buf_char(&bits, '\0'); /* no unused bits */
	der_put(&bits, DER_SEQUENCE, buf_view(&numbers));
	der_put(&algorithm, DER_OID, span_of(rsa_encryption));
	der_put(&algorithm, DER_NULL, span_make(rsa_encryption, 0));
	der_put(&list, DER_SEQUENCE, buf_view(&algorithm));
	der_put(&list, DER_BIT_STRING, buf_view(&bits));
	der_put(out, DER_SEQUENCE, buf_view(&list));
}

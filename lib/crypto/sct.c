/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a log signed is the certificate before its timestamps were put in: the same without that
 * extension, and the hash of the issuer's key, so that no other issuer's certificate will do.
 */
#include "lib/crypto/sct.h"

#include <assert.h>
#include <limits.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/crypto/chain.h"
#include "lib/crypto/der.h"

#define SCT_LIST "1.3.6.1.4.1.11129.2.4.2" /* RFC 6962 section 3.3 */

enum { HASH_SHA256 = 4 }; /* RFC 5246 section 7.4.1.4.1 */

/* ---- the logs ---- */

struct log {
	uint8_t id[SCT_LOG_ID_LEN]; /* SHA-256 of the key's SubjectPublicKeyInfo */
	EVP_PKEY *key;
};

struct sct_logs {
	struct log logs[SCT_LOGS_MAX];
	unsigned count;
};

static void free_key(void *key)
{
	EVP_PKEY_free(key);
}

static bool digest_key(EVP_PKEY *key, uint8_t digest[SCT_LOG_ID_LEN])
{
	unsigned char *der = NULL;
	int length = i2d_PUBKEY(key, &der);
	bool done = length > 0 &&
		    EVP_Digest(der, (size_t)length, digest, NULL, openssl_sha256(), NULL) == 1;

	OPENSSL_free(der);
	return done;
}

static int add_key(struct sct_logs *logs, const char *label, const unsigned char *der, long length,
		   struct arena *arena, struct why *why)
{
	struct log *log = &logs->logs[logs->count];
	EVP_PKEY *key;

	if (strcmp(label, PEM_STRING_PUBLIC) != 0)
		return 0;
	if (logs->count == SCT_LOGS_MAX)
		return why_set(why, "there are more than %d public keys", SCT_LOGS_MAX);
	key = d2i_PUBKEY(NULL, &der, length);
	if (key == NULL || !digest_key(key, log->id)) {
		EVP_PKEY_free(key);
		return openssl_failed(why, "a public key cannot be read");
	}
	arena_on_free(arena, free_key, key);
	log->key = key;
	logs->count++;
	return 0;
}

static int read_keys(BIO *bio, struct arena *arena, struct sct_logs *logs, struct why *why)
{
	char *label, *header;
	unsigned char *der;
	long length;
	int result = 0;

	while (result == 0 && PEM_read_bio(bio, &label, &header, &der, &length) == 1) {
		result = add_key(logs, label, der, length, arena, why);
		OPENSSL_free(label);
		OPENSSL_free(header);
		OPENSSL_free(der);
	}
	if (result == 0 && ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
		return openssl_failed(why, "a public key cannot be read");
	ERR_clear_error();
	return result == 0 && logs->count == 0 ? why_set(why, "no public key found") : result;
}

int sct_logs_read(struct arena *arena, struct span pem, struct sct_logs **out, struct why *why)
{
	BIO *bio = span_len(pem) > INT_MAX ? NULL : BIO_new_mem_buf(pem.p, (int)span_len(pem));
	int result;

	if (bio == NULL)
		return why_set(why, "it is too large");
	*out = arena_make(arena, struct sct_logs);
	result = read_keys(bio, arena, *out, why);
	BIO_free(bio);
	return result;
}

unsigned sct_logs_count(const struct sct_logs *logs)
{
	return logs->count;
}

void sct_log_id(const struct sct_logs *logs, unsigned i, uint8_t id[SCT_LOG_ID_LEN])
{
	assert(i < logs->count);
	memcpy(id, logs->logs[i].id, SCT_LOG_ID_LEN);
}

static const struct log *find_log(const struct sct_logs *logs, struct span id)
{
	for (unsigned i = 0; i < logs->count; i++)
		if (span_same(id, span_make(logs->logs[i].id, SCT_LOG_ID_LEN)))
			return &logs->logs[i];
	return NULL;
}

/* ---- the timestamps ---- */

struct sct {
	unsigned version;
	struct span log, time, extensions, signature;
	unsigned hash;
};

static bool take_bytes(struct span *rest, size_t length, struct span *bytes)
{
	if (span_len(*rest) < length)
		return false;
	*bytes = span_make(rest->p, length);
	rest->p += length;
	return true;
}

/* A length of two bytes, and as many bytes. */
static bool take_vector(struct span *rest, struct span *bytes)
{
	struct span length;

	return take_bytes(rest, 2, &length) &&
	       take_bytes(rest,
			  (size_t)((unsigned char)length.p[0] << 8 | (unsigned char)length.p[1]),
			  bytes);
}

/* RFC 6962 section 3.2 */
static bool parse_sct(struct span text, struct sct *sct)
{
	struct span version, algorithm;

	if (!take_bytes(&text, 1, &version))
		return false;
	sct->version = (unsigned char)*version.p;
	if (sct->version != 0)
		return true; /* of a later version: nobody's to read here */
	if (!take_bytes(&text, SCT_LOG_ID_LEN, &sct->log) || !take_bytes(&text, 8, &sct->time) ||
	    !take_vector(&text, &sct->extensions) || !take_bytes(&text, 2, &algorithm) ||
	    !take_vector(&text, &sct->signature) || !span_empty(text))
		return false;
	sct->hash = (unsigned char)algorithm.p[0];
	return true;
}

static bool find_list(const struct certificates *list, struct span *scts)
{
	struct span der, octets;

	return certificate_extension(list, 0, SCT_LIST, &der) &&
	       der_take(&der, DER_OCTET_STRING, &octets) && span_empty(der) &&
	       take_vector(&octets, scts) && span_empty(octets);
}

/* ---- signatures ---- */

static int64_t milliseconds_of(struct span time)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < 8; i++)
		value = value << 8 | (unsigned char)time.p[i];
	return value > INT64_MAX ? INT64_MAX : (int64_t)value;
}

/* The TBSCertificate without the timestamps. */
static bool write_entry(const struct certificates *list, struct buf *out)
{
	X509 *copy = X509_dup(certificate_at(list, 0));
	ASN1_OBJECT *oid = OBJ_txt2obj(SCT_LIST, 1);
	unsigned char *der = NULL;
	int length = 0, at;

	if (copy != NULL && oid != NULL && (at = X509_get_ext_by_OBJ(copy, oid, -1)) >= 0) {
		X509_EXTENSION_free(X509_delete_ext(copy, at));
		length = i2d_re_X509_tbs(copy, &der);
	}
	if (length > 0 && length < 1 << 24) {
		buf_char(out, (char)(length >> 16));
		buf_char(out, (char)(length >> 8));
		buf_char(out, (char)length);
		buf_add(out, der, (size_t)length);
	}
	OPENSSL_free(der);
	ASN1_OBJECT_free(oid);
	X509_free(copy);
	return length > 0 && length < 1 << 24;
}

/* RFC 6962 section 3.2: version, signature type, time, entry type, issuer_key_hash, TBSCertificate,
 * extensions. */
static bool write_signed(const struct certificates *list, const struct sct *sct, struct buf *out)
{
	static const char certificate_timestamp[] = {0, 0}, precert_entry[] = {0, 1};
	uint8_t issuer[SCT_LOG_ID_LEN];
	EVP_PKEY *key = X509_get0_pubkey(certificate_at(list, 1));
	size_t length = span_len(sct->extensions);

	if (key == NULL || !digest_key(key, issuer))
		return false;
	buf_add(out, certificate_timestamp, sizeof certificate_timestamp);
	buf_span(out, sct->time);
	buf_add(out, precert_entry, sizeof precert_entry);
	buf_add(out, issuer, sizeof issuer);
	if (!write_entry(list, out))
		return false;
	buf_char(out, (char)(length >> 8));
	buf_char(out, (char)length);
	buf_span(out, sct->extensions);
	return !out->failed;
}

static bool is_signed(const struct certificates *list, const struct sct *sct, EVP_PKEY *key)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	struct buf text;
	bool good;

	buf_init(&text, NULL, 0);
	good = context != NULL && write_signed(list, sct, &text) &&
	       EVP_DigestVerifyInit(context, NULL, openssl_sha256(), NULL, key) == 1 &&
	       EVP_DigestVerify(context, (const unsigned char *)sct->signature.p,
				span_len(sct->signature), (const unsigned char *)text.data,
				text.len) == 1;
	buf_free(&text);
	EVP_MD_CTX_free(context);
	ERR_clear_error();
	return good;
}

static int check_sct(const struct certificates *list, const struct sct *sct,
		     const struct sct_logs *logs, int64_t now, struct why *why)
{
	const struct log *log;

	if (sct->version != 0)
		return why_set(why, "it is of an unknown version");
	log = find_log(logs, sct->log);
	if (log == NULL)
		return why_set(why, "its log is not known");
	if (milliseconds_of(sct->time) / 1000 > now)
		return why_set(why, "its time is in the future");
	if (sct->hash != HASH_SHA256 || !is_signed(list, sct, log->key))
		return why_set(why, "its signature is not valid");
	return 0;
}

int sct_check(const struct certificates *list, const struct sct_logs *logs, int64_t now,
	      struct why *why)
{
	struct span rest, text;
	unsigned count = 0;
	struct sct sct;
	struct why one;

	if (!find_list(list, &rest))
		return why_set(why, "there is no valid list of them");
	if (logs != NULL && (certificate_count(list) < 2 || !certificate_is_issued(list, 0, 1)))
		return why_set(why, "the certificate of the issuer is not the second one");
	why_set(why, "the list is empty");
	for (; !span_empty(rest); count++) {
		if (!take_vector(&rest, &text) || !parse_sct(text, &sct))
			return why_set(why, "proof %u is malformed", count + 1);
		if (logs == NULL)
			continue;
		if (check_sct(list, &sct, logs, now, &one) == 0)
			return 0;
		why_set(why, "proof %u: %s", count + 1, one.text);
	}
	return logs == NULL && count > 0 ? 0 : -1;
}

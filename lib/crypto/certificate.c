/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/crypto/certificate.h"

#include <assert.h>
#include <limits.h>
#include <string.h>

#include "lib/crypto/chain.h"

enum { SECURITY_LEVEL = 2 /* of X509_VERIFY_PARAM_set_auth_level(3) */ };

/* ---- reading ---- */

static void free_stack(void *stack)
{
	sk_X509_pop_free(stack, X509_free);
}

/* OpenSSL would ask the terminal. */
static int refuse_password(char *text, int size, int writing, void *arg)
{
	(void)text, (void)size, (void)writing, (void)arg;
	return -1;
}

static int read_all(BIO *bio, STACK_OF(X509) * stack, struct why *why)
{
	unsigned long error;
	X509 *one;

	while ((one = PEM_read_bio_X509(bio, NULL, refuse_password, NULL)) != NULL) {
		if (sk_X509_num(stack) == CERTIFICATE_MAX || sk_X509_push(stack, one) <= 0) {
			X509_free(one);
			return why_set(why, "there are more than %d certificates", CERTIFICATE_MAX);
		}
	}
	error = ERR_peek_last_error();
	if (ERR_GET_LIB(error) != ERR_LIB_PEM || ERR_GET_REASON(error) != PEM_R_NO_START_LINE)
		return openssl_failed(why, "a certificate cannot be read");
	ERR_clear_error();
	return sk_X509_num(stack) == 0 ? why_set(why, "no certificate found") : 0;
}

int certificate_read(struct arena *arena, struct span pem, struct certificates **out,
		     struct why *why)
{
	struct certificates *list = arena_make(arena, struct certificates);
	BIO *bio;
	int status;

	if (span_len(pem) > INT_MAX)
		return why_set(why, "it is too large");
	list->arena = arena;
	list->stack = sk_X509_new_null();
	bio = BIO_new_mem_buf(pem.p, (int)span_len(pem));
	if (list->stack == NULL || bio == NULL) {
		sk_X509_free(list->stack);
		BIO_free(bio);
		return why_set(why, "no memory to read it");
	}
	arena_on_free(arena, free_stack, list->stack);
	status = read_all(bio, list->stack, why);
	BIO_free(bio);
	*out = list;
	return status;
}

unsigned certificate_count(const struct certificates *list)
{
	return (unsigned)sk_X509_num(list->stack);
}

X509 *certificate_at(const struct certificates *list, unsigned i)
{
	assert(i < certificate_count(list));
	return sk_X509_value(list->stack, (int)i);
}

/* ---- what they say ---- */

static const char *name_line(struct arena *arena, const X509_NAME *name)
{
	BIO *bio = BIO_new(BIO_s_mem());
	const char *text = "", *copy;
	long length = 0;

	if (bio != NULL &&
	    X509_NAME_print_ex(bio, name, 0,
			       XN_FLAG_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB) >= 0)
		length = BIO_get_mem_data(bio, &text);
	copy = arena_copy(arena, text, (size_t)length);
	BIO_free(bio);
	return copy;
}

static int64_t seconds_of(const ASN1_TIME *time)
{
	int days = 0, seconds = 0;
	ASN1_TIME *epoch = ASN1_TIME_set(NULL, 0);

	if (epoch == NULL || ASN1_TIME_diff(&days, &seconds, epoch, time) != 1)
		days = seconds = 0; /* 1970 has passed: what cannot be read is not valid */
	ASN1_TIME_free(epoch);
	return (int64_t)days * 86400 + seconds;
}

static void list_names(const struct certificates *list, unsigned i, struct certificate *out)
{
	GENERAL_NAMES *names =
	    X509_get_ext_d2i(certificate_at(list, i), NID_subject_alt_name, NULL, NULL);
	int count = names == NULL ? 0 : sk_GENERAL_NAME_num(names);

	out->names = arena_array(list->arena, (size_t)count + 1, sizeof *out->names);
	for (int n = 0; n < count; n++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, n);
		const ASN1_STRING *text;

		if (name->type != GEN_DNS)
			continue;
		text = name->d.dNSName;
		if (memchr(ASN1_STRING_get0_data(text), '\0', (size_t)ASN1_STRING_length(text)) ==
		    NULL)
			out->names[out->name_count++] =
			    arena_copy(list->arena, ASN1_STRING_get0_data(text),
				       (size_t)ASN1_STRING_length(text));
	}
	GENERAL_NAMES_free(names);
	ERR_clear_error();
}

void certificate_describe(const struct certificates *list, unsigned i, struct certificate *out)
{
	const X509 *one = certificate_at(list, i);

	memset(out, 0, sizeof *out);
	out->subject = name_line(list->arena, X509_get_subject_name(one));
	out->issuer = name_line(list->arena, X509_get_issuer_name(one));
	out->not_before = seconds_of(X509_get0_notBefore(one));
	out->not_after = seconds_of(X509_get0_notAfter(one));
	list_names(list, i, out);
}

void certificate_sha256(const struct certificates *list, unsigned i,
			uint8_t digest[CRYPT_DIGEST_LEN])
{
	unsigned length = 0;

	if (X509_digest(certificate_at(list, i), EVP_sha256(), digest, &length) != 1 ||
	    length != CRYPT_DIGEST_LEN)
		memset(digest, 0, CRYPT_DIGEST_LEN);
}

bool certificate_has_purpose(const struct certificates *list, unsigned i, const char *oid)
{
	EXTENDED_KEY_USAGE *usage =
	    X509_get_ext_d2i(certificate_at(list, i), NID_ext_key_usage, NULL, NULL);
	ASN1_OBJECT *wanted = OBJ_txt2obj(oid, 1);
	bool found = false;

	assert(wanted != NULL);
	for (int n = 0; usage != NULL && n < sk_ASN1_OBJECT_num(usage) && !found; n++)
		found = OBJ_cmp(sk_ASN1_OBJECT_value(usage, n), wanted) == 0;
	EXTENDED_KEY_USAGE_free(usage);
	ASN1_OBJECT_free(wanted);
	ERR_clear_error();
	return found;
}

const char *certificate_subject_value(const struct certificates *list, unsigned i, const char *oid)
{
	const X509_NAME *subject = X509_get_subject_name(certificate_at(list, i));
	ASN1_OBJECT *wanted = OBJ_txt2obj(oid, 1);
	int at = X509_NAME_get_index_by_OBJ(subject, wanted, -1), length;
	unsigned char *utf8 = NULL;
	const char *text = NULL;

	ASN1_OBJECT_free(wanted);
	if (at < 0)
		return NULL;
	length =
	    ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
	if (length >= 0)
		text = arena_copy(list->arena, utf8, (size_t)length);
	OPENSSL_free(utf8);
	ERR_clear_error();
	return text;
}

bool certificate_extension(const struct certificates *list, unsigned i, const char *oid,
			   struct span *der)
{
	const X509 *one = certificate_at(list, i);
	ASN1_OBJECT *wanted = OBJ_txt2obj(oid, 1);
	int at = X509_get_ext_by_OBJ(one, wanted, -1);
	bool once = at >= 0 && X509_get_ext_by_OBJ(one, wanted, at) < 0;
	const ASN1_STRING *data;

	ASN1_OBJECT_free(wanted);
	if (!once)
		return false;
	data = X509_EXTENSION_get_data(X509_get_ext(one, at));
	*der = span_make(ASN1_STRING_get0_data(data), (size_t)ASN1_STRING_length(data));
	return true;
}

bool certificate_is_issued(const struct certificates *list, unsigned i, unsigned by)
{
	X509 *child = certificate_at(list, i), *parent = certificate_at(list, by);
	EVP_PKEY *key = X509_get0_pubkey(parent);
	bool issued = X509_check_issued(parent, child) == X509_V_OK && key != NULL &&
		      X509_verify(child, key) == 1;

	ERR_clear_error();
	return issued;
}

/* ---- the path to a root ---- */

/* Roots are self-signed; the dates of all others are the caller's. */
int certificate_pass_dates(int good, X509_STORE_CTX *context)
{
	int error = X509_STORE_CTX_get_error(context);
	X509 *at = X509_STORE_CTX_get_current_cert(context);

	if (!good &&
	    (error == X509_V_ERR_CERT_HAS_EXPIRED || error == X509_V_ERR_CERT_NOT_YET_VALID) &&
	    at != NULL && X509_self_signed(at, 0) == 0) {
		X509_STORE_CTX_set_error(context, X509_V_OK);
		return 1;
	}
	return good;
}

X509_STORE *certificate_store_new(const struct certificates *roots, int64_t now)
{
	X509_STORE *store = X509_STORE_new();

	if (store == NULL)
		return NULL;
	for (unsigned i = 0; i < certificate_count(roots); i++)
		X509_STORE_add_cert(store, certificate_at(roots, i));
	X509_VERIFY_PARAM_set_time(X509_STORE_get0_param(store), (time_t)now);
	X509_VERIFY_PARAM_set_auth_level(X509_STORE_get0_param(store), SECURITY_LEVEL);
	X509_STORE_set_verify_cb(store, certificate_pass_dates);
	return store;
}

int certificate_verify(const struct certificates *list, const struct certificates *roots,
		       int64_t now, struct why *why)
{
	X509_STORE *store = certificate_store_new(roots, now);
	X509_STORE_CTX *context = X509_STORE_CTX_new();
	int status = -1;

	if (store == NULL || context == NULL ||
	    X509_STORE_CTX_init(context, store, certificate_at(list, 0), list->stack) != 1)
		why_set(why, "no memory to verify it");
	else if (X509_verify_cert(context) == 1)
		status = 0;
	else
		why_set(why, "certificate %d of the path: %s",
			X509_STORE_CTX_get_error_depth(context) + 1,
			X509_verify_cert_error_string(X509_STORE_CTX_get_error(context)));
	X509_STORE_CTX_free(context);
	X509_STORE_free(store);
	ERR_clear_error();
	return status;
}

/* ---- of a server ---- */

enum { HOST_FLAGS = X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS };

bool certificate_has_name(const struct certificates *list, unsigned i, const char *host)
{
	return X509_check_host(certificate_at(list, i), host, 0, HOST_FLAGS, NULL) == 1;
}

static X509_STORE *make_web_store(const char *ca_file, int64_t now)
{
	X509_STORE *store = X509_STORE_new();
	X509_VERIFY_PARAM *param;

	if (store == NULL)
		return NULL;
	/* Without roots no path is accepted, which is true. */
	if (ca_file != NULL)
		(void)X509_STORE_load_locations(store, ca_file, NULL);
	else
		(void)X509_STORE_set_default_paths(store);
	param = X509_STORE_get0_param(store);
	X509_VERIFY_PARAM_set_time(param, (time_t)now);
	X509_VERIFY_PARAM_set_purpose(param, X509_PURPOSE_SSL_SERVER);
	return store;
}

int certificate_serves(const struct certificates *list, const char *ca_file, const char *host,
		       int64_t now, struct why *why)
{
	X509_STORE *store = make_web_store(ca_file, now);
	X509_STORE_CTX *context = X509_STORE_CTX_new();
	int status = -1;

	if (store == NULL || context == NULL ||
	    X509_STORE_CTX_init(context, store, certificate_at(list, 0), list->stack) != 1)
		why_set(why, "no memory to verify it");
	else if (X509_verify_cert(context) != 1)
		why_set(why, "certificate %d of the path: %s",
			X509_STORE_CTX_get_error_depth(context) + 1,
			X509_verify_cert_error_string(X509_STORE_CTX_get_error(context)));
	else if (!certificate_has_name(list, 0, host))
		why_set(why, "it has not the name %s", host);
	else
		status = 0;
	X509_STORE_CTX_free(context);
	X509_STORE_free(store);
	ERR_clear_error();
	return status;
}

/* ---- TLSA ---- */

static bool make_data(struct arena *arena, struct span der, unsigned matching, struct span *data)
{
	const EVP_MD *const kinds[] = {NULL, EVP_sha256(), EVP_sha512()};
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned size = 0;

	if (matching > 2)
		return false;
	if (matching == 0) {
		*data = span_make(arena_copy(arena, der.p, span_len(der)), span_len(der));
		return true;
	}
	if (EVP_Digest(der.p, span_len(der), digest, &size, kinds[matching], NULL) != 1)
		return false;
	*data = span_make(arena_copy(arena, digest, size), size);
	return true;
}

bool certificate_tlsa_data(const struct certificates *list, unsigned i, unsigned selector,
			   unsigned matching, struct span *data)
{
	X509 *one = certificate_at(list, i);
	unsigned char *der = NULL;
	bool made;
	int length;

	if (selector > 1)
		return false;
	length =
	    selector == 0 ? i2d_X509(one, &der) : i2d_X509_PUBKEY(X509_get_X509_PUBKEY(one), &der);
	made = length > 0 && make_data(list->arena, span_make(der, (size_t)length), matching, data);
	OPENSSL_free(der);
	return made;
}

bool certificate_matches_tlsa(const struct certificates *list, unsigned i, unsigned selector,
			      unsigned matching, struct span data)
{
	struct span own;

	return certificate_tlsa_data(list, i, selector, matching, &own) && span_same(own, data);
}

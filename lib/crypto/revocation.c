/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * OpenSSL looks for the list of each certificate on the path among those it is given, and checks
 * its issuer, signature, dates and scope (partitioned lists, reasons). Left to us: that a list must
 * say when it is replaced, since one that does not would count for ever.
 */
#include "lib/crypto/revocation.h"

#include <assert.h>
#include <limits.h>
#include <string.h>

#include "lib/crypto/chain.h"

/* ---- where the lists are ---- */

static bool is_web_uri(struct span uri)
{
	for (const char *p = uri.p; p < uri.end; p++)
		if (*p <= ' ' || *p > '~')
			return false;
	return span_istarts(uri, "http://") || span_istarts(uri, "https://");
}

static unsigned add_names(struct arena *arena, const GENERAL_NAMES *names, const char **uris,
			  unsigned count)
{
	for (int i = 0; i < sk_GENERAL_NAME_num(names) && count < REVOCATION_URIS_MAX; i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
		const ASN1_STRING *text;
		struct span uri;

		if (name->type != GEN_URI)
			continue;
		text = name->d.uniformResourceIdentifier;
		uri = span_make(ASN1_STRING_get0_data(text), (size_t)ASN1_STRING_length(text));
		if (is_web_uri(uri))
			uris[count++] = arena_span(arena, uri);
	}
	return count;
}

unsigned revocation_uris(const struct certificates *list, unsigned i,
			 const char *uris[REVOCATION_URIS_MAX])
{
	CRL_DIST_POINTS *points =
	    X509_get_ext_d2i(certificate_at(list, i), NID_crl_distribution_points, NULL, NULL);
	unsigned count = 0;

	for (int n = 0; points != NULL && n < sk_DIST_POINT_num(points); n++) {
		const DIST_POINT *point = sk_DIST_POINT_value(points, n);

		if (point->distpoint != NULL && point->distpoint->type == 0)
			count =
			    add_names(list->arena, point->distpoint->name.fullname, uris, count);
	}
	CRL_DIST_POINTS_free(points);
	ERR_clear_error();
	return count;
}

bool revocation_is_root(const struct certificates *list, unsigned i)
{
	bool root = X509_self_signed(certificate_at(list, i), 1) == 1;

	ERR_clear_error();
	return root;
}

/* ---- the lists ---- */

static int refuse_password(char *text, int size, int writing, void *arg)
{
	(void)text, (void)size, (void)writing, (void)arg;
	return -1;
}

static X509_CRL *read_list(struct span bytes)
{
	const unsigned char *p = (const unsigned char *)bytes.p;
	X509_CRL *crl;
	BIO *bio;

	if (span_len(bytes) > INT_MAX)
		return NULL;
	crl = d2i_X509_CRL(NULL, &p, (long)span_len(bytes));
	if (crl != NULL && p == (const unsigned char *)bytes.end)
		return crl;
	X509_CRL_free(crl);
	bio = BIO_new_mem_buf(bytes.p, (int)span_len(bytes));
	crl = bio == NULL ? NULL : PEM_read_bio_X509_CRL(bio, NULL, refuse_password, NULL);
	BIO_free(bio);
	return crl;
}

static int64_t seconds_from(const ASN1_TIME *time, int64_t now)
{
	ASN1_TIME *from = ASN1_TIME_set(NULL, (time_t)now);
	int days = 0, seconds = 0;

	if (from == NULL || ASN1_TIME_diff(&days, &seconds, from, time) != 1)
		days = seconds = 0;
	ASN1_TIME_free(from);
	return (int64_t)days * 86400 + seconds;
}

/* Lists that do not say when they are replaced are left out. */
static STACK_OF(X509_CRL) *
    read_lists(const struct span *lists, unsigned count, int64_t now, int64_t *until)
{
	STACK_OF(X509_CRL) *stack = sk_X509_CRL_new_null();

	*until = 0;
	for (unsigned i = 0; stack != NULL && i < count; i++) {
		X509_CRL *crl = read_list(lists[i]);
		int64_t left;

		if (crl == NULL || X509_CRL_get0_nextUpdate(crl) == NULL ||
		    sk_X509_CRL_push(stack, crl) <= 0) {
			X509_CRL_free(crl);
			continue;
		}
		left = seconds_from(X509_CRL_get0_nextUpdate(crl), now);
		if (left > 0 && (*until == 0 || now + left < *until))
			*until = now + left;
	}
	ERR_clear_error();
	return stack;
}

/* ---- the path ---- */

/* OpenSSL asks for a list of the root, too. */
static int pass_root(int good, X509_STORE_CTX *context)
{
	X509 *at = X509_STORE_CTX_get_current_cert(context);

	if (!good && X509_STORE_CTX_get_error(context) == X509_V_ERR_UNABLE_TO_GET_CRL &&
	    at != NULL && X509_self_signed(at, 0) == 1) {
		X509_STORE_CTX_set_error(context, X509_V_OK);
		return 1;
	}
	return certificate_pass_dates(good, context);
}

static enum revocation judge_path(X509_STORE_CTX *context, struct why *why)
{
	int error;

	if (X509_verify_cert(context) == 1)
		return REVOCATION_NONE;
	error = X509_STORE_CTX_get_error(context);
	why_set(why, "certificate %d of the path: %s", X509_STORE_CTX_get_error_depth(context) + 1,
		X509_verify_cert_error_string(error));
	return error == X509_V_ERR_CERT_REVOKED ? REVOCATION_REVOKED : REVOCATION_UNKNOWN;
}

enum revocation revocation_check(const struct certificates *list, const struct certificates *roots,
				 const struct span *lists, unsigned count, int64_t now,
				 int64_t *until, struct why *why)
{
	X509_STORE *store = certificate_store_new(roots, now);
	X509_STORE_CTX *context = X509_STORE_CTX_new();
	STACK_OF(X509_CRL) *stack = read_lists(lists, count, now, until);
	enum revocation result = REVOCATION_UNKNOWN;

	assert(count <= REVOCATION_LISTS_MAX);
	if (store == NULL || context == NULL || stack == NULL ||
	    X509_STORE_CTX_init(context, store, certificate_at(list, 0), list->stack) != 1) {
		why_set(why, "no memory to check for revocation");
	} else {
		X509_STORE_CTX_set0_crls(context, stack);
		X509_STORE_CTX_set_flags(context,
					 X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
		X509_STORE_CTX_set_verify_cb(context, pass_root);
		result = judge_path(context, why);
	}
	X509_STORE_CTX_free(context);
	X509_STORE_free(store);
	sk_X509_CRL_pop_free(stack, X509_CRL_free);
	ERR_clear_error();
	return result;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A policy from its web server: GET https://mta-sts.DOMAIN/.well-known/mta-sts.txt (RFC 8461
 * section 3.3).
 *
 * Status 200 and nothing else, no redirect, no HTTP cache; the certificate is valid for that host
 * by the roots of this one; text/plain; at most STS_POLICY_MAX bytes; TLS 1.2 or later; no proxy.
 * The host is chosen by strangers: only addresses that the Internet can reach are connected to, and
 * only port 443.
 */
#ifndef TLS_FETCH_H
#define TLS_FETCH_H

#include <stdbool.h>
#include <stdio.h>

#include "lib/arena.h"
#include "lib/ip.h"
#include "lib/name.h"
#include "lib/span.h"
#include "lib/why.h"
#include "tls/dial.h"

enum { FETCH_ADDRESSES_MAX = DIAL_ADDRESSES_MAX };

struct fetch_request {
	const char *domain;         /* A-labels, lower case */
	const struct ip *addresses; /* of mta-sts.DOMAIN, as DNS has them */
	unsigned count;
	const char *ca_file; /* of root certificates; NULL: the system's */
	int64_t timeout;     /* nanoseconds, for all of it */
};

/* As a TLS-RPT report calls it (RFC 8460 section 4.3.2.2). */
enum fetch_outcome {
	FETCH_DONE,
	FETCH_ERROR,       /* sts-policy-fetch-error: no answer, or another one than 200 */
	FETCH_CERTIFICATE, /* sts-webpki-invalid */
	FETCH_INVALID      /* sts-policy-invalid */
};
extern const struct name_code fetch_outcome_names[];

/* Any document, by the same rules. What proves itself, as a revocation list does by its signature,
 * may also come by HTTP from port 80. */
struct fetch_document {
	const char *url;            /* "https://HOST/..." */
	bool http;                  /* it is "http://HOST/..." */
	const char *host;           /* of the URL */
	const struct ip *addresses; /* of HOST, as DNS has them */
	unsigned count;
	const char *ca_file;
	int64_t timeout;
	size_t limit;           /* bytes */
	FILE *post;             /* what is sent, from its beginning to where it stands; NULL: GET */
	const char *media_type; /* of that */
	bool trust_any;         /* the host proves nothing: for what does not ask who reads it */
	/* what came */
	bool reached;     /* the host was: what is wrong is not the way to it */
	long status;      /* of HTTP; 0: there was no answer */
	const char *type; /* as the server says; or NULL */
	struct span body;
};

/* Blocks. FETCH_INVALID: it is longer than its limit. What came lives in ARENA. */
enum fetch_outcome fetch_document(struct fetch_document *document, struct arena *arena,
				  struct why *why);

/* Whether what came is a policy: text/plain, and valid. FETCH_DONE: *TEXT, in ARENA. */
enum fetch_outcome fetch_check_policy(const struct fetch_document *document, struct arena *arena,
				      const char **text, struct why *why);

const char *fetch_policy_host(struct arena *arena, const char *domain); /* mta-sts.DOMAIN */
const char *fetch_policy_url(struct arena *arena, const char *domain);

/* Blocks. FETCH_DONE: *TEXT, in ARENA, is a valid policy; else WHY says what is wrong. */
enum fetch_outcome fetch_policy(const struct fetch_request *request, struct arena *arena,
				const char **text, struct why *why);

#endif

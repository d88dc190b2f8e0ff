/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One TLS session with another domain's mail server, or the failure of one, as a TLS report counts
 * it (RFC 8460 sections 4.2 to 4.4). A policy and a failure are the JSON objects of the report.
 */
#ifndef REPORT_TLS_SESSION_H
#define REPORT_TLS_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/arena.h"
#include "lib/name.h"

enum { SESSION_POLICY_MAX = 8192, SESSION_DETAIL_MAX = 2048, SESSION_TEXT_MAX = 512 };

enum session_source {
	SESSION_TLSRPT,  /* Postfix 3.10 and later told it */
	SESSION_DERIVED, /* read from Postfix's log: what it does not have is left out */
	SESSION_OWN      /* a policy that could not be fetched, DNS that could not be trusted */
};
extern const struct name_code session_source_names[]; /* "tlsrpt" "derived" "own" */

/* A failed session may have several details, or none. */
enum session_kind { SESSION_DONE, SESSION_FAILED, SESSION_DETAIL };
extern const struct name_code session_kind_names[]; /* "successful" "failed" "detail" */

/* Section 4.4: policy-type, and section 4.3: result-type; the codes are those of libtlsrpt. */
enum session_policy { SESSION_TLSA = 1, SESSION_STS = 2, SESSION_NO_POLICY = 9 };
extern const struct name_code session_policy_names[];
enum session_result {
	SESSION_NO_STARTTLS = 201,
	SESSION_HOST_MISMATCH,
	SESSION_NOT_TRUSTED,
	SESSION_EXPIRED,
	SESSION_INVALID,
	SESSION_STS_FETCH = 301,
	SESSION_STS_INVALID,
	SESSION_STS_WEBPKI,
	SESSION_TLSA_INVALID,
	SESSION_DNSSEC_INVALID,
	SESSION_DANE_REQUIRED
};
extern const struct name_code session_result_names[];

struct session {
	const char *domain; /* of the recipients, A-labels, lower case */
	const char *policy;
	enum session_kind kind;
	const char *detail; /* SESSION_DETAIL, else "" */
	enum session_source source;
	int64_t count;
};
typedef void session_take(void *arg, const struct session *session);

struct session_texts {
	const char **items;
	unsigned count;
};

/* At most SESSION_POLICY_MAX bytes: what does not fit is left out. Strings live in ARENA. */
const char *session_policy_text(struct arena *arena, enum session_policy type, const char *domain,
				const struct session_texts *lines,
				const struct session_texts *hosts);

/* NULL members are left out; at most SESSION_DETAIL_MAX bytes. */
struct session_detail {
	enum session_result result;
	const char *sending_ip, *mx_host, *mx_helo, *receiving_ip, *information, *reason;
};
const char *session_detail_text(struct arena *arena, const struct session_detail *detail);

#endif

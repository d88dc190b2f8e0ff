/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A DKIM-Signature field, parsed (RFC 6376 section 3.5, RFC 8301, RFC 8463, RFC 8616): the gate.
 * Nothing reaches a verifier that this parser has not accepted. The two fields of ARC that are
 * signatures too (RFC 8617 section 4.1) have the same tags but for a few.
 *
 * What is refused gets its result here:
 *   AUTH_PERMERROR  what RFC 6376 section 6.1.1 calls PERMFAIL: broken syntax, a missing or a
 *                   repeated tag, a rule between tags; and rsa-sha1 (RFC 8301 section 3.1)
 *   AUTH_NEUTRAL    what may be right, but cannot be verified here: an algorithm or a
 *                   canonicalisation unknown to us (to be ignored: sections 3.3.4 and 3.4), or a
 *                   field or an i= that is too long
 */
#ifndef POLICY_DKIM_SIGNATURE_H
#define POLICY_DKIM_SIGNATURE_H

#include <stdint.h>

#include "lib/arena.h"
#include "lib/span.h"
#include "lib/why.h"
#include "policy/result/verdict.h"

enum dkimsig_alg { DKIMSIG_RSA_SHA256, DKIMSIG_ED25519_SHA256, DKIMSIG_RSA_SHA1, DKIMSIG_UNKNOWN };
enum dkimsig_canon { DKIMSIG_SIMPLE, DKIMSIG_RELAXED };

/* Which field: DKIM-Signature, ARC-Message-Signature (no v=; i= is the instance), ARC-Seal (no bh=
 * and no h= either; cv=). */
enum dkimsig_kind { DKIMSIG_DKIM, DKIMSIG_ARC_MESSAGE, DKIMSIG_ARC_SEAL, DKIMSIG_KINDS };

/* cv= of a seal: RFC 8617 section 4.4. */
enum dkimsig_chain { DKIMSIG_CV_NONE, DKIMSIG_CV_FAIL, DKIMSIG_CV_PASS };

enum {
	DKIMSIG_FIELD_MAX = 32768, /* bytes of the field's value */
	DKIMSIG_IDENTITY_MAX = 512 /* bytes of i= */
};

struct dkimsig {
	const char *domain;          /* d=, A-labels, lower case */
	const char *selector;        /* s= */
	const char *identity;        /* i= as in the field, without blanks; or NULL */
	const char *identity_domain; /* the domain of i= (that of d= without one), A-labels */
	const char *algorithm;       /* a= as in the field */
	enum dkimsig_alg alg;
	enum dkimsig_canon header_canon, body_canon;
	struct span headers;         /* h= as in the field */
	unsigned header_names;       /* how many names h= has */
	unsigned signatures;         /* how many of them are "DKIM-Signature" */
	struct span signature;       /* b= with its blanks, as in the field */
	struct span body_hash;       /* bh= likewise */
	const char *short_signature; /* the first 8 characters of b= without blanks */
	bool has_length;
	uint64_t length;          /* l=; UINT64_MAX for anything that does not fit */
	int64_t timestamp;        /* t=, or -1 */
	int64_t expires;          /* x=, or -1; -1 also for more than 12 digits: never */
	unsigned instance;        /* ARC: i=, 1 to 50; 0 when it could not be read */
	enum dkimsig_chain chain; /* of an ARC-Seal */
};

/*
 * VALUE: the field's value as it came (folded). AUTH_NONE: accepted, all of SIG is set. Otherwise
 * the result that the signature gets, WHY says why, and what could be read of SIG is set (texts
 * are never NULL but identity).
 */
enum auth_result dkimsig_parse(struct arena *arena, struct span value, struct dkimsig *sig,
			       struct why *why);

/* The same for any of the kinds; dkimsig_parse is for DKIMSIG_DKIM. */
enum auth_result dkimsig_parse_kind(struct arena *arena, enum dkimsig_kind kind, struct span value,
				    struct dkimsig *sig, struct why *why);

/* Takes the next name off h= (start with *rest = sig->headers, *more = true). */
bool dkimsig_next_name(struct span *rest, bool *more, struct span *name);

#endif

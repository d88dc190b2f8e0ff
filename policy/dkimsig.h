/*
 * A DKIM-Signature field, parsed (RFC 6376 section 3.5, RFC 8301, RFC 8463, RFC 8616): the gate.
 * Nothing reaches a verifier that this parser has not accepted.
 *
 * What is refused gets its result here:
 *   AUTH_PERMERROR  what RFC 6376 section 6.1.1 calls PERMFAIL: broken syntax, a missing or a
 *                   repeated tag, a rule between tags; and rsa-sha1 (RFC 8301 section 3.1)
 *   AUTH_NEUTRAL    what may be right, but cannot be verified here: an algorithm or a
 *                   canonicalisation unknown to us (to be ignored: sections 3.3.4 and 3.4), or a
 *                   field or an i= that is too long
 */
#ifndef POLICY_DKIMSIG_H
#define POLICY_DKIMSIG_H

#include <stdint.h>

#include "lib/arena.h"
#include "lib/span.h"
#include "lib/why.h"
#include "policy/verdict.h"

enum dkimsig_alg { DKIMSIG_RSA_SHA256, DKIMSIG_ED25519_SHA256, DKIMSIG_RSA_SHA1, DKIMSIG_UNKNOWN };
enum dkimsig_canon { DKIMSIG_SIMPLE, DKIMSIG_RELAXED };

enum {
	DKIMSIG_FIELD_MAX = 32768, /* bytes of the field's value */
	DKIMSIG_IDENTITY_MAX = 512 /* bytes of i= */
};

struct dkimsig {
	const char *domain;    /* d=, A-labels, lower case */
	const char *selector;  /* s= */
	const char *identity;  /* i= as in the field, without blanks; or NULL */
	const char *identity_domain; /* the domain of i= (that of d= without one), A-labels */
	const char *algorithm; /* a= as in the field */
	enum dkimsig_alg alg;
	enum dkimsig_canon header_canon, body_canon;
	struct span headers;   /* h= as in the field */
	unsigned header_names; /* how many names h= has */
	unsigned signatures;   /* how many of them are "DKIM-Signature" */
	struct span signature; /* b= with its blanks, as in the field */
	struct span body_hash; /* bh= likewise */
	const char *short_signature; /* the first 8 characters of b= without blanks */
	bool has_length;
	uint64_t length;       /* l=; UINT64_MAX for anything that does not fit */
	int64_t timestamp;     /* t=, or -1 */
	int64_t expires;       /* x=, or -1; -1 also for more than 12 digits: never */
};

/*
 * VALUE: the field's value as it came (folded). AUTH_NONE: accepted, all of SIG is set. Otherwise
 * the result that the signature gets, WHY says why, and what could be read of SIG is set (texts
 * are never NULL but identity).
 */
enum auth_result dkimsig_parse(struct arena *arena, struct span value, struct dkimsig *sig,
			       struct why *why);

/* Takes the next name off h= (start with *rest = sig->headers, *more = true). */
bool dkimsig_next_name(struct span *rest, bool *more, struct span *name);

#endif

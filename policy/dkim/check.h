/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Verifies the DKIM signatures of one message (RFC 6376 section 6). Fed in order: every header
 * field, the end of the header, the body, the end.
 *
 * The rules are the same for both engines, which hash and verify: the native one
 * (policy/dkim/native.h) and libopendkim (policy/dkim/opendkim_engine.h). With both, the native
 * engine decides, and OUT->disagreements lists the signatures on which libopendkim differs.
 *
 * Key lookups start when a signature's field arrives. dkimcheck_finish() waits for the keys.
 *
 * Results, in the terms of RFC 8601 section 2.7.1:
 *   pass       the signature is good and its key may be used
 *   fail       it does not match the message or the key; nothing else is a fail
 *   policy     good or not, it is not accepted here: expired (x=), from the future (t=), a key
 *              shorter than min_rsa_bits, and good ones of a body with a LF alone, or with l=
 *              short of the body, a t=y key or fields added above where the rules say so
 *   permerror  it can never be verified: refused by the gate (policy/dkim/signature.h), no key, a
 *              revoked key, more than one key, a key that does not allow it or is under 1024 bits,
 *              l= beyond the body
 *   temperror  the answer for its key did not come
 *   neutral    it may be good, but cannot be verified here (most of all by libopendkim); WHY says
 *              what stands in the way
 */
#ifndef POLICY_DKIM_CHECK_H
#define POLICY_DKIM_CHECK_H

#include "dns/dns.h"
#include "lib/arena.h"
#include "policy/dkim/engine.h"
#include "policy/dkim/keycache.h"
#include "policy/result/verdict.h"

/* What the engines share between messages: one for the process's life, shared by all threads. */
struct dkimcheck_engine;

enum dkimcheck_choice { DKIMCHECK_NATIVE, DKIMCHECK_OPENDKIM, DKIMCHECK_BOTH };

struct dkimcheck_rules {
	enum dkimcheck_choice engine;
	unsigned max_signatures;  /* looked at; the rest is counted as ignored */
	unsigned min_rsa_bits;    /* at least 1024 (RFC 8301 section 3.2) */
	bool accept_partial_body; /* false: l= short of the body gives AUTH_POLICY */
	bool accept_testing_keys; /* false: a pass with a t=y key becomes AUTH_POLICY */
	bool accept_added_fields; /* false: a pass over a repeated Subject, To ... of which not
				     every one is signed becomes AUTH_POLICY
				     (policy/dkim/addition.h) */
	int64_t clock_drift;      /* seconds granted to t= and x= */
	bool explain;             /* keep how each signature was judged (dkim_verdict.steps) */
};

struct dkimcheck_engine *dkimcheck_engine_new(struct why *why);
void dkimcheck_engine_free(struct dkimcheck_engine *engine);
void dkimcheck_engine_flush(struct dkimcheck_engine *engine); /* forgets decoded keys; any thread */

struct dkimcheck;

/* All of it lives in ARENA and in SCOPE; RULES is copied. NOW: wall seconds. */
struct dkimcheck *dkimcheck_new(struct dkimcheck_engine *engine,
				const struct dkimcheck_rules *rules, struct arena *arena,
				struct dns_scope *scope, int64_t now);

/* NAME as in the message; VALUE: everything after the colon, exactly (with its first blank),
 * folds as CRLF. Returns the field as it is kept. */
const struct dkimengine_field *dkimcheck_header(struct dkimcheck *check, struct span name,
						struct span value);

/*
 * Before the end of the header: enrols a signature that is not a DKIM signature, but is verified in
 * the same pass over the message (ARC-Message-Signature), by the native engine; at most one. The
 * caller sets the task's key before dkimcheck_finish, and finds the result there afterwards.
 */
struct dkimengine_task *dkimcheck_enrol(struct dkimcheck *check,
					const struct dkimengine_field *field,
					const struct dkimsig *sig);
/* After the body: why no signature over it passes, however good it is; or NULL. */
const char *dkimcheck_body_fault(const struct dkimcheck *check);
/* The name of a field that was added above what SIG signs, when such are not accepted; or NULL. */
const char *dkimcheck_added_field(const struct dkimcheck *check, const struct dkimsig *sig);
struct keycache *dkimcheck_keys(const struct dkimcheck *check); /* decoded keys, shared */
const struct dkimengine_field *dkimcheck_fields(const struct dkimcheck *check); /* the header */

/* AUTHOR: the From domain (may be NULL): signatures aligned with it are looked at first. */
void dkimcheck_end_of_headers(struct dkimcheck *check, const char *author);
void dkimcheck_body(struct dkimcheck *check, struct span chunk); /* any split */

/* True when the rest of the body changes nothing (no signature is left to verify). */
bool dkimcheck_body_done(const struct dkimcheck *check);

/* Fills OUT->dkim, dkim_count, dkim_ignored; one verdict for each signature looked at. Adds to
 * OUT->disagreements. */
void dkimcheck_finish(struct dkimcheck *check, struct verdict *out);

/* For starting DMARC tree walks early: d= of the I-th signature that passed the gate, or NULL. */
const char *dkimcheck_domain(const struct dkimcheck *check, unsigned i);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The native engine: RFC 6376 sections 3.4 to 3.7 and 6.1.3, RFC 8463, RFC 8616. It shares the
 * canonicalization and the cryptography with the signer (policy/dkim/sign.h), and refuses nothing
 * that has passed the gate but RSA keys over CRYPT_RSA_MAX_BITS.
 *
 * Cost: the body is hashed once for each of the two canonicalizations that is asked for, however
 * many signatures and lengths (l=) there are; a field is put into relaxed form once; a key is
 * decoded once for all messages.
 */
#ifndef POLICY_DKIM_NATIVE_H
#define POLICY_DKIM_NATIVE_H

#include "lib/crypto/type.h"
#include "policy/dkim/engine.h"
#include "policy/dkim/keycache.h"

extern const struct dkimengine dkimnative_engine; /* SHARED: a struct keycache */

/* Do TASK's key and signature fit DIGEST, the hash of what it signs? GOOD, BAD_SIGNATURE or, with
 * task->why, REFUSED. For signatures that cover no body (ARC-Seal). */
enum dkimengine_result dkimnative_verify(struct keycache *keys, struct arena *arena,
					 struct dkimengine_task *task,
					 const uint8_t digest[CRYPT_DIGEST_LEN]);

#endif

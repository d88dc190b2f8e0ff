/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What DNS said of a signature's key, judged: may the signature be verified with it? One place for
 * DKIM and for ARC, whatever verifies then.
 */
#ifndef POLICY_DKIM_JUDGE_H
#define POLICY_DKIM_JUDGE_H

#include "dns/dns.h"
#include "lib/arena.h"
#include "policy/dkim/key.h"
#include "policy/dkim/signature.h"

enum { KEYJUDGE_RSA_BITS_LEAST = 1024 }; /* RFC 8301 section 3.2 */

/* SELECTOR._domainkey.DOMAIN (RFC 6376 section 3.6.2.1) */
const char *keyjudge_name(struct arena *arena, const struct dkimsig *sig);

/*
 * AUTH_NONE: KEY may be used. Else the result for the signature, and *WHY (in ARENA) says why:
 * temperror for an answer that did not come, permerror for no key, several, one that does not
 * allow this signature or is too short, policy for one under MIN_RSA_BITS. KEY is set whenever
 * there is exactly one.
 */
enum auth_result keyjudge(struct arena *arena, const char *name, const struct dns_answer *answer,
			  const struct dkimsig *sig, unsigned min_rsa_bits, struct dkimkey *key,
			  const char **why);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/* The rules of RFC 6376 sections 3.6.1, 3.6.2 and 6.1.2, and of RFC 8301. */
#include "policy/dkim/judge.h"

#include <assert.h>

#include "mail/domain.h"

const char *keyjudge_name(struct arena *arena, const struct dkimsig *sig)
{
	return arena_printf(arena, "%s._domainkey.%s", sig->selector, sig->domain);
}

/* RFC 6376 section 3.6.2.2: more than one record is undefined; but other TXT records (a wildcard)
 * may stand beside the key. NULL, or what is wrong. */
static const char *pick_record(struct arena *arena, const char *name,
			       const struct dns_answer *answer, struct dkimkey *key)
{
	unsigned good = 0;
	struct why why, first = {""};

	for (unsigned i = 0; i < answer->count; i++) {
		struct span text = span_make(answer->records[i].text, answer->records[i].length);
		struct dkimkey one;

		if (dkimkey_parse(arena, text, &one, &why) == 0) {
			*key = one;
			good++;
		} else if (first.text[0] == '\0') {
			first = why;
		}
	}
	if (good > 1)
		return arena_printf(arena, "%u key records at %s (RFC 6376 section 3.6.2.2)", good,
				    name);
	if (good == 0)
		return arena_printf(
		    arena, "the record at %s is not a valid key: %s (RFC 6376 section 3.6.1)", name,
		    first.text);
	return NULL;
}

/* RFC 6376 sections 3.6.1 and 6.1.2: does the record allow this signature? */
static const char *record_refusal(const struct dkimsig *sig, const struct dkimkey *key)
{
	bool rsa = sig->alg == DKIMSIG_RSA_SHA256;

	if (key->length == 0)
		return "the key is revoked: its p= is empty (RFC 6376 section 3.6.1)";
	if (rsa != (key->type == DKIMKEY_RSA))
		return "the key's k= does not match the signature's a= (RFC 6376 section 6.1.2)";
	if (!key->sha256)
		return "the key's h= does not include sha256 (RFC 6376 section 6.1.2)";
	if (!key->email)
		return "the key's s= does not include email (RFC 6376 section 3.6.1)";
	if (key->strict && !domain_equal(sig->identity_domain, sig->domain))
		return "the key's t=s requires the domain of i= to be d= (RFC 6376 section 3.6.1)";
	return NULL;
}

static enum auth_result judge_size(struct arena *arena, unsigned min_rsa_bits,
				   const struct dkimkey *key, const char **why)
{
	if (key->type != DKIMKEY_RSA)
		return AUTH_NONE;
	if (key->bits < KEYJUDGE_RSA_BITS_LEAST) {
		*why = arena_printf(
		    arena, "an RSA key of %u bits is too short (RFC 8301 section 3.2)", key->bits);
		return AUTH_PERMERROR;
	}
	if (key->bits < min_rsa_bits) {
		*why = arena_printf(arena,
				    "an RSA key of %u bits is shorter than the %u required here",
				    key->bits, min_rsa_bits);
		return AUTH_POLICY;
	}
	return AUTH_NONE;
}

enum auth_result keyjudge(struct arena *arena, const char *name, const struct dns_answer *answer,
			  const struct dkimsig *sig, unsigned min_rsa_bits, struct dkimkey *key,
			  const char **why)
{
	assert(answer != NULL && min_rsa_bits >= KEYJUDGE_RSA_BITS_LEAST);
	if (answer->status == DNS_TEMPFAIL) {
		*why =
		    arena_printf(arena, "no answer for the key at %s: %s (RFC 6376 section 6.1.2)",
				 name, answer->reason);
		return AUTH_TEMPERROR;
	}
	if (answer->status != DNS_DATA)
		*why = arena_printf(arena, "no key at %s (RFC 6376 section 6.1.2)", name);
	else
		*why = pick_record(arena, name, answer, key);
	if (*why == NULL)
		*why = record_refusal(sig, key);
	return *why != NULL ? AUTH_PERMERROR : judge_size(arena, min_rsa_bits, key, why);
}

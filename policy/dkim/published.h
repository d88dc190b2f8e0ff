/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Does the DNS have the record that belongs to one of our private keys (RFC 6376 section 3.6.2)?
 */
#ifndef POLICY_DKIM_PUBLISHED_H
#define POLICY_DKIM_PUBLISHED_H

#include "dns/dns.h"
#include "keys/keyring.h"
#include "lib/arena.h"

enum published {
	PUBLISHED_MATCHES, /* one record, and verifiers will accept it for mail */
	PUBLISHED_DIFFERS, /* another key, several records, or one that verifiers refuse */
	PUBLISHED_ABSENT,
	PUBLISHED_REVOKED, /* an empty p= */
	PUBLISHED_UNKNOWN  /* the DNS did not answer */
};
const char *published_text(enum published published);

/* Starts the lookup of KEY's record. */
struct dns_lookup *published_start(struct dns_scope *scope, const struct signing_key *key);

/* What the answer says of KEY. *DETAIL lives in ARENA: what is wrong, or worth knowing; or NULL. */
enum published published_judge(const struct dns_answer *answer, const struct signing_key *key,
			       struct arena *arena, const char **detail);

#endif

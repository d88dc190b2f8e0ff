/*
 * Signs one outbound message with one or several keys in one pass (RFC 6376 section 5).
 * Fed like dkimcheck: every header field, then the body; gives the DKIM-Signature fields.
 */
#ifndef POLICY_SIGNER_H
#define POLICY_SIGNER_H

#include "lib/arena.h"
#include "policy/keyring.h"

struct signer_rules {
	enum dkimsig_canon header_canon, body_canon;
	const char *const *oversign; /* names listed once more than they occur */
	unsigned oversign_count;
	const char *const *headers;  /* names signed where they occur; 0: those of section 5.4.1 */
	unsigned header_count;
	int64_t expire;              /* seconds from t= to x=; 0: no x= */
	bool timestamp;              /* t= */
};

struct signer;

struct signer *signer_new(const struct signer_rules *rules, struct arena *arena, int64_t now);

/* As dkimcheck_header. */
void signer_header(struct signer *signer, struct span name, struct span value);
void signer_body(struct signer *signer, struct span chunk);

/*
 * The value of the DKIM-Signature field for KEY, folded with CRLF HTAB, without the name and the
 * first blank. May be called for several keys after the body; the body was hashed once.
 * IDENTITY_DOMAIN: d= (the key's domain, or a domain it signs for its parent: then d= is the key's
 * domain all the same). NULL with a reason on failure.
 */
const char *signer_finish(struct signer *signer, const struct signing_key *key, struct why *why);

#endif

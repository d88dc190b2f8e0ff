/*
 * Signs one message of ours: which keys, whether the sender may have them, and the fields.
 */
#ifndef POLICY_OUTBOUND_H
#define POLICY_OUTBOUND_H

#include "lib/arena.h"
#include "lib/name.h"
#include "policy/keyring.h"
#include "policy/origin.h"
#include "policy/signer.h"

/* Which domains a login may sign for; with a map, nothing else lets an authenticated sender sign. */
struct outbound_login {
	const char *login;
	const char *const *domains;
	unsigned domain_count;
};

/* Immutable while any message uses it. */
struct outbound_rules {
	bool enabled;
	struct keyring *keyring;
	bool subdomains;
	struct signer_rules signer;
	const struct outbound_login *logins;
	unsigned login_count;
};

struct outbound_sender {
	enum origin origin;    /* not ORIGIN_INBOUND */
	const char *login;     /* {auth_authen}, or NULL */
	const char *mail_from; /* without <> */
};

/* Why a message was not signed, for counting. */
enum outbound_reason {
	OUTBOUND_SIGNED,
	OUTBOUND_DISABLED,    /* sign.enabled, or a message that is not to be signed again */
	OUTBOUND_NO_KEYS,     /* there is not a single one */
	OUTBOUND_BAD_FROM,    /* none, several or malformed author */
	OUTBOUND_NO_KEY,      /* for this domain */
	OUTBOUND_KEY_PENDING,
	OUTBOUND_KEY_RETIRED, /* or revoked */
	OUTBOUND_SENDER,      /* this sender may not have the domain's signature */
	OUTBOUND_FAILED,      /* the signature could not be made */
	OUTBOUND_REASONS
};
extern const struct name_code outbound_reason_names[];

struct outbound_signature {
	const char *domain;
	enum crypt_type type;
};

struct outbound_result {
	const char **fields; /* values of the DKIM-Signature fields, in the order to insert */
	unsigned field_count;
	const char *author_domain; /* or "" */
	const char *signatures;    /* for the log: "example.com/s1/rsa-sha256,..." or NULL */
	struct outbound_signature *made; /* FIELD_COUNT of them */
	const char *why;           /* why not signed (or not with all keys); NULL: signed */
	enum outbound_reason reason;
};

struct outbound;

struct outbound *outbound_new(const struct outbound_rules *rules,
			      const struct outbound_sender *sender, struct arena *arena,
			      int64_t now);
void outbound_header(struct outbound *outbound, struct span name, struct span value);
void outbound_end_of_headers(struct outbound *outbound);

/* After the header: this message is not to be signed, for a reason the caller knows. */
void outbound_decline(struct outbound *outbound, const char *why);
void outbound_body(struct outbound *outbound, struct span chunk);
bool outbound_body_done(const struct outbound *outbound); /* nothing will be signed */
void outbound_finish(struct outbound *outbound, struct outbound_result *result);

#endif

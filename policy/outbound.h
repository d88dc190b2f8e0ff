/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Signs one outbound message: which keys, whether the sender may use them, and the fields.
 */
#ifndef POLICY_OUTBOUND_H
#define POLICY_OUTBOUND_H

#include "keys/keyring.h"
#include "lib/arena.h"
#include "lib/name.h"
#include "mail/domain.h"
#include "policy/dkim/sign.h"
#include "policy/listmail.h"
#include "policy/origin.h"

/* Which domains a login may sign for; with a map, nothing else lets an authenticated sender sign.
 */
struct outbound_login {
	const char *login;  /* one, where the next two say nothing else */
	bool every;         /* every login */
	const char *domain; /* every login of this domain (alice@DOMAIN); or NULL */
	const struct domain_pattern *domains;
	unsigned domain_count;
	bool own_domain; /* and the login's own */
};

/* What makes the author's domain the sender's, where there is no map of logins. */
enum outbound_sender_rule {
	SENDER_LOGIN,    /* the login's domain */
	SENDER_ENVELOPE, /* or MAIL FROM, which the MTA binds to the login */
	SENDER_ANY       /* nothing: who may submit may write as every domain with a key */
};

/* Domains that are agreed to be another name of DOMAIN: its logins may write as them. */
struct outbound_alias {
	const char *domain;
	const struct domain_pattern *aliases;
	unsigned alias_count;
};

/* Mail of DOMAINS has a field BIMI-Selector with SELECTOR, unless it has one of its own. */
struct outbound_selector {
	const struct domain_pattern *domains;
	unsigned domain_count;
	const char *selector;
};

/*
 * Immutable while any message uses it. Patterns "*.example.com" fit what is below it, not itself.
 *
 * A signature needs a fact that makes the author's domain the sender's. For a login: LOGINS, or
 * without them the login's own domain or an alias of that; for a login that names no domain, MAIL
 * FROM, and that only where the MTA checks it (MTA_CHECKS_SENDER, SENDER_ENVELOPE). For a client of
 * a submission service without a login: MAIL FROM, or From with the null sender, as it chooses
 * both. SENDER_ANY is the operator's word that none of this is asked for. For a trusted
 * network: its address; but a message that was judged here before, or came over loopback and has
 * travelled, needs one of our domains in MAIL FROM as well, one that was not on it when it was
 * judged, and an author that did not fail. What a list manager sends on in the name of others is
 * signed as the list's: policy/listmail.h.
 */
struct outbound_rules {
	bool enabled;
	struct keyring *keyring;
	bool subdomains;
	enum outbound_sender_rule sender;
	bool mta_checks_sender;
	bool unclean_body; /* sign what verifiers read differently, too */
	struct signer_rules signer;
	const struct outbound_login *logins;
	unsigned login_count;
	const struct outbound_alias *aliases;
	unsigned alias_count;
	struct list_rules lists;
	const struct outbound_selector *selectors; /* the first that fits */
	unsigned selector_count;
	const char *also;     /* domain whose keys sign, too; NULL: none */
	const char *fallback; /* domain whose keys sign where the author's has none; NULL: none */
	const char
	    *cfbl_address; /* for complaints (policy/cfbl.h), on what is signed; NULL: none */
};

struct outbound_sender {
	enum origin origin; /* one that is not judged */
	struct ip client;
	bool on_socket;
	bool loopback;         /* the client's address is one, or it is on a local socket */
	const char *login;     /* {auth_authen}, or NULL */
	const char *mail_from; /* without <> and without a route */
	bool has_route;   /* MAIL FROM had one (RFC 5321 appendix C), which MTAs read differently */
	const char *host; /* the MTA's name for itself */
	const char *secret; /* of policy/binding.h and policy/cfbl.h; NULL: none yet */
};

/* Why a message was not signed, for counting. */
enum outbound_reason {
	OUTBOUND_SIGNED,
	OUTBOUND_DISABLED, /* sign.enabled */
	OUTBOUND_NO_KEYS,  /* there is not a single one */
	OUTBOUND_BAD_FROM, /* none, several or malformed author */
	OUTBOUND_NO_KEY,   /* for this domain */
	OUTBOUND_KEY_PENDING,
	OUTBOUND_KEY_RETIRED, /* or revoked */
	OUTBOUND_SENDER,      /* this sender may not have the domain's signature */
	OUTBOUND_NOT_OURS,    /* it only passes through this host */
	OUTBOUND_UNCLEAN,     /* a body that no two verifiers read alike */
	OUTBOUND_FAILED,      /* the signature could not be made */
	OUTBOUND_LATER,       /* it is due, and cannot be made now: keys_sign() */
	OUTBOUND_REASONS
};
extern const struct name_code outbound_reason_names[];

struct outbound_signature {
	const char *domain, *selector;
	enum crypt_type type;
};

struct outbound_result {
	const char **fields; /* values of the DKIM-Signature fields, in the order to insert */
	unsigned field_count;
	const char *author_domain;       /* or "" */
	const char *bimi_selector;       /* value of a field to insert, which is signed; or NULL */
	const char *signatures;          /* for the log: "example.com/s1/rsa-sha256,..." or NULL */
	struct outbound_signature *made; /* FIELD_COUNT of them */
	struct arcseal_fields *arc;      /* an ARC set to insert, or NULL */
	const char *sealed_by;           /* its domain */
	const char *cfbl_address;        /* fields to insert, which are signed; or NULL */
	const char *cfbl_feedback_id;
	bool from_list;              /* the results of its arrival have been used */
	const char *why;             /* why not signed (or not with all keys); NULL: signed */
	enum outbound_reason reason; /* LATER also when another key has signed */
};

struct outbound;

struct outbound *outbound_new(const struct outbound_rules *rules,
			      const struct outbound_sender *sender, struct arena *arena,
			      int64_t now);
void outbound_header(struct outbound *outbound, struct span name, struct span value);

/* An Authentication-Results field that carries our name: the message was judged here, or says so.
 */
void outbound_own_results(struct outbound *outbound, struct span value);
void outbound_end_of_headers(struct outbound *outbound);
void outbound_body(struct outbound *outbound, struct span chunk);
bool outbound_body_done(const struct outbound *outbound); /* nothing will be signed */
void outbound_finish(struct outbound *outbound, struct outbound_result *result);

#endif

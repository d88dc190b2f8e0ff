/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Signs one outbound message with one or several keys in one pass (RFC 6376 section 5).
 * Fed like dkimcheck: every header field, then the body; gives the DKIM-Signature fields.
 */
#ifndef POLICY_DKIM_SIGN_H
#define POLICY_DKIM_SIGN_H

#include "keys/sign.h"
#include "lib/arena.h"
#include "policy/dkim/signature.h"
#include "policy/dkim/write.h"

struct signer_rules {
	enum dkimsig_canon header_canon, body_canon;
	const char *const *oversign; /* names listed once more than they occur; not a Date or a
				      * Message-ID that is missing: the MTA may add it */
	unsigned oversign_count;
	const char *const
	    *headers; /* names signed where they occur; none: those of section 5.4.1 */
	unsigned header_count;
	int64_t expire;    /* seconds from t= to x=; 0: no x= */
	bool timestamp;    /* t= */
	unsigned instance; /* 0: a DKIM-Signature; else an ARC-Message-Signature, i= */
};

struct signer;

/* RULES must live as long as the signer. Received, Return-Path, Authentication-Results, ARC-* and
 * DKIM-Signature are never signed, whatever the rules say; From always is, and oversigned. An
 * ARC-Message-Signature signs DKIM-Signature too. */
struct signer *signer_new(const struct signer_rules *rules, struct arena *arena, int64_t now);

/* As dkimcheck_header. */
void signer_header(struct signer *signer, struct span name, struct span value);
/* A field that is inserted at the top together with the signature: it is signed, and no other of
 * its NAME may be added, whatever the rules say. The message has none. */
void signer_insert(struct signer *signer, const char *name, const char *value);
void signer_body(struct signer *signer, struct span chunk);

/* A field on its way: all but its signature is written, and TASK is what keys_sign() has to do. */
struct signer_field {
	struct sigwriter writer;
	struct key_task *task;
};

/* After the body, for each key. TASK is filled in, and must stay until signer_complete(). -1 with a
 * reason: no From field, more names than h= may hold. */
int signer_prepare(struct signer *signer, const struct signing_key *key, struct key_task *task,
		   struct signer_field *field, struct why *why);

/*
 * The value of the DKIM-Signature field (d= and s= are the key's), folded with CRLF HTAB, without
 * the name, the colon and the one blank that follows it: the field is "DKIM-Signature: " VALUE.
 * Lives in the arena. NULL with a reason: the key did not sign.
 */
const char *signer_complete(struct signer_field *field, struct why *why);

/* All of it for one key. */
const char *signer_finish(struct signer *signer, const struct signing_key *key, struct why *why);

#endif

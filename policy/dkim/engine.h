/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What verifies signatures when everything that is a matter of rules is settled
 * (policy/dkim/check.h does that, once for all engines): an engine gets the header, the signatures
 * to verify, the body and the keys of one message, and says of each signature whether hashes and
 * cryptography fit.
 *
 *   begin     when the header has ended. What the engine cannot verify it refuses here, if it can
 *   body      as it came: any split, LF or CRLF (good is then no pass), perhaps no line end at
 *             its end
 *   finish    every task that is still open gets its result; keys are set by now
 *
 * Everything lives in the message's arena.
 */
#ifndef POLICY_DKIM_ENGINE_H
#define POLICY_DKIM_ENGINE_H

#include "dns/dns.h"
#include "lib/arena.h"
#include "policy/dkim/key.h"
#include "policy/dkim/signature.h"

struct dkimengine_field {
	struct dkimengine_field *next;
	struct span text;  /* "Name:value", folds as CRLF, no CRLF at the end */
	struct span name;  /* without the blanks that may stand before the colon */
	struct span value; /* everything after the colon */
	bool is_signature;
	const struct dkimsig *sig; /* of a DKIM-Signature field that passed the gate; else NULL */
};

/* NAME as in the message, with the blanks that may stand before the colon; VALUE: everything after
 * the colon, exactly. A name that begins with a blank cannot match any name. */
struct dkimengine_field *dkimengine_field_new(struct arena *arena, struct span name,
					      struct span value);

enum dkimengine_result {
	DKIMENGINE_OPEN,
	DKIMENGINE_GOOD,
	DKIMENGINE_BAD_SIGNATURE, /* does not match header and key */
	DKIMENGINE_BAD_BODY,      /* matches them, but not the body */
	DKIMENGINE_SHORT_BODY,    /* l= is more than there is */
	DKIMENGINE_REFUSED,       /* this engine cannot verify it; says nothing of the signature */
	DKIMENGINE_BROKEN         /* the engine could not work (memory) */
};

/* A signature to verify, and what the engine made of it. */
struct dkimengine_task {
	const struct dkimengine_field *field; /* its own */
	const struct dkimsig *sig;
	const struct dkimkey *key; /* one that may be used; NULL at the end: no longer wanted */
	enum dkimengine_result result;
	const char *why; /* for people, of REFUSED and BROKEN */
	bool partial;    /* l= is less than there is */
};

struct dkimengine_message {
	struct arena *arena;
	const struct dkimengine_field *fields; /* the whole header, from the top */
	struct dkimengine_task *tasks;
	unsigned count; /* of tasks */
};

struct dkimengine {
	const char *name;

	/* SHARED: what the engine's process keeps for it. Returns its state for this message, which
	 * the others get; MESSAGE stays. */
	void *(*begin)(void *shared, const struct dkimengine_message *message);
	void (*body)(void *state, struct span chunk);
	void (*finish)(void *state);
};

/* One line that tells how the two differ over the same signature, with the field, the key's records
 * (KEY) and the names of the fields that it covers: what it takes, with the message, to see it
 * again. NULL when they do not differ, or when one of them could not verify it. */
const char *dkimengine_disagreement(struct arena *arena, const struct dkimengine *one,
				    const struct dkimengine_task *task,
				    const struct dkimengine *other,
				    const struct dkimengine_task *other_task,
				    const struct dns_answer *key);

#endif

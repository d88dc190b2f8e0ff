/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The pass of one engine (policy/dkim/engine.h) over a message, and the list of the signatures that
 * it serves. Whoever has a signature to verify, DKIM's or ARC's, enrols it before the pass begins,
 * sets the key before it finishes, and reads the result from the task afterwards. A pass in which
 * nobody has enrolled does nothing.
 */
#ifndef POLICY_DKIM_BODYPASS_H
#define POLICY_DKIM_BODYPASS_H

#include <stdbool.h>

#include "policy/dkim/engine.h"

struct bodypass {
	const struct dkimengine *engine;
	void *shared; /* the engine's, see dkimengine.begin */
	struct dkimengine_message message;
	unsigned capacity; /* of message.tasks */
	void *state;       /* the engine's */
	bool begun, finished;
};

/* At most CAPACITY signatures will enrol. */
void bodypass_init(struct bodypass *pass, const struct dkimengine *engine, void *shared,
		   struct arena *arena, unsigned capacity);

/* Before bodypass_begin: FIELD holds SIG. Both must outlive the pass, as the task does. */
struct dkimengine_task *bodypass_enrol(struct bodypass *pass, const struct dkimengine_field *field,
				       const struct dkimsig *sig);

void bodypass_begin(struct bodypass *pass, const struct dkimengine_field *fields); /* the header */
void bodypass_body(struct bodypass *pass, struct span chunk);                      /* any split */
void bodypass_finish(struct bodypass *pass);

#endif

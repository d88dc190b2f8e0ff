/* SPDX-License-Identifier: BSD-2-Clause */
#include "keys/sign.h"

#include <assert.h>

#include "keys/ring.h"

static void sign_here(struct key_task *task, struct arena *arena)
{
	struct why why;

	task->failure = NULL;
	if (signing_key_sign(task->key, task->digest, arena, &task->signature, &why) != 0)
		task->failure = arena_string(arena, why.text);
}

void keys_sign(struct key_task *tasks, unsigned count, struct arena *arena)
{
	const struct key_signer *signer;

	assert(count > 0);
	signer = tasks[0].key->signer;
	for (unsigned i = 0; i < count; i++)
		assert(tasks[i].key->signer == signer);
	if (signer != NULL) {
		signer->sign(signer->arg, tasks, count, arena);
		return;
	}
	for (unsigned i = 0; i < count; i++)
		sign_here(&tasks[i], arena);
}

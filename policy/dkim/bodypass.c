/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/dkim/bodypass.h"

#include <assert.h>

void bodypass_init(struct bodypass *pass, const struct dkimengine *engine, void *shared,
		   struct arena *arena, unsigned capacity)
{
	*pass = (struct bodypass){
	    .engine = engine, .shared = shared, .message = {.arena = arena}, .capacity = capacity};
}

struct dkimengine_task *bodypass_enrol(struct bodypass *pass, const struct dkimengine_field *field,
				       const struct dkimsig *sig)
{
	struct dkimengine_message *message = &pass->message;
	struct dkimengine_task *task;

	assert(!pass->begun);
	assert(message->count < pass->capacity);
	if (message->tasks == NULL)
		message->tasks =
		    arena_array(message->arena, pass->capacity, sizeof *message->tasks);
	task = &message->tasks[message->count++];
	task->field = field;
	task->sig = sig;
	return task;
}

void bodypass_begin(struct bodypass *pass, const struct dkimengine_field *fields)
{
	assert(!pass->begun);
	if (pass->message.count == 0)
		return;
	pass->message.fields = fields;
	pass->state = pass->engine->begin(pass->shared, &pass->message);
	pass->begun = true;
}

void bodypass_body(struct bodypass *pass, struct span chunk)
{
	assert(!pass->finished);
	if (pass->begun)
		pass->engine->body(pass->state, chunk);
}

void bodypass_finish(struct bodypass *pass)
{
	assert(!pass->finished);
	if (pass->begun)
		pass->engine->finish(pass->state);
	pass->finished = true;
}

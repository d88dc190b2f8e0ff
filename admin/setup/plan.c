/* SPDX-License-Identifier: BSD-2-Clause */
#include "admin/setup/plan.h"

#include <string.h>

#include "lib/jsonout.h"
#include "admin/program.h"

enum outcome { OUTCOME_TODO, OUTCOME_DONE, OUTCOME_FAILED, OUTCOME_NOTE };
static const char *const outcome_text[] = {"todo", "done", "failed", "note"};

void plan_add(struct plan *plan, struct plan_step step)
{
	if (plan->count == plan->room) {
		struct plan_step *old = plan->steps;

		plan->room = plan->room == 0 ? 16 : plan->room * 2;
		plan->steps = arena_array(plan->admin->arena, plan->room, sizeof *plan->steps);
		if (plan->count > 0)
			memcpy(plan->steps, old, plan->count * sizeof *old);
	}
	plan->steps[plan->count++] = step;
}

static void print_step(const struct plan_step *step, enum outcome outcome)
{
	printf("# %s%s\n", outcome == OUTCOME_DONE ? "done: " : "", step->what);
	if (step->command != NULL)
		printf("%s\n", step->command);
	if (step->undo != NULL)
		printf("#   to undo it: %s\n", step->undo);
	printf("\n");
}

static enum outcome carry_out(const struct plan *plan, const struct plan_step *step)
{
	struct why why;

	if (program_shell(step->command, plan->admin->json, &why) == 0)
		return OUTCOME_DONE;
	admin_error(plan->admin, "%s: %s: %s", step->what, why.text, step->command);
	return OUTCOME_FAILED;
}

static void json_step(struct jsonout *out, const struct plan_step *step, enum outcome outcome)
{
	jsonout_object(out, NULL);
	jsonout_text(out, "id", step->id);
	jsonout_text(out, "what", step->what);
	jsonout_text(out, "command", step->command);
	jsonout_text(out, "undo", step->undo);
	jsonout_bool(out, "mta", step->mta);
	jsonout_text(out, "state", outcome_text[outcome]);
	jsonout_end(out);
}

static bool is_wanted(const struct plan_step *step, enum plan_mode mode)
{
	return step->command != NULL && (mode == PLAN_APPLY || (mode == PLAN_OURS && !step->mta));
}

int plan_run(const struct plan *plan, enum plan_mode mode, const char *schema)
{
	struct admin *admin = plan->admin;
	struct jsonout *out = admin->json ? jsonout_new(admin->arena, schema) : NULL;
	enum outcome outcome = OUTCOME_TODO;

	if (out != NULL)
		jsonout_array(out, "steps");
	for (unsigned i = 0; i < plan->count && outcome != OUTCOME_FAILED; i++) {
		const struct plan_step *step = &plan->steps[i];

		outcome = step->command == NULL ? OUTCOME_NOTE : OUTCOME_TODO;
		if (is_wanted(step, mode) && step->before != NULL)
			step->before(step->arg);
		if (is_wanted(step, mode))
			outcome = carry_out(plan, step);
		if (out != NULL)
			json_step(out, step, outcome);
		else if (outcome != OUTCOME_FAILED && !(admin->quiet && outcome == OUTCOME_DONE))
			print_step(step, outcome);
	}
	if (out != NULL)
		admin_print_json(admin, out);
	return outcome == OUTCOME_FAILED ? ADMIN_CANT_CREATE : ADMIN_DONE;
}

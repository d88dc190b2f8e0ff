/* SPDX-License-Identifier: BSD-2-Clause */
#include "admin/setup/setup.h"

#include "admin/program.h"

const char *setup_quote(const struct setup *setup, const char *text)
{
	return program_quote(setup->arena, text);
}

void setup_note(struct setup *setup, const char *id, const char *what)
{
	plan_add(&setup->plan, (struct plan_step){.id = id, .what = what});
}

void setup_record(struct setup *setup, bool mta)
{
	plan_add(&setup->plan,
		 (struct plan_step){
		     .id = "record",
		     .what = TEXT(setup, "%s, for countersign setup --undo", setup->record_path),
		     .command = record_command(setup->arena, &setup->record, setup->record_path),
		     .mta = mta});
}

bool setup_changes_mta(const struct plan *plan)
{
	for (unsigned i = 0; i < plan->count; i++) {
		if (plan->steps[i].mta)
			return true;
	}
	return false;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A growing array in the arena; what was outgrown stays there until the arena ends.
 */
#include "policy/result/steps.h"

#include <assert.h>
#include <string.h>

void steps_add(struct steps *steps, const char *format, ...)
{
	va_list ap;

	if (steps->arena == NULL)
		return;
	if (steps->count == steps->cap) {
		unsigned cap = steps->cap == 0 ? 16 : steps->cap * 2;
		const char **items = arena_array(steps->arena, cap, sizeof *items);

		if (steps->count > 0)
			memcpy(items, steps->items, steps->count * sizeof *items);
		steps->items = items;
		steps->cap = cap;
	}
	va_start(ap, format);
	assert(steps->count < steps->cap);
	steps->items[steps->count++] = arena_vprintf(steps->arena, format, ap);
	va_end(ap);
}

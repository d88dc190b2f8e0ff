/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Elements are kept in their order, each with its parent, so the sum of an element and all in it is
 * made from the last to the first, once what each use is a copy of is known. That is found in depth
 * first order: the sum of a use waits for that of its target, and one that waits for itself is a
 * loop.
 */
#include "bimi/uses.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

enum { ROOM = 64, CHAIN_MAX = 500 /* copies of copies, and elements in elements */ };

enum state { NEW, WAITING, DONE };

struct element {
	const char *id, *target;
	unsigned parent; /* 1 + the one that it is in; 0: none */
	unsigned end;    /* the first element that is not in it */
	unsigned drawn;  /* DONE: elements, at most USES_DRAWN_MAX + 1 */
	enum state state;
};

struct uses {
	struct arena *arena;
	struct element *elements;
	unsigned count, room,
	    open; /* OPEN: 1 + the innermost element that has not ended; 0: none */
};

struct uses *uses_new(struct arena *arena)
{
	struct uses *uses = arena_make(arena, struct uses);

	uses->arena = arena;
	return uses;
}

static void make_room(struct uses *uses)
{
	unsigned room = uses->room == 0 ? ROOM : uses->room * 2;
	struct element *elements = arena_array(uses->arena, room, sizeof *elements);

	if (uses->count > 0)
		memcpy(elements, uses->elements, uses->count * sizeof *elements);
	uses->elements = elements;
	uses->room = room;
}

void uses_open(struct uses *uses, const char *id, const char *target)
{
	if (uses->count == uses->room)
		make_room(uses);
	uses->elements[uses->count++] =
	    (struct element){.id = id, .target = target, .parent = uses->open};
	uses->open = uses->count;
}

void uses_close(struct uses *uses)
{
	struct element *element;

	assert(uses->open > 0);
	element = &uses->elements[uses->open - 1];
	element->end = uses->count;
	uses->open = element->parent;
}

/* ---- sums ---- */

static unsigned add_drawn(unsigned a, unsigned b)
{
	return a + b > USES_DRAWN_MAX ? USES_DRAWN_MAX + 1 : a + b;
}

/* Of several elements with one name it is the first. COUNT: there is none. */
static unsigned find_target(const struct uses *uses, const char *name)
{
	unsigned i = 0;

	while (i < uses->count &&
	       (uses->elements[i].id == NULL || strcmp(uses->elements[i].id, name) != 0))
		i++;
	return i;
}

static enum uses_result sum_up(struct uses *uses, unsigned at, unsigned depth);

static enum uses_result add_element(struct uses *uses, unsigned at, unsigned depth, unsigned *drawn)
{
	enum uses_result result = sum_up(uses, at, depth + 1);

	if (result == USES_FINE)
		*drawn = add_drawn(*drawn, uses->elements[at].drawn);
	return result;
}

static enum uses_result sum_up(struct uses *uses, unsigned at, unsigned depth)
{
	struct element *element = &uses->elements[at];
	enum uses_result result = USES_FINE;
	unsigned drawn = 1, target;

	if (element->state == DONE)
		return USES_FINE;
	if (element->state == WAITING)
		return USES_LOOP;
	if (depth == CHAIN_MAX)
		return USES_TOO_MANY;
	element->state = WAITING;
	for (unsigned i = at + 1; i < element->end && result == USES_FINE;
	     i = uses->elements[i].end)
		result = add_element(uses, i, depth, &drawn);
	if (result == USES_FINE && element->target != NULL) {
		target = find_target(uses, element->target);
		if (target < uses->count)
			result = add_element(uses, target, depth, &drawn);
	}
	element->drawn = drawn;
	element->state = DONE;
	return result;
}

enum uses_result uses_judge(struct uses *uses)
{
	enum uses_result result;

	while (uses->open > 0) /* the document was not read to its end */
		uses_close(uses);
	if (uses->count == 0)
		return USES_FINE;
	result = sum_up(uses, 0, 0);
	return result == USES_FINE && uses->elements[0].drawn > USES_DRAWN_MAX ? USES_TOO_MANY
									       : result;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A hash table of chains, and a list in the order of use. One lock guards both; signing is done
 * without it, so each entry counts who uses it and is freed when it has left the table and nobody
 * does.
 */
#include "keys/held.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/heap.h"
#include "lib/lock.h"

struct entry {
	struct served served; /* the first member: what users have is the entry */
	struct arena *arena;
	uint64_t number;
	unsigned users;
	bool gone; /* from the table */
	struct entry *chain;
	struct entry *newer, *older;
};

struct held {
	struct lock lock;
	unsigned max, count, buckets;
	struct entry **table;
	struct entry *newest, *oldest;
};

struct held *held_new(unsigned max)
{
	struct held *held = heap_zero(sizeof *held);

	assert(max > 0);
	lock_init(&held->lock);
	held->max = max;
	held->buckets = 2 * max + 1;
	held->table = heap_array(held->buckets, sizeof(struct entry *));
	return held;
}

static void free_entry(struct entry *entry)
{
	arena_free(entry->arena); /* which wipes the key */
	free(entry);
}

/* ---- the table and the list; the caller holds the lock ---- */

static struct entry **find_place(struct held *held, uint64_t number)
{
	struct entry **place = &held->table[number % held->buckets];

	while (*place != NULL && (*place)->number != number)
		place = &(*place)->chain;
	return place;
}

static void unlink_entry(struct held *held, struct entry *entry)
{
	*(entry->newer == NULL ? &held->newest : &entry->newer->older) = entry->older;
	*(entry->older == NULL ? &held->oldest : &entry->older->newer) = entry->newer;
	entry->newer = entry->older = NULL;
}

static void link_newest(struct held *held, struct entry *entry)
{
	entry->older = held->newest;
	*(held->newest == NULL ? &held->oldest : &held->newest->newer) = entry;
	held->newest = entry;
}

static void drop_oldest(struct held *held)
{
	struct entry *entry = held->oldest, **place;

	assert(entry != NULL && entry->older == NULL && held->count > 0);
	place = find_place(held, entry->number);
	assert(*place == entry);
	*place = entry->chain;
	unlink_entry(held, entry);
	held->count--;
	entry->gone = true;
	if (entry->users == 0)
		free_entry(entry);
}

static struct served *use_entry(struct held *held, struct entry *entry)
{
	unlink_entry(held, entry);
	link_newest(held, entry);
	entry->users++;
	return &entry->served;
}

/* ---- for the threads ---- */

struct served *held_find(struct held *held, uint64_t number)
{
	struct served *served = NULL;
	struct entry *entry;

	lock_take(&held->lock);
	entry = *find_place(held, number);
	if (entry != NULL)
		served = use_entry(held, entry);
	lock_drop(&held->lock);
	return served;
}

struct served *held_add(struct held *held, const struct signing_key *key, struct arena *arena)
{
	struct entry *entry = heap_zero(sizeof *entry), *there, *spare = NULL;
	struct served *served;

	*entry = (struct entry){.arena = arena, .number = signing_key_number(key)};
	entry->served.key = key;
	lock_take(&held->lock);
	there = *find_place(held, entry->number);
	if (there != NULL) {
		spare = entry;
		entry = there;
	} else {
		struct entry **place;

		while (held->count >= held->max)
			drop_oldest(held);
		place = &held->table[entry->number % held->buckets];
		entry->chain = *place;
		*place = entry;
		link_newest(held, entry);
		held->count++;
	}
	served = use_entry(held, entry);
	lock_drop(&held->lock);
	if (spare != NULL)
		free_entry(spare);
	return served;
}

void held_return(struct held *held, struct served *served)
{
	struct entry *entry = (struct entry *)served;
	bool last;

	lock_take(&held->lock);
	assert(entry->users > 0);
	last = --entry->users == 0 && entry->gone;
	lock_drop(&held->lock);
	if (last)
		free_entry(entry);
}

bool held_find_limited(struct held *held, char *line, size_t size)
{
	bool found = false;

	lock_take(&held->lock);
	for (struct entry *entry = held->newest; entry != NULL && !found; entry = entry->older) {
		found = atomic_exchange(&entry->served.limited, false);
		if (found)
			snprintf(line, size, "key %s of %s",
				 signing_key_selector(entry->served.key),
				 signing_key_domain(entry->served.key));
	}
	lock_drop(&held->lock);
	return found;
}

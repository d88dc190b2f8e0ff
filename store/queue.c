/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/queue.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "store/journal.h"
#include "store/packed.h"

#include "lib/heap.h"

enum { QUEUE_ROWS = 32768, QUEUE_BYTES = 15 * 1024 * 1024, GROUP_ROWS = 16384 };

/* ---- entries ---- */

struct queue_entry *queue_entry_new(const struct ledger_row *row)
{
	size_t size = JOURNAL_HEAD + packed_size(row);
	struct queue_entry *entry = heap_alloc(sizeof *entry + size);

	memset(entry, 0, sizeof *entry);
	entry->size = size;
	packed_write(row, entry->record + JOURNAL_HEAD, &entry->at);
	cond_init(&entry->done);
	return entry;
}

void queue_entry_free(struct queue_entry *entry)
{
	cond_done(&entry->done);
	free(entry);
}

static void finish_entry(struct queue_entry *entry, bool committed)
{
	assert(entry->state == QUEUE_WAITING);
	entry->state = committed ? QUEUE_COMMITTED : QUEUE_FAILED;
	if (entry->left)
		queue_entry_free(entry);
	else
		cond_wake_one(&entry->done);
}

/* ---- the list ---- */

void queue_init(struct queue *queue, unsigned max_rows)
{
	*queue = (struct queue){.max_rows = max_rows == 0 ? QUEUE_ROWS : max_rows};
	queue->last = &queue->first;
}

bool queue_has_room(const struct queue *queue, const struct queue_entry *entry)
{
	return queue->rows < queue->max_rows && queue->bytes + entry->size <= QUEUE_BYTES;
}

void queue_put(struct queue *queue, struct queue_entry *entry)
{
	assert(queue_has_room(queue, entry) && entry->next == NULL);
	*queue->last = entry;
	queue->last = &entry->next;
	queue->rows++;
	queue->bytes += entry->size;
}

void queue_take(struct queue *queue, struct queue_group *group)
{
	assert(group->count == 0);
	while (queue->first != NULL && group->count < group->max) {
		struct queue_entry *entry = queue->first;

		assert(queue->rows > 0 && queue->bytes >= entry->size);
		queue->first = entry->next;
		queue->rows--;
		queue->bytes -= entry->size;
		queue_group_add(group, entry);
	}
	if (queue->first == NULL)
		queue->last = &queue->first;
}

/* ---- groups ---- */

void queue_group_init(struct queue_group *group, unsigned max)
{
	*group = (struct queue_group){.max = max == 0 ? GROUP_ROWS : max};
	group->entries = heap_array(group->max, sizeof group->entries[0]);
	group->rows = heap_array(group->max, sizeof group->rows[0]);
}

void queue_group_free(struct queue_group *group)
{
	assert(group->count == 0);
	free(group->rows);
	free(group->entries);
}

bool queue_group_add(struct queue_group *group, struct queue_entry *entry)
{
	assert(group->count < group->max);
	group->entries[group->count++] = entry;
	return group->count < group->max;
}

static int compare_rows(const struct driver_row *a, const struct driver_row *b)
{
	int order = strcmp(a->row.policy.domain, b->row.policy.domain);

	if (order == 0)
		order = (a->row.day > b->row.day) - (a->row.day < b->row.day);
	if (order == 0)
		order = memcmp(a->config, b->config, DRIVER_KEY_LEN);
	if (order == 0)
		order = strcmp(a->row.source_ip, b->row.source_ip);
	if (order == 0)
		order = memcmp(a->key, b->key, DRIVER_KEY_LEN);
	return order;
}

static int compare_entries(const void *a, const void *b)
{
	return compare_rows(&(*(struct queue_entry *const *)a)->at,
			    &(*(struct queue_entry *const *)b)->at);
}

unsigned queue_group_merge(struct queue_group *group)
{
	struct queue_entry *into = NULL;
	unsigned merged = 0;

	qsort(group->entries, group->count, sizeof group->entries[0], compare_entries);
	for (unsigned i = 0; i < group->count; i++) {
		struct queue_entry *entry = group->entries[i];

		if (into != NULL && compare_rows(&into->at, &entry->at) == 0) {
			into->at.row.count += entry->at.row.count;
			if (into->at.row.quiet != LEDGER_SENT)
				into->at.row.quiet += entry->at.row.quiet;
			continue;
		}
		into = entry;
		group->rows[merged++] = &entry->at;
	}
	return merged;
}

uint64_t queue_group_number(const struct queue_group *group)
{
	uint64_t last = 0;

	for (unsigned i = 0; i < group->count; i++)
		if (group->entries[i]->number > last)
			last = group->entries[i]->number;
	return last;
}

void queue_group_finish(struct queue_group *group, bool committed)
{
	for (unsigned i = 0; i < group->count; i++)
		finish_entry(group->entries[i], committed);
	group->count = 0;
}

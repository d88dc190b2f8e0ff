/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/keys/row.h"

#include <assert.h>

void keyrow_read(struct sql_rows *rows, struct arena *arena, struct keyrow *row)
{
	const void *sealed = sql_blob_at(rows, 10, &row->sealed_len);

	row->sealed = sealed == NULL ? NULL : arena_copy(arena, sealed, row->sealed_len);
	row->domain = sql_text_at(rows, 0, arena);
	row->selector = sql_text_at(rows, 1, arena);
	row->type = sql_text_at(rows, 2, arena);
	row->bits = sql_int_at(rows, 3);
	row->record = sql_text_at(rows, 4, arena);
	row->state = sql_text_at(rows, 5, arena);
	row->since = sql_int_at(rows, 6);
	row->created = sql_int_at(rows, 7);
	row->seen = sql_int_at(rows, 8);
	row->version = sql_int_at(rows, 9);
}

void keyrow_values(const struct keyrow *row, struct sql_value values[KEYROW_COLUMNS])
{
	assert(row->domain != NULL && row->selector != NULL && row->sealed != NULL);
	values[0] = sql_text(row->domain);
	values[1] = sql_text(row->selector);
	values[2] = sql_text(row->type);
	values[3] = sql_int(row->bits);
	values[4] = sql_text(row->record);
	values[5] = sql_text(row->state);
	values[6] = sql_int(row->since);
	values[7] = sql_int(row->created);
	values[8] = sql_int(row->seen);
	values[9] = sql_int(row->version);
	values[10] = sql_blob(row->sealed, row->sealed_len);
}

int keyrow_each(struct sql_rows *rows, keyrow_visit *visit, void *arg, struct why *why)
{
	struct arena *arena = arena_new(0);
	struct keyrow row;
	int result;

	while ((result = sql_next(rows, why)) == 1) {
		keyrow_read(rows, arena, &row);
		result = visit(arg, &row, why);
		if (result != 0) {
			sql_drop(rows);
			break;
		}
		arena_reset(arena);
	}
	arena_free(arena);
	return result;
}

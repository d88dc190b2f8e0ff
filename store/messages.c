/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/messages.h"

#include <stdlib.h>
#include <string.h>

#include "store/sql/sql.h"

enum { QUEUE_BYTES = 8 * 1024 * 1024 };

/* ---- writing ---- */

struct messages_line *messages_line_new(int64_t at, const char *text)
{
	size_t len = strlen(text) + 1;
	struct messages_line *line = malloc(sizeof *line + len);

	if (line == NULL)
		abort();
	line->next = NULL;
	line->at = at;
	memcpy(line->text, text, len);
	return line;
}

void messages_queue_init(struct messages_queue *queue)
{
	queue->first = NULL;
	queue->last = &queue->first;
	queue->bytes = 0;
	queue->count = 0;
}

bool messages_put(struct messages_queue *queue, struct messages_line *line)
{
	size_t size = sizeof *line + strlen(line->text) + 1;

	if (queue->bytes + size > QUEUE_BYTES) {
		free(line);
		return false;
	}
	queue->bytes += size;
	queue->count++;
	*queue->last = line;
	queue->last = &line->next;
	return true;
}

struct messages_line *messages_take(struct messages_queue *queue)
{
	struct messages_line *first = queue->first;

	messages_queue_init(queue);
	return first;
}

void messages_lines_free(struct messages_line *line)
{
	struct messages_line *next;

	for (; line != NULL; line = next) {
		next = line->next;
		free(line);
	}
}

/* ---- reading ---- */

int messages_each(const struct ledger_settings *settings, int64_t since, int64_t until,
		  messages_visit *visit, void *arg, struct why *why)
{
	struct sql *sql = sqlite_sql(settings, why);
	struct arena *arena = arena_new(0);
	struct sql_rows *rows;
	int got = -1;

	if (sql != NULL) {
		rows = sql_ask(sql,
			       "SELECT at, line FROM message WHERE at >= $1 AND at < $2"
			       " ORDER BY id DESC",
			       SQL_VALUES(sql_int(since), sql_int(until)));
		while ((got = sql_next(rows, why)) == 1) {
			const char *line = sql_text_at(rows, 1, arena);

			if (line != NULL && !visit(arg, sql_int_at(rows, 0), line))
				break;
			arena_reset(arena);
		}
		if (got == 1)
			sql_drop(rows);
	}
	sql_close(sql);
	arena_free(arena);
	return got == -1 ? -1 : 0;
}

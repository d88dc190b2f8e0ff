/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Keys are hashed over the texts in this order: changing it, or adding a ROW_KEY or a POLICY_KEY,
 * changes every key. The columns of tally up to its counts are also the order of a batch's digest
 * (store/ship/batch.c).
 *
 * The tables are created by the migrations in store/sql/sqlite.c and store/sql/shared.c, which
 * never change once released; later columns are added from here.
 */
#include "store/sql/schema.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "store/sql/sql.h"

#define ROW(member)   offsetof(struct driver_row, row.member)
#define KEYED(member) offsetof(struct driver_row, member)

/* An offset in a ledger_row is the same offset in a driver_row. */
_Static_assert(offsetof(struct driver_row, row) == 0, "a driver_row begins with its row");

#define COLUMN(text, of_type, of_role, member)                                                     \
	.name = (text), .type = (of_type), .role = (of_role), .at = (member)

static const struct schema_column policy[] = {
    {COLUMN("domain", SCHEMA_TEXT, SCHEMA_DOMAIN, ROW(policy.domain))},
    {COLUMN("day", SCHEMA_DAY, SCHEMA_PLAIN, ROW(day))},
    {COLUMN("config", SCHEMA_KEY, SCHEMA_CONFIG, KEYED(config))},
    {COLUMN("since", SCHEMA_INT, SCHEMA_PLAIN, KEYED(since))},
    {COLUMN("closed", SCHEMA_INT, SCHEMA_PLAIN, SCHEMA_NO_MEMBER), .added = {SCHEMA_ABSENT}},
    {COLUMN("p", SCHEMA_TEXT, SCHEMA_POLICY_KEY, ROW(policy.p))},
    {COLUMN("sp", SCHEMA_TEXT, SCHEMA_POLICY_KEY, ROW(policy.sp)), .may_be_null = true},
    {COLUMN("np", SCHEMA_TEXT, SCHEMA_POLICY_KEY, ROW(policy.np)), .may_be_null = true},
    {COLUMN("adkim", SCHEMA_TEXT, SCHEMA_POLICY_KEY, ROW(policy.adkim)), .may_be_null = true},
    {COLUMN("aspf", SCHEMA_TEXT, SCHEMA_POLICY_KEY, ROW(policy.aspf)), .may_be_null = true},
    {COLUMN("fo", SCHEMA_TEXT, SCHEMA_POLICY_KEY, ROW(policy.fo)), .may_be_null = true},
    {COLUMN("testing", SCHEMA_TEXT, SCHEMA_POLICY_KEY, ROW(policy.testing)), .may_be_null = true},
    {COLUMN("discovery", SCHEMA_TEXT, SCHEMA_POLICY_KEY, ROW(policy.discovery)),
     .may_be_null = true},
    {COLUMN("rua", SCHEMA_TEXT, SCHEMA_POLICY_NOTE, ROW(policy.rua)), .may_be_null = true},
    {COLUMN("ruf", SCHEMA_TEXT, SCHEMA_POLICY_NOTE, ROW(policy.ruf)), .may_be_null = true},
    {COLUMN("error", SCHEMA_TEXT, SCHEMA_POLICY_NOTE, ROW(policy.error)), .may_be_null = true,
     .added = {3}},
};

static const struct schema_column tally[] = {
    {COLUMN("domain", SCHEMA_TEXT, SCHEMA_PLAIN, ROW(policy.domain))},
    {COLUMN("day", SCHEMA_DAY, SCHEMA_PLAIN, ROW(day))},
    {COLUMN("config", SCHEMA_KEY, SCHEMA_CONFIG, KEYED(config))},
    {COLUMN("source_ip", SCHEMA_TEXT, SCHEMA_ROW_KEY, ROW(source_ip))},
    {COLUMN("row_key", SCHEMA_KEY, SCHEMA_PLAIN, KEYED(key))},
    {COLUMN("messages", SCHEMA_INT, SCHEMA_COUNT, ROW(count))},
    {COLUMN("quiet", SCHEMA_INT, SCHEMA_COUNT, ROW(quiet)), .added = {2}},
    {COLUMN("disposition", SCHEMA_TEXT, SCHEMA_ROW_KEY, ROW(disposition))},
    {COLUMN("dkim_aligned", SCHEMA_TEXT, SCHEMA_ROW_KEY, ROW(dkim_aligned))},
    {COLUMN("spf_aligned", SCHEMA_TEXT, SCHEMA_ROW_KEY, ROW(spf_aligned))},
    {COLUMN("reasons", SCHEMA_TEXT, SCHEMA_ROW_KEY, ROW(reasons)), .blank = "[]"},
    {COLUMN("header_from", SCHEMA_TEXT, SCHEMA_ROW_KEY, ROW(header_from)), .blank = ""},
    {COLUMN("envelope_from", SCHEMA_TEXT, SCHEMA_ROW_KEY, ROW(envelope_from)), .blank = ""},
    {COLUMN("envelope_to", SCHEMA_TEXT, SCHEMA_ROW_KEY, ROW(envelope_to)), .blank = ""},
    {COLUMN("dkim", SCHEMA_TEXT, SCHEMA_ROW_KEY, ROW(dkim)), .blank = "[]"},
    {COLUMN("spf_domain", SCHEMA_TEXT, SCHEMA_ROW_KEY, ROW(spf_domain)), .blank = ""},
    {COLUMN("spf_result", SCHEMA_TEXT, SCHEMA_ROW_KEY, ROW(spf_result)), .blank = "none"},
    {COLUMN("dkim_notes", SCHEMA_TEXT, SCHEMA_ROW_NOTE, ROW(dkim_notes)), .blank = "[]"},
    {COLUMN("spf_note", SCHEMA_TEXT, SCHEMA_ROW_NOTE, ROW(spf_note)), .blank = "", .added = {3}},
    {COLUMN("shipped", SCHEMA_INT, SCHEMA_PLAIN, SCHEMA_NO_MEMBER), .added = {5, SCHEMA_ABSENT}},
    {COLUMN("shipped_quiet", SCHEMA_INT, SCHEMA_PLAIN, SCHEMA_NO_MEMBER),
     .added = {5, SCHEMA_ABSENT}},
};

/* Columns of the outbox: not members of a row. */
#define OTHER(text, of_type) COLUMN(text, of_type, SCHEMA_PLAIN, SCHEMA_NO_MEMBER)
#define IDS                                                                                        \
	{OTHER("domain", SCHEMA_TEXT)}, {OTHER("day", SCHEMA_INT)},                                \
	{                                                                                          \
		COLUMN("config", SCHEMA_KEY, SCHEMA_CONFIG, SCHEMA_NO_MEMBER)                      \
	}

static const struct schema_column report[] = {
    IDS,
    {OTHER("id", SCHEMA_TEXT)},
    {OTHER("file_name", SCHEMA_TEXT)},
    {OTHER("built", SCHEMA_INT)},
    {OTHER("records", SCHEMA_INT)},
    {OTHER("messages", SCHEMA_INT)},
    {OTHER("kind", SCHEMA_TEXT), .blank = "aggregate", .added = {4}},
};

static const struct schema_column report_part[] = {
    IDS,
    {OTHER("part", SCHEMA_INT)},
    {OTHER("data", SCHEMA_BYTES)},
};

static const struct schema_column delivery[] = {
    IDS,
    {OTHER("address", SCHEMA_TEXT)},
    {OTHER("host", SCHEMA_TEXT)},
    {OTHER("sent_to", SCHEMA_TEXT), .may_be_null = true},
    {OTHER("state", SCHEMA_TEXT)},
    {OTHER("tries", SCHEMA_INT)},
    {OTHER("next", SCHEMA_INT), .may_be_null = true},
    {OTHER("tried", SCHEMA_INT), .may_be_null = true},
    {OTHER("reply", SCHEMA_TEXT), .may_be_null = true},
    {OTHER("kind", SCHEMA_TEXT), .blank = "aggregate", .added = {4}},
};

static const struct schema_column suppression[] = {
    {OTHER("address", SCHEMA_TEXT)},
    {OTHER("failures", SCHEMA_INT)},
    {OTHER("until", SCHEMA_INT)},
    {OTHER("reason", SCHEMA_TEXT), .may_be_null = true},
};

static const struct schema_column token[] = {
    {OTHER("name", SCHEMA_TEXT)},
    {OTHER("token", SCHEMA_TEXT)},
};

#define TABLE(text, columns, key)                                                                  \
	{                                                                                          \
		text, key, columns, sizeof columns / sizeof columns[0]                             \
	}
const struct schema_table schema_policy = TABLE("policy", policy, "domain, day, config");
const struct schema_table schema_tally =
    TABLE("tally", tally, "domain, day, config, source_ip, row_key");
const struct schema_table schema_report = TABLE("report", report, "domain, day, config");
const struct schema_table schema_report_part =
    TABLE("report_part", report_part, "domain, day, config, part");
const struct schema_table schema_delivery =
    TABLE("delivery", delivery, "domain, day, config, address");
const struct schema_table schema_suppression = TABLE("suppression", suppression, "address");
const struct schema_table schema_token = TABLE("token", token, "name");

static const struct schema_table *const tables[] = {
    &schema_policy,   &schema_tally,       &schema_report, &schema_report_part,
    &schema_delivery, &schema_suppression, &schema_token};

/* ---- lists ---- */

static bool is_in_set(const struct schema_column *column, enum schema_set set)
{
	switch (set) {
	case SCHEMA_OF_SQLITE:
		return column->added[SCHEMA_SQLITE] != SCHEMA_ABSENT;
	case SCHEMA_OF_SHARED:
		return column->added[SCHEMA_SHARED] != SCHEMA_ABSENT;
	case SCHEMA_OF_ROW:
		return column->at != SCHEMA_NO_MEMBER;
	}
	assert(!"a set of columns");
	return false;
}

struct schema_list schema_list(const struct schema_table *table, enum schema_set set)
{
	struct schema_list list = {.count = 0};

	assert(table->count <= SCHEMA_COLUMNS_MAX);
	for (unsigned i = 0; i < table->count; i++)
		if (is_in_set(&table->columns[i], set))
			list.at[list.count++] = &table->columns[i];
	return list;
}

unsigned schema_index(const struct schema_list *list, const char *name)
{
	unsigned i = 0;

	while (i < list->count && strcmp(list->at[i]->name, name) != 0)
		i++;
	assert(i < list->count);
	return i;
}

void schema_names(struct buf *to, const struct schema_list *list, unsigned from, unsigned end,
		  const char *prefix)
{
	assert(end <= list->count);
	for (unsigned i = from; i < end; i++)
		buf_printf(to, "%s%s%s", i == from ? "" : ", ", prefix, list->at[i]->name);
}

void schema_insert(struct buf *to, const struct schema_table *table, const struct schema_list *list)
{
	assert(list->count > 0 && list->count <= table->count);
	buf_printf(to, "INSERT INTO %s (", table->name);
	schema_names(to, list, 0, list->count, "");
	buf_string(to, ") VALUES (");
	for (unsigned i = 1; i <= list->count; i++)
		buf_printf(to, "%s$%u", i == 1 ? "" : ", ", i);
	buf_char(to, ')');
}

void schema_conflict(struct buf *to, const struct schema_table *table)
{
	const char *comma = "";

	buf_printf(to, " ON CONFLICT (%s) DO UPDATE SET ", table->key);
	for (unsigned i = 0; i < table->count; i++) {
		const char *name = table->columns[i].name;

		if (table->columns[i].role == SCHEMA_COUNT)
			buf_printf(to, "%s%s = %s.%s + excluded.%s", comma, name, table->name, name,
				   name);
		else if (table->columns[i].role == SCHEMA_POLICY_NOTE)
			buf_printf(to, "%s%s = excluded.%s", comma, name, name);
		else
			continue;
		comma = ", ";
	}
}

/* ---- columns of an older schema ---- */

const char *schema_type_name(const struct schema_column *column, enum schema_engine engine)
{
	static const char *const names[][SCHEMA_ENGINES] = {
	    [SCHEMA_TEXT] = {"TEXT", "text"},     [SCHEMA_INT] = {"INTEGER", "bigint"},
	    [SCHEMA_DAY] = {"INTEGER", "bigint"}, [SCHEMA_KEY] = {"BLOB", "bytea"},
	    [SCHEMA_BYTES] = {"BLOB", "bytea"},
	};

	return names[column->type][engine];
}

static void add_column(struct buf *to, const struct schema_table *table,
		       const struct schema_column *column, enum schema_engine engine)
{
	assert(column->type == SCHEMA_TEXT || column->type == SCHEMA_INT || column->may_be_null);
	buf_printf(to, "ALTER TABLE %s ADD COLUMN %s%s %s", table->name,
		   engine == SCHEMA_SHARED ? "IF NOT EXISTS " : "", column->name,
		   schema_type_name(column, engine));
	if (!column->may_be_null && column->type == SCHEMA_TEXT)
		buf_printf(to, " NOT NULL DEFAULT '%s'",
			   column->blank == NULL ? "" : column->blank);
	else if (!column->may_be_null)
		buf_string(to, " NOT NULL DEFAULT 0");
}

static int add_table_columns(const struct schema_table *table, enum schema_engine engine,
			     int version, schema_run *run, void *arg)
{
	int result = 0;

	for (unsigned i = 0; i < table->count && result == 0; i++) {
		struct buf statement;

		if (table->columns[i].added[engine] != version)
			continue;
		buf_init(&statement, NULL, 0);
		add_column(&statement, table, &table->columns[i], engine);
		result = run(arg, buf_text(&statement));
		buf_free(&statement);
	}
	return result;
}

int schema_add_columns(enum schema_engine engine, int version, schema_run *run, void *arg)
{
	int result = 0;

	assert(version > 0 && version < SCHEMA_ABSENT);
	for (unsigned i = 0; i < sizeof tables / sizeof tables[0] && result == 0; i++)
		result = add_table_columns(tables[i], engine, version, run, arg);
	return result;
}

int schema_version(enum schema_engine engine)
{
	int version = 0;

	for (unsigned i = 0; i < sizeof tables / sizeof tables[0]; i++)
		for (unsigned j = 0; j < tables[i]->count; j++) {
			int added = tables[i]->columns[j].added[engine];

			if (added != SCHEMA_ABSENT && added > version)
				version = added;
		}
	return version;
}

/* ---- rows ---- */

const struct schema_column *schema_next_text(const struct schema_column *column)
{
	do {
		column = column == NULL ? policy : column + 1;
		if (column == policy + schema_policy.count)
			column = tally;
		if (column == tally + schema_tally.count)
			return NULL;
	} while (column->role < SCHEMA_DOMAIN);
	return column;
}

static void read_column(struct sql_rows *rows, int at, const struct schema_column *column,
			struct arena *arena, struct driver_row *row)
{
	char *member = (char *)row + column->at;

	switch (column->type) {
	case SCHEMA_TEXT:
		*(const char **)member = sql_text_at(rows, at, arena);
		break;
	case SCHEMA_INT:
		*(int64_t *)member = sql_int_at(rows, at);
		break;
	case SCHEMA_DAY:
		*(int32_t *)member = (int32_t)sql_int_at(rows, at);
		break;
	case SCHEMA_KEY:
		sql_key_at(rows, at, (unsigned char *)member);
		break;
	case SCHEMA_BYTES:
		assert(!"a member of a row");
	}
}

void schema_read(struct sql_rows *rows, const struct schema_list *list, unsigned from,
		 struct arena *arena, struct driver_row *row)
{
	for (unsigned i = from; i < list->count; i++) {
		assert(list->at[i]->at != SCHEMA_NO_MEMBER);
		read_column(rows, (int)(i - from), list->at[i], arena, row);
	}
}

struct sql_value schema_value(struct sql_rows *rows, unsigned at,
			      const struct schema_column *column, struct arena *arena)
{
	unsigned char key[DRIVER_KEY_LEN];
	const char *text;
	const void *data;
	size_t len;

	switch (column->type) {
	case SCHEMA_KEY:
		sql_key_at(rows, (int)at, key);
		return sql_key(key);
	case SCHEMA_BYTES:
		data = sql_blob_at(rows, (int)at, &len);
		return sql_blob(len == 0 ? NULL : arena_copy(arena, data, len), len);
	case SCHEMA_TEXT:
		return sql_text(sql_text_at(rows, (int)at, arena));
	case SCHEMA_INT:
	case SCHEMA_DAY:
		break;
	}
	text = column->may_be_null ? sql_text_at(rows, (int)at, arena) : "";
	return text == NULL ? sql_text(NULL) : sql_int(sql_int_at(rows, (int)at));
}

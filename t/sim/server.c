/* SPDX-License-Identifier: BSD-2-Clause */
#include "t/sim/server.h"

#include <assert.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/clock.h"
#include "lib/span.h"
#include "store/sql/shared.h"
#include "store/sql/sql.h"
#include "t/sim/disk.h"

enum { ANSWER_SECONDS = 120, RETRIES = 20, REOPENINGS = 5, CELLS_MAX = 40, LINKS = 64 };

static struct {
	struct process process; /* what the server does is done by it */
	bool away, went_back;
	unsigned timeline;
	struct inode *kept;
	struct disk *template; /* with an empty store */
} server;

/* A connection, as the server has it. */
struct session {
	bool used;
	sqlite3 *db;
	struct process *client;
	bool asked; /* to commit, by a connection that is lost */
};
static struct session sessions[LINKS];

/* Opening one costs more than all that is asked over it. */
enum { IDLE = 8 };
static sqlite3 *idle[IDLE];

/* A connection, as the client has it. */
struct link {
	struct sql sql;
	struct session *session; /* NULL: there is none now */
	bool inside;             /* a transaction: it is lost with its connection */
	bool aborted;            /* the transaction: only its end is accepted */
};

struct cell {
	char *data; /* NULL: NULL */
	size_t len;
	int64_t number;
};

struct answer {
	struct sql_rows rows;
	struct cell *cells;
	int columns, count, at; /* rows */
	int64_t changes;
	bool failed;
	struct why fault;
};

static struct link *link_of(struct sql *sql)
{
	return (struct link *)sql;
}

static struct answer *answer_of(const struct sql_rows *rows)
{
	return (struct answer *)(uintptr_t)rows;
}

/* ---- in the server: no time passes, and no fault happens ---- */

static struct process *enter_server(void)
{
	struct process *client = world.process;

	world.sheltered++;
	world.process = &server.process;
	return client;
}

static void leave_server(struct process *client)
{
	world.process = client;
	world.sheltered--;
}

static void tell_time(sqlite3_context *context, int count, sqlite3_value **values)
{
	(void)count, (void)values;
	sqlite3_result_int64(context, machine_wall(server.process.machine));
}

static void tell_epoch(sqlite3_context *context, int count, sqlite3_value **values)
{
	char text[60];

	(void)count, (void)values;
	snprintf(text, sizeof text, "7300000000000000000/%08u", server.timeline);
	sqlite3_result_text(context, text, -1, SQLITE_TRANSIENT);
}

static sqlite3 *open_database(void)
{
	sqlite3 *db;

	if (sqlite3_open_v2(SERVER_PATH, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL) !=
		SQLITE_OK ||
	    sqlite3_exec(db, "PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF", NULL, NULL,
			 NULL) != SQLITE_OK)
		abort();
	sqlite3_create_function(db, "sim_now", 0, SQLITE_UTF8, NULL, tell_time, NULL, NULL);
	sqlite3_create_function(db, "sim_epoch", 0, SQLITE_UTF8, NULL, tell_epoch, NULL, NULL);
	return db;
}

static sqlite3 *take_database(void)
{
	for (unsigned i = 0; i < IDLE; i++) {
		sqlite3 *db = idle[i];

		idle[i] = NULL;
		if (db != NULL)
			return db;
	}
	return open_database();
}

static void drop_database(sqlite3 *db)
{
	for (unsigned i = 0; i < IDLE; i++) {
		if (idle[i] != NULL)
			continue;
		idle[i] = db;
		return;
	}
	sqlite3_close_v2(db);
}

static void close_idle(void)
{
	for (unsigned i = 0; i < IDLE; i++) {
		sqlite3_close_v2(idle[i]);
		idle[i] = NULL;
	}
}

static struct session *open_session(void)
{
	struct session *session = sessions;
	struct process *client;

	while (session->used)
		session++;
	assert(session < sessions + LINKS);
	client = enter_server();
	*session = (struct session){true, take_database(), client, false};
	leave_server(client);
	return session;
}

static void close_session(struct session *session, bool commit)
{
	struct process *client = enter_server();

	if (session->used && !sqlite3_get_autocommit(session->db))
		sqlite3_exec(session->db, commit ? "COMMIT" : "ROLLBACK", NULL, NULL, NULL);
	if (session->used)
		drop_database(session->db);
	session->used = false;
	leave_server(client);
}

/* What a lost connection had asked for is done later, or not at all. */
static void end_session_late(void *arg)
{
	struct session *session = arg;

	task_sleep(world_span(10 * CLOCK_MS, 60 * CLOCK_SECOND));
	if (session->used && session->client == NULL) /* the server may have ended it */
		close_session(session, session->asked && world_below(2) == 0);
}

/* ASKED: to commit. */
static void lose_session(struct session *session, bool asked)
{
	if (sqlite3_get_autocommit(session->db) || !world_chance(300)) {
		close_session(session, false);
		return;
	}
	session->client = NULL;
	session->asked = asked;
	world_fault(FAULT_DELAY);
	task_start(NULL, end_session_late, session);
}

void server_release(struct process *process)
{
	for (struct session *s = sessions; s < sessions + LINKS; s++)
		if (s->used && s->client == process && process != NULL)
			lose_session(s, false);
}

/* ---- statements ---- */

static const char *const translations[][2] = {
    {SHARED_NOW, "sim_now()"},
    {" FOR UPDATE", ""},
    {"information_schema.tables WHERE table_schema = current_schema() AND table_name",
     "sqlite_master WHERE type = 'table' AND name"},
    {"ADD COLUMN IF NOT EXISTS", "ADD COLUMN"},
};

static void translate(struct buf *to, const char *text)
{
	if (strstr(text, "pg_control_system") != NULL)
		text = "SELECT sim_epoch()";
	while (*text != '\0') {
		size_t i = 0, count = sizeof translations / sizeof translations[0];

		while (i < count &&
		       (*text != translations[i][0][0] ||
			strncmp(text, translations[i][0], strlen(translations[i][0])) != 0))
			i++;
		if (i < count) {
			buf_string(to, translations[i][1]);
			text += strlen(translations[i][0]);
		} else {
			buf_char(to, *text++);
		}
	}
}

static void bind_value(sqlite3_stmt *statement, unsigned n, const struct sql_value *value)
{
	char name[16];
	int at;

	snprintf(name, sizeof name, "$%u", n);
	at = sqlite3_bind_parameter_index(statement, name);
	if (value->kind == SQL_TEXT)
		sqlite3_bind_text(statement, at, value->data, -1, SQLITE_TRANSIENT);
	else if (value->kind == SQL_INT)
		sqlite3_bind_int64(statement, at, value->number);
	else if (value->kind == SQL_BLOB)
		sqlite3_bind_blob64(statement, at, value->data, value->len, SQLITE_TRANSIENT);
	else if (value->kind == SQL_KEY)
		sqlite3_bind_blob(statement, at, value->key, DRIVER_KEY_LEN, SQLITE_TRANSIENT);
}

static void keep_row(struct answer *answer, sqlite3_stmt *statement)
{
	const int columns = sqlite3_column_count(statement);
	size_t used = (size_t)(answer->count * columns);

	answer->columns = columns;
	answer->cells = realloc(answer->cells, (used + (size_t)columns) * sizeof *answer->cells);
	if (answer->cells == NULL)
		abort();
	for (int i = 0; i < columns; i++) {
		struct cell *cell = &answer->cells[used + (size_t)i];
		const void *data = sqlite3_column_type(statement, i) == SQLITE_BLOB
				       ? sqlite3_column_blob(statement, i)
				       : sqlite3_column_text(statement, i);

		*cell = (struct cell){.len = (size_t)sqlite3_column_bytes(statement, i),
				      .number = sqlite3_column_int64(statement, i)};
		if (sqlite3_column_type(statement, i) == SQLITE_NULL)
			continue;
		cell->data = calloc(1, cell->len + 1);
		if (cell->data == NULL)
			abort();
		if (cell->len > 0)
			memcpy(cell->data, data, cell->len);
	}
	answer->count++;
}

static int run_statement(struct session *session, const char *text, struct sql_values values,
			 struct answer *answer)
{
	sqlite3_stmt *statement = NULL;
	int code = sqlite3_prepare_v2(session->db, text, -1, &statement, NULL);

	for (unsigned i = 0; i < values.count && code == SQLITE_OK; i++)
		bind_value(statement, i + 1, &values.list[i]);
	if (code == SQLITE_OK)
		while ((code = sqlite3_step(statement)) == SQLITE_ROW)
			keep_row(answer, statement);
	if (code == SQLITE_DONE)
		answer->changes += sqlite3_changes(session->db);
	sqlite3_finalize(statement);
	return code;
}

/* ---- unnest(): arrays as store/ship/columns.c writes them ---- */

/* array = "{" [ element *( "," element ) ] "}"; element = NULL / quoted / number */
static bool read_element(const char **at, struct buf *to, bool *null)
{
	const char *p = *at;

	buf_clear(to);
	*null = false;
	if (*p == '}' || *p == '\0')
		return false;
	if (*p == '"') {
		for (p++; *p != '"'; p++) {
			if (*p == '\\')
				p++;
			buf_char(to, *p);
		}
		p++;
	} else {
		for (; *p != ',' && *p != '}'; p++)
			buf_char(to, *p);
		*null = strcmp(buf_text(to), "NULL") == 0;
	}
	*at = *p == ',' ? p + 1 : p;
	return true;
}

static void bind_element(sqlite3_stmt *statement, unsigned n, const char *type, struct buf *text,
			 bool null)
{
	if (null) {
		sqlite3_bind_null(statement, (int)n);
	} else if (strncmp(type, "bigint", 6) == 0) {
		sqlite3_bind_int64(statement, (int)n, strtoll(buf_text(text), NULL, 10));
	} else if (strncmp(type, "bytea", 5) == 0) {
		size_t len = (text->len - 2) / 2;
		unsigned char bytes[64];

		assert(len <= sizeof bytes);
		for (size_t i = 0; i < len; i++)
			bytes[i] =
			    (unsigned char)(char_hex((unsigned char)text->data[2 + 2 * i]) << 4 |
					    char_hex((unsigned char)text->data[3 + 2 * i]));
		sqlite3_bind_blob(statement, (int)n, bytes, (int)len, SQLITE_TRANSIENT);
	} else {
		sqlite3_bind_text(statement, (int)n, buf_text(text), -1, SQLITE_TRANSIENT);
	}
}

/* The same for one row of the arrays at a time. */
static int run_rows(struct session *session, const char *types, const char *text,
		    struct sql_values values, struct answer *answer)
{
	const char *at[CELLS_MAX];
	sqlite3_stmt *statement = NULL;
	int code = sqlite3_prepare_v2(session->db, text, -1, &statement, NULL);
	struct buf element;
	bool more = true, null;

	buf_init(&element, NULL, 0);
	for (unsigned i = 0; i < values.count; i++)
		at[i] = (const char *)values.list[i].data + 1;
	while (code == SQLITE_OK) {
		const char *type = types;

		for (unsigned i = 0; i < values.count && more; i++) {
			type = strstr(type, "::") + 2;
			more = read_element(&at[i], &element, &null);
			if (more)
				bind_element(statement, i + 1, type, &element, null);
		}
		if (!more)
			break;
		while ((code = sqlite3_step(statement)) == SQLITE_ROW)
			keep_row(answer, statement);
		answer->changes += sqlite3_changes(session->db);
		code = sqlite3_reset(statement);
	}
	sqlite3_finalize(statement);
	buf_free(&element);
	return code == SQLITE_OK ? SQLITE_DONE : code;
}

/* INSERT INTO t (...) SELECT * FROM unnest($1::text[], ...) REST */
static int run_unnest(struct session *session, const char *text, struct sql_values values,
		      struct answer *answer)
{
	const char *unnest = strstr(text, "SELECT * FROM unnest("), *rest = strchr(unnest, ')');
	struct buf one;
	int code;

	buf_init(&one, NULL, 0);
	buf_printf(&one, "%.*sVALUES (", (int)(unnest - text), text);
	for (unsigned i = 0; i < values.count; i++)
		buf_printf(&one, "%s?%u", i == 0 ? "" : ", ", i + 1);
	buf_printf(&one, ")%s", rest + 1);
	code = run_rows(session, unnest, buf_text(&one), values, answer);
	buf_free(&one);
	return code;
}

static int run_text(struct session *session, const char *text, struct sql_values values,
		    struct answer *answer)
{
	struct process *client = enter_server();
	struct buf own;
	int code;

	buf_init(&own, NULL, 0);
	translate(&own, text);
	code = strstr(text, "unnest(") != NULL
		   ? run_unnest(session, buf_text(&own), values, answer)
		   : run_statement(session, buf_text(&own), values, answer);
	if (code == SQLITE_ERROR && strstr(sqlite3_errmsg(session->db), "duplicate column") != NULL)
		code = SQLITE_DONE;
	if (code != SQLITE_DONE && code != SQLITE_BUSY) {
		why_set(&answer->fault, "%s: %s", buf_text(&own), sqlite3_errmsg(session->db));
		world_violate("the server cannot do this: %s", answer->fault.text);
	}
	buf_free(&own);
	leave_server(client);
	return code;
}

/* ---- the network ---- */

static int lose_link(struct link *link, bool asked, struct why *why)
{
	if (link->session != NULL)
		lose_session(link->session, asked);
	link->session = NULL;
	link->sql.fault = DRIVER_REOPEN;
	return why_set(why, "the shared store: the connection was lost");
}

/* The client's connection is gone at the server's side, too. */
static bool has_session(const struct link *link)
{
	return link->session != NULL && link->session->used &&
	       link->session->client == world.process;
}

static int connect_link(struct link *link, struct why *why)
{
	world_point(CLOCK_MS);
	if (server.away || world_chance(world.weather.cut)) {
		world_fault(FAULT_CUT);
		link->sql.fault = DRIVER_REOPEN;
		return why_set(why, "the shared store: connection refused");
	}
	link->session = open_session();
	return 0;
}

/* A request is on its way. -1: it is lost. */
static int go_to_server(struct link *link, bool ends, struct why *why)
{
	if (link->inside && !has_session(link)) {
		link->session = NULL;
		link->sql.fault = DRIVER_REOPEN;
		return why_set(why, "the shared store: the connection was lost");
	}
	if (!has_session(link))
		link->session = NULL;
	if (link->session == NULL && connect_link(link, why) != 0)
		return -1;
	world_point(300 * 1000);
	if (world_chance(world.weather.cut)) {
		world_fault(FAULT_DELAY);
		task_sleep(world_span(CLOCK_MS, 30 * CLOCK_SECOND));
	}
	if (!has_session(link) || server.away || world_chance(world.weather.cut)) {
		world_fault(FAULT_CUT);
		if (!has_session(link))
			link->session = NULL;
		return lose_link(link, ends, why);
	}
	return 0;
}

static int come_back(struct link *link, struct why *why)
{
	world_point(300 * 1000);
	if (has_session(link) && !world_chance(world.weather.cut))
		return 0;
	world_fault(FAULT_CUT);
	if (!has_session(link))
		link->session = NULL;
	return lose_link(link, false, why);
}

/* Waits for those that write. */
static int run_patiently(struct link *link, const char *text, struct sql_values values,
			 struct answer *answer)
{
	const int64_t until = world.now + ANSWER_SECONDS * CLOCK_SECOND;
	int code;

	while ((code = run_text(link->session, text, values, answer)) == SQLITE_BUSY) {
		if (world.now >= until || !has_session(link)) {
			if (!has_session(link))
				link->session = NULL;
			return lose_link(link, false, &answer->fault);
		}
		task_sleep(20 * CLOCK_MS);
		if (!has_session(link)) {
			link->session = NULL;
			return lose_link(link, false, &answer->fault);
		}
	}
	link->sql.fault = DRIVER_BROKEN;
	return code == SQLITE_DONE ? 0 : -1;
}

static int execute_text(struct link *link, const char *text, struct sql_values values,
			struct answer *answer)
{
	const bool ends = strcmp(text, "COMMIT") == 0, undoes = strcmp(text, "ROLLBACK") == 0;

	if (go_to_server(link, ends, &answer->fault) != 0)
		return -1;
	if (link->aborted && !undoes) {
		link->sql.fault = DRIVER_RETRY;
		return why_set(&answer->fault, "the shared store: the transaction is aborted");
	}
	if (link->inside && !ends && !undoes && world_chance(world.weather.cut / 2)) {
		world_fault(FAULT_CONFLICT);
		link->aborted = true;
		link->sql.fault = DRIVER_RETRY;
		return why_set(&answer->fault, "the shared store: a conflict");
	}
	if (run_patiently(link, text, values, answer) != 0)
		return -1;
	return come_back(link, &answer->fault);
}

/* ---- the table ---- */

static void free_answer(struct answer *answer)
{
	for (int i = 0; i < answer->count * answer->columns; i++)
		free(answer->cells[i].data);
	free(answer->cells);
	free(answer);
}

static int run_command(struct link *link, const char *text, struct why *why)
{
	struct answer *answer = calloc(1, sizeof *answer);
	int result;

	if (answer == NULL)
		abort();
	result = execute_text(link, text, SQL_NO_VALUES, answer);
	if (result != 0)
		*why = answer->fault;
	free_answer(answer);
	return result;
}

static void net_close(struct sql *sql)
{
	if (has_session(link_of(sql)))
		close_session(link_of(sql)->session, false);
	free(sql);
}

static int net_begin(struct sql *sql, struct why *why)
{
	struct link *link = link_of(sql);

	link->inside = link->aborted = false;
	if (run_command(link, "BEGIN IMMEDIATE", why) != 0)
		return -1;
	link->inside = true;
	return 0;
}

static int net_end(struct sql *sql, bool commit, struct why *why)
{
	struct link *link = link_of(sql);
	enum driver_outcome fault = sql->fault;
	struct why unheard = {""};
	int result = 0;

	if (commit)
		result = run_command(link, "COMMIT", why);
	else if (has_session(link))
		(void)run_command(
		    link, process_is_broken("rollback-commits") ? "COMMIT" : "ROLLBACK", &unheard);
	if (result != 0 && link->aborted && has_session(link))
		close_session(link->session, false);
	link->inside = link->aborted = false;
	if (!commit)
		sql->fault = fault;
	return result;
}

static struct sql_rows *net_ask(struct sql *sql, const char *text, struct sql_values values)
{
	struct answer *answer = calloc(1, sizeof *answer);

	if (answer == NULL)
		abort();
	answer->rows.sql = sql;
	answer->at = -1;
	answer->failed = execute_text(link_of(sql), text, values, answer) != 0;
	return &answer->rows;
}

static int net_next(struct sql_rows *rows, struct why *why)
{
	struct answer *answer = answer_of(rows);

	if (answer->failed)
		return why_set(why, "%s", answer->fault.text);
	return ++answer->at < answer->count;
}

static void net_drop(struct sql_rows *rows)
{
	free_answer(answer_of(rows));
}

static int64_t net_changes(const struct sql_rows *rows)
{
	return answer_of(rows)->changes;
}

static const struct cell *cell_at(const struct sql_rows *rows, int column)
{
	const struct answer *answer = answer_of(rows);

	return &answer->cells[answer->at * answer->columns + column];
}

static const char *net_text(struct sql_rows *rows, int column, size_t *len)
{
	*len = cell_at(rows, column)->len;
	return cell_at(rows, column)->data;
}

static const void *net_blob(struct sql_rows *rows, int column, size_t *len)
{
	return net_text(rows, column, len);
}

static int64_t net_number(struct sql_rows *rows, int column)
{
	return cell_at(rows, column)->number;
}

/* As store/sql/pg.c does. */
static bool net_recover(struct sql *sql, unsigned tries)
{
	if (sql->fault == DRIVER_RETRY && tries <= RETRIES) {
		task_sleep(tries * 10 * CLOCK_MS);
		return true;
	}
	if (sql->fault != DRIVER_REOPEN || tries > REOPENINGS)
		return false;
	task_sleep((50 * CLOCK_MS) << tries);
	return true;
}

static const struct sql_ops net_ops = {
    .close = net_close,
    .begin = net_begin,
    .end = net_end,
    .ask = net_ask,
    .next = net_next,
    .drop = net_drop,
    .changes = net_changes,
    .text = net_text,
    .blob = net_blob,
    .number = net_number,
    .recover = net_recover,
};

struct sql *__wrap_pg_sql(const char *conninfo, bool read_only, struct why *why);
struct sql *__wrap_pg_sql(const char *conninfo, bool read_only, struct why *why)
{
	struct link *link = calloc(1, sizeof *link);

	(void)conninfo, (void)read_only;
	if (link == NULL)
		abort();
	link->sql.ops = &net_ops;
	if (connect_link(link, why) == 0)
		return &link->sql;
	free(link);
	return NULL;
}

/* ---- its life ---- */

static void end_sessions(void)
{
	for (struct session *s = sessions; s < sessions + LINKS; s++)
		if (s->used)
			close_session(s, false);
	close_idle();
}

static void copy_database(struct inode *from, struct disk *to)
{
	struct inode *file = disk_find(to, SERVER_PATH);

	disk_unlink(to, SERVER_PATH "-wal");
	disk_copy(from, file == NULL ? disk_create(to, SERVER_PATH) : file);
}

/* All of it in one file. */
static void gather_database(void)
{
	struct process *client = enter_server();
	sqlite3 *db = take_database();

	sqlite3_wal_checkpoint_v2(db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	drop_database(db);
	leave_server(client);
}

void server_begin(struct machine *machine)
{
	memset(sessions, 0, sizeof sessions);
	memset(idle, 0, sizeof idle); /* those of the last life go with it */
	server.process = (struct process){.machine = machine, .kind = "server", .alive = true};
	server.away = server.went_back = false;
	server.timeline = 1;
	*machine = (struct machine){.name = "srv", .disk = disk_new("/sim/srv")};
	server.kept = disk_create(machine->disk, NULL);
	if (server.template == NULL)
		return;
	world.sheltered++;
	copy_database(disk_find(server.template, SERVER_PATH), machine->disk);
	world.sheltered--;
	server_keep();
}

void server_register(void)
{
	struct why why = {""};
	struct sql *sql;

	server_begin(&world.machines[2]);
	sql = shared_open("", SHARED_MIGRATE, false, &why);
	if (sql == NULL) {
		fprintf(stderr, "sim: %s\n", why.text);
		abort();
	}
	sql_close(sql);
	end_sessions();
	gather_database();
	close_idle();
	server.template = world.machines[2].disk;
}

void server_away(bool away)
{
	server.away = away;
	if (away)
		end_sessions();
}

void server_keep(void)
{
	world.sheltered++;
	gather_database();
	disk_copy(disk_find(server.process.machine->disk, SERVER_PATH), server.kept);
	world.sheltered--;
}

void server_go_back(bool promoted)
{
	world_fault(FAULT_BACK);
	world_say("the shared store goes back%s", promoted ? ": another server was promoted" : "");
	end_sessions();
	world.sheltered++;
	copy_database(server.kept, server.process.machine->disk);
	world.sheltered--;
	server.timeline += promoted;
	server.went_back = true;
}

bool server_went_back(void)
{
	return server.went_back;
}

uint64_t server_writes(void)
{
	const struct inode *file = disk_find(server.process.machine->disk, SERVER_PATH);
	const struct inode *log = disk_find(server.process.machine->disk, SERVER_PATH "-wal");

	return disk_writes(file) + (log == NULL ? 0 : disk_writes(log));
}

void server_query(const char *text, server_visit *visit, void *arg)
{
	struct process *client = enter_server();
	sqlite3 *db = take_database();
	sqlite3_stmt *statement = NULL;

	if (sqlite3_prepare_v2(db, text, -1, &statement, NULL) != SQLITE_OK)
		world_violate("%s: %s", text, sqlite3_errmsg(db));
	while (statement != NULL && sqlite3_step(statement) == SQLITE_ROW)
		visit(arg, (const char *)sqlite3_column_text(statement, 0),
		      sqlite3_column_int64(statement, 1),
		      (const char *)sqlite3_column_text(statement, 2));
	sqlite3_finalize(statement);
	drop_database(db);
	leave_server(client);
}

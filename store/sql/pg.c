/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SQL for PostgreSQL and compatible servers, over libpq; no other file includes it.
 *
 * Nothing here depends on the session: every statement is sent with its values, none is prepared,
 * so that a connection pool may give each transaction another connection. Waiting for an answer has
 * a deadline: a network that drops packets must not block the process for ever.
 *
 * A connection string may hold a password, so it is never part of a reason. libpq also reads
 * service files, password files and its environment variables.
 */
#include <assert.h>
#include <errno.h>
#include <libpq-fe.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/heap.h"
#include "lib/span.h"
#include "store/sql/sql.h"

enum { ANSWER_SECONDS = 120, RETRIES = 20, REOPENINGS = 5, OPTIONS_MAX = 64 };

struct pg {
	struct sql sql;
	PGconn *conn; /* NULL: there is none now */
	char *conninfo;
	bool read_only;
	bool inside; /* a transaction: it is lost with its connection */
};

struct pg_rows {
	struct sql_rows rows;
	PGresult *result; /* NULL: it failed, for the reason FAULT */
	int at;
	unsigned char *blob;
	struct why fault;
};

static struct pg *pg_of(struct sql *sql)
{
	return (struct pg *)sql;
}

static struct pg_rows *rows_of(const struct sql_rows *rows)
{
	return (struct pg_rows *)(uintptr_t)rows;
}

/* ---- what went wrong ---- */

/* By the first characters of an SQLSTATE; the first match counts. */
static const struct {
	const char *state;
	enum driver_outcome outcome;
	const char *advice;
} faults[] = {
    {"40", DRIVER_RETRY, ""},     /* serialization failure, deadlock */
    {"55P03", DRIVER_RETRY, ""},  /* lock not available */
    {"08", DRIVER_REOPEN, ""},    /* connection exceptions */
    {"57P", DRIVER_REOPEN, ""},   /* the server shuts down, or starts */
    {"53", DRIVER_REOPEN, ""},    /* out of connections, memory, disk */
    {"25006", DRIVER_REOPEN, ""}, /* read only: another server took over */
    {"42501", DRIVER_BROKEN,
     " (the role of store.shared may not do that: let it own the database's tables)"},
    {"42P01", DRIVER_BROKEN, " (create the tables: countersign store migrate)"},
};

/* Joins the lines of TEXT into one. */
static void set_reason(struct why *why, const char *text, const char *advice)
{
	char line[400];
	size_t len = 0;

	for (; *text != '\0' && len < sizeof line - 2; text++) {
		if (*text == '\n' && text[1] != '\0')
			line[len++] = ';';
		line[len++] = (unsigned char)*text < ' ' ? ' ' : *text;
	}
	while (len > 0 && line[len - 1] == ' ')
		len--;
	line[len] = '\0';
	why_set(why, "the shared store: %s%s", line, advice);
}

static void classify_fault(struct pg *pg, const PGresult *result, struct why *why)
{
	const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	const char *text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
	const char *advice = "";

	pg->sql.fault =
	    PQstatus(pg->conn) == CONNECTION_OK && state != NULL ? DRIVER_BROKEN : DRIVER_REOPEN;
	for (size_t i = 0; i < sizeof faults / sizeof faults[0] && state != NULL; i++) {
		if (strncmp(state, faults[i].state, strlen(faults[i].state)) != 0)
			continue;
		pg->sql.fault = faults[i].outcome;
		advice = faults[i].advice;
		break;
	}
	set_reason(why, text != NULL ? text : PQerrorMessage(pg->conn), advice);
}

static void lose_connection(struct pg *pg)
{
	PQfinish(pg->conn);
	pg->conn = NULL;
	pg->sql.fault = DRIVER_REOPEN;
}

/* ---- connecting ---- */

struct options {
	const char *names[OPTIONS_MAX + 1], *values[OPTIONS_MAX + 1];
	unsigned count;
};

static void add_option(struct options *options, const char *name, const char *value)
{
	for (unsigned i = 0; i < options->count; i++)
		if (strcmp(options->names[i], name) == 0)
			return;
	if (options->count == OPTIONS_MAX)
		return;
	options->names[options->count] = name;
	options->values[options->count++] = value;
}

/* For options that the administrator has not set. */
static void add_defaults(struct options *options, const PQconninfoOption *given)
{
	static const char *const defaults[][2] = {
	    {"connect_timeout", "10"},     {"keepalives_idle", "30"},
	    {"keepalives_interval", "10"}, {"keepalives_count", "3"},
	    {"tcp_user_timeout", "30000"}, {"fallback_application_name", "countersign"},
	    {"client_encoding", "UTF8"},
	};
	bool several = false;

	for (; given->keyword != NULL; given++)
		if (given->val != NULL && strncmp(given->keyword, "host", 4) == 0)
			several = several || strchr(given->val, ',') != NULL;
	for (size_t i = 0; i < sizeof defaults / sizeof defaults[0]; i++)
		add_option(options, defaults[i][0], defaults[i][1]);
	if (several)
		add_option(options, "target_session_attrs", "read-write");
}

static int parse_conninfo(const char *conninfo, PQconninfoOption **given, struct why *why)
{
	char *text = NULL;

	*given = PQconninfoParse(conninfo, &text);
	if (*given != NULL)
		return 0;
	(void)text; /* it may hold the password */
	PQfreemem(text);
	return why_set(why, "store.shared is not a valid connection string: use"
			    " \"postgresql://USER@HOST/DATABASE\"");
}

static int connect_it(struct pg *pg, struct why *why)
{
	struct options options = {.count = 0};
	PQconninfoOption *given;
	const char *encoding;

	if (parse_conninfo(pg->conninfo, &given, why) != 0)
		return -1;
	for (const PQconninfoOption *option = given; option->keyword != NULL; option++)
		if (option->val != NULL)
			add_option(&options, option->keyword, option->val);
	add_defaults(&options, given);
	pg->conn = PQconnectdbParams(options.names, options.values, 0);
	PQconninfoFree(given);
	if (pg->conn == NULL)
		abort();
	if (PQstatus(pg->conn) != CONNECTION_OK) {
		set_reason(why, PQerrorMessage(pg->conn), "");
		lose_connection(pg);
		return -1;
	}
	encoding = PQparameterStatus(pg->conn, "server_encoding");
	if (encoding == NULL || strcmp(encoding, "UTF8") == 0)
		return 0;
	lose_connection(pg);
	pg->sql.fault = DRIVER_BROKEN;
	return why_set(why, "the shared store: the database must have the encoding UTF8: createdb"
			    " -E UTF8 -T template0 ...");
}

/* ---- a statement and its answer ---- */

/* Waits for data from the server. */
static bool wait_for(struct pg *pg, short events, int64_t deadline)
{
	struct pollfd wait = {.fd = PQsocket(pg->conn), .events = events};
	int64_t left = deadline - clock_mono();
	int ready = left <= 0 ? 0 : poll(&wait, 1, (int)(left / CLOCK_MS) + 1);

	return ready > 0 || (ready < 0 && errno == EINTR);
}

static bool gather_answer(struct pg *pg, int64_t deadline)
{
	int unsent;

	while ((unsent = PQflush(pg->conn)) == 1) {
		if (!wait_for(pg, POLLIN | POLLOUT, deadline) || !PQconsumeInput(pg->conn))
			return false;
	}
	while (unsent == 0 && PQisBusy(pg->conn)) {
		if (!wait_for(pg, POLLIN, deadline) || !PQconsumeInput(pg->conn))
			return false;
	}
	return unsent == 0;
}

static PGresult *last_result(struct pg *pg, int64_t deadline)
{
	PGresult *result = NULL, *next;

	while (gather_answer(pg, deadline) && (next = PQgetResult(pg->conn)) != NULL) {
		PQclear(result);
		result = next;
	}
	return result;
}

struct parameters {
	const char *values[SQL_VALUES_MAX];
	int lengths[SQL_VALUES_MAX], formats[SQL_VALUES_MAX];
	char numbers[SQL_VALUES_MAX][24];
};

static void set_parameters(struct parameters *to, struct sql_values values)
{
	assert(values.count <= SQL_VALUES_MAX);
	for (unsigned i = 0; i < values.count; i++) {
		const struct sql_value *value = &values.list[i];

		to->values[i] = value->kind == SQL_KEY ? (const char *)value->key : value->data;
		to->lengths[i] = value->kind == SQL_KEY ? DRIVER_KEY_LEN : (int)value->len;
		to->formats[i] = value->kind == SQL_BLOB || value->kind == SQL_KEY;
		if (value->kind != SQL_INT)
			continue;
		snprintf(to->numbers[i], sizeof to->numbers[i], "%lld", (long long)value->number);
		to->values[i] = to->numbers[i];
	}
}

static bool is_good(const PGresult *result)
{
	return PQresultStatus(result) == PGRES_TUPLES_OK ||
	       PQresultStatus(result) == PGRES_COMMAND_OK;
}

/* NULL with WHY and the fault set. */
static PGresult *execute_statement(struct pg *pg, const char *text, struct sql_values values,
				   struct why *why)
{
	struct parameters parameters;
	PGresult *result = NULL;

	if (pg->conn == NULL && pg->inside) {
		pg->sql.fault = DRIVER_REOPEN;
		why_set(why, "the shared store: the connection was lost");
		return NULL;
	}
	if (pg->conn == NULL && connect_it(pg, why) != 0)
		return NULL;
	set_parameters(&parameters, values);
	if (PQsendQueryParams(pg->conn, text, (int)values.count, NULL, parameters.values,
			      parameters.lengths, parameters.formats, 0))
		result = last_result(pg, clock_mono() + ANSWER_SECONDS * CLOCK_SECOND);
	if (result == NULL) {
		const char *said = PQerrorMessage(pg->conn);

		set_reason(why, *said == '\0' ? "it does not answer" : said, "");
		lose_connection(pg);
		return NULL;
	}
	if (is_good(result))
		return result;
	classify_fault(pg, result, why);
	PQclear(result);
	if (pg->sql.fault == DRIVER_REOPEN)
		lose_connection(pg);
	return NULL;
}

/* ---- the table ---- */

static void pg_close(struct sql *sql)
{
	PQfinish(pg_of(sql)->conn);
	free(pg_of(sql)->conninfo);
	free(sql);
}

static int run_command(struct sql *sql, const char *text, const char *answer, struct why *why)
{
	PGresult *result = execute_statement(pg_of(sql), text, SQL_NO_VALUES, why);
	bool good = result != NULL && strcmp(PQcmdStatus(result), answer) == 0;

	if (result != NULL && !good) {
		sql->fault = DRIVER_RETRY;
		why_set(why, "the shared store: %s was answered by %s", text, PQcmdStatus(result));
	}
	PQclear(result);
	return good ? 0 : -1;
}

static int pg_begin(struct sql *sql, struct why *why)
{
	pg_of(sql)->inside = false;
	if (run_command(sql, pg_of(sql)->read_only ? "BEGIN READ ONLY" : "BEGIN", "BEGIN", why) !=
	    0)
		return -1;
	pg_of(sql)->inside = true;
	return 0;
}

static int pg_end(struct sql *sql, bool commit, struct why *why)
{
	enum driver_outcome fault = sql->fault;
	struct why unheard = {""};
	int result;

	if (commit) {
		result = run_command(sql, "COMMIT", "COMMIT", why);
		pg_of(sql)->inside = false;
		return result;
	}
	if (pg_of(sql)->conn != NULL)
		(void)run_command(sql, "ROLLBACK", "ROLLBACK", &unheard);
	pg_of(sql)->inside = false;
	sql->fault = fault;
	return 0;
}

static struct sql_rows *pg_ask(struct sql *sql, const char *text, struct sql_values values)
{
	struct pg_rows *rows = heap_zero(sizeof *rows);

	rows->rows.sql = sql;
	rows->at = -1;
	rows->result = execute_statement(pg_of(sql), text, values, &rows->fault);
	return &rows->rows;
}

static int pg_next(struct sql_rows *base, struct why *why)
{
	struct pg_rows *rows = rows_of(base);

	if (rows->result == NULL)
		return why_set(why, "%s", rows->fault.text);
	return ++rows->at < PQntuples(rows->result);
}

static void pg_drop(struct sql_rows *base)
{
	struct pg_rows *rows = rows_of(base);

	PQclear(rows->result);
	free(rows->blob);
	free(rows);
}

static int64_t pg_changes(const struct sql_rows *rows)
{
	return strtoll(PQcmdTuples(rows_of(rows)->result), NULL, 10);
}

static const char *pg_text(struct sql_rows *base, int column, size_t *len)
{
	struct pg_rows *rows = rows_of(base);

	*len = (size_t)PQgetlength(rows->result, rows->at, column);
	return PQgetisnull(rows->result, rows->at, column)
		   ? NULL
		   : PQgetvalue(rows->result, rows->at, column);
}

static const void *pg_blob(struct sql_rows *base, int column, size_t *len)
{
	struct pg_rows *rows = rows_of(base);
	const char *text = pg_text(base, column, len);

	*len = 0;
	free(rows->blob);
	rows->blob = NULL;
	if (text == NULL || text[0] != '\\' || text[1] != 'x')
		return NULL;
	rows->blob = heap_alloc(strlen(text) / 2);
	for (text += 2; text[0] != '\0' && text[1] != '\0'; text += 2)
		rows->blob[(*len)++] = (unsigned char)(char_hex((unsigned char)text[0]) << 4 |
						       char_hex((unsigned char)text[1]));
	return rows->blob;
}

static int64_t pg_number(struct sql_rows *rows, int column)
{
	size_t len;
	const char *text = pg_text(rows, column, &len);

	return text == NULL ? 0 : strtoll(text, NULL, 10);
}

/* Random, so that hosts whose transactions conflicted do not collide again. */
static void pause_about(int64_t nanoseconds)
{
	int64_t time = nanoseconds / 2 + clock_mono() / 1000 * 7919 % (nanoseconds / 2 + 1);
	const struct timespec pause = {.tv_sec = (time_t)(time / CLOCK_SECOND),
				       .tv_nsec = (long)(time % CLOCK_SECOND)};

	nanosleep(&pause, NULL);
}

static bool pg_recover(struct sql *sql, unsigned tries)
{
	if (sql->fault == DRIVER_RETRY && tries <= RETRIES) {
		pause_about(tries * 10 * CLOCK_MS);
		return true;
	}
	if (sql->fault != DRIVER_REOPEN || tries > REOPENINGS)
		return false;
	pause_about((50 * CLOCK_MS) << tries);
	return true;
}

static const struct sql_ops ops = {
    .close = pg_close,
    .begin = pg_begin,
    .end = pg_end,
    .ask = pg_ask,
    .next = pg_next,
    .drop = pg_drop,
    .changes = pg_changes,
    .text = pg_text,
    .blob = pg_blob,
    .number = pg_number,
    .recover = pg_recover,
};

struct sql *pg_sql(const char *conninfo, bool read_only, struct why *why)
{
	struct pg *pg = heap_zero(sizeof *pg);

	pg->conninfo = heap_strdup(conninfo);
	pg->sql.ops = &ops;
	pg->read_only = read_only;
	if (connect_it(pg, why) == 0)
		return &pg->sql;
	pg_close(&pg->sql);
	return NULL;
}

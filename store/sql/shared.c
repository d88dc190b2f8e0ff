/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tables beside those of the ledger:
 *   store   one row: which store this is, and its version
 *   host    one row for each host: when it was heard of, and through which day all of its rows are
 *           here
 *   batch   which batches came in: a batch is applied in the transaction that puts its key here
 *   lease   who may build and send reports
 *   host_day  what each host has counted of each day, and what came in from it (store/ship/sums.h);
 *           rows that came before the table existed belong to nobody
 *   sts_policy  MTA-STS policies of other domains (store/ship/policies.h)
 *
 * policy.closed: 0, SHARED_OWN, or when its report was begun. A host that ships more rows of a
 * policy afterwards finds it closed and puts them under a derived configuration, which gets a
 * report of its own: the rows of a report do not change once it is being built, and no row is in
 * two reports.
 *
 * Every step of a migration can be done twice: hosts may migrate at the same time, and not every
 * engine supports schema changes in transactions.
 */
#include "store/sql/shared.h"

#include <assert.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/clock.h"
#include "lib/crypto/hash.h"
#include "store/sql/schema.h"

#define NAME " domain text NOT NULL, day bigint NOT NULL, config bytea NOT NULL,"

static const char *const first[] = {
    "CREATE TABLE IF NOT EXISTS policy (" NAME " since bigint NOT NULL, closed bigint NOT NULL,"
    " p text NOT NULL, sp text, np text, adkim text, aspf text, fo text, testing text,"
    " discovery text, rua text, ruf text, error text, PRIMARY KEY (domain, day, config))",
    "CREATE INDEX IF NOT EXISTS policy_by_day ON policy (day, domain, since, config)",
    "CREATE TABLE IF NOT EXISTS tally (" NAME " source_ip text NOT NULL, row_key bytea NOT NULL,"
    " messages bigint NOT NULL, quiet bigint NOT NULL, dkim_aligned text NOT NULL,"
    " spf_aligned text NOT NULL, disposition text NOT NULL, header_from text NOT NULL,"
    " envelope_from text NOT NULL, envelope_to text NOT NULL, spf_domain text NOT NULL,"
    " spf_result text NOT NULL, reasons text NOT NULL, dkim text NOT NULL,"
    " dkim_notes text NOT NULL, spf_note text NOT NULL,"
    " PRIMARY KEY (domain, day, config, source_ip, row_key))",
    "CREATE TABLE IF NOT EXISTS report (" NAME " id text NOT NULL, file_name text NOT NULL,"
    " built bigint NOT NULL, records bigint NOT NULL, messages bigint NOT NULL,"
    " kind text NOT NULL, PRIMARY KEY (domain, day, config))",
    "CREATE INDEX IF NOT EXISTS report_by_kind ON report (kind, built, domain)",
    "CREATE TABLE IF NOT EXISTS report_part (" NAME " part bigint NOT NULL, data bytea NOT NULL,"
    " PRIMARY KEY (domain, day, config, part))",
    "CREATE TABLE IF NOT EXISTS delivery (" NAME " address text NOT NULL, host text NOT NULL,"
    " sent_to text, state text NOT NULL, tries bigint NOT NULL, next bigint, tried bigint,"
    " reply text, kind text NOT NULL, PRIMARY KEY (domain, day, config, address))",
    "CREATE INDEX IF NOT EXISTS delivery_due ON delivery (next)",
    "CREATE INDEX IF NOT EXISTS delivery_tried ON delivery (tried, host)",
    "CREATE TABLE IF NOT EXISTS suppression (address text NOT NULL PRIMARY KEY,"
    " failures bigint NOT NULL, until bigint NOT NULL, reason text)",
    "CREATE TABLE IF NOT EXISTS token (name text NOT NULL PRIMARY KEY, token text NOT NULL)",
    "CREATE INDEX IF NOT EXISTS token_by_token ON token (token)",
    "CREATE TABLE IF NOT EXISTS host (host bytea NOT NULL PRIMARY KEY, name text NOT NULL,"
    " seen bigint NOT NULL, through bigint NOT NULL, sequence bigint NOT NULL,"
    " rows bigint NOT NULL, messages bigint NOT NULL)",
    "CREATE TABLE IF NOT EXISTS batch (host bytea NOT NULL, sequence bigint NOT NULL,"
    " digest bytea NOT NULL, applied bigint NOT NULL, PRIMARY KEY (host, sequence))",
    "CREATE TABLE IF NOT EXISTS lease (name text NOT NULL PRIMARY KEY, holder text NOT NULL,"
    " term bigint NOT NULL, until bigint NOT NULL)",
    NULL};

static const char *const second[] = {
    "CREATE TABLE IF NOT EXISTS host_day (host bytea NOT NULL, day bigint NOT NULL,"
    " counted bigint NOT NULL, kept bigint NOT NULL, shipped bigint NOT NULL,"
    " stored bigint NOT NULL, told bigint NOT NULL, PRIMARY KEY (host, day))",
    NULL};

static const char *const third[] = {
    "CREATE TABLE IF NOT EXISTS sts_policy (domain text NOT NULL PRIMARY KEY, id text NOT NULL,"
    " text text NOT NULL, fetched bigint NOT NULL, expires bigint NOT NULL,"
    " changed bigint NOT NULL)",
    "CREATE INDEX IF NOT EXISTS sts_policy_changed ON sts_policy (changed, domain)", NULL};

/* Signing keys (store/keys/vault.h). */
static const char *const fourth[] = {
    "CREATE TABLE IF NOT EXISTS signing_key (domain text NOT NULL, selector text NOT NULL,"
    " type text NOT NULL, bits bigint NOT NULL, record text NOT NULL, state text NOT NULL,"
    " since bigint NOT NULL, created bigint NOT NULL, seen bigint NOT NULL,"
    " version bigint NOT NULL, sealed bytea NOT NULL, next_look bigint NOT NULL,"
    " PRIMARY KEY (domain, selector))",
    "CREATE INDEX IF NOT EXISTS signing_key_by_version ON signing_key (version)",
    "CREATE INDEX IF NOT EXISTS signing_key_by_look ON signing_key (next_look)",
    "CREATE TABLE IF NOT EXISTS signing_version (one bigint NOT NULL PRIMARY KEY,"
    " version bigint NOT NULL)",
    "INSERT INTO signing_version (one, version) VALUES (1, 0) ON CONFLICT (one) DO NOTHING",
    NULL};

/* Reports that others sent (store/received.h), the outbound tally (report/sent.h; the counts of
 * each host in rows of its own) and what the operator decided. A report is known by its content, so
 * its key is the same whichever host got it. */
static const char *const fifth[] = {
    "CREATE TABLE IF NOT EXISTS rx_report (key bytea NOT NULL PRIMARY KEY, kind text NOT NULL,"
    " domain text NOT NULL, org text NOT NULL, report_id text NOT NULL, begins bigint NOT NULL,"
    " ends bigint NOT NULL, received bigint NOT NULL, trust text NOT NULL, mail_from text,"
    " email text, p text, sp text, np text, adkim text, aspf text, testing text,"
    " row_count bigint NOT NULL, messages bigint NOT NULL, passed bigint NOT NULL,"
    " refused bigint NOT NULL, repaired bigint NOT NULL,"
    " \"overlaps\" bigint NOT NULL,"
    " remarks text NOT NULL)",
    "CREATE INDEX IF NOT EXISTS rx_report_received ON rx_report (received)",
    "CREATE INDEX IF NOT EXISTS rx_report_domain ON rx_report (domain, org, begins)",
    "CREATE TABLE IF NOT EXISTS rx_row (key bytea NOT NULL, n bigint NOT NULL, source_ip text,"
    " messages bigint NOT NULL, disposition text NOT NULL, dkim_aligned text NOT NULL,"
    " spf_aligned text NOT NULL, header_from text, envelope_from text, envelope_to text,"
    " reasons text NOT NULL, dkim text NOT NULL, spf text NOT NULL, PRIMARY KEY (key, n))",
    "CREATE TABLE IF NOT EXISTS rx_day (domain text NOT NULL, day bigint NOT NULL,"
    " org text NOT NULL, disposition text NOT NULL, dkim_aligned text NOT NULL,"
    " spf_aligned text NOT NULL, messages bigint NOT NULL, PRIMARY KEY (domain, day, org,"
    " disposition, dkim_aligned, spf_aligned))",
    "CREATE TABLE IF NOT EXISTS rx_tls (key bytea NOT NULL, n bigint NOT NULL, policy_type text,"
    " policy_domain text, mx_host text, successful bigint NOT NULL, failed bigint NOT NULL,"
    " PRIMARY KEY (key, n))",
    "CREATE TABLE IF NOT EXISTS rx_tls_failure (key bytea NOT NULL, policy bigint NOT NULL,"
    " n bigint NOT NULL, result_type text, failed bigint NOT NULL, sending_ip text,"
    " mx_hostname text, receiving_ip text, reason_code text, information text,"
    " PRIMARY KEY (key, policy, n))",
    "CREATE TABLE IF NOT EXISTS sent (header_from text NOT NULL, day bigint NOT NULL,"
    " domain text NOT NULL, selector text NOT NULL, mail_from text NOT NULL,"
    " rcpt_domain text NOT NULL, host bytea NOT NULL, messages bigint NOT NULL,"
    " signatures bigint NOT NULL, PRIMARY KEY (header_from, day, domain, selector, mail_from,"
    " rcpt_domain, host))",
    "CREATE INDEX IF NOT EXISTS sent_by_day ON sent (day)",
    "CREATE TABLE IF NOT EXISTS flow_decision (flow text NOT NULL PRIMARY KEY,"
    " decision text NOT NULL, note text NOT NULL, decided bigint NOT NULL)",
    NULL};

/* What each version does after it has added its columns (store/sql/schema.c). */
static const char *const *const migrations[] = {first, second, third, fourth, fifth};
enum { MIGRATIONS = sizeof migrations / sizeof migrations[0], MIGRATION_TRIES = 5 };

/* ---- which store, and its schema ---- */

int shared_schema(void)
{
	int columns = schema_version(SCHEMA_SHARED);

	return columns > MIGRATIONS ? columns : MIGRATIONS;
}

static int table_exists(struct sql *sql, const char *name, struct why *why)
{
	int64_t count = 0;

	if (sql_number(sql, &count, why,
		       "SELECT COUNT(*) FROM information_schema.tables"
		       " WHERE table_schema = current_schema() AND table_name = $1",
		       SQL_VALUES(sql_text(name))) != 0)
		return -1;
	return count > 0;
}

/* 0: there is no schema yet. -1: failed. */
static int read_version(struct sql *sql, struct why *why)
{
	int64_t version = 0;
	int there = table_exists(sql, "store", why);

	if (there <= 0)
		return there;
	if (sql_number(sql, &version, why, "SELECT version FROM store WHERE one = 1",
		       SQL_NO_VALUES) < 0)
		return -1;
	return (int)version;
}

int shared_id(struct sql *sql, unsigned char id[SHARED_ID_LEN], struct why *why)
{
	struct sql_rows *rows = sql_ask(sql, "SELECT id FROM store WHERE one = 1", SQL_NO_VALUES);
	int more = sql_next(rows, why);

	if (more == 0)
		return why_set(why,
			       "the shared store: it has no id; run \"countersign store migrate\"");
	if (more < 0)
		return -1;
	sql_key_at(rows, 0, id);
	sql_drop(rows);
	return 0;
}

static int refuse_foreign(struct sql *sql, struct why *why)
{
	int policy = table_exists(sql, "policy", why), tally = table_exists(sql, "tally", why);

	if (policy < 0 || tally < 0)
		return -1;
	if (policy + tally == 0)
		return 0;
	return why_set(why, "the shared store: this database holds tables of another program; give"
			    " countersign a database of its own");
}

static int make_store(struct sql *sql, struct why *why)
{
	unsigned char id[SHARED_ID_LEN];

	if (getentropy(id, sizeof id) != 0)
		return why_set(why, "the system has no random numbers");
	if (sql_run(sql, why,
		    "CREATE TABLE IF NOT EXISTS store (one bigint NOT NULL PRIMARY KEY,"
		    " id bytea NOT NULL, version bigint NOT NULL)",
		    SQL_NO_VALUES) != 0)
		return -1;
	return sql_run(sql, why,
		       "INSERT INTO store (one, id, version) VALUES (1, $1, 0)"
		       " ON CONFLICT (one) DO NOTHING",
		       SQL_VALUES(sql_key(id)));
}

struct adding {
	struct sql *sql;
	struct why *why;
};

static int run_addition(void *arg, const char *statement)
{
	struct adding *adding = arg;

	return sql_run(adding->sql, adding->why, statement, SQL_NO_VALUES);
}

/* Statements, up to NULL; or NULL: none. */
static const char *const *find_steps(int version)
{
	assert(version >= 0);
	return version < (int)MIGRATIONS ? migrations[version] : NULL;
}

static int migrate_from(struct sql *sql, int version, struct why *why)
{
	struct adding adding = {sql, why};

	for (; version < shared_schema(); version++) {
		const char *const *step = find_steps(version);

		if (schema_add_columns(SCHEMA_SHARED, version + 1, run_addition, &adding) != 0)
			return -1;
		for (; step != NULL && *step != NULL; step++)
			if (sql_run(sql, why, *step, SQL_NO_VALUES) != 0)
				return -1;
		if (sql_run(sql, why,
			    "UPDATE store SET version = $1 WHERE one = 1 AND version = $2",
			    SQL_VALUES(sql_int(version + 1), sql_int(version))) != 0)
			return -1;
	}
	return 0;
}

static int try_migration(struct sql *sql, struct why *why)
{
	int version = read_version(sql, why), there;

	if (version < 0 || version >= shared_schema())
		return version < 0 ? -1 : 0;
	there = version > 0 ? 1 : table_exists(sql, "store", why);
	if (there < 0)
		return -1;
	if (there == 0 && refuse_foreign(sql, why) != 0) {
		sql->fault = DRIVER_BROKEN;
		return 1;
	}
	if (version == 0 && make_store(sql, why) != 0)
		return -1;
	return migrate_from(sql, version, why);
}

/* A step fails while another host migrates too, and succeeds when it is tried again. */
static int migrate_tables(struct sql *sql, struct why *why)
{
	const struct timespec moment = {.tv_nsec = 200 * CLOCK_MS};
	int result = try_migration(sql, why);

	for (int i = 1; i < MIGRATION_TRIES && result < 0; i++) {
		nanosleep(&moment, NULL);
		result = try_migration(sql, why);
	}
	return result == 0 ? 0 : -1;
}

static int check_version(struct sql *sql, struct why *why)
{
	int version = read_version(sql, why);

	if (version < 0 || version == shared_schema())
		return version < 0 ? -1 : 0;
	if (version > shared_schema())
		return why_set(why,
			       "the shared store: made by a newer countersign (schema %d; this one"
			       " knows %d): upgrade this one",
			       version, shared_schema());
	return why_set(
	    why, "the shared store: %s: run \"countersign store migrate\" or start countersignd",
	    version == 0 ? "its tables do not exist yet"
			 : "its schema is older than this program's");
}

struct sql *shared_open(const char *conninfo, enum shared_opening opening, bool read_only,
			struct why *why)
{
	struct sql *sql = pg_sql(conninfo, read_only, why);

	if (sql == NULL)
		return NULL;
	if ((opening != SHARED_MIGRATE || migrate_tables(sql, why) == 0) &&
	    check_version(sql, why) == 0)
		return sql;
	sql_close(sql);
	return NULL;
}

/* ---- hosts ---- */

static const char *waited_for(struct sql_rows *rows, struct arena *arena, unsigned *count,
			      struct why *why)
{
	const char *names = "";
	int more;

	for (*count = 0; (more = sql_next(rows, why)) == 1; ++*count)
		if (*count < 5)
			names = arena_printf(arena, "%s%s%s", names, *count > 0 ? ", " : "",
					     sql_text_at(rows, 0, arena));
	return more < 0 ? NULL : names;
}

int shared_is_complete(struct sql *sql, int32_t day, int64_t grace, struct arena *arena,
		       const char **who, struct why *why)
{
	unsigned count;
	int64_t now;

	assert(grace >= 0);
	*who = "";
	if (sql_number(sql, &now, why, "SELECT " SHARED_NOW, SQL_NO_VALUES) != 0)
		return -1;
	if (now >= clock_day_begin(day + 1) + grace)
		return 1;
	*who = waited_for(sql_ask(sql,
				  "SELECT name FROM host WHERE through < $1 AND seen >= $2"
				  " ORDER BY name",
				  SQL_VALUES(sql_int(day), sql_int(clock_day_begin(day - 2)))),
			  arena, &count, why);
	return *who == NULL ? -1 : count == 0;
}

static void host_at(struct sql_rows *rows, struct arena *arena, struct shared_host *host)
{
	host->name = sql_text_at(rows, 0, arena);
	host->id = sql_config_at(rows, 1, arena);
	host->seen = sql_int_at(rows, 2);
	host->through = (int32_t)sql_int_at(rows, 3);
	host->sequence = sql_int_at(rows, 4);
	host->rows = sql_int_at(rows, 5);
	host->messages = sql_int_at(rows, 6);
}

int shared_hosts(struct sql *sql, struct arena *arena, struct shared_host **list, struct why *why)
{
	int64_t count = 0, max = 0;
	struct sql_rows *rows;
	int more;

	if (sql_number(sql, &max, why, "SELECT COUNT(*) FROM host", SQL_NO_VALUES) != 0)
		return -1;
	*list = arena_array(arena, (size_t)max + 1, sizeof **list);
	rows = sql_ask(sql,
		       "SELECT name, host, seen, through, sequence, rows, messages FROM host"
		       " ORDER BY name, host LIMIT $1",
		       SQL_VALUES(sql_int(max + 1)));
	while ((more = sql_next(rows, why)) == 1)
		host_at(rows, arena, &(*list)[count++]);
	return more < 0 ? -1 : (int)count;
}

/* ---- configurations ---- */

void shared_derive(const unsigned char config[DRIVER_KEY_LEN], const void *salt, size_t len,
		   unsigned char derived[DRIVER_KEY_LEN])
{
	uint8_t digest[CRYPT_DIGEST_LEN];
	struct buf buf;

	buf_init(&buf, NULL, 0);
	buf_add(&buf, config, DRIVER_KEY_LEN);
	buf_add(&buf, salt, len);
	crypt_sha256(buf.data, buf.len, digest);
	memcpy(derived, digest, DRIVER_KEY_LEN);
	buf_free(&buf);
}

int shared_close_policy(struct sql *sql, const struct ledger_key *key, struct why *why)
{
	return sql_run(
	    sql, why,
	    "UPDATE policy SET closed = " SHARED_NOW
	    " WHERE domain = $1 AND day = $2 AND config = $3 AND closed = 0",
	    SQL_VALUES(sql_text(key->domain), sql_int(key->day), sql_config(key->config)));
}

/* ---- as the ledger that is read ---- */

static struct sql *open_to_read(const struct ledger_settings *settings, struct why *why)
{
	return shared_open(settings->shared, SHARED_AS_IT_IS, settings->read_only, why);
}

/* ---- retention ---- */

#define REPORT "domain = $1 AND day = $2 AND config = $3"

struct expiring {
	const char *domain;
	int64_t day;
	unsigned char config[DRIVER_KEY_LEN];
	int64_t max, deleted;
};

/* Deletes at most MAX rows and, when none is left, everything else of the report. */
static int expire_report(void *arg, struct sql *sql, struct why *why)
{
	static const char *const rest[] = {
	    "DELETE FROM report_part WHERE " REPORT, "DELETE FROM delivery WHERE " REPORT,
	    "DELETE FROM report WHERE " REPORT, "DELETE FROM policy WHERE " REPORT};
	struct expiring *e = arg;

	e->deleted = sql_do(
	    sql, why,
	    "DELETE FROM tally WHERE " REPORT " AND (source_ip, row_key) IN"
	    " (SELECT source_ip, row_key FROM tally WHERE " REPORT " LIMIT $4)",
	    SQL_VALUES(sql_text(e->domain), sql_int(e->day), sql_key(e->config), sql_int(e->max)));
	if (e->deleted < 0 || e->deleted == e->max)
		return e->deleted < 0 ? -1 : 0;
	for (size_t i = 0; i < sizeof rest / sizeof rest[0]; i++)
		if (sql_run(sql, why, rest[i],
			    SQL_VALUES(sql_text(e->domain), sql_int(e->day), sql_key(e->config))) !=
		    0)
			return -1;
	return 0;
}

/* Of days that have no rows any longer. */
static int expire_sums(struct sql *sql, int32_t before_day, struct why *why)
{
	return sql_run(sql, why,
		       "DELETE FROM host_day WHERE day < $1"
		       " AND day < (SELECT COALESCE(MIN(day), $1) FROM policy)",
		       SQL_VALUES(sql_int(before_day)));
}

static enum driver_outcome expire_oldest(struct sql *sql, int32_t before_day, unsigned max,
					 unsigned *deleted, bool *more, struct why *why)
{
	struct sql_rows *rows =
	    sql_ask(sql,
		    "SELECT domain, day, config FROM policy AS p WHERE day < $1"
		    " AND " SQL_MAY_EXPIRE " ORDER BY day, domain, since, config LIMIT 1",
		    SQL_VALUES(sql_int(before_day)));
	int found = sql_next(rows, why), result = 0;

	*deleted = 0;
	*more = found == 1;
	if (found == 1) {
		struct arena *arena = arena_new(0);
		struct expiring e = {
		    .domain = sql_text_at(rows, 0, arena), .day = sql_int_at(rows, 1), .max = max};

		sql_key_at(rows, 2, e.config);
		sql_drop(rows);
		result = sql_transact(sql, expire_report, &e, why);
		*deleted = e.deleted > 0 ? (unsigned)e.deleted : 0;
		arena_free(arena);
	}
	if (found == 0)
		result = expire_sums(sql, before_day, why);
	return found < 0 || result < 0 ? sql->fault : DRIVER_DONE;
}

const struct driver driver_shared = {
    .open = open_to_read,
    .expire = expire_oldest,
};

/*
 * In the file: table unshipped names rows of which more was counted than was put into batches
 * (tally.shipped says how much was); batch holds the one batch that is under way; spool has one
 * row: who this host is, which store it ships to, the number of the last batch, and through which
 * day everything is shipped once that batch is.
 *
 * Policies are inserted first, in the same transaction as the rows. That locks them: a report that
 * is begun meanwhile waits for us, and we, when one was begun before, find the policy closed and go
 * on to the one derived from it.
 */
#include "store/ship.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/clock.h"
#include "lib/digest.h"
#include "lib/utf8.h"
#include "store/shared.h"

enum {
	BATCH_ROWS = 2000, /* small enough for the milter's writer to wait for the file */
	JOIN_ROWS = 5000,
	KEPT_BATCHES = 1000, /* numbers that the shared store remembers */
	SETTLED = 600,       /* seconds after midnight: the last rows of the day are in the file */
	SIGN_OF_LIFE = 60,   /* seconds */
	POLICY_ROUNDS_MAX = 1000
};

#define KEY "domain, day, config, source_ip, row_key"

struct spool {
	unsigned char host[DRIVER_KEY_LEN], store[DRIVER_KEY_LEN];
	bool has_store, joined;
	int64_t joined_at, sequence, through;
};

struct ship {
	struct sql *local, *shared;
	char *path, *url, *name;
	struct stat file; /* LOCAL */
	int lock;
	struct spool spool;
	int64_t told_at, told_through;
};

/* ---- opening ---- */

static int take_lock(struct ship *ship, const char *path, bool *busy, struct why *why)
{
	struct arena *arena = arena_new(0);
	const char *name = arena_printf(arena, "%s-shipper", path);
	int result = 0;

	ship->lock = open(name, O_RDONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (ship->lock < 0)
		result = why_set(why, "%s: %s", name, strerror(errno));
	else if (flock(ship->lock, LOCK_EX | LOCK_NB) != 0) {
		*busy = errno == EWOULDBLOCK;
		result = why_set(why, "%s: %s", name,
				 *busy ? "another process of this host ships" : strerror(errno));
	}
	arena_free(arena);
	return result;
}

static int read_spool(struct sql *local, struct spool *spool, struct why *why)
{
	struct sql_rows *rows = sql_ask(local,
					"SELECT host, store, store IS NOT NULL, joined, joined_at,"
					" sequence, through FROM spool",
					"");
	int more = sql_next(rows, why);

	if (more != 1)
		return more < 0 ? -1 : why_set(why, "the ledger's table spool is empty");
	sql_key_at(rows, 0, spool->host);
	sql_key_at(rows, 1, spool->store);
	spool->has_store = sql_int_at(rows, 2) != 0;
	spool->joined = sql_int_at(rows, 3) != 0;
	spool->joined_at = sql_int_at(rows, 4);
	spool->sequence = sql_int_at(rows, 5);
	spool->through = sql_int_at(rows, 6);
	sql_drop(rows);
	return 0;
}

static struct sql *open_local(const char *path, struct why *why)
{
	const struct ledger_settings settings = {.path = path, .busy_wait = 5 * CLOCK_SECOND};

	return sqlite_sql(&settings, why);
}

static int open_file(struct ship *ship, struct why *why)
{
	ship->local = open_local(ship->path, why);
	if (ship->local == NULL || stat(ship->path, &ship->file) == 0)
		return ship->local == NULL ? -1 : 0;
	return why_set(why, "%s: %s", ship->path, strerror(errno));
}

/* An administrator may move the ledger away: then the milter has a new one. */
static int follow_file(struct ship *ship, struct why *why)
{
	struct stat now;

	if (ship->local != NULL && stat(ship->path, &now) == 0 && now.st_ino == ship->file.st_ino &&
	    now.st_dev == ship->file.st_dev)
		return 0;
	sql_close(ship->local);
	sql_close(ship->shared);
	ship->shared = NULL;
	return open_file(ship, why);
}

struct ship *ship_open(const struct ship_settings *settings, bool *busy, struct why *why)
{
	struct ship *ship = calloc(1, sizeof *ship);

	if (ship == NULL || (ship->path = strdup(settings->path)) == NULL ||
	    (ship->url = strdup(settings->shared)) == NULL ||
	    (ship->name = strdup(settings->name)) == NULL)
		abort();
	*busy = false;
	ship->lock = -1;
	if (open_file(ship, why) == 0 && take_lock(ship, settings->path, busy, why) == 0)
		return ship;
	ship_close(ship);
	return NULL;
}

void ship_close(struct ship *ship)
{
	if (ship == NULL)
		return;
	sql_close(ship->shared);
	sql_close(ship->local);
	if (ship->lock >= 0)
		close(ship->lock);
	free(ship->path);
	free(ship->url);
	free(ship->name);
	free(ship);
}

int ship_pending(struct ship *ship, int64_t *rows, int64_t *batches, struct why *why)
{
	if (sql_number(ship->local, rows, why,
		       "SELECT (SELECT COUNT(*) FROM unshipped) + (SELECT COUNT(*) FROM batch)",
		       "") != 0)
		return -1;
	return sql_number(ship->local, batches, why, "SELECT sequence FROM spool", "") == 0 ? 0
											    : -1;
}

static int leave(void *arg, struct sql *local, struct why *why)
{
	(void)arg;
	if (sql_do(local, why, "UPDATE spool SET joined = 0", "") < 0)
		return -1;
	return sql_do(local, why, "DELETE FROM unshipped", "") < 0 ? -1 : 0;
}

int ship_leave(const char *path, struct why *why)
{
	struct sql *local = open_local(path, why);
	struct spool spool = {.joined = false};
	int result = local == NULL ? -1 : read_spool(local, &spool, why);

	if (result == 0 && spool.joined)
		result = sql_transact(local, leave, NULL, why);
	sql_close(local);
	return result;
}

/* ---- columns that are sent, as arrays: one value of each row ---- */

struct column {
	const char *name;
	char kind; /* t text, i bigint, b bytea */
};

static const struct column policy_columns[] = {
    {"domain", 't'},  {"day", 'i'},       {"config", 'b'}, {"since", 'i'},
    {"closed", 'i'},  {"p", 't'},         {"sp", 't'},     {"np", 't'},
    {"adkim", 't'},   {"aspf", 't'},      {"fo", 't'},     {"rua", 't'},
    {"testing", 't'}, {"discovery", 't'}, {"ruf", 't'},    {"error", 't'},
};
static const struct column tally_columns[] = {
    {"domain", 't'},      {"day", 'i'},         {"config", 'b'},      {"source_ip", 't'},
    {"row_key", 'b'},     {"messages", 'i'},    {"quiet", 'i'},       {"dkim_aligned", 't'},
    {"spf_aligned", 't'}, {"disposition", 't'}, {"header_from", 't'}, {"envelope_from", 't'},
    {"envelope_to", 't'}, {"spf_domain", 't'},  {"spf_result", 't'},  {"reasons", 't'},
    {"dkim", 't'},        {"dkim_notes", 't'},  {"spf_note", 't'},
};
enum {
	POLICY_COLUMNS = sizeof policy_columns / sizeof policy_columns[0],
	TALLY_COLUMNS = sizeof tally_columns / sizeof tally_columns[0],
	COLUMNS_MAX = 24,
	CONFIG_COLUMN = 2
};

/* Literals of arrays, one for each column. */
struct arrays {
	const struct column *columns;
	unsigned count;
	struct buf texts[COLUMNS_MAX];
};

static void arrays_init(struct arrays *arrays, const struct column *columns, unsigned count,
			struct arena *arena)
{
	arrays->columns = columns;
	arrays->count = count;
	for (unsigned i = 0; i < count; i++) {
		buf_init(&arrays->texts[i], arena, 0);
		buf_char(&arrays->texts[i], '{');
	}
}

static void separate(struct buf *to)
{
	if (to->len > 1)
		buf_char(to, ',');
}

/* The other side refuses a batch with what is not UTF-8: none must ever be in it. */
static void add_text(struct buf *to, const char *text, size_t len)
{
	struct buf clean;

	separate(to);
	if (text == NULL) {
		buf_string(to, "NULL");
		return;
	}
	buf_init(&clean, NULL, 0);
	utf8_clean(&clean, span_make(text, len));
	buf_char(to, '"');
	for (size_t i = 0; i < clean.len; i++) {
		if (clean.data[i] == '"' || clean.data[i] == '\\')
			buf_char(to, '\\');
		buf_char(to, clean.data[i]);
	}
	buf_char(to, '"');
	buf_free(&clean);
}

static void add_bytes(struct buf *to, const unsigned char *bytes, size_t len)
{
	separate(to);
	buf_string(to, "\"\\\\x");
	for (size_t i = 0; i < len; i++)
		buf_printf(to, "%02x", bytes[i]);
	buf_char(to, '"');
}

static void add_number(struct buf *to, int64_t number)
{
	separate(to);
	buf_printf(to, "%lld", (long long)number);
}

static void add_value(struct buf *to, char kind, struct sql_rows *rows, int at)
{
	size_t len;

	if (kind == 'i') {
		add_number(to, sql_int_at(rows, at));
	} else if (kind == 't') {
		const char *text = rows->sql->ops->text(rows, at, &len);

		add_text(to, text, len);
	} else {
		const unsigned char *bytes = sql_blob_at(rows, at, &len);

		add_bytes(to, bytes, len);
	}
}

static struct sql_value value_at(struct sql_rows *rows, int at, char kind, struct arena *arena)
{
	struct sql_value value = {.kind = SQL_NULL};
	const void *data;

	if (kind == 'b') {
		data = sql_blob_at(rows, at, &value.len);
		value.kind = SQL_BLOB;
		value.data = arena_copy(arena, data == NULL ? "" : data, value.len);
		return value;
	}
	value.data = sql_text_at(rows, at, arena);
	if (value.data != NULL)
		value.kind = kind == 't' ? SQL_TEXT : SQL_INT;
	value.number = sql_int_at(rows, at);
	return value;
}

/* Column I of ROWS is column I of ARRAYS; CONFIG takes the place of what is there. */
static void add_row(struct arrays *arrays, struct sql_rows *rows, const unsigned char *config)
{
	for (unsigned i = 0; i < arrays->count; i++)
		if (i == CONFIG_COLUMN)
			add_bytes(&arrays->texts[i], config, DRIVER_KEY_LEN);
		else
			add_value(&arrays->texts[i], arrays->columns[i].kind, rows, (int)i);
}

/* INSERT INTO table (...) SELECT * FROM unnest($1::text[], ...) REST; run with ARRAYS. */
static struct sql_rows *insert(struct sql *sql, struct arrays *arrays, struct arena *arena,
			       const char *table, const char *rest)
{
	struct sql_value values[COLUMNS_MAX];
	struct buf names, types;

	buf_init(&names, arena, 0);
	buf_init(&types, arena, 0);
	for (unsigned i = 0; i < arrays->count; i++) {
		const char *comma = i == 0 ? "" : ", ";
		char kind = arrays->columns[i].kind;

		buf_printf(&names, "%s%s", comma, arrays->columns[i].name);
		buf_printf(&types, "%s$%u::%s[]", comma, i + 1,
			   kind == 't'   ? "text"
			   : kind == 'i' ? "bigint"
					 : "bytea");
		buf_char(&arrays->texts[i], '}');
		values[i] =
		    (struct sql_value){.kind = SQL_TEXT, .data = buf_text(&arrays->texts[i])};
	}
	return sql->ops->ask(sql,
			     arena_printf(arena, "INSERT INTO %s (%s) SELECT * FROM unnest(%s) %s",
					  table, buf_text(&names), buf_text(&types), rest),
			     values, arrays->count);
}

/* ---- a batch: fixed in the file ---- */

/* The last day whose rows are all in the file. */
static int32_t last_settled(void)
{
	return clock_day(clock_wall() - SETTLED) - 1;
}

struct fixing {
	int64_t rows;
};

static int fix(void *arg, struct sql *local, struct why *why)
{
	struct fixing *fixing = arg;
	int32_t settled = last_settled();
	int64_t rows = sql_do(local, why,
			      "INSERT INTO batch (" KEY ", messages, quiet)"
			      " SELECT t.domain, t.day, t.config, t.source_ip, t.row_key,"
			      " t.messages - t.shipped, t.quiet - t.shipped_quiet"
			      " FROM (SELECT " KEY " FROM unshipped LIMIT $1) AS u"
			      " JOIN tally AS t USING (" KEY ") WHERE t.messages > t.shipped",
			      "i", (int64_t)BATCH_ROWS);

	fixing->rows = rows;
	if (rows <= 0)
		return rows < 0 ? -1 : 0;
	if (sql_do(local, why,
		   "UPDATE tally SET shipped = messages, shipped_quiet = quiet WHERE (" KEY
		   ") IN (SELECT " KEY " FROM batch)",
		   "") < 0 ||
	    sql_do(local, why,
		   "DELETE FROM unshipped WHERE (" KEY ") IN (SELECT " KEY " FROM batch)", "") < 0)
		return -1;
	/* less than a whole batch: this is all of what there is until now */
	return sql_do(local, why,
		      "UPDATE spool SET sequence = sequence + 1,"
		      " through = CASE WHEN $1 < $2 THEN $3 ELSE through END",
		      "iii", rows, (int64_t)BATCH_ROWS, (int64_t)settled) < 0
		   ? -1
		   : 0;
}

/* The rows of the batch that is under way, or of a new one; 0: there is nothing to ship. */
static int fix_batch(struct ship *ship, int64_t *rows, struct why *why)
{
	struct fixing fixing = {0};

	if (sql_number(ship->local, rows, why, "SELECT COUNT(*) FROM batch", "") != 0)
		return -1;
	if (*rows == 0 && sql_transact(ship->local, fix, &fixing, why) < 0)
		return -1;
	if (*rows == 0)
		*rows = fixing.rows;
	return read_spool(ship->local, &ship->spool, why);
}

static int forget(void *arg, struct sql *local, struct why *why)
{
	(void)arg;
	if (sql_do(local, why, "UPDATE spool SET shipped_at = $1", "i", clock_wall()) < 0)
		return -1;
	return sql_do(local, why, "DELETE FROM batch", "") < 0 ? -1 : 0;
}

/* ---- a batch: applied ---- */

struct target {
	const char *domain;
	int64_t day;
	unsigned char config[DRIVER_KEY_LEN]; /* as counted here */
	unsigned char to[DRIVER_KEY_LEN];     /* as it is called there */
	bool own;   /* its report was sent from here before there was a shared store */
	bool found; /* TO is open */
};

struct applying {
	struct ship *ship;
	struct arena *arena;
	struct target *targets;
	unsigned count;
	unsigned char digest[DRIVER_KEY_LEN];
	int64_t rows, messages;
};

#define OWN                                                                                        \
	"EXISTS (SELECT 1 FROM report AS r WHERE r.domain = b.domain AND r.day = b.day"            \
	" AND r.config = b.config)"

static int read_targets(struct applying *a, struct why *why)
{
	struct sql_rows *rows;
	int64_t count;
	int more;

	if (sql_number(a->ship->local, &count, why,
		       "SELECT COUNT(*) FROM (SELECT DISTINCT domain, day, config FROM batch)",
		       "") != 0)
		return -1;
	a->targets = arena_array(a->arena, (size_t)count + 1, sizeof *a->targets);
	rows = sql_ask(a->ship->local,
		       "SELECT DISTINCT domain, day, config, " OWN " FROM batch AS b"
		       " ORDER BY domain, day, config",
		       "");
	while ((more = sql_next(rows, why)) == 1) {
		struct target *target = &a->targets[a->count++];

		target->domain = sql_text_at(rows, 0, a->arena);
		target->day = sql_int_at(rows, 1);
		sql_key_at(rows, 2, target->config);
		target->own = sql_int_at(rows, 3) != 0;
	}
	return more;
}

/* Its name in the shared store to begin with. */
static void begin_target(const struct ship *ship, struct target *target)
{
	memcpy(target->to, target->config, DRIVER_KEY_LEN);
	if (target->own)
		shared_derive(target->config, ship->spool.host, DRIVER_KEY_LEN, target->to);
	target->found = false;
}

/* The policies of targets that are not found yet. */
static int gather_policies(struct applying *a, struct arrays *arrays, struct why *why)
{
	for (unsigned i = 0; i < a->count; i++) {
		struct target *target = &a->targets[i];
		struct sql_rows *rows;
		int more;

		if (target->found)
			continue;
		rows = sql_ask(a->ship->local,
			       "SELECT domain, day, config, CASE WHEN since < $4 THEN since"
			       " ELSE $5 END, $6, p, sp, np, adkim, aspf, fo, rua, testing,"
			       " discovery, ruf, error FROM policy"
			       " WHERE domain = $1 AND day = $2 AND config = $3",
			       "tibiii", target->domain, target->day, (const void *)target->config,
			       sizeof target->config, a->ship->spool.joined_at, clock_wall(),
			       (int64_t)(target->own ? SHARED_OWN : 0));
		more = sql_next(rows, why);
		if (more != 1)
			return more < 0 ? -1 : why_set(why, "the ledger has rows without a policy");
		add_row(arrays, rows, target->to);
		sql_drop(rows);
	}
	return 0;
}

static struct target *target_named(struct applying *a, struct sql_rows *rows, unsigned guess)
{
	const char *domain = sql_text_at(rows, 0, a->arena);
	int64_t day = sql_int_at(rows, 1);
	unsigned char to[DRIVER_KEY_LEN];

	sql_key_at(rows, 2, to);
	for (unsigned i = 0; i < a->count; i++) {
		struct target *target = &a->targets[(guess + i) % a->count];

		if (target->day == day && memcmp(target->to, to, DRIVER_KEY_LEN) == 0 &&
		    strcmp(target->domain, domain) == 0)
			return target;
	}
	return NULL;
}

/* Inserts what is not found yet. How many are closed and have a new name now; -1. */
static int put_policies(struct applying *a, struct sql *sql, struct why *why)
{
	struct arrays arrays;
	struct sql_rows *rows;
	int more, closed = 0;
	unsigned guess = 0;

	arrays_init(&arrays, policy_columns, POLICY_COLUMNS, a->arena);
	if (gather_policies(a, &arrays, why) != 0)
		return -1;
	rows = insert(
	    sql, &arrays, a->arena, "policy",
	    "ON CONFLICT (domain, day, config) DO UPDATE SET rua = excluded.rua,"
	    " ruf = excluded.ruf, error = excluded.error RETURNING domain, day, config, closed");
	while ((more = sql_next(rows, why)) == 1) {
		struct target *target = target_named(a, rows, guess++);

		if (target == NULL)
			continue;
		target->found = target->own || sql_int_at(rows, 3) == 0;
		closed += !target->found;
	}
	return more < 0 ? -1 : closed;
}

static int find_open_policies(struct applying *a, struct sql *sql, struct why *why)
{
	int closed;

	for (unsigned i = 0; i < a->count; i++)
		begin_target(a->ship, &a->targets[i]);
	for (unsigned round = 1; (closed = put_policies(a, sql, why)) > 0; round++) {
		if (round == POLICY_ROUNDS_MAX)
			return why_set(why, "the shared store: too many reports of one policy");
		for (unsigned i = 0; i < a->count; i++)
			if (!a->targets[i].found)
				shared_derive(a->targets[i].config, &round, sizeof round,
					      a->targets[i].to);
	}
	return closed;
}

#define BATCH_OF(columns)                                                                          \
	"SELECT b.domain, b.day, b.config, b.source_ip, b.row_key, b.messages, b.quiet" columns    \
	" FROM batch AS b JOIN tally AS t USING (" KEY ") ORDER BY b.domain, b.day, b.config,"     \
	" b.source_ip, b.row_key"

/* Rows and targets are in the same order. */
static int gather_rows(struct applying *a, struct arrays *arrays, struct why *why)
{
	struct sql_rows *rows =
	    sql_ask(a->ship->local,
		    BATCH_OF(", t.dkim_aligned, t.spf_aligned, t.disposition, t.header_from,"
			     " t.envelope_from, t.envelope_to, t.spf_domain, t.spf_result,"
			     " t.reasons, t.dkim, t.dkim_notes, t.spf_note"),
		    "");
	unsigned char config[DRIVER_KEY_LEN];
	const struct target *target = a->targets;
	struct arena *arena = arena_new(0);
	int more;

	a->rows = a->messages = 0;
	while ((more = sql_next(rows, why)) == 1) {
		const char *domain = sql_text_at(rows, 0, arena);

		sql_key_at(rows, 2, config);
		while (target->day != sql_int_at(rows, 1) || strcmp(target->domain, domain) != 0 ||
		       memcmp(target->config, config, DRIVER_KEY_LEN) != 0)
			target++;
		add_row(arrays, rows, target->to);
		a->rows++;
		a->messages += sql_int_at(rows, 5);
	}
	arena_free(arena);
	return more;
}

static int put_rows(struct applying *a, struct sql *sql, struct why *why)
{
	struct arrays arrays;
	struct sql_rows *rows;
	int more;

	arrays_init(&arrays, tally_columns, TALLY_COLUMNS, a->arena);
	if (gather_rows(a, &arrays, why) != 0)
		return -1;
	rows = insert(sql, &arrays, a->arena, "tally",
		      "ON CONFLICT (" KEY ") DO UPDATE SET"
		      " messages = tally.messages + excluded.messages,"
		      " quiet = tally.quiet + excluded.quiet");
	while ((more = sql_next(rows, why)) == 1)
		;
	return more;
}

/* What the batch is, whoever sends it under whatever number. */
static int digest_batch(struct applying *a, struct why *why)
{
	struct sql_rows *rows = sql_ask(a->ship->local, BATCH_OF(""), "");
	uint8_t digest[DIGEST_SHA256_LEN];
	struct arrays arrays;
	struct buf all;
	int more;

	arrays_init(&arrays, tally_columns, 7, a->arena);
	while ((more = sql_next(rows, why)) == 1) {
		unsigned char config[DRIVER_KEY_LEN];

		sql_key_at(rows, CONFIG_COLUMN, config);
		add_row(&arrays, rows, config);
	}
	buf_init(&all, NULL, 0);
	for (unsigned i = 0; i < arrays.count; i++)
		buf_span(&all, buf_view(&arrays.texts[i]));
	digest_sha256(all.data, all.len, digest);
	memcpy(a->digest, digest, DRIVER_KEY_LEN);
	buf_free(&all);
	return more;
}

/* 1: this batch is in already. */
static int check_same(struct applying *a, struct sql *sql, struct why *why)
{
	const struct spool *spool = &a->ship->spool;
	unsigned char digest[DRIVER_KEY_LEN];
	struct sql_rows *rows =
	    sql_ask(sql, "SELECT digest FROM batch WHERE host = $1 AND sequence = $2", "bi",
		    (const void *)spool->host, sizeof spool->host, spool->sequence);
	int more = sql_next(rows, why);

	if (more != 1)
		return more < 0 ? -1 : why_set(why, "the shared store: the batch went away");
	sql_key_at(rows, 0, digest);
	sql_drop(rows);
	if (memcmp(digest, a->digest, DRIVER_KEY_LEN) == 0)
		return 1;
	sql->fault = DRIVER_BROKEN;
	return why_set(why,
		       "the shared store has another batch %lld of this host: the ledger was copied"
		       " from another host, or is an older one that was put back; move it away (a"
		       " new one is made)",
		       (long long)spool->sequence);
}

static int tell_host(const struct ship *ship, int64_t rows, int64_t messages, struct sql *sql,
		     struct why *why)
{
	const struct spool *spool = &ship->spool;

	return sql_do(sql, why,
		      "INSERT INTO host (host, name, seen, through, sequence, rows, messages)"
		      " VALUES ($1, $2, " SHARED_NOW ", $3, $4, $5, $6)"
		      " ON CONFLICT (host) DO UPDATE SET name = excluded.name,"
		      " seen = excluded.seen, sequence = excluded.sequence,"
		      " through = CASE WHEN excluded.through > host.through"
		      " THEN excluded.through ELSE host.through END,"
		      " rows = host.rows + excluded.rows,"
		      " messages = host.messages + excluded.messages",
		      "btiiii", (const void *)spool->host, sizeof spool->host, ship->name,
		      spool->through, spool->sequence, rows, messages) < 0
		   ? -1
		   : 0;
}

static int apply(void *arg, struct sql *sql, struct why *why)
{
	struct applying *a = arg;
	const struct spool *spool = &a->ship->spool;
	int64_t fresh = sql_do(sql, why,
			       "INSERT INTO batch (host, sequence, digest, applied)"
			       " VALUES ($1, $2, $3, " SHARED_NOW ")"
			       " ON CONFLICT (host, sequence) DO NOTHING",
			       "bib", (const void *)spool->host, sizeof spool->host,
			       spool->sequence, (const void *)a->digest, sizeof a->digest);

	if (fresh <= 0)
		return fresh < 0 ? -1 : check_same(a, sql, why);
	if (find_open_policies(a, sql, why) != 0 || put_rows(a, sql, why) != 0 ||
	    tell_host(a->ship, a->rows, a->messages, sql, why) != 0)
		return -1;
	return sql_do(sql, why, "DELETE FROM batch WHERE host = $1 AND sequence = $2", "bi",
		      (const void *)spool->host, sizeof spool->host,
		      spool->sequence - KEPT_BATCHES) < 0
		   ? -1
		   : 0;
}

static int apply_batch(struct ship *ship, struct why *why)
{
	struct applying a = {.ship = ship, .arena = arena_new(0)};
	int result = read_targets(&a, why);

	if (result == 0)
		result = digest_batch(&a, why);
	if (result == 0)
		result = sql_transact(ship->shared, apply, &a, why);
	arena_free(a.arena);
	return result < 0 ? -1 : 0;
}

/* ---- what there is to ship, found when a store is joined ---- */

struct walk {
	bool fresh; /* another store than the one that TALLY.SHIPPED speaks of */
	bool begun, ended;
	const char *domain, *source_ip;
	int64_t day;
	unsigned char config[DRIVER_KEY_LEN], key[DRIVER_KEY_LEN];
	struct arena *arena;
};

#define BEHIND "(" KEY ") > ($1, $2, $3, $4, $5)"

/* The key that so many rows behind the last one has. */
static int find_end(const struct walk *from, struct walk *to, struct sql *local, struct why *why)
{
	struct sql_rows *rows = sql_ask(
	    local, "SELECT " KEY " FROM tally WHERE " BEHIND " ORDER BY " KEY " LIMIT 1 OFFSET $6",
	    "tibtbi", from->domain, from->day, (const void *)from->config, sizeof from->config,
	    from->source_ip, (const void *)from->key, sizeof from->key, (int64_t)JOIN_ROWS - 1);
	int more = sql_next(rows, why);

	if (more != 1)
		return more;
	to->domain = sql_text_at(rows, 0, to->arena);
	to->day = sql_int_at(rows, 1);
	sql_key_at(rows, 2, to->config);
	to->source_ip = sql_text_at(rows, 3, to->arena);
	sql_key_at(rows, 4, to->key);
	sql_drop(rows);
	return 1;
}

#define UNTIL " AND (" KEY ") <= ($6, $7, $8, $9, $10)"

static int mark(const struct walk *from, const struct walk *to, struct sql *local, const char *text,
		struct why *why)
{
	return sql_do(local, why, text, "tibtbtibtb", from->domain, from->day,
		      (const void *)from->config, sizeof from->config, from->source_ip,
		      (const void *)from->key, sizeof from->key, to->domain, to->day,
		      (const void *)to->config, sizeof to->config, to->source_ip,
		      (const void *)to->key, sizeof to->key) < 0
		   ? -1
		   : 0;
}

/* One stretch of the table: short, for the milter's writer waits. */
static int mark_some(void *arg, struct sql *local, struct why *why)
{
	struct walk *walk = arg, to = *walk;
	int more = find_end(walk, &to, local, why);

	if (more < 0)
		return -1;
	if (more == 0) /* behind every key */
		to.domain = "\xff\xff\xff";
	if (walk->fresh && mark(walk, &to, local,
				"UPDATE tally SET shipped = 0, shipped_quiet = 0"
				" WHERE " BEHIND UNTIL " AND shipped > 0",
				why) != 0)
		return -1;
	if (mark(walk, &to, local,
		 "INSERT OR IGNORE INTO unshipped (" KEY ") SELECT " KEY
		 " FROM tally WHERE " BEHIND UNTIL " AND messages > shipped",
		 why) != 0)
		return -1;
	*walk = to;
	walk->ended = more == 0;
	return 0;
}

static int mark_all(struct ship *ship, bool fresh, struct why *why)
{
	struct walk walk = {.fresh = fresh, .domain = "", .source_ip = "", .arena = arena_new(0)};
	int result = 0;

	while (result == 0 && !walk.ended)
		result = sql_transact(ship->local, mark_some, &walk, why);
	arena_free(walk.arena);
	return result;
}

/* From now on the milter's writer notes what is to be shipped. */
static int begin_joining(void *arg, struct sql *local, struct why *why)
{
	const bool *fresh = arg;

	if (*fresh && (sql_do(local, why, "UPDATE spool SET store = NULL, through = -1", "") < 0 ||
		       sql_do(local, why, "DELETE FROM batch", "") < 0))
		return -1;
	return sql_do(local, why, "UPDATE spool SET joined = 1, joined_at = $1", "i",
		      clock_wall()) < 0
		   ? -1
		   : 0;
}

/* ---- reports that this host built before it had a shared store ---- */

/* The rows that FROM gives, by INSERT into the shared store; KINDS: one letter for each column: t,
 * i, b, and c for a config, which becomes this host's own. How many are new, or -1. */
static int64_t bring(const struct ship *ship, struct sql_rows *from, struct sql *sql,
		     const char *text, const char *kinds, struct why *why)
{
	struct arena *arena = arena_new(0);
	int64_t fresh = 0;
	int more;

	while ((more = sql_next(from, why)) == 1) {
		struct sql_value values[SQL_VALUES_MAX] = {{.kind = SQL_NULL}};
		unsigned char own[DRIVER_KEY_LEN], config[DRIVER_KEY_LEN];
		struct sql_rows *rows;
		unsigned count;

		for (count = 0; kinds[count] != '\0'; count++) {
			struct sql_value *value = &values[count];

			if (kinds[count] == 'c') {
				sql_key_at(from, (int)count, config);
				shared_derive(config, ship->spool.host, DRIVER_KEY_LEN, own);
				*value = (struct sql_value){
				    .kind = SQL_BLOB, .data = own, .len = sizeof own};
			} else {
				*value = value_at(from, (int)count, kinds[count], arena);
			}
		}
		rows = sql->ops->ask(sql, text, values, count);
		more = sql->ops->next(rows, why);
		fresh += more == 0 ? sql->ops->changes(rows) : 0;
		sql_drop(rows);
		arena_reset(arena);
		if (more < 0) {
			sql_drop(from);
			break;
		}
	}
	arena_free(arena);
	return more < 0 ? -1 : fresh;
}

struct import {
	const struct ship *ship;
	const char *domain;
	int64_t day;
	unsigned char config[DRIVER_KEY_LEN];
};

#define OF_REPORT " WHERE domain = $1 AND day = $2 AND config = $3"

static int64_t bring_of(const struct import *import, struct sql *sql, const char *from,
			const char *into, const char *kinds, struct why *why)
{
	return bring(import->ship,
		     sql_ask(import->ship->local, from, "tib", import->domain, import->day,
			     (const void *)import->config, sizeof import->config),
		     sql, into, kinds, why);
}

/* The report with all that belongs to it, unless it is there. */
static int import_report(void *arg, struct sql *sql, struct why *why)
{
	const struct import *import = arg;
	int64_t fresh = bring_of(
	    import, sql,
	    "SELECT domain, day, config, id, file_name, built, records, messages, kind"
	    " FROM report" OF_REPORT,
	    "INSERT INTO report (domain, day, config, id, file_name, built, records, messages,"
	    " kind) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
	    " ON CONFLICT (domain, day, config) DO NOTHING",
	    "ticttiiit", why);

	if (fresh <= 0)
		return fresh < 0 ? -1 : 0;
	if (bring_of(import, sql,
		     "SELECT domain, day, config, part, data FROM report_part" OF_REPORT,
		     "INSERT INTO report_part (domain, day, config, part, data)"
		     " VALUES ($1, $2, $3, $4, $5)",
		     "ticib", why) < 0)
		return -1;
	return bring_of(import, sql,
			"SELECT domain, day, config, address, host, sent_to, state, tries, next,"
			" tried, reply, kind FROM delivery" OF_REPORT,
			"INSERT INTO delivery (domain, day, config, address, host, sent_to, state,"
			" tries, next, tried, reply, kind)"
			" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
			"tictttti"
			"iitt",
			why) < 0
		   ? -1
		   : 0;
}

/* Small tables, whose rows are known by their first column. */
static int import_rest(void *arg, struct sql *sql, struct why *why)
{
	static const struct {
		const char *from, *into, *kinds;
	} tables[] = {
	    {"SELECT address, failures, until, reason FROM suppression",
	     "INSERT INTO suppression (address, failures, until, reason) VALUES ($1, $2, $3, $4)"
	     " ON CONFLICT (address) DO NOTHING",
	     "tiit"},
	    {"SELECT name, token FROM token",
	     "INSERT INTO token (name, token) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING", "tt"},
	};
	const struct import *import = arg;

	for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++)
		if (bring(import->ship, sql_ask(import->ship->local, tables[i].from, ""), sql,
			  tables[i].into, tables[i].kinds, why) < 0)
			return -1;
	return 0;
}

static int import_outbox(struct ship *ship, struct why *why)
{
	struct sql_rows *rows = sql_ask(ship->local,
					"SELECT domain, day, config FROM report"
					" WHERE kind = 'aggregate' ORDER BY domain, day, config",
					"");
	struct import import = {.ship = ship};
	struct arena *arena = arena_new(0);
	int more;

	while ((more = sql_next(rows, why)) == 1) {
		import.domain = sql_text_at(rows, 0, arena);
		import.day = sql_int_at(rows, 1);
		sql_key_at(rows, 2, import.config);
		if (sql_transact(ship->shared, import_report, &import, why) < 0) {
			sql_drop(rows);
			more = -1;
			break;
		}
		arena_reset(arena);
	}
	arena_free(arena);
	return more < 0 ? -1 : sql_transact(ship->shared, import_rest, &import, why);
}

/* ---- joining ---- */

/* The store knows this host, and the file does not know the store: it would count twice there. */
static int refuse_return(struct ship *ship, struct why *why)
{
	int64_t sequence;
	int found =
	    sql_number(ship->shared, &sequence, why, "SELECT sequence FROM host WHERE host = $1",
		       "b", (const void *)ship->spool.host, sizeof ship->spool.host);

	if (found != 0)
		return found < 0 ? -1 : 0;
	return why_set(why, "the shared store holds what this host counted up to a time before it"
			    " shipped elsewhere, so all since would be counted twice: use a fresh"
			    " database, or move this host's ledger away (a new one is made)");
}

static int join(struct ship *ship, const unsigned char id[SHARED_ID_LEN], struct why *why)
{
	bool fresh = !ship->spool.has_store || memcmp(ship->spool.store, id, SHARED_ID_LEN) != 0;

	if (!fresh && ship->spool.joined)
		return 0;
	if ((fresh && refuse_return(ship, why) != 0) ||
	    sql_transact(ship->local, begin_joining, &fresh, why) < 0 ||
	    import_outbox(ship, why) < 0 || mark_all(ship, fresh, why) != 0)
		return -1;
	if (sql_do(ship->local, why, "UPDATE spool SET store = $1", "b", (const void *)id,
		   (size_t)SHARED_ID_LEN) < 0)
		return -1;
	return read_spool(ship->local, &ship->spool, why);
}

static int connect_shared(struct ship *ship, struct why *why)
{
	unsigned char id[SHARED_ID_LEN];

	if (read_spool(ship->local, &ship->spool, why) != 0)
		return -1;
	ship->shared = shared_open(ship->url, SHARED_MIGRATE, false, why);
	if (ship->shared == NULL)
		return -1;
	if (shared_id(ship->shared, id, why) == 0 && join(ship, id, why) == 0)
		return 0;
	sql_close(ship->shared);
	ship->shared = NULL;
	return -1;
}

/* ---- one step ---- */

static int say_alive(struct ship *ship, int32_t settled, struct why *why)
{
	int64_t now = clock_mono();

	ship->spool.through = settled;
	if (ship->told_at != 0 && settled == ship->told_through &&
	    now < ship->told_at + SIGN_OF_LIFE * CLOCK_SECOND)
		return 0;
	if (tell_host(ship, 0, 0, ship->shared, why) != 0)
		return -1;
	ship->told_at = now;
	ship->told_through = settled;
	return 0;
}

static int step(struct ship *ship, struct why *why)
{
	int32_t settled = last_settled();
	int64_t rows;

	if (fix_batch(ship, &rows, why) != 0)
		return -1;
	if (rows == 0)
		return say_alive(ship, settled, why);
	if (apply_batch(ship, why) != 0 || sql_transact(ship->local, forget, NULL, why) < 0)
		return -1;
	ship->told_at = clock_mono();
	return rows == BATCH_ROWS;
}

int ship_step(struct ship *ship, struct why *why)
{
	int result = follow_file(ship, why);

	if (result == 0 && ship->shared == NULL)
		result = connect_shared(ship, why);
	if (result == 0)
		result = step(ship, why);
	if (result < 0) {
		sql_close(ship->shared);
		ship->shared = NULL;
	}
	return result;
}

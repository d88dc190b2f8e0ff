/*
 * Queue, writer, keys. Callers append to a list under one lock and sleep, each on a condition of
 * its own. The writer takes what is there (never waiting for more: a lone message is committed at
 * once, and what arrives during that commit forms the next group), adds equal rows together, sorts
 * them by key and hands them to the driver.
 *
 * A row is copied when it is queued, for its caller may leave at the deadline. It belongs to the
 * caller until it is queued, then to the writer while WAITING; afterwards to the caller again, or,
 * when that has left, to nobody: the writer frees it.
 *
 * Keys are made here, so that every driver stores the same ones and increments of several hosts
 * can meet in one store.
 */
#include "store/ledger.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/clock.h"
#include "lib/digest.h"
#include "lib/lock.h"
#include "lib/span.h"
#include "store/driver.h"

enum {
	QUEUE_ROWS = 4096,
	QUEUE_BYTES = 32 * 1024 * 1024,
	GROUP_ROWS = 1000,
	COMMIT_TRIES = 5,
	COMMIT_PAUSE_MS = 50, /* then three times as long, each time */
	EXPIRE_ROWS = 500,
	PAGE_ROWS = 500,
	PAGE_DAYS = 200
};

enum entry_state { WAITING, COMMITTED, FAILED };

struct entry {
	struct driver_row at;
	struct entry *next;
	struct cond done;
	size_t size;
	enum entry_state state;
	bool left;    /* its caller */
	char texts[]; /* of AT */
};

struct ledger {
	struct ledger_settings settings;
	const struct driver *driver;
	pthread_t writer;

	struct lock lock; /* of everything down to stats */
	struct cond work;
	struct entry *first, **last;
	unsigned queued;
	size_t queued_bytes;
	bool closing;
	bool idle; /* the writer sleeps */
	struct ledger_stats stats;

	/* the writer's own */
	struct driver_handle *handle;
	struct entry **group;
	const struct driver_row **merged;
	int32_t expired_day;
	int64_t expire_after;

	struct lock read_lock;
	struct driver_handle *reader;
};

/* ---- rows: copied and hashed by one table of their texts ---- */

enum part { POLICY_DOMAIN, POLICY_KEY, POLICY_NOTE, ROW_KEY, ROW_NOTE };

#define AT(member) offsetof(struct ledger_row, member)
/* The order is that of the hashed text: changing it changes every key. */
static const struct {
	size_t at;
	enum part part;
} fields[] = {
    {AT(policy.domain), POLICY_DOMAIN},
    {AT(policy.p), POLICY_KEY},
    {AT(policy.sp), POLICY_KEY},
    {AT(policy.np), POLICY_KEY},
    {AT(policy.adkim), POLICY_KEY},
    {AT(policy.aspf), POLICY_KEY},
    {AT(policy.fo), POLICY_KEY},
    {AT(policy.testing), POLICY_KEY},
    {AT(policy.discovery), POLICY_KEY},
    {AT(policy.rua), POLICY_NOTE},
    {AT(policy.ruf), POLICY_NOTE},
    {AT(policy.error), POLICY_NOTE},
    {AT(source_ip), ROW_KEY},
    {AT(disposition), ROW_KEY},
    {AT(dkim_aligned), ROW_KEY},
    {AT(spf_aligned), ROW_KEY},
    {AT(reasons), ROW_KEY},
    {AT(header_from), ROW_KEY},
    {AT(envelope_from), ROW_KEY},
    {AT(envelope_to), ROW_KEY},
    {AT(dkim), ROW_KEY},
    {AT(spf_domain), ROW_KEY},
    {AT(spf_result), ROW_KEY},
    {AT(dkim_notes), ROW_NOTE},
    {AT(spf_note), ROW_NOTE},
};
enum { FIELDS = sizeof fields / sizeof fields[0] };

static const char *field(const struct ledger_row *row, unsigned i)
{
	const char *text = *(const char *const *)((const char *)row + fields[i].at);

	return text == NULL && fields[i].part >= ROW_KEY ? "" : text;
}

/* Each text as 0x01 text 0x00, NULL as 0x00: no two rows have the same. */
static void make_key(const struct ledger_row *row, enum part part,
		     unsigned char key[DRIVER_KEY_LEN])
{
	uint8_t digest[DIGEST_SHA256_LEN];
	struct buf buf;

	buf_init(&buf, NULL, 0);
	for (unsigned i = 0; i < FIELDS; i++) {
		const char *text = field(row, i);

		if (fields[i].part != part)
			continue;
		if (text != NULL) {
			buf_char(&buf, '\1');
			buf_string(&buf, text);
		}
		buf_char(&buf, '\0');
	}
	digest_sha256(buf.data, buf.len, digest);
	memcpy(key, digest, DRIVER_KEY_LEN);
	buf_free(&buf);
}

static struct entry *entry_new(const struct ledger_row *row)
{
	size_t size = sizeof(struct entry);
	struct entry *entry;
	char *to;

	for (unsigned i = 0; i < FIELDS; i++)
		size += field(row, i) == NULL ? 0 : strlen(field(row, i)) + 1;
	entry = malloc(size);
	if (entry == NULL)
		abort();
	memset(entry, 0, sizeof *entry);
	entry->size = size;
	entry->at.row.day = row->day;
	entry->at.row.count = row->count;
	entry->at.row.quiet = row->quiet;
	to = entry->texts;
	for (unsigned i = 0; i < FIELDS; i++) {
		const char *text = field(row, i);
		size_t len = text == NULL ? 0 : strlen(text) + 1;

		if (text == NULL)
			continue;
		memcpy(to, text, len);
		*(const char **)((char *)&entry->at.row + fields[i].at) = to;
		to += len;
	}
	make_key(&entry->at.row, POLICY_KEY, entry->at.config);
	make_key(&entry->at.row, ROW_KEY, entry->at.key);
	cond_init(&entry->done);
	return entry;
}

static void entry_free(struct entry *entry)
{
	cond_done(&entry->done);
	free(entry);
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
	return compare_rows(&(*(struct entry *const *)a)->at, &(*(struct entry *const *)b)->at);
}

/* ---- the writer: called with the lock held unless it says otherwise ---- */

static unsigned take_group(struct ledger *ledger)
{
	unsigned count = 0;

	while (ledger->first != NULL && count < ledger->settings.group_rows) {
		struct entry *entry = ledger->first;

		ledger->first = entry->next;
		ledger->queued--;
		ledger->queued_bytes -= entry->size;
		ledger->group[count++] = entry;
	}
	if (ledger->first == NULL)
		ledger->last = &ledger->first;
	return count;
}

/* Without the lock. Equal rows become one, with the sum of their counts. */
static unsigned merge_group(struct ledger *ledger, unsigned count)
{
	struct entry *into = NULL;
	unsigned merged = 0;

	qsort(ledger->group, count, sizeof ledger->group[0], compare_entries);
	for (unsigned i = 0; i < count; i++) {
		struct entry *entry = ledger->group[i];

		if (into != NULL && compare_rows(&into->at, &entry->at) == 0) {
			into->at.row.count += entry->at.row.count;
			into->at.row.quiet += entry->at.row.quiet;
			continue;
		}
		into = entry;
		ledger->merged[merged++] = &entry->at;
	}
	return merged;
}

static void note_failure(struct ledger *ledger, const struct why *why)
{
	lock_take(&ledger->lock);
	ledger->stats.failing = true;
	memcpy(ledger->stats.last_error, why->text, sizeof ledger->stats.last_error);
	lock_drop(&ledger->lock);
}

/* Without the lock. */
static enum driver_outcome try_commit(struct ledger *ledger, unsigned merged, struct why *why)
{
	enum driver_outcome outcome = DRIVER_REOPEN;

	for (int i = 0; i < 2 && outcome == DRIVER_REOPEN; i++) {
		if (ledger->handle == NULL)
			ledger->handle = ledger->driver->open(&ledger->settings, why);
		if (ledger->handle == NULL)
			return DRIVER_RETRY;
		outcome = ledger->driver->commit(ledger->handle, ledger->merged, merged, why);
		if (outcome == DRIVER_REOPEN || outcome == DRIVER_BROKEN) {
			ledger->driver->close(ledger->handle);
			ledger->handle = NULL;
		}
	}
	return outcome;
}

/* Without the lock. Waits before the next try; false when the ledger is to be closed. */
static bool pause_writer(struct ledger *ledger, int64_t nanoseconds)
{
	int64_t until = clock_mono() + nanoseconds;
	bool go_on;

	lock_take(&ledger->lock);
	while (!ledger->closing && cond_wait_until(&ledger->work, &ledger->lock, until))
		;
	go_on = !ledger->closing;
	lock_drop(&ledger->lock);
	return go_on;
}

/* Without the lock. */
static bool commit_group(struct ledger *ledger, unsigned count)
{
	int64_t pause = COMMIT_PAUSE_MS * CLOCK_MS;
	unsigned merged = merge_group(ledger, count);
	enum driver_outcome outcome;
	struct why why = {""};

	for (int tries = 1;; tries++, pause *= 3) {
		outcome = try_commit(ledger, merged, &why);
		if (outcome == DRIVER_DONE)
			return true;
		note_failure(ledger, &why);
		if (outcome == DRIVER_BROKEN || tries == COMMIT_TRIES)
			return false;
		if (!pause_writer(ledger, pause))
			tries = COMMIT_TRIES - 1; /* once more, then the end */
	}
}

static void finish_group(struct ledger *ledger, unsigned count, bool committed)
{
	if (committed) {
		ledger->stats.groups++;
		ledger->stats.rows += count;
		ledger->stats.failing = false;
	} else {
		ledger->stats.failures += count;
	}
	ledger->stats.pending -= count;
	for (unsigned i = 0; i < count; i++) {
		struct entry *entry = ledger->group[i];

		entry->state = committed ? COMMITTED : FAILED;
		if (entry->left)
			entry_free(entry);
		else
			cond_wake_one(&entry->done);
	}
}

/* A day's first look, then only when it did not succeed: an hour later. */
static bool expire_is_due(const struct ledger *ledger)
{
	return ledger->settings.keep_days > 0 && clock_day(clock_wall()) != ledger->expired_day &&
	       clock_mono() >= ledger->expire_after;
}

/* Without the lock. One short transaction. */
static void expire_some(struct ledger *ledger)
{
	int32_t today = clock_day(clock_wall());
	enum driver_outcome outcome = DRIVER_RETRY;
	unsigned deleted;
	bool more = false;
	struct why why = {""};

	if (ledger->handle != NULL)
		outcome = ledger->driver->expire(ledger->handle,
						 today - (int32_t)ledger->settings.keep_days,
						 EXPIRE_ROWS, &deleted, &more, &why);
	if (outcome == DRIVER_DONE && !more)
		ledger->expired_day = today;
	if (outcome != DRIVER_DONE)
		ledger->expire_after = clock_mono() + 3600 * CLOCK_SECOND;
	if (outcome != DRIVER_DONE && why.text[0] != '\0')
		note_failure(ledger, &why);
}

/* False: the ledger is being closed and nothing is queued. */
static bool wait_for_work(struct ledger *ledger)
{
	while (ledger->first == NULL && !ledger->closing) {
		if (!expire_is_due(ledger)) {
			ledger->idle = true;
			cond_wait_until(&ledger->work, &ledger->lock,
					clock_mono() + 600 * CLOCK_SECOND);
			ledger->idle = false;
			continue;
		}
		lock_drop(&ledger->lock);
		expire_some(ledger);
		lock_take(&ledger->lock);
	}
	return ledger->first != NULL;
}

static void *run_writer(void *arg)
{
	struct ledger *ledger = arg;
	bool gave_up = false; /* while closing: the rest is not tried */

	lock_take(&ledger->lock);
	while (wait_for_work(ledger)) {
		unsigned count = take_group(ledger);
		bool committed;

		lock_drop(&ledger->lock);
		committed = !gave_up && commit_group(ledger, count);
		if (expire_is_due(ledger))
			expire_some(ledger);
		lock_take(&ledger->lock);
		finish_group(ledger, count, committed);
		gave_up = !committed && ledger->closing;
	}
	lock_drop(&ledger->lock);
	return NULL;
}

/* ---- opening and closing ---- */

const char *ledger_url_path(const char *url, struct why *why)
{
	struct span s = span_of(url);

	if (span_istarts(s, "sqlite:") && url[7] == '/')
		return url + 7;
	why_set(why, "store.url \"%s\": give it as \"sqlite:/path/of/the/file\"", url);
	return NULL;
}

static struct ledger *ledger_new(const struct ledger_settings *settings)
{
	struct ledger *ledger = calloc(1, sizeof *ledger);

	if (ledger == NULL)
		abort();
	ledger->settings = *settings;
	ledger->settings.path = strdup(settings->path == NULL ? "" : settings->path);
	ledger->settings.shared = settings->shared == NULL ? NULL : strdup(settings->shared);
	if (settings->queue_rows == 0)
		ledger->settings.queue_rows = QUEUE_ROWS;
	if (settings->group_rows == 0)
		ledger->settings.group_rows = GROUP_ROWS;
	if (settings->busy_wait == 0)
		ledger->settings.busy_wait = 5 * CLOCK_SECOND;
	ledger->driver = settings->shared != NULL ? &driver_shared : &driver_sqlite;
	ledger->last = &ledger->first;
	ledger->expired_day = INT32_MIN;
	ledger->group = calloc(ledger->settings.group_rows, sizeof ledger->group[0]);
	ledger->merged = calloc(ledger->settings.group_rows, sizeof ledger->merged[0]);
	if (ledger->settings.path == NULL || ledger->group == NULL || ledger->merged == NULL)
		abort();
	lock_init(&ledger->lock);
	lock_init(&ledger->read_lock);
	cond_init(&ledger->work);
	return ledger;
}

static void ledger_free(struct ledger *ledger)
{
	ledger->driver->close(ledger->handle);
	ledger->driver->close(ledger->reader);
	cond_done(&ledger->work);
	lock_done(&ledger->read_lock);
	lock_done(&ledger->lock);
	free(ledger->merged);
	free(ledger->group);
	free((char *)(uintptr_t)ledger->settings.path);
	free((char *)(uintptr_t)ledger->settings.shared);
	free(ledger);
}

struct ledger *ledger_open(const struct ledger_settings *settings, struct why *why)
{
	struct ledger *ledger = ledger_new(settings);
	struct driver_handle **handle = settings->read_only ? &ledger->reader : &ledger->handle;

	*handle = ledger->driver->open(&ledger->settings, why);
	if (*handle != NULL && settings->read_only)
		return ledger;
	if (*handle != NULL && thread_start(&ledger->writer, run_writer, ledger) == 0)
		return ledger;
	if (*handle != NULL)
		why_set(why, "%s: no thread for its writer could be started", settings->path);
	ledger_free(ledger);
	return NULL;
}

void ledger_close(struct ledger *ledger)
{
	if (ledger == NULL)
		return;
	if (!ledger->settings.read_only) {
		lock_take(&ledger->lock);
		ledger->closing = true;
		cond_wake_all(&ledger->work);
		lock_drop(&ledger->lock);
		pthread_join(ledger->writer, NULL);
	}
	ledger_free(ledger);
}

/* ---- adding ---- */

static bool queue(struct ledger *ledger, struct entry *entry)
{
	if (ledger->queued >= ledger->settings.queue_rows ||
	    ledger->queued_bytes + entry->size > QUEUE_BYTES)
		return false;
	*ledger->last = entry;
	ledger->last = &entry->next;
	ledger->queued++;
	ledger->queued_bytes += entry->size;
	ledger->stats.pending++;
	if (ledger->idle)
		cond_wake_one(&ledger->work);
	return true;
}

static int refuse(struct ledger *ledger, struct why *why)
{
	ledger->stats.failures++;
	return why_set(why, "the ledger's queue is full (%u rows)%s%s", ledger->queued,
		       ledger->stats.failing ? ": " : "",
		       ledger->stats.failing ? ledger->stats.last_error : "");
}

int ledger_add(struct ledger *ledger, const struct ledger_row *row, int64_t deadline,
	       struct why *why)
{
	struct entry *entry;
	enum entry_state state;
	int result;

	assert(!ledger->settings.read_only && row->count > 0);
	assert(row->policy.domain != NULL && row->policy.domain[0] != '\0');
	entry = entry_new(row);
	lock_take(&ledger->lock);
	if (!queue(ledger, entry)) {
		result = refuse(ledger, why);
		lock_drop(&ledger->lock);
		entry_free(entry);
		return result;
	}
	while (entry->state == WAITING && clock_mono() < deadline)
		cond_wait_until(&entry->done, &ledger->lock, deadline);
	state = entry->state;
	entry->left = true;
	result = state == COMMITTED ? 0 : state == WAITING ? 1 : -1;
	if (state == FAILED)
		why_set(why, "%s", ledger->stats.last_error);
	lock_drop(&ledger->lock);
	if (state != WAITING)
		entry_free(entry);
	return result;
}

void ledger_stats(struct ledger *ledger, struct ledger_stats *stats)
{
	lock_take(&ledger->lock);
	*stats = ledger->stats;
	lock_drop(&ledger->lock);
}

int64_t ledger_expire(struct ledger *ledger, int32_t before_day, struct why *why)
{
	struct ledger_settings settings = ledger->settings;
	struct driver_handle *handle;
	const struct timespec breath = {.tv_nsec = 2 * CLOCK_MS}; /* writers come first */
	enum driver_outcome outcome = DRIVER_DONE;
	int64_t sum = 0;
	bool more = true;

	assert(!settings.read_only || settings.shared != NULL);
	settings.read_only = false;
	handle = ledger->driver->open(&settings, why);
	while (handle != NULL && more && outcome == DRIVER_DONE) {
		unsigned deleted = 0;

		outcome =
		    ledger->driver->expire(handle, before_day, EXPIRE_ROWS, &deleted, &more, why);
		sum += deleted;
		nanosleep(&breath, NULL);
	}
	ledger->driver->close(handle);
	return handle == NULL || outcome != DRIVER_DONE ? -1 : sum;
}

/* ---- reading: a page is copied, then visited ---- */

void driver_config_text(const unsigned char config[DRIVER_KEY_LEN], char text[LEDGER_CONFIG_MAX])
{
	static const char digits[] = "0123456789abcdef";

	for (unsigned i = 0; i < DRIVER_KEY_LEN; i++) {
		text[2 * i] = digits[config[i] >> 4];
		text[2 * i + 1] = digits[config[i] & 15];
	}
	text[2 * DRIVER_KEY_LEN] = '\0';
}

bool driver_config_parse(const char *text, unsigned char config[DRIVER_KEY_LEN])
{
	if (strlen(text) != 2 * DRIVER_KEY_LEN)
		return false;
	for (unsigned i = 0; i < DRIVER_KEY_LEN; i++) {
		int high = char_hex((unsigned char)text[2 * i]);
		int low = char_hex((unsigned char)text[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		config[i] = (unsigned char)(high << 4 | low);
	}
	return true;
}

static struct driver_handle *take_reader(struct ledger *ledger, struct why *why)
{
	struct ledger_settings settings = ledger->settings;

	settings.read_only = true;
	lock_take(&ledger->read_lock);
	if (ledger->reader == NULL)
		ledger->reader = ledger->driver->open(&settings, why);
	return ledger->reader;
}

static void drop_reader(struct ledger *ledger, bool failed)
{
	if (failed) {
		ledger->driver->close(ledger->reader);
		ledger->reader = NULL;
	}
	lock_drop(&ledger->read_lock);
}

static int read_days(struct ledger *ledger, const struct driver_days_query *query,
		     struct arena *arena, struct ledger_day *days, struct why *why)
{
	struct driver_handle *reader = take_reader(ledger, why);
	int count = -1;

	if (reader != NULL)
		count = ledger->driver->days(reader, query, arena, days, PAGE_DAYS, why);
	drop_reader(ledger, count < 0);
	return count;
}

int ledger_days_since(struct ledger *ledger, const char *domain, int32_t from_day, int32_t to_day,
		      int64_t since, ledger_day_visit *visit, void *arg, struct why *why)
{
	struct driver_days_query query = {
	    .domain = domain, .from_day = from_day, .to_day = to_day, .since = since};
	struct ledger_day *days = calloc(PAGE_DAYS, sizeof *days);
	struct arena *arena = arena_new(0);
	struct ledger_day behind;
	int count, result = 0;

	if (days == NULL)
		abort();
	while (result == 0 && (count = read_days(ledger, &query, arena, days, why)) != 0) {
		if (count < 0)
			result = -1;
		for (int i = 0; i < count && result == 0; i++)
			if (days[i].rows > 0) /* 0: the rest of what is being expired */
				result = visit(arg, &days[i]);
		if (count > 0)
			behind = days[count - 1];
		query.behind = &behind;
	}
	arena_free(arena);
	free(days);
	return result;
}

int ledger_days(struct ledger *ledger, const char *domain, int32_t from_day, int32_t to_day,
		ledger_day_visit *visit, void *arg, struct why *why)
{
	return ledger_days_since(ledger, domain, from_day, to_day, INT64_MIN, visit, arg, why);
}

static int read_rows(struct ledger *ledger, const struct driver_rows_query *query,
		     struct arena *arena, struct driver_row *rows, struct why *why)
{
	struct driver_handle *reader = take_reader(ledger, why);
	int count = -1;

	if (reader != NULL)
		count = ledger->driver->rows(reader, query, arena, rows, PAGE_ROWS, why);
	drop_reader(ledger, count < 0);
	return count;
}

int ledger_rows(struct ledger *ledger, const char *domain, int32_t day, const char *config,
		ledger_row_visit *visit, void *arg, struct why *why)
{
	struct driver_rows_query query = {.domain = domain, .day = day};
	struct driver_row *rows, behind;
	struct arena *arena;
	int count, result = 0;

	if (!driver_config_parse(config, query.config))
		return why_set(why, "\"%s\" names no policy configuration", config);
	rows = calloc(PAGE_ROWS, sizeof *rows);
	if (rows == NULL)
		abort();
	arena = arena_new(0);
	while (result == 0 && (count = read_rows(ledger, &query, arena, rows, why)) != 0) {
		if (count < 0)
			result = -1;
		for (int i = 0; i < count && result == 0; i++)
			result = visit(arg, &rows[i].row);
		if (count > 0)
			behind = rows[count - 1];
		query.behind = &behind;
	}
	arena_free(arena);
	free(rows);
	return result;
}

const char *ledger_sqlite_version(void)
{
	return driver_sqlite_version();
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Callers put rows into a queue under one lock (store/queue.h). Without a journal each then sleeps
 * on a condition of its own; the writer takes what is there (never waiting for more: a lone message
 * is committed at once, and what arrives during that commit forms the next group) and hands it to
 * the driver.
 *
 * With a journal nobody waits for the writer, so it may take its time: after each commit it rests
 * a multiple of what that took. A lone message is in the file at once all the same; a stream of
 * them comes in few large groups, in which most rows are equal, and costs little beside the mail
 * itself.
 */
#include "store/ledger.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/heap.h"
#include "lib/lock.h"
#include "lib/span.h"
#include "store/journal.h"
#include "store/messages.h"
#include "store/packed.h"
#include "store/queue.h"
#include "store/sql/page.h"
#include "store/sql/shared.h"

enum {
	COMMIT_TRIES = 5,
	COMMIT_PAUSE_MS = 50, /* then three times as long, each time */
	COMMIT_PAUSE_MAX_MS = 5000,
	REST_TIMES = 50, /* what the last commit took */
	REST_MAX_MS = 250,
	REST_ROWS = 4096, /* with so many queued it rests no longer; a group may have more */
	SYNC_MS = 1000,
	CLOCK_JUMP = 1800, /* seconds */
	PROBE_MS = 1000,
	LEFT_MS = 60000, /* between looks for journals of dead processes: one could not be read */
	LEFT_NONE_MS = 600000, /* all there were could */
	SETTLE_MS = 2000,
	EXPIRE_ROWS = 500,
	PAGE_ROWS = 500,
	PAGE_DAYS = 200
};

struct ledger {
	struct ledger_settings settings;
	const struct driver *driver;
	pthread_t writer;

	struct lock lock;        /* of everything down to stats */
	struct cond work;        /* for the writer */
	struct cond room;        /* a group is finished */
	struct journal *journal; /* NULL: answers wait for the commit */
	struct queue queue;
	struct messages_queue lines;
	uint64_t added, finished; /* entries and lines */
	unsigned hurried;         /* by so many that wait for the writer */
	bool closing;
	/* that all that is committed survives a power failure, and somebody waits for it */
	enum { SYNC_NOT, SYNC_ASKED, SYNC_FAILED } to_sync;
	bool idle; /* the writer sleeps until there is work */
	struct ledger_stats stats;
	int64_t probe_at; /* without a journal: while it fails, one row tries again then */

	/* the writer's own */
	struct messages_file *messages; /* NULL: no log of messages is kept */
	struct sql *handle;
	struct queue_group group;
	int32_t expired_day;
	int64_t expire_after;
	unsigned char id[JOURNAL_LEDGER]; /* of the file that HANDLE has open */
	int32_t newest;                   /* the day of the newest row when it was opened */
	int64_t wall, mono;               /* when the clocks were compared last */
	int64_t sync_at;                  /* 0: all is synchronized */
	int64_t left_at;                  /* when journals of dead processes are looked for */

	struct lock read_lock;
	struct sql *reader;
};

/* ---- the writer: called with the lock held unless it says otherwise ---- */

static void note_failure(struct ledger *ledger, const struct why *why)
{
	lock_take(&ledger->lock);
	if (!ledger->stats.failing)
		cond_wake_all(&ledger->room); /* stop waiting: room will not come */
	ledger->stats.failing = true;
	memcpy(ledger->stats.last_error, why->text, sizeof ledger->stats.last_error);
	lock_drop(&ledger->lock);
}

/* Again, where a failure has closed it. */
static int want_handle(struct ledger *ledger, struct why *why)
{
	if (ledger->handle == NULL)
		ledger->handle = ledger->driver->open(&ledger->settings, why);
	return ledger->handle == NULL ? -1 : 0;
}

/* Without the lock. */
static enum driver_outcome try_commit(struct ledger *ledger, const struct driver_batch *batch,
				      struct why *why)
{
	enum driver_outcome outcome = DRIVER_REOPEN;

	for (int i = 0; i < 2 && outcome == DRIVER_REOPEN; i++) {
		if (want_handle(ledger, why) != 0)
			return DRIVER_RETRY;
		outcome = ledger->driver->commit(ledger->handle, batch, why);
		if (outcome == DRIVER_REOPEN || outcome == DRIVER_BROKEN) {
			sql_close(ledger->handle);
			ledger->handle = NULL;
		}
	}
	return outcome;
}

/* Without the lock. Waits before the next try; false when the ledger is being closed. */
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

/* Rows that no journal has are given up; those that one has are tried for ever. */
static bool is_given_up(const struct driver_batch *batch, enum driver_outcome outcome, int tries)
{
	return batch->journal == NULL && (outcome == DRIVER_BROKEN || tries >= COMMIT_TRIES);
}

static int64_t next_pause(int64_t pause)
{
	const int64_t most = COMMIT_PAUSE_MAX_MS * CLOCK_MS;

	return pause * 3 < most ? pause * 3 : most;
}

/* Without the lock. */
static bool commit_group(struct ledger *ledger)
{
	int64_t pause = COMMIT_PAUSE_MS * CLOCK_MS;
	struct driver_batch batch = {.rows = ledger->group.rows,
				     .folded = queue_group_number(&ledger->group)};
	/* only the writer sets FAILING; while it is set, a group without a journal is a probe */
	const int first_try = ledger->stats.failing ? COMMIT_TRIES : 1;
	struct why why = {""};
	bool last = false;

	batch.journal = batch.folded > 0 ? journal_id(ledger->journal) : NULL;
	batch.count = queue_group_merge(&ledger->group);
	for (int tries = first_try;; tries++, pause = next_pause(pause)) {
		enum driver_outcome outcome = try_commit(ledger, &batch, &why);

		if (outcome == DRIVER_DONE)
			return true;
		note_failure(ledger, &why);
		if (last || is_given_up(&batch, outcome, tries))
			return false;
		if (ledger->journal !=
		    NULL) /* it is all that has the rows, for who knows how long */
			journal_sync(ledger->journal);
		last = !pause_writer(ledger, pause); /* closing: one last try */
	}
}

static void finish_group(struct ledger *ledger, bool committed)
{
	const uint64_t folded = queue_group_number(&ledger->group);
	const unsigned count = ledger->group.count;

	if (count == 0)
		return;
	if (committed) {
		ledger->stats.groups++;
		ledger->stats.rows += count;
		ledger->stats.failing = false;
	} else if (folded == 0) {
		ledger->stats.failures += count;
	}
	if (committed && folded > 0)
		journal_folded(ledger->journal, folded);
	assert(ledger->stats.pending >= count && ledger->finished + count <= ledger->added);
	ledger->stats.pending -= count;
	ledger->finished += count;
	queue_group_finish(&ledger->group, committed);
}

/* ---- journals that killed processes left ---- */

struct leftover {
	struct queue_group *group;
	uint64_t number;
	struct journal_damage unreadable;
};

static bool add_left(void *arg, uint64_t number, struct span data)
{
	struct leftover *left = arg;
	struct queue_entry *entry;
	struct driver_row at;

	left->number = number;
	if (!packed_read(data, &at)) {
		left->unreadable.messages++;
		left->unreadable.bytes += span_len(data);
		return true;
	}
	entry = queue_entry_new(&at.row);
	entry->left = true;
	return queue_group_add(left->group, entry);
}

/* The file may be another one than when it was opened last. */
static int read_id(struct ledger *ledger, struct why *why)
{
	struct sql_rows *rows = sql_ask(ledger->handle, "SELECT ledger FROM spool", SQL_NO_VALUES);
	const void *id;
	size_t len;

	if (sql_next(rows, why) != 1)
		return -1;
	id = sql_blob_at(rows, 0, &len);
	memset(ledger->id, 0, sizeof ledger->id);
	memcpy(ledger->id, id, len < sizeof ledger->id ? len : sizeof ledger->id);
	sql_drop(rows);
	return 0;
}

/* FOREIGN: this ledger knows nothing of a journal that was written for another one. What that one
 * has is not counted here again. */
static bool read_folded(struct ledger *ledger, struct journal *journal, uint64_t *folded,
			bool *foreign)
{
	struct why why = {""};
	uint64_t noted;
	bool known = read_id(ledger, &why) == 0 &&
		     ledger->driver->folded(ledger->handle, journal_id(journal), folded, &why) ==
			 DRIVER_DONE;

	*foreign = known && *folded == 0 && !journal_is_of(journal, ledger->id, &noted);
	if (*foreign)
		*folded = noted;
	if (known)
		journal_folded(journal, *folded);
	else
		note_failure(ledger, &why);
	return known;
}

/* One group. *MORE: there may be others. */
static bool fold_some(struct ledger *ledger, struct journal *journal, bool *more,
		      struct journal_damage *unreadable)
{
	struct leftover left = {.group = &ledger->group};
	struct driver_batch batch = {.rows = ledger->group.rows, .journal = journal_id(journal)};
	struct why why = {""};
	uint64_t folded;
	bool done, foreign;

	if (!read_folded(ledger, journal, &folded, &foreign))
		return false;
	journal_each(journal, folded, add_left, &left);
	if (!journal_is_read(journal)) {
		queue_group_finish(&ledger->group, false);
		return false;
	}
	*more = ledger->group.count == ledger->group.max;
	batch.folded = left.number;
	batch.count = queue_group_merge(&ledger->group);
	done = left.number == 0 || try_commit(ledger, &batch, &why) == DRIVER_DONE;
	if (done)
		journal_folded(journal, left.number);
	else
		note_failure(ledger, &why);
	unreadable->messages += done ? left.unreadable.messages : 0;
	unreadable->bytes += done ? left.unreadable.bytes : 0;
	queue_group_finish(&ledger->group, done);
	return done;
}

static void tell_loss(struct ledger *ledger, uint64_t messages, const char *text)
{
	lock_take(&ledger->lock);
	ledger->stats.failures += messages;
	lock_drop(&ledger->lock);
	if (ledger->settings.on_loss != NULL)
		ledger->settings.on_loss(text);
}

/* Before anything is folded: whoever goes on after a kill does not know of gaps before that. */
static void tell_damage(struct ledger *ledger, const struct journal *journal,
			const struct journal_damage *damage)
{
	struct why text;

	why_set(&text,
		"%s: %llu bytes of what a killed process had counted are damaged: at most %llu"
		" messages are not counted, the rest is; the file is kept as %s-damaged",
		journal_name(journal), (unsigned long long)damage->bytes,
		(unsigned long long)damage->messages, journal_name(journal));
	tell_loss(ledger, damage->messages, text.text);
}

static void tell_foreign(struct ledger *ledger, const struct journal *journal)
{
	struct why text;

	why_set(
	    &text,
	    "%s: a killed process had counted this for another ledger, which was moved away: what"
	    " that one has is not counted here again, the rest is",
	    journal_name(journal));
	tell_loss(ledger, 0, text.text);
}

/* All of it is in the ledger's file, but for what was told. */
static void end_left(struct ledger *ledger, struct journal *journal, bool keep)
{
	struct driver_batch gone = {.folded = DRIVER_GONE};
	unsigned char id[JOURNAL_ID];
	struct why why;

	memcpy(id, journal_id(journal), sizeof id);
	gone.journal = id;
	if (!ledger->driver->sync(ledger->handle)) {
		journal_leave(journal);
		return;
	}
	if (keep)
		journal_keep(journal, &why);
	else
		journal_close(journal);
	(void)try_commit(ledger, &gone, &why); /* else a few bytes stay */
}

static bool fold_left(struct ledger *ledger, struct journal *journal)
{
	struct journal_damage damage = {0}, unreadable = {0};
	bool can_say = ledger->settings.on_loss != NULL, damaged, more = true, done;
	bool foreign = false;
	uint64_t folded;

	done = ledger->handle != NULL && journal_is_read(journal) &&
	       read_folded(ledger, journal, &folded, &foreign);
	if (foreign)
		tell_foreign(ledger, journal);
	if (done)
		journal_examine(journal, folded, &damage);
	done = done && journal_is_read(journal);
	damaged = damage.bytes > 0 || damage.messages > 0;
	if (damaged && can_say && done)
		tell_damage(ledger, journal, &damage);
	done = done && (can_say || !damaged);
	while (more && done)
		done = ledger->handle != NULL && fold_some(ledger, journal, &more, &unreadable);
	if (unreadable.messages > 0 && can_say)
		tell_damage(ledger, journal, &unreadable);
	if (done)
		end_left(ledger, journal, damaged || unreadable.messages > 0);
	else /* not removed: it may have damage of which nothing was said */
		journal_leave(journal);
	return done;
}

/* Without the lock. Again and again: a process may die when its successor has already looked. */
static void look_for_left(struct ledger *ledger)
{
	bool can_say = ledger->settings.on_loss != NULL, all = true;
	struct why lost = {""};

	for (unsigned slot = 0; slot < JOURNAL_SLOTS; slot++) {
		struct journal *journal =
		    journal_left(ledger->settings.path, slot, can_say ? &lost : NULL);

		if (journal != NULL)
			all = fold_left(ledger, journal) && all;
		else if (lost.text[0] != '\0')
			tell_loss(ledger, 0, lost.text);
	}
	ledger->left_at = clock_mono() + (all ? LEFT_NONE_MS : LEFT_MS) * CLOCK_MS;
}

/* ---- the writer's other duties ---- */

/* Once a day; an hour later again if it failed. */
static bool expire_is_due(const struct ledger *ledger)
{
	return ledger->settings.keep_days > 0 && clock_day(clock_wall()) != ledger->expired_day &&
	       clock_mono() >= ledger->expire_after;
}

/* The newest day that has rows (SQL_NEWEST_DAY), or TODAY where there is none or a later one. */
static int32_t find_newest(struct sql *handle, int32_t today)
{
	int64_t newest = today;
	struct why why;

	if (sql_number(handle, &newest, &why, "SELECT COALESCE((" SQL_NEWEST_DAY "), $1)",
		       SQL_VALUES(sql_int(today))) != 0)
		return INT32_MIN;
	return newest < today ? (int32_t)newest : today;
}

/* Without the lock. One short transaction. Nothing goes that is newer than the newest row without
 * the days that are kept; of rows that came since the start, not before a day is over. */
static void expire_some(struct ledger *ledger)
{
	int32_t today = clock_day(clock_wall()), newest = INT32_MIN;
	enum driver_outcome outcome = DRIVER_RETRY;
	unsigned deleted;
	bool more = false;
	struct why why = {""};

	if (ledger->handle != NULL)
		newest = ledger->expired_day == INT32_MIN && ledger->newest != INT32_MIN &&
				 ledger->newest < today
			     ? ledger->newest
			     : find_newest(ledger->handle, today);
	if (newest != INT32_MIN)
		outcome = ledger->driver->expire(ledger->handle,
						 newest - (int32_t)ledger->settings.keep_days,
						 EXPIRE_ROWS, &deleted, &more, &why);
	if (outcome == DRIVER_DONE && !more)
		ledger->expired_day = today;
	if (outcome != DRIVER_DONE)
		ledger->expire_after = clock_mono() + 3600 * CLOCK_SECOND;
	if (outcome != DRIVER_DONE && why.text[0] != '\0')
		note_failure(ledger, &why);
}

/* Minutes up to two hours, then hours; rounded. */
static void tell_jump(const struct ledger *ledger, int64_t ahead)
{
	const int64_t seconds = ahead < 0 ? -ahead : ahead;
	const bool in_minutes = seconds < 2 * 3600 - 30;
	const int64_t unit = in_minutes ? 60 : 3600;
	struct why text;

	why_set(&text,
		"the clock jumped %lld %s %s: messages are counted for the day that it shows, and"
		" nothing is expired for a day",
		(long long)((seconds + unit / 2) / unit), in_minutes ? "minutes" : "hours",
		ahead < 0 ? "back" : "ahead");
	if (ledger->settings.on_loss != NULL)
		ledger->settings.on_loss(text.text);
}

/* A clock that was set, or a machine that slept: what is old is judged again a day later. */
static void watch_clock(struct ledger *ledger)
{
	int64_t wall = clock_wall(), mono = clock_mono();
	int64_t ahead = wall - ledger->wall - (mono - ledger->mono) / CLOCK_SECOND;

	ledger->wall = wall;
	ledger->mono = mono;
	if (ahead < CLOCK_JUMP && ahead > -CLOCK_JUMP)
		return;
	ledger->expire_after = mono + 86400 * CLOCK_SECOND;
	tell_jump(ledger, ahead);
}

static bool is_due(int64_t at)
{
	return at != 0 && clock_mono() >= at;
}

/* Without the lock. A second later again if it failed. */
static void sync_file(struct ledger *ledger)
{
	bool done = ledger->handle != NULL && ledger->driver->sync(ledger->handle);

	ledger->sync_at = done ? 0 : clock_mono() + SYNC_MS * CLOCK_MS;
	lock_take(&ledger->lock);
	if (ledger->to_sync != SYNC_NOT)
		ledger->to_sync = done ? SYNC_NOT : SYNC_FAILED;
	cond_wake_all(&ledger->room);
	lock_drop(&ledger->lock);
}

static bool is_sync_asked(struct ledger *ledger)
{
	bool asked;

	lock_take(&ledger->lock);
	asked = ledger->to_sync == SYNC_ASKED;
	lock_drop(&ledger->lock);
	return asked;
}

/* Without the lock: everything that is due but committing. */
static void do_chores(struct ledger *ledger)
{
	watch_clock(ledger);
	if (expire_is_due(ledger))
		expire_some(ledger);
	if (is_due(ledger->sync_at) || is_sync_asked(ledger))
		sync_file(ledger);
	if (is_due(ledger->left_at))
		look_for_left(ledger);
	if (ledger->messages != NULL)
		messages_expire(ledger->messages);
}

static int64_t next_chore(const struct ledger *ledger)
{
	int64_t next = clock_mono() + 600 * CLOCK_SECOND;

	if (ledger->sync_at != 0 && ledger->sync_at < next)
		next = ledger->sync_at;
	if (ledger->left_at < next)
		next = ledger->left_at;
	return expire_is_due(ledger) ? 0 : next;
}

static bool has_work(const struct ledger *ledger)
{
	return ledger->queue.first != NULL || ledger->lines.first != NULL;
}

/* False: the ledger is being closed and nothing is queued. */
static bool wait_for_work(struct ledger *ledger)
{
	while (!has_work(ledger) && !ledger->closing) {
		int64_t next = next_chore(ledger);

		ledger->idle = true;
		while (!has_work(ledger) && !ledger->closing && ledger->to_sync != SYNC_ASKED &&
		       cond_wait_until(&ledger->work, &ledger->lock, next))
			;
		ledger->idle = false;
		if (has_work(ledger) || ledger->closing)
			break;
		lock_drop(&ledger->lock);
		do_chores(ledger);
		lock_take(&ledger->lock);
	}
	return has_work(ledger);
}

static unsigned rest_rows(const struct ledger *ledger)
{
	return ledger->group.max < REST_ROWS ? ledger->group.max : REST_ROWS;
}

/* TOOK: how long the last commit took. */
static void rest_writer(struct ledger *ledger, int64_t took)
{
	const int64_t most = REST_MAX_MS * CLOCK_MS;
	int64_t until = clock_mono() + (took * REST_TIMES < most ? took * REST_TIMES : most);

	while (ledger->journal != NULL && ledger->hurried == 0 && !ledger->closing &&
	       ledger->queue.rows < rest_rows(ledger) &&
	       cond_wait_until(&ledger->work, &ledger->lock, until))
		;
}

static void *run_writer(void *arg)
{
	struct ledger *ledger = arg;
	bool gave_up = false; /* while closing: the rest is not tried */

	lock_take(&ledger->lock);
	while (wait_for_work(ledger)) {
		unsigned said = ledger->lines.count;
		struct messages_line *lines = messages_take(&ledger->lines);
		int64_t begin = clock_mono();
		bool committed = true;

		queue_take(&ledger->queue, &ledger->group);
		lock_drop(&ledger->lock);
		if (ledger->group.count > 0)
			committed = !gave_up && commit_group(ledger);
		if (lines != NULL)
			messages_write(ledger->messages, lines);
		messages_lines_free(lines);
		if (ledger->journal != NULL && ledger->sync_at == 0)
			ledger->sync_at = begin + SYNC_MS * CLOCK_MS;
		lock_take(&ledger->lock);
		finish_group(ledger, committed);
		ledger->finished += said;
		cond_wake_all(&ledger->room);
		gave_up = !committed && ledger->closing;
		lock_drop(&ledger->lock);
		do_chores(ledger);
		lock_take(&ledger->lock);
		rest_writer(ledger, clock_mono() - begin);
	}
	lock_drop(&ledger->lock);
	return NULL;
}

/* ---- opening and closing ---- */

static struct ledger *ledger_new(const struct ledger_settings *settings)
{
	struct ledger *ledger = heap_zero(sizeof *ledger);

	ledger->settings = *settings;
	ledger->settings.path = heap_strdup(settings->path == NULL ? "" : settings->path);
	ledger->settings.shared = heap_strdup(settings->shared);
	if (settings->busy_wait == 0)
		ledger->settings.busy_wait = 5 * CLOCK_SECOND;
	ledger->driver = settings->shared != NULL ? &driver_shared : &driver_sqlite;
	queue_init(&ledger->queue, settings->queue_rows);
	queue_group_init(&ledger->group, settings->group_rows);
	messages_queue_init(&ledger->lines);
	ledger->expired_day = INT32_MIN;
	ledger->wall = clock_wall();
	ledger->mono = clock_mono();
	if (ledger->settings.path == NULL)
		abort();
	lock_init(&ledger->lock);
	lock_init(&ledger->read_lock);
	cond_init(&ledger->work);
	cond_init(&ledger->room);
	return ledger;
}

static void ledger_free(struct ledger *ledger)
{
	bool synced = ledger->journal == NULL ||
		      (ledger->handle != NULL && ledger->driver->sync(ledger->handle));

	messages_lines_free(messages_take(&ledger->lines));
	messages_file_free(ledger->messages);
	sql_close(ledger->handle);
	sql_close(ledger->reader);
	if (synced)
		journal_close(ledger->journal);
	else
		journal_leave(ledger->journal);
	cond_done(&ledger->room);
	cond_done(&ledger->work);
	lock_done(&ledger->read_lock);
	lock_done(&ledger->lock);
	queue_group_free(&ledger->group);
	free((char *)(uintptr_t)ledger->settings.path);
	free((char *)(uintptr_t)ledger->settings.shared);
	free(ledger);
}

static int start_writer(struct ledger *ledger, struct why *why)
{
	if (want_handle(ledger, why) != 0)
		return -1;
	ledger->newest = find_newest(ledger->handle, clock_day(ledger->wall));
	look_for_left(ledger);
	if (ledger->settings.message_seconds > 0)
		ledger->messages = messages_file_new(&ledger->settings);
	if (ledger->settings.durability == LEDGER_PROCESS) {
		if (want_handle(ledger, why) != 0 || read_id(ledger, why) != 0)
			return -1;
		ledger->journal = journal_new(ledger->settings.path, ledger->id, why);
		if (ledger->journal == NULL)
			return -1;
	}
	if (thread_start(&ledger->writer, run_writer, ledger) == 0)
		return 0;
	return why_set(why, "%s: its writer's thread cannot be started", ledger->settings.path);
}

/* Brings what journals hold into the file first, if it is writable and is what is read. */
static int start_reading(struct ledger *ledger, struct why *why)
{
	struct why unable;

	ledger->reader = ledger->driver->open(&ledger->settings, why);
	if (ledger->reader == NULL)
		return -1;
	if (ledger->settings.shared != NULL ||
	    !journal_settle(ledger->settings.path, clock_mono() + SETTLE_MS * CLOCK_MS))
		return 0;
	ledger->settings.read_only = false; /* if a failure closes it, as well */
	if (want_handle(ledger, &unable) == 0)
		look_for_left(ledger);
	sql_close(ledger->handle);
	ledger->handle = NULL;
	ledger->settings.read_only = true;
	return 0;
}

struct ledger *ledger_open(const struct ledger_settings *settings, struct why *why)
{
	struct ledger *ledger = ledger_new(settings);

	if ((settings->read_only ? start_reading(ledger, why) : start_writer(ledger, why)) == 0)
		return ledger;
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

static bool has_room(const struct ledger *ledger, const struct queue_entry *entry)
{
	return queue_has_room(&ledger->queue, entry) &&
	       (ledger->journal == NULL || journal_has_room(ledger->journal, entry->size));
}

static void put_in_queue(struct ledger *ledger, struct queue_entry *entry)
{
	queue_put(&ledger->queue, entry);
	ledger->added++;
	ledger->stats.pending++;
	if (ledger->idle || ledger->queue.rows == rest_rows(ledger))
		cond_wake_one(&ledger->work);
	ledger->idle = false;
}

static int refuse_row(struct ledger *ledger, struct why *why)
{
	ledger->stats.failures++;
	return why_set(why, "the ledger's queue is full (%u rows)%s%s", ledger->queue.rows,
		       ledger->stats.failing ? ": " : "",
		       ledger->stats.failing ? ledger->stats.last_error : "");
}

static int refuse_failing(struct ledger *ledger, struct why *why)
{
	ledger->stats.failures++;
	return why_set(why, "%s", ledger->stats.last_error);
}

/* It is known that the row cannot be made safe now: nobody waits to learn it once more. A journal
 * with room makes it safe; without one, a row now and then finds out whether things are better. */
static bool is_hopeless(struct ledger *ledger, const struct queue_entry *entry)
{
	int64_t now = clock_mono();

	if (!ledger->stats.failing)
		return false;
	if (ledger->journal != NULL)
		return !has_room(ledger, entry);
	if (now < ledger->probe_at)
		return true;
	ledger->probe_at = now + PROBE_MS * CLOCK_MS;
	return false;
}

/* 0: the journal has the row, and nobody waits for the writer. */
static int put_in_journal(struct ledger *ledger, struct queue_entry *entry, struct why *why)
{
	struct why unable;

	if (ledger->journal == NULL)
		return -1;
	entry->number = journal_add(ledger->journal, entry->record, entry->size, &unable);
	entry->left = entry->number != 0;
	if (entry->left && ledger->stats.failing)
		why_set(why, "%s", ledger->stats.last_error);
	return entry->left ? 0 : -1;
}

/* With the lock held, so ON_WAIT must not use the ledger. */
static void about_to_wait(const struct ledger *ledger)
{
	if (ledger->settings.on_wait != NULL)
		ledger->settings.on_wait();
}

static int wait_for_commit(struct ledger *ledger, struct queue_entry *entry, int64_t deadline,
			   struct why *why)
{
	about_to_wait(ledger);
	while (entry->state == QUEUE_WAITING && clock_mono() < deadline)
		cond_wait_until(&entry->done, &ledger->lock, deadline);
	if (entry->state == QUEUE_FAILED ||
	    (entry->state == QUEUE_WAITING && ledger->stats.failing))
		why_set(why, "%s", ledger->stats.last_error);
	return entry->state == QUEUE_COMMITTED ? 0 : entry->state == QUEUE_WAITING ? 1 : -1;
}

/* With the lock. *OWNED: the entry belongs to the caller again. */
static int add_entry(struct ledger *ledger, struct queue_entry *entry, int64_t deadline,
		     bool *owned, struct why *why)
{
	int result;

	*owned = true;
	if (is_hopeless(ledger, entry))
		return refuse_failing(ledger, why);
	if (!has_room(ledger, entry))
		about_to_wait(ledger);
	while (!has_room(ledger, entry) && !ledger->stats.failing && clock_mono() < deadline)
		cond_wait_until(&ledger->room, &ledger->lock, deadline);
	if (!has_room(ledger, entry))
		return refuse_row(ledger, why);
	*owned = put_in_journal(ledger, entry, why) == -1;
	put_in_queue(ledger, entry);
	if (!*owned)
		return 0;
	result = wait_for_commit(ledger, entry, deadline, why);
	entry->left = result == 1;
	*owned = result != 1;
	return result;
}

int ledger_add(struct ledger *ledger, const struct ledger_row *row, int64_t deadline,
	       struct why *why)
{
	struct queue_entry *entry;
	int result;
	bool owned;

	assert(!ledger->settings.read_only && row->count > 0);
	assert(row->policy.domain != NULL && row->policy.domain[0] != '\0');
	entry = queue_entry_new(row);
	if (why != NULL)
		why->text[0] = '\0';
	lock_take(&ledger->lock);
	result = add_entry(ledger, entry, deadline, &owned, why);
	lock_drop(&ledger->lock);
	if (owned)
		queue_entry_free(entry);
	return result;
}

/* With the lock. Waits until what was added before is in the file. */
static void settle_queue(struct ledger *ledger, int64_t deadline)
{
	uint64_t added = ledger->added;

	ledger->hurried++;
	cond_wake_one(&ledger->work);
	while (ledger->finished < added && clock_mono() < deadline)
		cond_wait_until(&ledger->room, &ledger->lock, deadline);
	ledger->hurried--;
}

/* Waits, for a while, until what this process has counted is in the file. */
static void settle_to_read(struct ledger *ledger)
{
	if (ledger->settings.read_only || ledger->settings.durability == LEDGER_POWER)
		return;
	lock_take(&ledger->lock);
	settle_queue(ledger, clock_mono() + SETTLE_MS * CLOCK_MS);
	lock_drop(&ledger->lock);
}

/* With the lock. False: not before DEADLINE. */
static bool sync_queue(struct ledger *ledger, int64_t deadline)
{
	ledger->to_sync = SYNC_ASKED;
	cond_wake_one(&ledger->work);
	while (ledger->to_sync != SYNC_NOT && clock_mono() < deadline)
		cond_wait_until(&ledger->room, &ledger->lock, deadline);
	return ledger->to_sync == SYNC_NOT;
}

void ledger_retire(struct ledger *ledger, int64_t deadline)
{
	assert(!ledger->settings.read_only);
	lock_take(&ledger->lock);
	settle_queue(ledger, deadline);
	if (ledger->stats.pending == 0 &&
	    (ledger->journal == NULL || sync_queue(ledger, deadline))) {
		journal_close(ledger->journal);
		ledger->journal = NULL;
	}
	lock_drop(&ledger->lock);
}

void ledger_log(struct ledger *ledger, int64_t at, const char *text)
{
	struct messages_line *line;

	assert(!ledger->settings.read_only);
	if (ledger->messages == NULL)
		return;
	line = messages_line_new(at, text);
	lock_take(&ledger->lock);
	if (messages_put(&ledger->lines, line)) {
		ledger->added++;
		if (ledger->idle)
			cond_wake_one(&ledger->work);
		ledger->idle = false;
	}
	lock_drop(&ledger->lock);
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
	struct sql *handle;
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
	sql_close(handle);
	return handle == NULL || outcome != DRIVER_DONE ? -1 : sum;
}

int64_t ledger_expire_old(struct ledger *ledger, unsigned keep_days, struct why *why)
{
	struct ledger_settings settings = ledger->settings;
	int64_t now = clock_wall();
	int32_t newest = INT32_MIN;
	struct sql *handle;

	settings.read_only = true;
	handle = ledger->driver->open(&settings, why);
	if (handle == NULL)
		return -1;
	if (settings.shared == NULL ||
	    sql_number(handle, &now, why, "SELECT " SHARED_NOW, SQL_NO_VALUES) == 0)
		newest = find_newest(handle, clock_day(now));
	sql_close(handle);
	return newest == INT32_MIN ? why_set(why, "its newest row cannot be read")
				   : ledger_expire(ledger, newest - (int32_t)keep_days, why);
}

/* ---- reading: a page is copied before it is visited ---- */

static struct sql *take_reader(struct ledger *ledger, struct why *why)
{
	struct ledger_settings settings = ledger->settings;

	settings.read_only = true;
	lock_take(&ledger->read_lock);
	if (ledger->reader == NULL)
		ledger->reader = ledger->driver->open(&settings, why);
	/* cppcheck-suppress returnDanglingLifetime ; a handle copies the settings it keeps */
	return ledger->reader;
}

static void drop_reader(struct ledger *ledger, bool failed)
{
	if (failed) {
		sql_close(ledger->reader);
		ledger->reader = NULL;
	}
	lock_drop(&ledger->read_lock);
}

static int read_days(struct ledger *ledger, const struct page_days *query, struct arena *arena,
		     struct ledger_day *days, struct why *why)
{
	struct sql *reader = take_reader(ledger, why);
	int count = -1;

	if (reader != NULL)
		count = page_read_days(reader, query, arena, days, PAGE_DAYS, why);
	drop_reader(ledger, count < 0);
	return count;
}

void ledger_explain_damage(const struct ledger_day *day, struct why *why)
{
	char text[CLOCK_TEXT_MAX];

	clock_day_text(day->day, text);
	if (day->missing == 0)
		why_set(why,
			"the ledger is damaged: the policy of %s on %s is not as it was stored"
			" (countersign store check)",
			day->policy.domain, text);
	else
		why_set(why,
			"the ledger is damaged: the rows of %s on %s have %lld messages, %lld were"
			" counted (countersign store check)",
			day->policy.domain, text, (long long)day->messages,
			(long long)(day->messages + day->missing));
}

/* No rows: it is being expired. */
static int visit_day(const struct ledger_days_query *query, const struct ledger_day *day,
		     ledger_day_visit *visit, void *arg, struct why *why)
{
	if (day->damaged && !query->damaged) {
		ledger_explain_damage(day, why);
		return LEDGER_DAMAGED;
	}
	return day->rows > 0 || day->damaged ? visit(arg, day) : 0;
}

int ledger_days(struct ledger *ledger, const struct ledger_days_query *query,
		ledger_day_visit *visit, void *arg, struct why *why)
{
	struct page_days page = {.of = *query, .sums = ledger->settings.shared == NULL};
	struct ledger_day *days = heap_array(PAGE_DAYS, sizeof *days);
	struct arena *arena = arena_new(0);
	struct ledger_day last;
	int count, result = 0;

	settle_to_read(ledger);
	while (result == 0 && (count = read_days(ledger, &page, arena, days, why)) != 0) {
		if (count < 0)
			result = -1;
		for (int i = 0; i < count && result == 0; i++)
			result = visit_day(query, &days[i], visit, arg, why);
		if (count > 0)
			last = days[count - 1];
		page.after = &last;
	}
	arena_free(arena);
	free(days);
	return result;
}

static int read_rows(struct ledger *ledger, const struct page_rows *query, struct arena *arena,
		     struct driver_row *rows, struct why *why)
{
	struct sql *reader = take_reader(ledger, why);
	int count = -1;

	if (reader != NULL)
		count = page_read_rows(reader, query, arena, rows, PAGE_ROWS, why);
	drop_reader(ledger, count < 0);
	return count;
}

int ledger_rows(struct ledger *ledger, const struct ledger_key *key, ledger_row_visit *visit,
		void *arg, struct why *why)
{
	struct page_rows query = {
	    .domain = key->domain, .day = key->day, .sums = ledger->settings.shared == NULL};
	struct driver_row *rows, last;
	struct arena *arena;
	int count, result = 0;

	if (!driver_config_parse(key->config, query.config))
		return why_set(why, "\"%s\" is not a policy configuration", key->config);
	rows = heap_array(PAGE_ROWS, sizeof *rows);
	arena = arena_new(0);
	while (result == 0 && (count = read_rows(ledger, &query, arena, rows, why)) != 0) {
		if (count < 0)
			result = count;
		for (int i = 0; i < count && result == 0; i++)
			result = visit(arg, &rows[i].row);
		if (count > 0)
			last = rows[count - 1];
		query.after = &last;
	}
	arena_free(arena);
	free(rows);
	return result;
}

const char *ledger_sqlite_version(void)
{
	return driver_sqlite_version();
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "daemon/status.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "daemon/rights/confined.h"
#include "keys/keystate.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "metrics/counters.h"
#include "metrics/exposition.h"
#include "policy/dkim/signature.h"

/* One line, whatever the text holds. */
static void write_fact(struct buf *out, const char *name, const char *text, size_t len)
{
	buf_printf(out, "%s ", name);
	for (size_t i = 0; i < len; i++)
		buf_char(out, (unsigned char)text[i] < ' ' ? ' ' : text[i]);
	buf_char(out, '\n');
}

static void write_text(struct buf *out, const char *name, const char *text)
{
	write_fact(out, name, text, strlen(text));
}

static void write_workers(struct buf *out, const struct workers *workers)
{
	static const char *const states[] = {"starting", "ready", "leaving"};
	int64_t now = clock_wall(), mono = clock_mono();

	for (const struct slot *slot = workers->slots; slot != NULL; slot = slot->next)
		write_text(out, "listen", slot->listener.name);
	for (const struct member *member = workers->members; member != NULL;
	     member = member->next) {
		buf_printf(out, "worker %ld %s %" PRId64, (long)member->pid, states[member->state],
			   now - (mono - member->started_at) / CLOCK_SECOND);
		write_text(out, "", member->name);
	}
}

static void write_key_processes(struct buf *out, const struct keymanager *keys)
{
	int64_t now = clock_wall(), mono = clock_mono();

	for (const struct keyprocess *p = keys->processes; p != NULL; p = p->next) {
		if (p->pid == 0)
			continue;
		buf_printf(out, "key_process %ld %s %" PRId64 " %s %s\n", p->pid,
			   p == keys->current ? "current"
			   : p->retired       ? "leaving"
					      : "loading",
			   now - (mono - p->started_at) / CLOCK_SECOND, p->user,
			   p->locked ? "locked" : "swappable");
	}
}

static void write_reload(struct buf *out, const struct reload *reload)
{
	const char *line = reload->outcome.text.data, *end;

	if (reload->outcome.round == 0)
		return;
	buf_printf(out, "reload %s %" PRId64 "\n",
		   reload->outcome.accepted ? "accepted" : "refused", reload->outcome.at);
	for (size_t left = reload->outcome.text.len; left > 0;) {
		end = memchr(line, '\n', left);
		if (end == NULL)
			break;
		write_fact(out, "reload_error", line, (size_t)(end - line));
		left -= (size_t)(end - line) + 1;
		line = end + 1;
	}
}

static void write_key(struct buf *out, const struct counters_key *key)
{
	buf_printf(out, "key %s %s %s %u %s %s %s %" PRId64 " %" PRId64 "\n", key->domain,
		   key->selector, key->type == CRYPT_ED25519 ? "ed25519" : "rsa", key->bits,
		   keystate_text(key->state), key->signs ? "yes" : "no",
		   key->published > 0    ? "yes"
		   : key->published == 0 ? "no"
					 : "unknown",
		   key->since, key->created);
}

static void write_keys(struct buf *out)
{
	struct arena *arena = arena_new(0);
	struct counters_key *keys = arena_array(arena, COUNTERS_KEYS_MAX, sizeof *keys);
	unsigned count = counters_keys(keys);

	for (unsigned i = 0; i < count; i++)
		write_key(out, &keys[i]);
	arena_free(arena);
}

void status_write(struct buf *out, const struct status_facts *facts)
{
	char trouble[COUNTERS_TROUBLE_MAX];

	write_text(out, "version", VERSION);
	buf_printf(out, "pid %ld\n", (long)getpid());
	write_text(out, "settings", facts->settings_path);
	write_text(out, "log_level", name_text(log_level_names, (int)log_level()));
	write_workers(out, facts->workers);
	write_key_processes(out, facts->keys);
	confined_write(out);
	write_reload(out, facts->reload);
	if (counters_find_trouble(COUNTERS_LEDGER, trouble))
		write_text(out, "trouble", trouble);
	if (counters_find_trouble(COUNTERS_KEYS, trouble))
		write_text(out, "key_trouble", trouble);
	write_keys(out);
	buf_char(out, '\n');
	exposition_write(out, EXPOSITION_TEXT);
}

/* How many were as quick as the bucket that ends at NANOSECONDS. */
static int64_t count_within(const struct counters_histogram *histogram, int64_t nanoseconds)
{
	uint64_t count = 0;

	for (unsigned i = 0; i < METRIC_BUCKETS && metric_buckets[i] <= nanoseconds; i++)
		count += histogram->buckets[i];
	return (int64_t)count;
}

void status_fill_page(struct page_facts *page)
{
	struct counters_histogram times;

	counters_histogram(METRIC_MESSAGE_SECONDS, 0, &times);
	page->daemon.known = true;
	page->daemon.up_since = counters_sum(METRIC_START_TIME);
	page->daemon.messages = counters_sum(METRIC_MESSAGES);
	page->daemon.not_counted = counters_sum(METRIC_STORE_FAILURES);
	page->daemon.connections = counters_sum(METRIC_CONNECTIONS_NOW);
	page->daemon.answered = (int64_t)times.count;
	page->daemon.average = times.count == 0 ? 0 : times.sum / (int64_t)times.count / 1000;
	page->daemon.within_100_ms = count_within(&times, 100 * CLOCK_MS);
	page->daemon.over_second = page->daemon.answered - count_within(&times, CLOCK_SECOND);
}

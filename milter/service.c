/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The one place where a worker's threads meet: the pointer to the current context, under a lock
 * that is held for a few instructions.
 */
#include "milter/service.h"

#include <assert.h>
#ifdef HAVE_MALLOC_TRIM
#include <malloc.h>
#endif
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/heap.h"
#include "lib/lock.h"
#include "lib/log.h"
#include "lib/url.h"
#include "metrics/counters.h"
#include "milter/outbox_writer.h"
#include "milter/resolvers.h"
#include "milter/sampling.h"
#include "store/ship/ship.h"

/* How long a stop waits for rows that were answered before they were committed. */
static const int64_t CLOSE_WAIT = 5 * CLOCK_SECOND;

enum { TRIM_FROM = 8 << 20 }; /* bytes: a burst */

struct service {
	const char *address; /* of listen */
	struct lock lock;
	struct context *context;
	bool voting;           /* a reload is prepared: until its end nothing else is swapped */
	struct resolver *next; /* its resolver, or NULL; of the thread that prepares */
	struct resolvers *resolvers;
	struct ledger *_Atomic ledger;
	atomic_bool lacks_ledger;
	_Atomic uint64_t missed_rows; /* meanwhile */
	struct why ledger_why;        /* why it could not be opened last */
	struct dkimcheck_engine *dkim_engine;
	const struct engine *engine;
	_Atomic unsigned messages;
	_Atomic int64_t memory, most_memory; /* of them; since the last trim */
};

static int open_dns(struct service *service, const struct conf *conf, struct why *why)
{
	service->resolvers = resolvers_new(conf, service->engine, why);
	return service->resolvers == NULL ? -1 : 0;
}

static void tell_loss(const char *text)
{
	log_error("the ledger: %s", text);
}

static void tell_note(const char *text)
{
	log_warning("%s", text);
}

static int open_ledger(struct service *service, const struct conf *conf, struct why *why)
{
	struct ledger_settings settings = {0};
	struct ledger *ledger;

	settings.path = url_sqlite_path(conf->store.url, why);
	if (settings.path == NULL)
		return -1;
	if (conf->store.shared[0] == '\0' && ship_leave(settings.path, why) != 0)
		return -1;
	settings.on_wait = service->engine->waits_for_ledger;
	settings.on_loss = tell_loss;
	settings.on_note = tell_note;
	settings.durability =
	    conf->store.durability == CONF_DURABILITY_PROCESS ? LEDGER_PROCESS : LEDGER_POWER;
	settings.message_seconds = conf->messages.keep / CLOCK_SECOND;
	settings.message_rows = conf->messages.max_rows;
	settings.message_bytes = conf->messages.max_size;
	settings.max_bytes = conf->store.max_size;
	settings.day_rows = (unsigned)conf->store.max_rows;
	settings.keep_days = (unsigned)(conf->store.keep / (CLOCK_SECOND * 86400));
	ledger = ledger_open(&settings, why);
	if (ledger == NULL)
		return -1;
	if (outbox_writer_start(settings.path, conf->store.shared, why) != 0) {
		ledger_close(ledger);
		return -1;
	}
	atomic_store(&service->ledger, ledger);
	return 0;
}

/* Where mail is accepted uncounted, a ledger that cannot be opened does not keep a worker from
 * serving: it may be a replacement, and the ledger was well when the daemon was started. */
static int want_ledger(struct service *service, const struct conf *conf, struct why *why)
{
	if (conf->store.url[0] == '\0' || open_ledger(service, conf, &service->ledger_why) == 0)
		return 0;
	if (conf->store.on_failure == CONF_FAILURE_TEMPFAIL)
		return why_set(why, "%s", service->ledger_why.text);
	atomic_store(&service->lacks_ledger, true);
	log_error("nothing is counted, and mail goes on (store.on_failure): %s",
		  service->ledger_why.text);
	return 0;
}

const char *service_lacks_ledger(struct service *service)
{
	return atomic_load(&service->lacks_ledger) ? service->ledger_why.text : NULL;
}

void service_miss_row(struct service *service)
{
	atomic_fetch_add(&service->missed_rows, 1);
}

uint64_t service_missed_rows(struct service *service)
{
	return atomic_load(&service->missed_rows);
}

void service_seek_ledger(struct service *service)
{
	struct context *context;

	if (!atomic_load(&service->lacks_ledger))
		return;
	context = service_context(service);
	if (open_ledger(service, context->conf, &service->ledger_why) == 0) {
		atomic_store(&service->lacks_ledger, false);
		log_info("the ledger can be used again: messages are counted; %llu were not",
			 (unsigned long long)atomic_load(&service->missed_rows));
	}
	context_drop(context);
}

/* Failure reports are made, and results bound to mail for lists, from the first message on. Without
 * a ledger there are none, which is said where it is missing. */
static int want_secret(struct service *service, const struct conf *conf, struct why *why)
{
	bool wanted = conf->list_count > 0 || (conf->failures.send && conf->failures.redact);

	if (!wanted || service_ledger(service) == NULL)
		return 0;
	return outbox_writer_await_key(why);
}

/* Logged by one worker for all. A faulty key does not stop mail. */
static void tell_key_faults(const struct keyring *keyring)
{
	enum { TOLD_MAX = 10 };
	const struct keyring_fault *faults;
	unsigned count = keyring == NULL ? 0 : keyring_faults(keyring, &faults);
	struct arena *arena = arena_new(0);
	struct buf all;

	buf_init(&all, arena, 0);
	for (unsigned i = 0; i < count; i++)
		buf_printf(&all, "%s\n", faults[i].text);
	if (count > 0 && !counters_tell_first(COUNTERS_KEYS, buf_text(&all)))
		count = 0;
	for (unsigned i = 0; i < count && i < TOLD_MAX; i++)
		log_error("a key cannot be used, so %s does not sign with it: %s",
			  faults[i].domain == NULL ? "no domain" : faults[i].domain,
			  faults[i].text);
	if (count > TOLD_MAX)
		log_error("%u more keys cannot be used; see: countersign doctor", count - TOLD_MAX);
	arena_free(arena);
}

void service_set_address(struct service *service, const char *address)
{
	service->address = address;
}

enum origin_role service_role(const struct service *service, const struct conf *conf)
{
	static const enum origin_role of[] = {
	    [CONF_ROLE_AUTO] = ORIGIN_ROLE_AUTO,
	    [CONF_ROLE_SUBMISSION] = ORIGIN_ROLE_SUBMISSION,
	    [CONF_ROLE_INBOUND] = ORIGIN_ROLE_INBOUND,
	};

	for (unsigned i = 0; i < conf->listen.count && service->address != NULL; i++)
		if (strcmp(conf->listen.items[i], service->address) == 0)
			return of[conf->listen_roles[i]];
	return ORIGIN_ROLE_AUTO;
}

static void free_inputs(struct conf *conf, struct keyring *keyring)
{
	conf_free(conf);
	keyring_free(keyring);
}

/* CONF and KEYRING are owned by the context or, on failure, freed. */
static struct context *own_context(struct service *service, struct conf *conf,
				   struct keyring *keyring, struct why *why)
{
	struct context *context = NULL;

	if (keyring == NULL && context_uses_keys(conf))
		why_set(why, "the keys did not come from the key process");
	else
		context = context_new_with(conf, service->dkim_engine, keyring, why);
	if (context == NULL)
		conf_free(conf);
	else
		context_own(context, conf);
	if (context != NULL && sampling_is_open())
		context_leave_opinion(context);
	return context;
}

struct service *service_new(struct conf *conf, struct keyring *keyring, const struct engine *engine,
			    struct why *why)
{
	struct service *service = heap_zero(sizeof *service);

	lock_init(&service->lock);
	service->engine = engine;
	service->dkim_engine = dkimcheck_engine_new(why);
	if (service->dkim_engine != NULL)
		service->context = own_context(service, conf, keyring, why);
	else
		free_inputs(conf, keyring);
	if (service->context == NULL || open_dns(service, service->context->conf, why) != 0 ||
	    want_ledger(service, service->context->conf, why) != 0) {
		context_drop(service->context);
		resolvers_free(service->resolvers);
		dkimcheck_engine_free(service->dkim_engine);
		free(service);
		return NULL;
	}
	tell_key_faults(service->context->outbound.keyring);
	if (want_secret(service, service->context->conf, why) != 0)
		log_warning("%s", why->text);
	return service;
}

/* What a running worker cannot change, by name; NULL when nothing of it differs. */
static const char *fixed_change(const struct conf *now, const struct conf *next)
{
	if (strcmp(now->store.url, next->store.url) != 0)
		return "store.url";
	if (now->milter.engine != next->milter.engine)
		return "milter.engine";
	if (now->messages.keep != next->messages.keep ||
	    now->messages.max_rows != next->messages.max_rows ||
	    now->messages.max_size != next->messages.max_size)
		return "messages";
	if (now->store.durability != next->store.durability)
		return "store.durability";
	if (now->store.keep != next->store.keep)
		return "store.keep";
	if (now->store.max_size != next->store.max_size)
		return "store.max_size";
	if (now->store.max_rows != next->store.max_rows)
		return "store.max_rows";
	if (strcmp(now->store.shared, next->store.shared) != 0)
		return "store.shared";
	return NULL;
}

static void set_voting(struct service *service, bool voting)
{
	lock_take(&service->lock);
	service->voting = voting;
	lock_drop(&service->lock);
}

struct context *service_prepare(struct service *service, struct conf *conf, struct keyring *keyring,
				struct why *why)
{
	struct context *context = service_context(service);
	const char *fixed = fixed_change(context->conf, conf);

	assert(service->next == NULL);
	context_drop(context);
	context = NULL;
	set_voting(service, true);
	if (fixed != NULL)
		why_set(why, "a change of %s needs a restart", fixed);
	if (fixed != NULL || want_secret(service, conf, why) != 0 ||
	    resolvers_prepare(service->resolvers, conf, &service->next, why) != 0)
		free_inputs(conf, keyring);
	else
		context = own_context(service, conf, keyring, why);
	if (context == NULL)
		service_forget(service, NULL);
	return context;
}

void service_forget(struct service *service, struct context *context)
{
	context_drop(context);
	resolvers_forget(service->next);
	service->next = NULL;
	set_voting(service, false);
}

void service_commit(struct service *service, struct context *context)
{
	struct context *old;

	keyring_carry(context->outbound.keyring, service->context->outbound.keyring);
	lock_take(&service->lock);
	old = service->context;
	service->context = context;
	resolvers_commit(service->resolvers, service->next);
	service->next = NULL;
	service->voting = false;
	lock_drop(&service->lock);
	context_drop(old);
	tell_key_faults(context->outbound.keyring);
}

int service_rekey(struct service *service, struct conf *conf, struct keyring *keyring,
		  struct why *why)
{
	struct context *context = own_context(service, conf, keyring, why), *old;

	if (context == NULL)
		return -1;
	keyring_carry(context->outbound.keyring, service->context->outbound.keyring);
	lock_take(&service->lock);
	old = service->context;
	service->context = context;
	lock_drop(&service->lock);
	context_drop(old);
	tell_key_faults(context->outbound.keyring);
	return 0;
}

struct context *service_context(struct service *service)
{
	struct context *context;

	lock_take(&service->lock);
	context = context_take(service->context);
	lock_drop(&service->lock);
	return context;
}

struct dns *service_dns(struct service *service)
{
	return resolvers_take(service->resolvers);
}

void service_dns_stats(struct service *service, struct dns_stats *stats)
{
	resolvers_stats(service->resolvers, stats);
}

static void move_resolver(struct service *service, const struct context *context)
{
	struct resolver *next;
	struct why why = {""};

	if (resolvers_prepare(service->resolvers, context->conf, &next, &why) != 0) {
		log_error("%s names other DNS servers that cannot be used: %s",
			  context->conf->dns.resolv_conf, why.text);
		return;
	}
	lock_take(&service->lock);
	if (!service->voting && service->context == context) {
		resolvers_commit(service->resolvers, next);
		next = NULL;
	}
	lock_drop(&service->lock);
	resolvers_forget(next);
}

void service_follow_resolvers(struct service *service)
{
	struct context *context = service_context(service);

	if (resolvers_moved(service->resolvers, context->conf))
		move_resolver(service, context);
	resolvers_tidy(service->resolvers);
	context_drop(context);
}

struct ledger *service_ledger(struct service *service)
{
	return atomic_load(&service->ledger);
}

void service_flush(struct service *service, const char *cache)
{
	bool all = strcmp(cache, "all") == 0;

	struct dns *dns = service_dns(service);

	if (all || strcmp(cache, "dns") == 0)
		dns_flush(dns);
	dns_drop(dns);
	if (all || strcmp(cache, "keys") == 0)
		dkimcheck_engine_flush(service->dkim_engine);
}

void service_message_begin(struct service *service)
{
	atomic_fetch_add(&service->messages, 1);
	counters_change(METRIC_MESSAGES_NOW, 1);
}

void service_message_end(struct service *service)
{
	atomic_fetch_sub(&service->messages, 1);
	counters_change(METRIC_MESSAGES_NOW, -1);
}

unsigned service_messages(struct service *service)
{
	return atomic_load(&service->messages);
}

void service_waits(struct service *service)
{
	if (service->engine->waits_for_keys != NULL)
		service->engine->waits_for_keys();
}

int64_t service_memory(struct service *service, int64_t by)
{
	int64_t sum = atomic_fetch_add(&service->memory, by) + by;
	int64_t most = atomic_load(&service->most_memory);

	assert(sum >= 0);
	while (sum > most && !atomic_compare_exchange_weak(&service->most_memory, &most, sum))
		;
	return sum;
}

/* What malloc keeps after a burst stays with the process otherwise, a part in each thread's arena.
 */
void service_trim(struct service *service)
{
	int64_t now = atomic_load(&service->memory), most = atomic_load(&service->most_memory);

	if (most < TRIM_FROM || now > most / 4)
		return;
	atomic_store(&service->most_memory, now);
#ifdef HAVE_MALLOC_TRIM
	malloc_trim(0);
#endif
}

void service_close(struct service *service)
{
	struct ledger_stats stats;

	if (service->ledger == NULL)
		return;
	outbox_writer_finish();
	ledger_retire(service->ledger, clock_mono() + CLOSE_WAIT);
	ledger_stats(service->ledger, &stats);
	if (stats.failing)
		log_error("the ledger cannot be written at the end, either: %llu messages were not"
			  " counted%s: %s",
			  (unsigned long long)stats.failures,
			  stats.pending > 0 ? ", what the journal has is kept for the next start"
					    : "",
			  stats.last_error);
}

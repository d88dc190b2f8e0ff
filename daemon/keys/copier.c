/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Mail never waits for this process, nor for the shared store: the workers read the copy. While the
 * store is away nothing is lost but news. What it has learnt is in the copy and in the store, so
 * SIGTERM just ends it.
 */
#include "daemon/keys/copier.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

#include "context/context.h"
#include "context/keysource.h"
#include "daemon/daemon.h"
#include "daemon/rights/confined.h"
#include "dns/dns.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/url.h"
#include "policy/dkim/published.h"
#include "store/keys/copy.h"
#include "store/keys/vault.h"
#include "store/sql/shared.h"

enum { LOOKS = 32 }; /* records that are asked for at a time */

static const int64_t pause_between = 2 * CLOCK_SECOND; /* two looks at the store */
static const int64_t longest_pause = 15 * CLOCK_SECOND;

struct copying {
	const struct conf *conf;
	pid_t parent;
	struct keycopy *copy;
	struct sql *shared; /* NULL: not connected */
	struct dns *dns;
	struct why failure; /* the last one that was warned of; "": it works */
	int64_t pause;
};

/* False: the supervisor is gone. */
static bool sleep_for(const struct copying *copying, int64_t time)
{
	const struct timespec moment = {.tv_nsec = 100 * CLOCK_MS};
	int64_t until = clock_mono() + time;

	while (getppid() == copying->parent && clock_mono() < until)
		nanosleep(&moment, NULL);
	return getppid() == copying->parent;
}

/* Warns once of each reason, until it works again. */
static int64_t note_failure(struct copying *copying, const struct why *why)
{
	int64_t pause = copying->pause;

	if (strcmp(copying->failure.text, why->text) != 0)
		log_warning("%s; mail is signed with the keys as they were last known", why->text);
	copying->failure = *why;
	copying->pause = 2 * pause < longest_pause ? 2 * pause : longest_pause;
	sql_close(copying->shared);
	copying->shared = NULL;
	return pause;
}

static void note_success(struct copying *copying)
{
	if (copying->failure.text[0] != '\0')
		log_info("the signing keys of the shared store are up to date again");
	copying->failure.text[0] = '\0';
	copying->pause = pause_between;
}

static int open_both(struct copying *copying, struct why *why)
{
	const char *ledger;

	if (copying->copy != NULL && keycopy_has_moved(copying->copy)) {
		keycopy_close(copying->copy);
		copying->copy = NULL;
	}
	if (copying->copy == NULL) {
		ledger = url_sqlite_path(copying->conf->store.url, why);
		copying->copy = ledger == NULL ? NULL : keycopy_open(ledger, false, why);
	}
	if (copying->copy != NULL && copying->shared == NULL)
		copying->shared =
		    shared_open(copying->conf->store.shared, SHARED_MIGRATE, false, why);
	return copying->copy == NULL || copying->shared == NULL ? -1 : 0;
}

/* ---- records of keys that wait ---- */

static int open_resolver(struct copying *copying, struct why *why)
{
	struct dns_settings settings = context_dns(copying->conf);

	if (copying->dns == NULL)
		copying->dns = dns_new_unbound(&settings, why);
	return copying->dns == NULL ? -1 : 0;
}

/* Which of ROWS have their record; they are moved to the front. */
static unsigned look_at_rows(const struct copying *copying, struct keyrow *rows, unsigned count,
			     struct arena *arena)
{
	int64_t timeout = copying->conf->dns.timeout;
	struct dns_scope *scope = dns_scope_new(copying->dns, count, timeout);
	struct signing_key *keys[LOOKS];
	struct dns_lookup *lookups[LOOKS];
	unsigned seen = 0;

	dns_flush(copying->dns); /* of what it was told before the record was there */
	dns_scope_deadline(scope, clock_mono() + timeout);
	for (unsigned i = 0; i < count; i++) {
		keys[i] = keysource_key(arena, &rows[i], NULL);
		lookups[i] = keys[i] == NULL ? NULL : published_start(scope, keys[i]);
	}
	for (unsigned i = 0; i < count; i++) {
		const char *detail;

		if (lookups[i] == NULL || published_judge(dns_wait(lookups[i]), keys[i], arena,
							  &detail) != PUBLISHED_MATCHES)
			continue;
		log_info("key %s of %s: the DNS shows its record, so it signs", rows[i].selector,
			 rows[i].domain);
		rows[seen++] = rows[i];
	}
	dns_scope_free(scope);
	return seen;
}

/* 1: there may be more; 0; -1. */
static int look_at_claims(struct copying *copying, struct why *why)
{
	struct arena *arena = arena_new(0);
	struct keyrow *rows;
	int count = open_resolver(copying, why) == 0
			? vault_claim(copying->shared, LOOKS, arena, &rows, why)
			: -1;
	int result = count;

	if (count > 0) {
		unsigned seen = look_at_rows(copying, rows, (unsigned)count, arena);

		result = vault_note_seen(copying->shared, rows, seen, why);
	}
	arena_free(arena);
	return result < 0 ? -1 : count == LOOKS;
}

/* Returns how long to wait. */
static int64_t copy_keys(struct copying *copying)
{
	struct why why = {""};
	int more = 0;

	if (open_both(copying, &why) != 0 ||
	    keycopy_update(copying->copy, copying->shared, &why) < 0 ||
	    (more = look_at_claims(copying, &why)) < 0)
		return note_failure(copying, &why);
	note_success(copying);
	return more == 1 ? 0 : pause_between;
}

/* ---- the process ---- */

static noreturn void run_copier(const struct conf *conf, pid_t parent)
{
	struct copying copying = {.conf = conf, .parent = parent, .pause = pause_between};

	helper_take_signals(SIG_DFL);
	confined_enter(CONFINED_COPIER, conf);
	while (sleep_for(&copying, copy_keys(&copying)))
		continue;
	keycopy_close(copying.copy);
	sql_close(copying.shared);
	dns_free(copying.dns);
	daemon_exit(0);
}

static bool is_wanted(const struct conf *conf)
{
	return conf->store.keys && context_uses_keys(conf);
}

const struct helper_kind copier_kind = {
    .setting = "store.keys",
    .what = "the process that copies the signing keys",
    .is_wanted = is_wanted,
    .run = run_copier,
    .patience = CLOCK_SECOND,
};

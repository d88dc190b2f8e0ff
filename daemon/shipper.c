/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Mail never waits for this process, nor for the shared store: it reads the ledger's file, and when
 * the store is away it tries again after a pause, longer each time, a little different on each
 * host. It keeps no state but the file's, so SIGTERM just ends it.
 */
#include "daemon/shipper.h"

#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "daemon/rights/confined.h"
#include "daemon/daemon.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/url.h"
#include "store/ship/inbox.h"
#include "store/ship/policies.h"
#include "store/ship/ship.h"

/* Received reports stay in the shared store when they are gone from the hosts: none ships one again
 * that the store has forgotten. */
enum { LATER_DAYS = 2 };

static const int64_t shortest_pause = CLOCK_SECOND; /* after a failure; then doubled */
static const int64_t longest_pause = 300 * CLOCK_SECOND;
static const int64_t policies_every = 2 * CLOCK_SECOND;

struct shipping {
	const struct conf *conf;
	pid_t parent;
	struct ship *ship;
	const char *name;
	bool failing;
	int64_t pause;
	int64_t next_rows; /* when rows are shipped again */
	int32_t expired_day;
};

/* False: the supervisor is gone. */
static bool sleep_for(const struct shipping *shipping, int64_t time)
{
	const struct timespec moment = {.tv_nsec = 100 * CLOCK_MS};
	int64_t until = clock_mono() + time;

	while (getppid() == shipping->parent && clock_mono() < until)
		nanosleep(&moment, NULL);
	return getppid() == shipping->parent;
}

/* Warns once, until it works again. */
static int64_t note_failure(struct shipping *shipping, const char *text)
{
	int64_t pause = shipping->pause;

	if (!shipping->failing)
		log_warning("%s; what is counted stays in the ledger until it can be shipped",
			    text);
	else
		log_debug("%s", text);
	shipping->failing = true;
	shipping->pause = 2 * pause < longest_pause ? 2 * pause : longest_pause;
	return pause / 2 + clock_mono() / 1000 * getpid() % (pause / 2);
}

static void note_success(struct shipping *shipping)
{
	if (shipping->failing)
		log_info("the shared store is available again");
	shipping->failing = false;
	shipping->pause = shortest_pause;
}

/* Once a day, by whichever host comes first: the others find nothing. */
static void expire_results(struct shipping *shipping)
{
	const struct conf *conf = shipping->conf;
	struct ledger_settings settings = {.shared = conf->store.shared, .read_only = true};
	int32_t today = clock_day(clock_wall());
	unsigned keep = (unsigned)(conf->store.keep / CLOCK_SECOND / 86400);
	struct ledger *ledger;
	struct why why = {""};

	if (shipping->expired_day == today)
		return;
	shipping->expired_day = today;
	ledger = ledger_open(&settings, &why);
	if (ledger == NULL || ledger_expire_old(ledger, keep, &why) < 0)
		log_warning("%s: old results are not removed from it yet", why.text);
	ledger_close(ledger);
	if (ship_policies_expire(shipping->ship, &why) != 0)
		log_warning("%s: MTA-STS policies that have expired are not removed yet", why.text);
	if (ship_inbox_expire(conf->store.shared,
			      clock_wall() - conf->inbox.keep / CLOCK_SECOND - LATER_DAYS * 86400,
			      today - (int32_t)keep - LATER_DAYS, &why) != 0)
		log_warning("%s: old received reports are not removed from it yet", why.text);
}

static void notice_of_store(const char *text)
{
	log_warning("%s", text);
}

static struct ship *open_ship(const struct shipping *shipping, bool *busy, struct why *why)
{
	const struct ship_settings settings = {
	    .path = url_sqlite_path(shipping->conf->store.url, why),
	    .shared = shipping->conf->store.shared,
	    .name = shipping->name,
	    .notice = notice_of_store,
	};

	*busy = false;
	return settings.path == NULL ? NULL : ship_open(&settings, busy, why);
}

/* Ships one batch. Returns how long to wait before the next. */
static int64_t ship_rows(struct shipping *shipping)
{
	struct why why = {""};
	bool busy;
	int result = -1;

	if (shipping->ship == NULL)
		shipping->ship = open_ship(shipping, &busy, &why);
	if (shipping->ship != NULL)
		result = ship_step(shipping->ship, &why);
	if (result < 0)
		return note_failure(shipping, why.text);
	note_success(shipping);
	if (result == 0)
		expire_results(shipping);
	return result == 1 ? 0 : shipping->conf->store.ship_every;
}

/* The MTA-STS policies that this host or another one has fetched. A fault is told by the rows,
 * which need the same store. */
static void share_policies(const struct shipping *shipping)
{
	struct why why = {""};
	int result = 1;

	while (shipping->ship != NULL && result == 1 && getppid() == shipping->parent)
		result = ship_policies_step(shipping->ship, &why);
	if (result < 0)
		log_debug("MTA-STS policies are not shared now: %s", why.text);
}

/* Returns how long nothing is to be done. */
static int64_t ship_due(struct shipping *shipping)
{
	int64_t pause;

	if (clock_mono() >= shipping->next_rows) {
		pause = ship_rows(shipping);
		shipping->next_rows = clock_mono() + pause;
	}
	pause = shipping->next_rows - clock_mono();
	if (shipping->conf->tls.listen.count == 0)
		return pause;
	share_policies(shipping);
	return pause < policies_every ? pause : policies_every;
}

static noreturn void run_shipper(const struct conf *conf, pid_t parent)
{
	struct utsname system = {.nodename = "?"};
	struct shipping shipping = {
	    .conf = conf, .parent = parent, .pause = shortest_pause, .name = system.nodename};

	helper_take_signals(SIG_DFL);
	confined_enter(CONFINED_SHIPPER, conf);
	(void)uname(&system);
	while (sleep_for(&shipping, ship_due(&shipping)))
		;
	ship_close(shipping.ship);
	daemon_exit(0);
}

static bool is_wanted(const struct conf *conf)
{
	return conf->store.shared[0] != '\0' && conf->store.url[0] != '\0';
}

const struct helper_kind shipper_kind = {
    .setting = "store.shared",
    .what = "the process that ships to the shared store",
    .is_wanted = is_wanted,
    .run = run_shipper,
    .patience = CLOCK_SECOND,
};

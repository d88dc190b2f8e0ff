/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Mail never waits for this process, nor for the shared store: it reads the ledger's file, and when
 * the store is away it tries again after a pause, longer each time, a little different on each
 * host. It keeps no state but the file's, so SIGTERM just ends it.
 */
#include "daemon/shipper.h"

#include <string.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "daemon/rights/confined.h"
#include "daemon/daemon.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/url.h"
#include "store/ship/ship.h"

static const int64_t shortest_pause = CLOCK_SECOND; /* after a failure; then doubled */
static const int64_t longest_pause = 300 * CLOCK_SECOND;
static const int64_t pause_between = 10 * CLOCK_SECOND; /* two processes */

struct shipping {
	const struct conf *conf;
	pid_t parent;
	struct ship *ship;
	const char *name;
	bool failing;
	int64_t pause;
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

static noreturn void run_shipper(const struct conf *conf, pid_t parent)
{
	struct utsname system = {.nodename = "?"};
	struct shipping shipping = {
	    .conf = conf, .parent = parent, .pause = shortest_pause, .name = system.nodename};

	helper_take_signals(SIG_DFL);
	confined_enter(CONFINED_SHIPPER, conf);
	(void)uname(&system);
	while (sleep_for(&shipping, ship_rows(&shipping)))
		;
	ship_close(shipping.ship);
	daemon_exit(0);
}

int64_t shipper_start(struct helper *helper, const struct conf *conf, const struct workers *workers)
{
	int64_t now = clock_mono();

	if (helper->pid != 0 || conf->store.shared[0] == '\0' || conf->store.url[0] == '\0')
		return 0;
	if (helper->next_at > now)
		return helper->next_at;
	helper->next_at = now + pause_between;
	helper_start(helper, "the shipper", run_shipper, conf, workers);
	return helper->pid != 0 ? 0 : helper->next_at;
}

void shipper_stop(struct helper *helper)
{
	helper_stop(helper, CLOCK_SECOND);
}

int64_t shipper_look_after(struct helper *helper)
{
	int status;
	int64_t next = helper_look_after(helper, &status);

	if (status != 0)
		log_warning("the process that ships to the shared store ended (%s %d); another"
			    " takes over",
			    WIFSIGNALED(status) ? "signal" : "code",
			    WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	return next;
}

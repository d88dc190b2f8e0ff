/* SPDX-License-Identifier: BSD-2-Clause */
#include "t/sim/actors.h"

#include <stdlib.h>
#include <string.h>

#include "dns/dns.h"
#include "lib/clock.h"
#include "report/sender.h"
#include "store/integrity.h"
#include "store/ship/ship.h"
#include "store/upkeep.h"
#include "t/sim/truth.h"

/* ---- workers ---- */

struct worker {
	struct host *host;
	struct ledger *ledger;
	bool stopping;
	unsigned busy; /* with so many messages */
};

static void on_loss(const char *text)
{
	truth_said_text(world.process->machine, text);
}

static struct ledger_settings settings_of(const struct host *host)
{
	return (struct ledger_settings){.path = host->path,
					.durability = host->durability,
					.keep_days = host->keep_days,
					.message_seconds = 86400,
					.message_rows = 1000,
					.on_loss = on_loss};
}

/* The daemon starts another one after a while. */
static struct ledger *open_ledger(const struct host *host)
{
	const struct ledger_settings settings = settings_of(host);
	struct ledger *ledger;
	int64_t pause = CLOCK_SECOND;
	struct why why = {""};

	while ((ledger = ledger_open(&settings, &why)) == NULL) {
		world_say("the ledger cannot be opened: %s", why.text);
		task_sleep(pause);
		pause = pause < 900 * CLOCK_SECOND ? pause * 2 : 1800 * CLOCK_SECOND;
	}
	return ledger;
}

static void run_worker(void *arg)
{
	struct worker *worker = arg;

	worker->ledger = open_ledger(worker->host);
	world_say("a worker has the ledger");
	task_wake(worker, true);
	while (!worker->stopping || worker->busy > 0)
		task_wait(worker, INT64_MAX);
	if (world_below(2) == 0) {
		ledger_close(worker->ledger);
	} else {
		ledger_retire(worker->ledger, world.now + CLOCK_SECOND + 2 * CLOCK_SECOND);
		process_exit();
	}
}

struct process *actors_worker(struct host *host)
{
	struct worker *worker = calloc(1, sizeof *worker);

	if (worker == NULL)
		abort();
	worker->host = host;
	return process_start(host->machine, "worker", run_worker, worker);
}

bool actors_ready(const struct process *process)
{
	return ((const struct worker *)process->data)->ledger != NULL;
}

void actors_stop(struct process *process)
{
	struct worker *worker = process->data;

	worker->stopping = true;
	task_wake(worker, true);
}

struct burst {
	struct worker *worker;
	unsigned messages;
};

static void count_message(struct worker *worker)
{
	const struct host *host = worker->host;
	int32_t day = clock_day(machine_wall(host->machine));
	struct ledger_row row;
	struct why why = {""};
	char source[64];
	int64_t count;
	int number = truth_offer(host->machine, day, host->durability == LEDGER_POWER, &count);

	if (number < 0)
		return;
	truth_row(number, &row, source);
	world_say("message %d from %s", number, source);
	truth_answer(number,
		     ledger_add(worker->ledger, &row, world.now + CLOCK_SECOND + host->wait, &why));
	ledger_log(worker->ledger, machine_wall(host->machine), "a line");
}

static void run_burst(void *arg)
{
	struct burst burst = *(struct burst *)arg;

	free(arg);
	while (burst.worker->ledger == NULL)
		task_wait(burst.worker, INT64_MAX);
	while (burst.messages-- > 0) {
		count_message(burst.worker);
		if (world_below(3) == 0)
			task_sleep(world_span(CLOCK_MS / 10, 2 * CLOCK_SECOND));
	}
	burst.worker->busy--;
	task_wake(burst.worker, true);
}

void actors_send(struct process *process, unsigned messages)
{
	struct worker *worker = process->data;
	struct burst *burst = malloc(sizeof *burst);

	if (burst == NULL)
		abort();
	if (worker->stopping || process->tasks > 6) {
		free(burst);
		return;
	}
	*burst = (struct burst){worker, messages};
	worker->busy++;
	task_start(process, run_burst, burst);
}

/* ---- readers ---- */

static int read_day(void *arg, const struct ledger_day *day)
{
	*(int64_t *)arg += day->messages;
	return 0;
}

static void run_reader(void *arg)
{
	const struct host *host = arg;
	struct ledger_settings settings = settings_of(host);
	const struct ledger_days_query all = {.to_day = INT32_MAX};
	struct why why = {""};
	struct ledger *ledger;
	int64_t messages = 0;

	settings.read_only = true;
	settings.on_loss = NULL; /* as the commands */
	ledger = ledger_open(&settings, &why);
	if (ledger == NULL || ledger_days(ledger, &all, read_day, &messages, &why) != 0)
		world_say("the ledger cannot be read: %s", why.text);
	else
		world_say("%lld messages are read", (long long)messages);
	ledger_close(ledger);
}

struct process *actors_reader(struct host *host)
{
	return process_start(host->machine, "reader", run_reader, host);
}

/* ---- who checks, and who expires ---- */

static void note_finding(void *arg, const char *what, int64_t count)
{
	(void)arg;
	world_violate("store check: %lld: %s", (long long)count, what);
}

static bool go_on_checking(void *arg, int64_t done, int64_t all)
{
	(void)arg, (void)done, (void)all;
	return true;
}

static void run_checker(void *arg)
{
	const struct host *host = arg;
	struct ledger_settings settings = settings_of(host);
	struct why why = {""};
	struct sql *sql;

	settings.read_only = true;
	sql = sqlite_sql(&settings, &why);
	if (sql == NULL || upkeep_check(sql, false, note_finding, go_on_checking, NULL, &why) < 0)
		world_say("the ledger cannot be checked: %s", why.text);
	sql_close(sql);
	if (integrity_check(&settings, &why) == DRIVER_CAUSE_DAMAGED)
		world_violate("the ledger is called damaged: %s", why.text);
}

struct process *actors_checker(struct host *host)
{
	return process_start(host->machine, "checker", run_checker, host);
}

static void run_expirer(void *arg)
{
	const struct host *host = arg;
	const struct ledger_settings settings = settings_of(host);
	struct ledger *ledger;
	struct why why = {""};
	int64_t rows = -1;

	ledger = ledger_open(&settings, &why);
	if (ledger != NULL)
		rows = ledger_expire(ledger, clock_day(machine_wall(host->machine)), &why);
	world_say("%lld rows are expired: %s", (long long)rows, why.text);
	ledger_close(ledger);
}

struct process *actors_expirer(struct host *host)
{
	return process_start(host->machine, "expirer", run_expirer, host);
}

/* ---- the shipper (daemon/shipper.c) ---- */

static void notice(const char *text)
{
	truth_said_text(world.process->machine, text);
}

static int64_t ship_rows(struct host *host, struct ship **ship, int64_t *pause)
{
	const struct ship_settings settings = {.path = host->path,
					       .shared = "simulated",
					       .name = host->machine->name,
					       .notice = notice};
	struct why why = {""};
	bool busy = false;
	int result = -1;

	if (*ship == NULL)
		*ship = ship_open(&settings, &busy, &why);
	if (*ship != NULL)
		result = ship_step(*ship, &why);
	if (result < 0) {
		world_say("not shipped: %s", why.text);
		*pause = *pause * 2 < 300 * CLOCK_SECOND ? *pause * 2 : 300 * CLOCK_SECOND;
		return *pause;
	}
	*pause = CLOCK_SECOND;
	return result == 1 ? 0 : world_span(CLOCK_SECOND, 2 * 3600 * CLOCK_SECOND);
}

static void run_shipper(void *arg)
{
	struct ship *ship = NULL;
	int64_t pause = CLOCK_SECOND;

	for (;;)
		task_wait(arg, world.now + ship_rows(arg, &ship, &pause));
}

struct process *actors_shipper(struct host *host)
{
	return process_start(host->machine, "shipper", run_shipper, host);
}

void actors_hurry(struct host *host)
{
	task_wake(host, true);
}

/* ---- the sender of reports (daemon/report_sender.c, context/sending.c) ---- */

static void tell_event(void *arg, const struct sender_event *event)
{
	(void)arg;
	if (event->what == SENDER_BUILT)
		world_say("report %s is built: %lld messages", event->id,
			  (long long)event->messages);
	else
		world_say("to %s: %s (%s)", event->address, outbox_state_text(event->state),
			  event->reply == NULL ? "" : event->reply);
}

static bool wait_for_turn(void *arg, unsigned left)
{
	struct sender *sender = arg;
	struct why why = {""};

	(void)left;
	if (world_below(3) == 0)
		task_sleep(world_span(CLOCK_MS, 400 * CLOCK_SECOND));
	if (outbox_keep(sender->outbox, &why) == 0)
		return true;
	world_say("no longer the sender: %s", why.text);
	return false;
}

static int resume_shared(struct sender *sender, const struct ledger_settings *settings,
			 struct why *why)
{
	bool busy;
	int result;

	sender->outbox = outbox_open(settings, OUTBOX_CHANGE, &busy, why);
	result = sender->outbox == NULL ? -1 : sender_resume(sender, why);
	outbox_close(sender->outbox);
	sender->outbox = NULL;
	return result;
}

static int open_outboxes(struct sender *sender, const struct ledger_settings *settings,
			 struct why *why)
{
	struct ledger_settings own = *settings;
	bool busy;

	own.shared = NULL;
	if (settings->shared != NULL) {
		sender->own = outbox_open(&own, OUTBOX_SEND, &busy, why);
		if (sender->own == NULL || resume_shared(sender, settings, why) != 0)
			return -1;
	}
	sender->outbox = outbox_open(settings, OUTBOX_SEND, &busy, why);
	if (sender->outbox == NULL)
		return -1;
	return sender->own != NULL ? 0 : sender_resume(sender, why);
}

static int send_all(struct sender *sender, struct why *why)
{
	int32_t yesterday = clock_day(machine_wall(world.process->machine)) - 1;

	if (sender_build(sender, NULL, yesterday - SENDER_BUILD_DAYS + 1, yesterday, why) != 0 ||
	    sender_build_late(sender, NULL, why) != 0)
		return -1;
	return sender_deliver(sender, NULL, 0, yesterday, why);
}

static void run_sender(void *arg)
{
	static const struct dmarc_rules rules = {.authors_max = 4};
	struct sender_settings settings = {.reporter = {"here.example", "reports@here.example",
							NULL, "here.example", AGGREGATE_RFC9990},
					   .server = {.url = "smtp://127.0.0.1"},
					   .domains = SENDER_ALL,
					   .suppress = 7 * 86400,
					   .grace = 6 * 3600,
					   .dmarc = &rules,
					   .dns_budget = 20,
					   .dns_timeout = CLOCK_SECOND};
	const struct host *host = arg;
	struct ledger_settings store = settings_of(host);
	struct sender sender = {.settings = &settings, .tell = tell_event, .go_on = wait_for_turn};
	struct why why = {""};

	if (!host->shared)
		settings.reporter.receiver = host->machine->name;
	store.read_only = true;
	store.shared = host->shared ? "simulated" : NULL;
	store.lease = 120;
	sender.arg = &sender;
	sender.ledger = ledger_open(&store, &why);
	if (sender.ledger != NULL && open_outboxes(&sender, &store, &why) == 0) {
		sender.dns = dns_new_fixed(NULL, 0);
		if (send_all(&sender, &why) != 0)
			world_say("reports: %s", why.text);
		dns_free(sender.dns);
	} else {
		world_say("no reports are sent: %s", why.text);
	}
	outbox_close(sender.outbox);
	outbox_close(sender.own);
	ledger_close(sender.ledger);
}

struct process *actors_sender(struct host *host)
{
	return process_start(host->machine, "sender", run_sender, host);
}

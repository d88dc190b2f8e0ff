/* SPDX-License-Identifier: BSD-2-Clause */
#include "t/sim/actors.h"

#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
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

	for (; (ledger = ledger_open(&settings, &why)) == NULL; pause *= 2) {
		world_say("the ledger cannot be opened: %s", why.text);
		task_sleep(pause < 1800 * CLOCK_SECOND ? pause : 1800 * CLOCK_SECOND);
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

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The simulation: what happens in the life of a few hosts, decided by the seed. Each step does
 * something to them and lets time pass; then it is compared what there is with what was answered.
 * In the end all faults are over, and everything must be where it belongs, or said to be lost.
 *
 * usage: sim [-v] [--first] [--break FAULT] SEED [COUNT]
 *        sim --break list
 *        sim [-v] --calls disk|memory SEED [CALL | FROM STEP]
 */
#include <getopt.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/clock.h"
#include "store/sql/driver.h"
#include "store/sql/sql.h"
#include "store/upkeep.h"
#include "t/sim/actors.h"
#include "t/sim/breaks.h"
#include "t/sim/disk.h"
#include "t/sim/mta.h"
#include "t/sim/server.h"
#include "t/sim/truth.h"
#include "t/sim/vfs.h"

enum { HOSTS = 2, WORKERS = 2 };

/* ---- the hosts ---- */

static struct host hosts[HOSTS];
static unsigned host_count;
static struct process *workers[HOSTS][WORKERS], *shippers[HOSTS], *senders[HOSTS];
static unsigned worker_count;
static int64_t sent_at; /* when reports were sent last */

/* What may happen in this life. */
static struct {
	bool kills, power, eio, torn, full, rot, clock;
	bool shared, cut, back, put_back, mail; /* SHARED: the hosts ship */
	unsigned steps;
} plan;

static void begin_plan(void)
{
	const unsigned one_in = 2 + world_below(2);

	plan.kills = world_below(4) != 0;
	plan.power = world_below(one_in) == 0;
	plan.eio = world_below(one_in) == 0;
	plan.torn = world_below(one_in) == 0;
	plan.full = world_below(one_in) == 0;
	plan.rot = world_below(one_in) == 0;
	plan.clock = world_below(one_in) == 0;
	plan.shared = world_below(2) == 0;
	plan.cut = world_below(one_in) == 0;
	plan.back = plan.shared && world_below(one_in) == 0;
	plan.put_back = plan.shared && world_below(4) == 0;
	plan.mail = world_below(one_in) == 0;
	plan.steps = 10 + world_below(30);
	host_count = 1 + (world_below(4) == 0);
	worker_count = 1 + world_below(WORKERS);
}

/* An empty ledger, made by the product; most lives begin with a copy of it. */
static struct disk *template_disk;

static struct sql *open_sql(const char *path, bool read_only, struct why *why)
{
	const struct ledger_settings settings = {
	    .path = path, .read_only = read_only, .durability = LEDGER_POWER};

	return sqlite_sql(&settings, why);
}

static void make_template(void)
{
	struct why why = {""};
	struct sql *sql;

	world.machines[0] = (struct machine){.name = "t", .disk = disk_new("/sim/t")};
	sql = open_sql("/sim/t/ledger.db", false, &why);
	if (sql == NULL) {
		fprintf(stderr, "sim: %s\n", why.text);
		abort();
	}
	sql_close(sql);
	template_disk = world.machines[0].disk;
}

/* Each ledger is a host's own: it has an id that no other has. */
static void begin_ledger(struct host *host)
{
	struct why why = {""};
	struct sql *sql;

	if (world_below(16) == 0)
		return; /* its first process makes it */
	world.sheltered++;
	disk_copy(disk_find(template_disk, "/sim/t/ledger.db"),
		  disk_create(host->machine->disk, host->path));
	sql = open_sql(host->path, false, &why);
	if (sql == NULL ||
	    sql_run(sql, &why, "UPDATE spool SET host = randomblob(16)", SQL_NO_VALUES) != 0)
		world_violate("the first ledger: %s", why.text);
	sql_close(sql);
	world.sheltered--;
}

static void begin_host(unsigned number)
{
	static const char *const names[] = {"h0", "h1"};
	struct machine *machine = &world.machines[number];
	struct host *host = &hosts[number];
	char directory[40];

	snprintf(directory, sizeof directory, "/sim/%s", names[number]);
	*machine = (struct machine){.name = names[number], .disk = disk_new(directory)};
	*host = (struct host){.machine = machine};
	snprintf(host->path, sizeof host->path, "/sim/%s/ledger.db", names[number]);
	host->durability = world_below(3) == 0 ? LEDGER_POWER : LEDGER_PROCESS;
	host->keep_days = world_below(2) == 0 ? 0 : 30;
	host->shared = plan.shared;
	host->wait = world_span(CLOCK_SECOND, 10 * CLOCK_SECOND);
	begin_ledger(host);
}

/* ---- what there is ---- */

/* Without a fault, and without that time passes. */
static void count_ledger(const struct host *host)
{
	struct why why = {""};
	struct arena *arena = arena_new(0);
	struct sql_rows *rows;
	struct sql *sql;
	int more = -1;

	world.sheltered++;
	sql = open_sql(host->path, true, &why);
	if (sql != NULL) {
		rows = sql_ask(sql, "SELECT source_ip, messages FROM tally", SQL_NO_VALUES);
		while ((more = sql_next(rows, &why)) == 1)
			truth_count(WHERE_LEDGER, sql_text_at(rows, 0, arena), sql_int_at(rows, 1));
	}
	if (more != 0 && world.weather.eio == 0)
		world_say("%s cannot be looked at: %s", host->path, why.text);
	sql_close(sql);
	world.sheltered--;
	arena_free(arena);
}

/* Which file it is, and how often it was written to; another number for another state. */
static uint64_t number_state(const struct inode *file)
{
	return file == NULL ? 0 : (disk_number(file) << 32) + disk_writes(file);
}

/* What has not been written to is as it was. */
static bool has_changed(struct host *host)
{
	struct disk *disk = host->machine->disk;
	char log[80];
	uint64_t writes;

	snprintf(log, sizeof log, "%s-wal", host->path);
	writes = number_state(disk_find(disk, host->path)) * UINT64_C(0x9e3779b97f4a7c15) ^
		 number_state(disk_find(disk, log));
	if (writes == host->looked_at)
		return false;
	host->looked_at = writes;
	return true;
}

static void note_found(void *arg, const char *source, int64_t count, const char *unused)
{
	(void)unused;
	truth_count(*(const enum where *)arg, source, count);
}

/* It holds together. */
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

static void check_ledger(const struct host *host)
{
	struct why why = {""};
	struct sql *sql;

	world.sheltered++;
	sql = open_sql(host->path, true, &why);
	if (sql == NULL || upkeep_check(sql, false, note_finding, go_on_checking, NULL, &why) < 0)
		world_violate("%s cannot be checked: %s", host->path, why.text);
	sql_close(sql);
	world.sheltered--;
}

static void count_shared(void)
{
	enum where where = WHERE_SHARED;

	truth_begin_count(WHERE_SHARED, NULL);
	server_query("SELECT source_ip, messages, '' FROM tally", note_found, &where);
}

/* A report that cannot be delivered says so. */
#define UNDELIVERED                                                                                \
	"SELECT source_ip, t.messages, r.id FROM tally AS t JOIN report AS r USING (domain, day,"  \
	" config) JOIN delivery USING (domain, day, config)"                                       \
	" WHERE state IN ('failed', 'suppressed')"

static void note_undelivered(void *arg, const char *source, int64_t count, const char *id)
{
	(void)arg;
	if (!mta_has(id))
		truth_count(WHERE_REPORTED, source, count);
}

static void count_undelivered(const struct host *host)
{
	struct why why = {""};
	struct arena *arena = arena_new(0);
	struct sql_rows *rows;
	struct sql *sql;

	world.sheltered++;
	sql = open_sql(host->path, true, &why);
	if (sql != NULL) {
		rows = sql_ask(sql, UNDELIVERED, SQL_NO_VALUES);
		while (sql_next(rows, &why) == 1)
			note_undelivered(NULL, sql_text_at(rows, 0, arena), sql_int_at(rows, 1),
					 sql_text_at(rows, 2, arena));
	}
	sql_close(sql);
	world.sheltered--;
	arena_free(arena);
}

static void count_reports(void)
{
	mta_count();
	if (plan.shared)
		server_query(UNDELIVERED, note_undelivered, NULL);
	for (unsigned i = 0; i < host_count && !plan.shared; i++)
		count_undelivered(&hosts[i]);
}

static void note_difference(void *arg, const char *day, int64_t messages, const char *unused)
{
	(void)arg, (void)unused;
	world_violate("the shared store has %lld messages of day %s more than the hosts' sums say",
		      (long long)messages, day);
}

/* What came in from each host is what is there (store/ship/sums.h). */
static void check_sums(void)
{
	server_query(
	    "SELECT CAST(day AS text), SUM(n), '' FROM (SELECT day, messages AS n FROM tally"
	    " UNION ALL SELECT day, -stored FROM host_day) AS sums GROUP BY day"
	    " HAVING SUM(n) <> 0",
	    note_difference, NULL);
}

static void check_shared(void)
{
	static uint64_t seen;
	uint64_t writes = server_writes();

	if (!plan.shared || (writes == seen && world.faults[FAULT_BACK] == 0))
		return;
	seen = writes;
	count_shared();
	truth_check_most(WHERE_SHARED, "after a step");
	check_sums();
}

static void check_step(void)
{
	check_shared();
	mta_count();
	if (!server_went_back())
		truth_check_most(WHERE_REPORTED, "after a step");
	for (unsigned i = 0; i < host_count; i++) {
		if (!has_changed(&hosts[i]))
			continue;
		truth_begin_count(WHERE_LEDGER, hosts[i].machine);
		count_ledger(&hosts[i]);
	}
	truth_check_most(WHERE_LEDGER, "after a step");
}

/* ---- what happens ---- */

static bool has_worker(unsigned host, unsigned worker)
{
	return workers[host][worker] != NULL && workers[host][worker]->alive;
}

static bool is_alive(const struct process *process)
{
	return process != NULL && process->alive;
}

/* One host sends for all that ship; now and then two try. */
static void send_reports(void)
{
	const unsigned one = world_below(host_count);

	for (unsigned i = 0; i < host_count; i++)
		if (!is_alive(senders[i]) && (!plan.shared || i == one || world_below(4) == 0))
			senders[i] = actors_sender(&hosts[i]);
	sent_at = world.now;
}

static void start_shippers(void)
{
	for (unsigned i = 0; i < host_count && plan.shared; i++)
		if (!is_alive(shippers[i]))
			shippers[i] = actors_shipper(&hosts[i]);
}

static void start_workers(unsigned of_1000)
{
	for (unsigned i = 0; i < host_count; i++)
		for (unsigned j = 0; j < worker_count; j++)
			if (!has_worker(i, j) && world_chance(of_1000))
				workers[i][j] = actors_worker(&hosts[i]);
}

static bool is_ready(unsigned host)
{
	for (unsigned j = 0; j < worker_count; j++)
		if (!has_worker(host, j) || !actors_ready(workers[host][j]))
			return false;
	return true;
}

static bool all_ready(void)
{
	for (unsigned i = 0; i < host_count; i++)
		if (!is_ready(i))
			return false;
	return true;
}

static void note_calm(void)
{
	for (unsigned i = 0; i < host_count; i++) {
		bool calm = world.weather.eio == 0 && is_ready(i);

		if (calm && hosts[i].machine->calm_since == INT64_MAX)
			hosts[i].machine->calm_since = world.now;
	}
}

static void send_messages(void)
{
	unsigned host = world_below(host_count), worker = world_below(worker_count);
	unsigned tasks = 1 + world_below(3);

	if (!has_worker(host, worker))
		return;
	while (tasks-- > 0)
		actors_send(workers[host][worker], 1 + world_below(6));
}

static struct process *choose_process(void)
{
	struct process *chosen = NULL;
	unsigned alive = 0;

	for (struct process *p = world.processes; p != NULL; p = p->next)
		if (p->alive && world_below(++alive) == 0)
			chosen = p;
	return chosen;
}

static void kill_one(void)
{
	struct process *process = choose_process();

	if (plan.kills && process != NULL)
		process->die_in = 1 + (unsigned)world_span(0, 300);
}

static void cut_power(void)
{
	if (plan.power)
		world.machines[world_below(host_count)].power_in = 1 + (unsigned)world_span(0, 300);
}

static void fill_disk(unsigned host, bool full)
{
	if (full)
		world.machines[host].grows_since = INT64_MAX / 2;
	else if (world.weather.full[host])
		world.machines[host].grows_since = world.now;
	world.weather.full[host] = full;
}

static void change_weather(void)
{
	world.weather.eio = plan.eio && world_below(2) == 0 ? 1 + world_below(40) : 0;
	world.weather.cut = plan.cut && world_below(2) == 0 ? 1 + world_below(80) : 0;
	world.weather.mail = plan.mail && world_below(2) == 0 ? 100 + world_below(800) : 0;
	if (plan.shared)
		server_away(plan.cut && world_below(6) == 0);
	world.weather.torn = plan.torn && world_below(2) == 0 ? 1 + world_below(60) : 0;
	for (unsigned i = 0; i < host_count; i++)
		fill_disk(i, plan.full && world_below(3) == 0);
}

static void rot_file(void *arg, const char *path, struct inode *inode)
{
	(void)arg;
	if (strstr(path, "-pending.") == NULL || strstr(path, "-damaged") != NULL ||
	    world_below(2) == 0 || !disk_rot(inode, world_below(4) == 0 ? 0 : DISK_PAGE))
		return;
	world_fault(FAULT_ROT);
	world_say("a bit of %s changes", path);
}

/* A journal is read only when its process was killed. */
static void rot_journal(void)
{
	unsigned host = world_below(host_count);

	if (!plan.rot)
		return;
	for (unsigned j = 0; j < worker_count; j++)
		if (has_worker(host, j) && world_below(2) == 0)
			process_kill(workers[host][j]);
	disk_each(hosts[host].machine->disk, rot_file, NULL);
	hosts[host].machine->calm_since = INT64_MAX;
}

static void set_clock(struct machine *machine, int64_t skew)
{
	machine->skew = skew;
	world_fault(FAULT_CLOCK);
	world_say("the clock of %s is off by %lld s", machine->name, (long long)skew);
}

static void jump_clock(void)
{
	static const int64_t jumps[] = {3600, 86400, 400 * 86400};
	struct machine *machine = &world.machines[world_below(host_count)];
	int64_t jump = jumps[world_below(3)] * (world_below(2) == 0 ? 1 : -1);

	if (plan.clock)
		set_clock(machine, machine->skew != 0 && world_below(3) == 0 ? 0 : jump);
}

/* A clock that is off by a year is seen and set before it shows a second day; until then. */
static int64_t hurry_clocks(int64_t pause)
{
	for (unsigned i = 0; i < host_count; i++) {
		struct machine *machine = &world.machines[i];
		int64_t left = 86400 - machine_wall(machine) % 86400;

		if (machine->skew < 30 * 86400 && machine->skew > -30 * 86400)
			continue;
		if (left < 60 || pause > 600 * CLOCK_SECOND || world_below(8) == 0)
			set_clock(machine, 0);
		else if (pause / CLOCK_SECOND > left / 2)
			pause = left / 2 * CLOCK_SECOND;
	}
	return pause;
}

static void read_ledger(void)
{
	actors_reader(&hosts[world_below(host_count)]);
}

static void reload_worker(void)
{
	unsigned host = world_below(host_count), worker = world_below(worker_count);

	if (!has_worker(host, worker))
		return;
	actors_stop(workers[host][worker]);
	workers[host][worker] = NULL;
}

static void move_server(void)
{
	if (!plan.back)
		return;
	if (world_below(2) == 0)
		server_keep();
	else
		server_go_back(world_below(2) == 0);
}

static void note_journal(void *arg, const char *path, struct inode *inode)
{
	(void)inode;
	*(bool *)arg =
	    *(bool *)arg || (strstr(path, "-pending.") != NULL && strstr(path, "-damaged") == NULL);
}

/* As an administrator stops the daemon. False: not within a while, or not all is in the ledger. */
static bool stop_host(unsigned host)
{
	bool alive = true, journal = false;

	for (unsigned j = 0; j < worker_count; j++) {
		if (has_worker(host, j))
			actors_stop(workers[host][j]);
		workers[host][j] = NULL;
	}
	for (int i = 0; i < 10 && alive; i++) {
		task_sleep(CLOCK_SECOND);
		alive = false;
		for (const struct process *p = world.processes; p != NULL; p = p->next)
			alive = alive || (p->machine == hosts[host].machine && p->alive &&
					  strcmp(p->kind, "worker") == 0);
	}
	for (struct process *p = world.processes; p != NULL; p = p->next)
		if (p->machine == hosts[host].machine && p->alive)
			process_kill(p);
	disk_each(hosts[host].machine->disk, note_journal, &journal);
	return !alive && !journal;
}

/* A backup, or what the administrator does with it. */
static void put_back_ledger(void)
{
	const unsigned number = world_below(host_count);
	struct host *host = &hosts[number];
	struct disk *disk = host->machine->disk;
	struct inode *file = disk_find(disk, host->path);
	struct why why = {""};
	struct sql *sql;
	char log[80];

	if (!plan.put_back || file == NULL || !stop_host(number))
		return;
	file = disk_find(disk, host->path);
	if (file == NULL)
		return;
	world.sheltered++;
	sql = open_sql(host->path, false, &why); /* gathers what the log has */
	sql_close(sql);
	snprintf(log, sizeof log, "%s-wal", host->path);
	if (sql != NULL && (host->backup == NULL || world_below(2) == 0)) {
		if (host->backup == NULL)
			host->backup = disk_create(disk, NULL);
		disk_copy(file, host->backup);
		world_say("%s is backed up", host->path);
	} else if (host->backup != NULL) {
		disk_unlink(disk, log);
		disk_unlink(disk, host->path);
		disk_copy(host->backup, disk_create(disk, host->path));
		host->put_back = true;
		world_fault(FAULT_PUT_BACK);
		world_say("an older %s is put back", host->path);
	}
	world.sheltered--;
}

static void ship_now(void)
{
	actors_hurry(&hosts[world_below(host_count)]);
}

static const struct {
	void (*run)(void);
	unsigned weight;
} actions[] = {{send_messages, 40}, {kill_one, 10},  {cut_power, 4},   {change_weather, 8},
	       {rot_journal, 3},    {jump_clock, 2}, {read_ledger, 3}, {reload_worker, 3},
	       {send_reports, 5},   {ship_now, 8},   {move_server, 3}, {put_back_ledger, 2}};

static void act(void)
{
	unsigned all = 0, chosen;

	for (size_t i = 0; i < sizeof actions / sizeof actions[0]; i++)
		all += actions[i].weight;
	chosen = world_below(all);
	for (size_t i = 0; i < sizeof actions / sizeof actions[0]; i++) {
		if (chosen < actions[i].weight) {
			actions[i].run();
			return;
		}
		chosen -= actions[i].weight;
	}
}

/* ---- a life ---- */

static void calm_down(void)
{
	for (unsigned i = 0; i < host_count; i++)
		fill_disk(i, false);
	memset(&world.weather, 0, sizeof world.weather);
	for (struct process *p = world.processes; p != NULL; p = p->next)
		p->die_in = 0;
	for (unsigned i = 0; i < host_count; i++) {
		world.machines[i].power_in = 0;
		world.machines[i].skew = 0;
	}
	server_away(false);
	world_say("all faults are over");
}

/* All that a host has counted is in the reports, or its report says that it is not delivered. */
static bool is_reported(bool say)
{
	const enum where store = plan.shared ? WHERE_SHARED : WHERE_LEDGER;

	for (unsigned i = 0; i < host_count; i++)
		if (!truth_has_all(WHERE_REPORTED, store, hosts[i].machine,
				   clock_day(machine_wall(hosts[i].machine)), say))
			return false;
	return true;
}

static bool is_shipped(void)
{
	for (unsigned i = 0; i < host_count; i++)
		if (!hosts[i].put_back && !truth_has_all(WHERE_SHARED, WHERE_LEDGER,
							 hosts[i].machine, INT32_MAX / 2, false))
			return false;
	return true;
}

static void count_all(void)
{
	check_step();
	if (plan.shared)
		count_shared();
	count_reports();
}

/* Days in which disks and machines work, until all has been sent. */
static void finish_reports(void)
{
	enum { DAYS = 14 };
	bool done = false;

	for (int i = 0; i < DAYS * 2 && !done; i++) {
		world.weather.mail = plan.mail && i < 4 ? 300 : 0; /* these last a while longer */
		world.weather.cut = plan.cut && i < 4 ? 10 : 0;
		for (unsigned j = 0; j < host_count; j++)
			actors_hurry(&hosts[j]);
		task_sleep(400 * CLOCK_SECOND);
		send_reports();
		task_sleep(12 * 3600 * CLOCK_SECOND);
		start_shippers();
		count_all();
		done = i > 2 && is_reported(false) && (!plan.shared || is_shipped());
	}
	is_reported(true);
}

static void end_life(void)
{
	calm_down();
	start_workers(1000);
	start_shippers();
	while (!all_ready())
		task_sleep(60 * CLOCK_SECOND);
	task_sleep(100 * CLOCK_SECOND);
	for (unsigned i = 0; i < host_count; i++)
		actors_reader(&hosts[i]); /* takes over what a process left that others outlived */
	task_sleep(100 * CLOCK_SECOND);
	check_step();
	for (unsigned i = 0; i < host_count; i++)
		if (!hosts[i].put_back)
			truth_check_all(WHERE_LEDGER, hosts[i].machine, "in the end");
	finish_reports();
	for (unsigned i = 0; i < host_count && plan.shared; i++)
		if (!hosts[i].put_back)
			truth_check_all(WHERE_SHARED, hosts[i].machine, "in the end");
}

static void begin_life(void)
{
	truth_begin();
	mta_begin();
	server_begin(&world.machines[HOSTS]);
	for (unsigned i = 0; i < host_count; i++)
		begin_host(i);
	memset(workers, 0, sizeof workers);
	memset(shippers, 0, sizeof shippers);
	memset(senders, 0, sizeof senders);
	sent_at = 0;
	start_workers(1000);
}

static void run_life(void)
{
	begin_plan();
	begin_life();
	for (unsigned i = 0; i < plan.steps; i++) {
		act();
		task_sleep(hurry_clocks(world_span(CLOCK_MS / 10, world_below(6) == 0
								      ? 10 * 3600 * CLOCK_SECOND
								      : 20 * CLOCK_SECOND)));
		start_workers(800);
		start_shippers();
		if (world.now - sent_at > 12 * 3600 * CLOCK_SECOND)
			send_reports();
		note_calm();
		check_step();
	}
	end_life();
}

/* ---- a life in which one call fails ---- */

static void send_burst(void)
{
	for (int i = 0; i < 3; i++)
		if (has_worker(0, 0))
			actors_send(workers[0][0], 3);
	task_sleep(20 * CLOCK_SECOND);
}

/* Everything that is done with a ledger, once: it is counted, with a killed process, shipped, read,
 * checked, reported and expired. SEED: with a shared store or without, answered from the journal or
 * from the file. */
static void live_once(void)
{
	memset(&plan, 0, sizeof plan);
	plan.shared = world.seed % 2 == 1;
	host_count = worker_count = 1;
	begin_life();
	hosts[0].durability = world.seed / 2 % 2 == 0 ? LEDGER_PROCESS : LEDGER_POWER;
	send_burst();
	if (has_worker(0, 0))
		process_kill(workers[0][0]);
	start_workers(1000);
	start_shippers();
	send_burst();
	actors_hurry(&hosts[0]);
	task_sleep(60 * CLOCK_SECOND);
	check_step();
	task_sleep(86400 * CLOCK_SECOND);
	send_reports();
	actors_reader(&hosts[0]);
	actors_checker(&hosts[0]);
	reload_worker();
	task_sleep(600 * CLOCK_SECOND);
	end_life();
	task_sleep(6 * INT64_C(86400) * CLOCK_SECOND); /* nothing waits any longer */
	actors_expirer(&hosts[0]);
	task_sleep(600 * CLOCK_SECOND);
	check_ledger(&hosts[0]);
}

/* ---- seeds ---- */

struct sum {
	uint64_t seeds, failed, messages, calls, digest, points;
	uint64_t faults[FAULTS];
};

static void add_sum(struct sum *to, const struct sum *from)
{
	to->seeds += from->seeds;
	to->failed += from->failed;
	to->messages += from->messages;
	to->calls += from->calls;
	to->digest = to->digest * 31 + from->digest;
	to->points += from->points;
	for (int i = 0; i < FAULTS; i++)
		to->faults[i] += from->faults[i];
}

static void run_seed(uint64_t seed, struct sum *sum)
{
	struct sum own = {.seeds = 1};

	sqlite3_randomness(0, NULL); /* it is seeded again */
	world_run(seed, world.point == POINT_NONE ? run_life : live_once);
	own.messages = truth_messages();
	own.calls = world.calls;
	own.points = world.points;
	own.digest = world.digest;
	own.failed = world.violation[0] != '\0';
	memcpy(own.faults, world.faults, sizeof own.faults);
	add_sum(sum, &own);
	if (own.failed > 0 && world.point != POINT_NONE)
		printf("seed %llu, call %llu: %s\n", (unsigned long long)seed,
		       (unsigned long long)world.fail_at, world.violation);
	else if (own.failed > 0)
		printf("seed %llu: %s\n", (unsigned long long)seed, world.violation);
	for (unsigned i = 0; i < WORLD_MACHINES; i++)
		if (world.machines[i].disk != NULL)
			disk_free(world.machines[i].disk);
}

/* Seconds, of a batch. With a deliberate fault a life may not come to its end. */
enum { CPU_MAX = 60, BROKEN_CPU_MAX = 8 };

static unsigned call_step = 1;

/* Dead processes leave their memory, so a process of the simulation lives a few seeds only. With a
 * kind of calls they are lives of one seed, in which one call after the other fails. */
static void run_some(uint64_t seed, unsigned count, struct sum *sum)
{
	const rlim_t cpu_max = world.broken == NULL ? CPU_MAX : BROKEN_CPU_MAX;
	const uint64_t first_call = world.fail_at;
	struct sum own = {0};
	int pipes[2], status = 0;
	pid_t child;

	fflush(stdout);
	if (pipe(pipes) != 0 || (child = fork()) < 0)
		abort();
	if (child == 0) {
		(void)setrlimit(RLIMIT_CPU, &(struct rlimit){cpu_max, cpu_max});
		for (unsigned i = 0; i < count && !(world.broken != NULL && own.failed > 0); i++) {
			world.fail_at = first_call + i * call_step;
			run_seed(world.point == POINT_NONE ? seed + i : seed, &own);
		}
		fflush(stdout);
		_exit(write(pipes[1], &own, sizeof own) == sizeof own ? 0 : 1);
	}
	close(pipes[1]);
	if (read(pipes[0], &own, sizeof own) != sizeof own) {
		printf("seeds %llu to %llu: the program died\n", (unsigned long long)seed,
		       (unsigned long long)(seed + count - 1));
		own = (struct sum){.seeds = count, .failed = 1};
	}
	close(pipes[0]);
	waitpid(child, &status, 0);
	add_sum(sum, &own);
}

static void print_sum(const struct sum *sum)
{
	struct rusage used;
	double cpu;

	getrusage(sum->seeds == 1 ? RUSAGE_SELF : RUSAGE_CHILDREN, &used);
	cpu = (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
	      (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
	printf("%llu seeds, %llu failed, %llu messages, %llu calls, %.1f CPU s, digest %016llx\n",
	       (unsigned long long)sum->seeds, (unsigned long long)sum->failed,
	       (unsigned long long)sum->messages, (unsigned long long)sum->calls, cpu,
	       (unsigned long long)sum->digest);
	printf("faults:");
	for (int i = 0; i < FAULTS; i++)
		printf("%s %s %llu", i == 0 ? "" : ",", fault_names[i],
		       (unsigned long long)sum->faults[i]);
	putchar('\n');
}

enum { AT_ONCE = 50, AT_FIRST = 10 };

/* How many calls of the kind there are in the life of that seed. */
static uint64_t count_calls(uint64_t seed)
{
	struct sum sum = {0};

	world.fail_at = UINT64_MAX;
	run_some(seed, 1, &sum);
	return sum.failed > 0 ? 0 : sum.points;
}

/* Each call fails once, or each STEP-th from FROM on. */
static void run_calls(uint64_t seed, uint64_t from, struct sum *sum)
{
	const uint64_t calls = count_calls(seed);

	for (uint64_t at = from; at <= calls; at += AT_ONCE * call_step) {
		const uint64_t left = (calls - at) / call_step + 1;

		world.fail_at = at;
		run_some(seed, left < AT_ONCE ? (unsigned)left : AT_ONCE, sum);
	}
	printf("%llu calls, of which one failed in each life\n", (unsigned long long)calls);
}

static int give_usage(void)
{
	fputs("usage: sim [-v] [--first] [--break FAULT] SEED [COUNT]\n"
	      "       sim [-v] --calls disk|memory SEED [CALL | FROM STEP]\n",
	      stderr);
	return 64;
}

struct arguments {
	uint64_t seed, count; /* COUNT 0: it was not given */
	uint64_t step;        /* of calls; 0: not given */
	bool first;           /* ends with the first failure */
};

/* False: they cannot be understood. */
static bool read_arguments(int argc, char **argv, struct arguments *arguments)
{
	static const struct option options[] = {{"break", required_argument, NULL, 'b'},
						{"calls", required_argument, NULL, 'c'},
						{"first", no_argument, NULL, 'f'},
						{NULL, 0, NULL, 0}};
	int option;

	while ((option = getopt_long(argc, argv, "v", options, NULL)) != -1) {
		if (option == 'v')
			world.verbose++;
		else if (option == 'b')
			world.broken = optarg;
		else if (option == 'f')
			arguments->first = true;
		else if (option == 'c' && strcmp(optarg, "disk") == 0)
			world.point = POINT_DISK;
		else if (option == 'c' && strcmp(optarg, "memory") == 0)
			world.point = POINT_MEMORY;
		else
			return false;
	}
	if (world.broken != NULL && strcmp(world.broken, "list") == 0)
		return true;
	if (argc - optind < 1 || argc - optind > (world.point == POINT_NONE ? 2 : 3))
		return false;
	arguments->seed = strtoull(argv[optind], NULL, 10);
	if (argc - optind > 1)
		arguments->count = strtoull(argv[optind + 1], NULL, 10);
	if (argc - optind > 2)
		arguments->step = strtoull(argv[optind + 2], NULL, 10);
	return true;
}

static void run_seeds(const struct arguments *arguments, struct sum *sum)
{
	const uint64_t count = arguments->count == 0 ? 1 : arguments->count;
	const unsigned at_once = arguments->first ? AT_FIRST : AT_ONCE;

	if (count == 1)
		run_seed(arguments->seed, sum);
	for (uint64_t i = 0; i < count && count > 1 && !(arguments->first && sum->failed > 0);
	     i += at_once)
		run_some(arguments->seed + i, count - i < at_once ? (unsigned)(count - i) : at_once,
			 sum);
}

int main(int argc, char **argv)
{
	struct arguments arguments = {.seed = 0};
	struct sum sum = {0};
	enum point point;

	if (!read_arguments(argc, argv, &arguments))
		return give_usage();
	if (world.broken != NULL && strcmp(world.broken, "list") == 0)
		return breaks_list();
	vfs_register();
	point = world.point;
	world.point = POINT_NONE;
	world_run(0, make_template);
	world_run(0, server_register);
	world.point = point;
	if (point == POINT_NONE) {
		run_seeds(&arguments, &sum);
	} else if (arguments.count > 0 && arguments.step == 0) {
		world.fail_at = arguments.count;
		run_seed(arguments.seed, &sum);
	} else {
		call_step = arguments.step == 0 ? 1 : (unsigned)arguments.step;
		run_calls(arguments.seed, arguments.count == 0 ? 1 : arguments.count, &sum);
	}
	print_sum(&sum);
	return sum.failed > 0;
}

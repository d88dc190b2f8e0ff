/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tasks are coroutines. The scheduler takes one of those that can go on, by chance; when there is
 * none, the clock goes to the next moment that one waits for.
 */
#include "t/sim/world.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "lib/clock.h"
#include "t/sim/disk.h"
#include "t/sim/server.h"
#include "t/sim/truth.h"
#include "t/sim/vfs.h"

enum { STACK = 512 * 1024, CALLS_MAX = 8000000, BROKEN_CALLS_MAX = 400000 };

enum task_state { TASK_NONE, TASK_READY, TASK_WAITING };

struct task {
	ucontext_t context;
	char *stack; /* kept for the next task in this place */
	struct process *process;
	enum task_state state;
	uint64_t id;
	void (*run)(void *);
	void *arg;
	const void *what; /* it waits for */
	int64_t deadline;
	bool woken;
};

struct world world;

const char *const fault_names[FAULTS] = {
    [FAULT_KILL] = "kill",       [FAULT_POWER] = "power",          [FAULT_SHORT] = "short write",
    [FAULT_READ] = "read error", [FAULT_WRITE] = "write error",    [FAULT_SYNC] = "sync error",
    [FAULT_FULL] = "full disk",  [FAULT_ROT] = "bit rot",          [FAULT_CLOCK] = "clock jump",
    [FAULT_CUT] = "cut",         [FAULT_DELAY] = "delay",          [FAULT_CONFLICT] = "conflict",
    [FAULT_BACK] = "store back", [FAULT_PUT_BACK] = "ledger back", [FAULT_MAIL] = "mail server",
    [FAULT_MEMORY] = "no memory"};

static struct task tasks[WORLD_TASKS];
static ucontext_t scheduler;
static uint64_t task_count;
static long process_count;

/* ---- chance ---- */

uint64_t world_random(void) /* splitmix64 */
{
	uint64_t z = world.state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

unsigned world_below(unsigned n)
{
	return (unsigned)((world_random() >> 32) * n >> 32);
}

bool world_chance(unsigned of_1000)
{
	return of_1000 > 0 && world_below(1000) < of_1000;
}

int64_t world_span(int64_t from, int64_t to)
{
	int64_t low = from > 0 ? from : 1, top;
	unsigned steps = 0;

	for (top = low; top<to; top = top> to / 3 ? to : top * 3)
		steps++;
	for (steps = world_below(steps + 1), top = low; steps > 0; steps--) {
		low = top;
		top = top > to / 3 ? to : top * 3;
	}
	return low + (int64_t)(world_random() % (uint64_t)(top - low + 1));
}

/* ---- what happened ---- */

static void add_digest(uint64_t word)
{
	world.digest = (world.digest ^ word) * UINT64_C(0x100000001b3);
	world.digest ^= world.digest >> 29;
}

void world_say(const char *format, ...)
{
	va_list args;

	if (world.verbose == 0)
		return;
	printf("%14.6f %-5s%-8s ", (double)world.now / 1e9,
	       world.process == NULL ? "-" : world.process->machine->name,
	       world.process == NULL ? "" : world.process->kind);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
}

void world_violate(const char *format, ...)
{
	va_list args;

	if (world.violation[0] != '\0')
		return;
	va_start(args, format);
	vsnprintf(world.violation, sizeof world.violation, format, args);
	va_end(args);
	world_say("VIOLATION: %s", world.violation);
}

void world_fault(enum fault fault)
{
	world.faults[fault]++;
	world_say("fault: %s", fault_names[fault]);
}

bool world_fails(enum point point)
{
	if (world.point != point || world.process == NULL || world.sheltered > 0)
		return false;
	return ++world.points == world.fail_at;
}

int64_t machine_wall(const struct machine *machine)
{
	return world.epoch + world.now / CLOCK_SECOND + machine->skew;
}

/* ---- tasks ---- */

static void begin_task(void)
{
	struct task *self = world.task;

	self->run(self->arg);
	self->state = TASK_NONE;
	if (self->process != NULL && --self->process->tasks == 0 && self->process->alive)
		process_exit();
	task_wake(self, true);
	setcontext(&scheduler);
}

struct task *task_start(struct process *process, void (*run)(void *), void *arg)
{
	struct task *task = tasks;

	while (task < tasks + WORLD_TASKS && task->state != TASK_NONE)
		task++;
	if (task == tasks + WORLD_TASKS || task == world.task) {
		fprintf(stderr, "sim: too many tasks\n");
		abort();
	}
	if (task->stack == NULL)
		task->stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
	getcontext(&task->context);
	task->context.uc_stack.ss_sp = task->stack;
	task->context.uc_stack.ss_size = STACK;
	task->context.uc_link = NULL;
	makecontext(&task->context, begin_task, 0);
	task->process = process;
	task->run = run;
	task->arg = arg;
	task->state = TASK_READY;
	task->id = ++task_count;
	task->what = NULL;
	if (process != NULL)
		process->tasks++;
	return task;
}

/* Back when the scheduler takes this task again. */
static void go_on_later(void)
{
	swapcontext(&world.task->context, &scheduler);
}

void task_yield(void)
{
	world.task->state = TASK_READY;
	go_on_later();
}

bool task_wait(const void *what, int64_t deadline)
{
	struct task *self = world.task;

	self->what = what;
	self->deadline = deadline;
	self->woken = false;
	self->state = TASK_WAITING;
	go_on_later();
	return self->woken;
}

void task_sleep(int64_t nanoseconds)
{
	task_wait(NULL, world.now + nanoseconds);
}

void task_wake(const void *what, bool all)
{
	unsigned waiting = 0, chosen;

	for (struct task *task = tasks; task < tasks + WORLD_TASKS; task++)
		waiting += task->state == TASK_WAITING && task->what == what;
	if (waiting == 0)
		return;
	chosen = all ? 0 : world_below(waiting);
	for (struct task *task = tasks; task < tasks + WORLD_TASKS; task++) {
		if (task->state != TASK_WAITING || task->what != what)
			continue;
		if (!all && chosen-- != 0)
			continue;
		task->state = TASK_READY;
		task->woken = true;
	}
}

void task_join(struct task *task)
{
	uint64_t id = task->id;

	while (task->state != TASK_NONE && task->id == id)
		task_wait(task, INT64_MAX);
}

static void release_process(struct process *process)
{
	process->alive = false;
	process->tasks = 0;
	for (struct task *task = tasks; task < tasks + WORLD_TASKS; task++)
		if (task->process == process && task->state != TASK_NONE && task != world.task)
			task->state = TASK_NONE;
	disk_release(process);
	server_release(process);
}

/* ---- the scheduler ---- */

static struct task *choose_ready(void)
{
	struct task *ready[WORLD_TASKS];
	unsigned count = 0;

	for (struct task *task = tasks; task < tasks + WORLD_TASKS; task++)
		if (task->state == TASK_READY)
			ready[count++] = task;
	return count == 0 ? NULL : ready[count == 1 ? 0 : world_below(count)];
}

/* False: everybody waits for somebody else. */
static bool let_time_pass(void)
{
	int64_t next = INT64_MAX;

	for (struct task *task = tasks; task < tasks + WORLD_TASKS; task++)
		if (task->state == TASK_WAITING && task->deadline < next)
			next = task->deadline;
	if (next == INT64_MAX)
		return false;
	if (next > world.now)
		world.now = next;
	for (struct task *task = tasks; task < tasks + WORLD_TASKS; task++)
		if (task->state == TASK_WAITING && task->deadline <= world.now)
			task->state = TASK_READY;
	return true;
}

static void run_main(void *arg)
{
	(*(void (**)(void))arg)();
	world.stopped = true;
}

void world_run(uint64_t seed, void (*main)(void))
{
	int verbose = world.verbose;
	const char *broken = world.broken;
	const enum point point = world.point;
	const uint64_t fail_at = world.fail_at;

	memset(&world, 0, sizeof world);
	world.verbose = verbose;
	world.broken = broken;
	world.point = point;
	world.fail_at = fail_at;
	world.seed = world.state = seed;
	world.epoch = 1795000000 + (int64_t)(seed % 86400);
	for (struct task *task = tasks; task < tasks + WORLD_TASKS; task++)
		task->state = TASK_NONE;
	task_count = 0;
	process_count = 0;
	vfs_begin();
	task_start(NULL, run_main, &main);
	while (!world.stopped && world.violation[0] == '\0') {
		struct task *task = choose_ready();

		if (task == NULL) {
			if (!let_time_pass())
				world_violate("everybody waits for somebody else");
			continue;
		}
		world.task = task;
		world.process = task->process;
		add_digest((uint64_t)world.now ^ task->id << 48);
		swapcontext(&scheduler, &task->context);
	}
	add_digest(world.state);
	world.task = NULL;
	world.process = NULL;
	for (struct process *p = world.processes; p != NULL; p = p->next)
		if (p->alive)
			release_process(p);
	for (struct process *next, *p = world.processes; p != NULL; p = next) {
		next = p->next;
		free(p);
	}
	world.processes = NULL;
}

/* ---- processes ---- */

struct process *process_start(struct machine *machine, const char *kind, void (*main)(void *),
			      void *data)
{
	struct process *process = calloc(1, sizeof *process);

	if (process == NULL)
		abort();
	process->machine = machine;
	process->kind = kind;
	process->data = data;
	process->id = ++process_count;
	process->alive = true;
	process->next = world.processes;
	world.processes = process;
	task_start(process, main, data);
	return process;
}

static void leave_if_dead(const struct process *process)
{
	if (world.process != process || process == NULL)
		return;
	world.task->state = TASK_NONE;
	setcontext(&scheduler);
}

void process_exit(void)
{
	struct process *process = world.process;

	release_process(process);
	world.task->state = TASK_NONE;
	setcontext(&scheduler);
	abort();
}

void process_kill(struct process *process)
{
	if (!process->alive)
		return;
	world_fault(FAULT_KILL);
	world_say("%s %s %ld is killed", process->machine->name, process->kind, process->id);
	process->machine->calm_since = INT64_MAX;
	process->killed = true;
	release_process(process);
	leave_if_dead(process);
}

void machine_fail(struct machine *machine)
{
	struct process *own = world.process;
	bool dead = own != NULL && own->machine == machine;

	world_fault(FAULT_POWER);
	world_say("the power of %s fails", machine->name);
	machine->power_in = 0;
	truth_power(machine);
	machine->calm_since = INT64_MAX;
	for (struct process *p = world.processes; p != NULL; p = p->next)
		if (p->machine == machine && p->alive) {
			p->killed = true;
			release_process(p);
		}
	disk_crash(machine->disk);
	if (dead)
		leave_if_dead(own);
}

bool process_is_broken(const char *fault)
{
	return world.broken != NULL && strcmp(world.broken, fault) == 0;
}

void world_point(int64_t cost)
{
	struct process *process = world.process;

	world.now += cost;
	if (++world.calls > (world.broken == NULL ? CALLS_MAX : BROKEN_CALLS_MAX)) {
		world_violate("a life does not come to its end");
		setcontext(&scheduler);
	}
	if (process == NULL || world.sheltered > 0)
		return;
	if (process->machine->power_in > 0 && --process->machine->power_in == 0)
		machine_fail(process->machine);
	if (process->die_in > 0 && --process->die_in == 0)
		process_kill(process);
	if (world_below(8) == 0)
		task_yield();
}

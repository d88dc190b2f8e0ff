/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The simulated world: everything that happens in it follows from one number, the seed. Machines
 * have a clock, a disk and processes; a process has tasks (its threads), of which one runs at a
 * time, until it waits or until the seed decides that another one goes on. A process that dies
 * stops where it is: nothing of it runs, and what it held is released as a kernel does.
 */
#ifndef T_SIM_WORLD_H
#define T_SIM_WORLD_H

#include <stdbool.h>
#include <stdint.h>

enum { WORLD_MACHINES = 3, WORLD_TASKS = 64 }; /* two hosts and the server */

/* What is done to the code under test, counted. */
enum fault {
	FAULT_KILL,
	FAULT_POWER,
	FAULT_SHORT,    /* a write that was done in part */
	FAULT_READ,     /* EIO */
	FAULT_WRITE,    /* EIO */
	FAULT_SYNC,     /* EIO */
	FAULT_FULL,     /* ENOSPC */
	FAULT_ROT,      /* a bit of a journal changed */
	FAULT_CLOCK,    /* the wall clock jumped */
	FAULT_CUT,      /* a connection, before the request or after it */
	FAULT_DELAY,    /* the server was slow, or did what a lost connection asked for later */
	FAULT_CONFLICT, /* the server had a transaction do it again */
	FAULT_BACK,     /* the server lost its last transactions */
	FAULT_PUT_BACK, /* an older copy of the ledger was put back */
	FAULT_MAIL,     /* a mail server that is away, refuses, or whose answer is lost */
	FAULT_MEMORY,   /* SQLite was given none */
	FAULTS
};
extern const char *const fault_names[FAULTS];

/* Instead of weather: one call of a kind fails, the FAIL_AT-th. */
enum point { POINT_NONE, POINT_DISK, POINT_MEMORY };

struct task;
struct disk;

struct machine {
	const char *name;
	struct disk *disk;
	int64_t skew;        /* seconds, of its wall clock */
	int64_t calm_since;  /* when something last happened to it that may delay what it writes */
	int64_t grows_since; /* its disk has room; INT64_MAX / 2: it has none */
	unsigned power_in;   /* so many calls; 0: never */
};

struct process {
	struct process *next;
	struct machine *machine;
	const char *kind;
	long id;
	bool alive, killed;
	unsigned die_in; /* so many calls; 0: never */
	unsigned tasks;  /* that have not ended */
	void *data;      /* the actor's */
};

struct world {
	uint64_t seed, state; /* of the random numbers */
	uint64_t digest;      /* of all that happened: the same for the same seed */
	int64_t now;          /* nanoseconds */
	int64_t epoch;        /* wall seconds at NOW 0 */
	int verbose;          /* 1: what happens; 2: each call for a file, too */
	bool stopped;
	const char *broken; /* the deliberate fault, or NULL */
	enum point point;
	uint64_t fail_at, points; /* POINTS: how many there were so far */
	struct machine machines[WORLD_MACHINES];
	struct process *processes, *process; /* PROCESS: the one that runs */
	struct task *task;
	unsigned sheltered; /* no fault happens in here */
	struct {
		unsigned eio, torn, cut, mail; /* of 1,000 calls */
		bool full[WORLD_MACHINES];
	} weather;
	uint64_t faults[FAULTS];
	uint64_t calls;
	char violation[800]; /* the first one, or "" */
};
extern struct world world;

/* ---- chance ---- */

uint64_t world_random(void);
unsigned world_below(unsigned n); /* 0 to N - 1 */
bool world_chance(unsigned of_1000);
int64_t world_span(int64_t from, int64_t to); /* as often a short time as a long one */

/* ---- tasks ---- */

/* Runs MAIN as the first task, of no process, until it returns or a violation was found. */
void world_run(uint64_t seed, void (*main)(void));

struct process *process_start(struct machine *machine, const char *kind, void (*main)(void *),
			      void *data);
struct task *task_start(struct process *process, void (*run)(void *), void *arg);
void process_kill(struct process *process);
void process_exit(void) __attribute__((noreturn));
bool process_is_broken(const char *fault); /* the deliberate fault FAULT is switched on */

void task_yield(void);
void task_sleep(int64_t nanoseconds);
bool task_wait(const void *what, int64_t deadline); /* until task_wake(WHAT); false: too late */
void task_wake(const void *what, bool all);
void task_join(struct task *task);

/* Each call into the world begins here: it takes a while, others go on, or the process dies. */
void world_point(int64_t cost);
void machine_fail(struct machine *machine); /* the power */

/* ---- what happened ---- */

void world_say(const char *format, ...) __attribute__((format(printf, 1, 2)));
void world_violate(const char *format, ...) __attribute__((format(printf, 1, 2)));
void world_fault(enum fault fault);
bool world_fails(enum point point); /* this one does; counts it */

int64_t machine_wall(const struct machine *machine);

#endif

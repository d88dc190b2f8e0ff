/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Steps that correct a machine: each is one command for a shell, what it is for, and how to undo
 * it. What is printed is what is done: a plan is carried out by giving its commands to sh.
 */
#ifndef ADMIN_SETUP_PLAN_H
#define ADMIN_SETUP_PLAN_H

#include "admin/admin.h"

enum plan_mode {
	PLAN_PRINT, /* nothing is done */
	PLAN_OURS,  /* what is ours is done, what changes the MTA is printed */
	PLAN_APPLY  /* all is done */
};

struct plan_step {
	const char *id;            /* "socket.directory" */
	const char *what;          /* "the directory of the socket" */
	const char *command;       /* NULL: only to be said */
	const char *undo;          /* or NULL */
	bool mta;                  /* changes the MTA's own configuration */
	void (*before)(void *arg); /* called before it is carried out; or NULL */
	void *arg;
};

struct plan {
	struct admin *admin;
	struct plan_step *steps;
	unsigned count, room;
};

void plan_add(struct plan *plan, struct plan_step step);

/* Prints it, or carries it out and says each change. An exit code; the first step that fails ends
 * it. SCHEMA: of the JSON. */
int plan_run(const struct plan *plan, enum plan_mode mode, const char *schema);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What must be true. Each message is noted when it is offered to a ledger and when that answered;
 * the ledgers, the shared store and the mail that arrived are compared with it.
 */
#ifndef T_SIM_TRUTH_H
#define T_SIM_TRUTH_H

#include "store/row.h"
#include "t/sim/world.h"

enum { TRUTH_MESSAGES = 600, TRUTH_DOMAINS = 3 };

enum fate {
	FATE_OFFERED, /* not answered: may be counted or not */
	FATE_SAFE,    /* answered: is counted */
	FATE_MAYBE,   /* answered "not yet", or lost with the power as documented */
	FATE_REFUSED  /* is not counted */
};

void truth_begin(void);

/* A new message on MACHINE, counted for DAY; its number, or -1: there were enough. */
int truth_offer(const struct machine *machine, int32_t day, bool power, int64_t *count);
void truth_answer(int message, int result);
void truth_row(int message, struct ledger_row *row, char text[64]);

/* The power of MACHINE failed: what was answered in the last moments may be lost. */
void truth_power(const struct machine *machine);

/* A process of MACHINE said how many messages are lost, at most. */
void truth_said(const struct machine *machine, int64_t messages);
void truth_said_text(const struct machine *machine, const char *text);

/* COUNT messages of the row with this source were found. */
enum where { WHERE_LEDGER, WHERE_SHARED, WHERE_REPORTED, WHERES };
void truth_begin_count(enum where where, const struct machine *machine); /* NULL: all */
void truth_count(enum where where, const char *source, int64_t count);

/* Nothing is there that was not offered. */
void truth_check_most(enum where where, const char *when);
/* All that was answered is there, but for what was said to be lost on MACHINE. */
void truth_check_all(enum where where, const struct machine *machine, const char *when);
/* All that was found in FROM of days before TODAY was found in WHERE. False: not yet; SAY: that is
 * wrong. */
bool truth_has_all(enum where where, enum where from, const struct machine *machine, int32_t today,
		   bool say);

unsigned truth_messages(void);

#endif

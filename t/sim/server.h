/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The store that hosts share, in place of PostgreSQL (store/sql/pg.c): the product's own
 * statements on a database of SQLite's that no fault of a disk reaches. Transactions that write
 * come one after the other; what reads sees the last one that was committed. The way to it is a
 * network: connections are cut before a request or after it, requests are late, and what a lost
 * connection asked for may be done after the next one has asked again.
 *
 * Translated are: the clock, unnest(), FOR UPDATE (whoever writes has the whole database), the
 * table of tables, IF NOT EXISTS of a column, and the query for the timeline.
 */
#ifndef T_SIM_SERVER_H
#define T_SIM_SERVER_H

#include "t/sim/world.h"

#define SERVER_PATH "/sim/srv/pg.db"

void server_register(void); /* once: makes the empty database that lives begin with */
void server_begin(struct machine *machine);
void server_release(struct process *process); /* its connections are lost */

void server_away(bool away);
void server_keep(void);             /* what there is now may come back */
void server_go_back(bool promoted); /* to what was kept; PROMOTED: on a new timeline */
bool server_went_back(void);        /* since the life began */
uint64_t server_writes(void);       /* changes when something is written */

/* Rows of a statement with a text, a number and a text. */
typedef void server_visit(void *arg, const char *first, int64_t number, const char *last);
void server_query(const char *text, server_visit *visit, void *arg);

#endif

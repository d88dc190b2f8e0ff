/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The processes of a host, as the daemon has them: workers that count messages, readers, the
 * shipper, the sender of reports.
 */
#ifndef T_SIM_ACTORS_H
#define T_SIM_ACTORS_H

#include "store/ledger.h"
#include "t/sim/world.h"

struct host {
	struct machine *machine;
	char path[60]; /* of its ledger */
	enum ledger_durability durability;
	bool shared; /* it ships */
	unsigned keep_days;
	int64_t wait;         /* of a message, nanoseconds */
	struct inode *backup; /* of its ledger, or NULL */
	bool put_back;
	uint64_t looked_at; /* how often it had been written to when it was compared last */
};

/* A worker that counts what actors_send() gives it. */
struct process *actors_worker(struct host *host);
bool actors_ready(const struct process *worker); /* it has the ledger */
void actors_send(struct process *worker, unsigned messages);
void actors_stop(struct process *worker); /* as a reload does: what is counted is brought home */

/* `countersign report list` */
struct process *actors_reader(struct host *host);

/* `countersign store check`, and `store expire` */
struct process *actors_checker(struct host *host);
struct process *actors_expirer(struct host *host);

struct process *actors_shipper(struct host *host);
void actors_hurry(struct host *host); /* its shipper does not wait any longer */

struct process *actors_sender(struct host *host); /* one run */

#endif

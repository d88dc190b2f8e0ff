/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The milter protocol (version 6) from the MTA's side, over one blocking connection. Packets are
 * gathered and written when an answer is due, as MTAs do.
 */
#ifndef MILTER_PROTOCOL_CLIENT_H
#define MILTER_PROTOCOL_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/why.h"
#include "milter/protocol/packet.h"

enum { MILTER_CLIENT_ALL_ACTIONS = 0x1ff, MILTER_CLIENT_ALL_STEPS = 0x1fffff };
enum { MILTER_CLIENT_CHUNK = 65535 }; /* the longest piece of a body */

struct milter_client {
	int fd;
	uint32_t actions; /* agreed */
	uint32_t steps;
	struct buf out; /* packets not written yet */
	struct buf in;
	size_t taken; /* of IN */
};

/* ADDRESS: as endpoint_parse() has it. 0, or -1 with the reason, as all of them here. */
int milter_client_open(struct milter_client *m, const char *address, struct why *why);
void milter_client_close(struct milter_client *m);
int milter_client_negotiate(struct milter_client *m, uint32_t actions, uint32_t steps,
			    struct why *why);

/* What was agreed: is the step KIND sent at all, and is it answered? */
bool milter_client_wanted(const struct milter_client *m, char kind);

void milter_client_put(struct milter_client *m, char kind, struct span data);
/* NAME, VALUE, NAME, VALUE, ... NULL; a pair without a value is left out. */
void milter_client_macros(struct milter_client *m, char stage, const char *const *pairs);
int milter_client_flush(struct milter_client *m, struct why *why);

/* Writes what was put, and waits for the next packet; its data stay until the next call. */
int milter_client_read(struct milter_client *m, struct packet *reply, struct why *why);

/* Puts the step if it is wanted; reads its answer if it is answered, else the reply is 'c'. */
int milter_client_step(struct milter_client *m, char kind, struct span data, struct packet *reply,
		       struct why *why);

#endif

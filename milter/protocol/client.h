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

enum { MILTERPROTO_ALL_ACTIONS = 0x1ff, MILTERPROTO_ALL_STEPS = 0x1fffff };
enum { MILTERPROTO_CHUNK = 65535 }; /* the longest piece of a body */

struct milterproto {
	int fd;
	uint32_t actions; /* agreed */
	uint32_t steps;
	struct buf out; /* packets not written yet */
	struct buf in;
	size_t taken; /* of IN */
};

struct milterproto_reply {
	char kind;
	struct span data; /* until the next reply is read */
};

/* ADDRESS: unix:PATH, local:PATH or inet:PORT@HOST. 0, or -1 with the reason, as all of them here.
 */
int milterproto_open(struct milterproto *m, const char *address, struct why *why);
void milterproto_close(struct milterproto *m);
int milterproto_negotiate(struct milterproto *m, uint32_t actions, uint32_t steps, struct why *why);

/* What was agreed: is the step KIND sent at all, and is it answered? */
bool milterproto_wanted(const struct milterproto *m, char kind);
bool milterproto_answered(const struct milterproto *m, char kind);

void milterproto_put(struct milterproto *m, char kind, struct span data);
/* NAME, VALUE, NAME, VALUE, ... NULL; a pair without a value is left out. */
void milterproto_macros(struct milterproto *m, char stage, const char *const *pairs);
int milterproto_flush(struct milterproto *m, struct why *why);

/* Writes what was put, and waits for the next packet. */
int milterproto_read(struct milterproto *m, struct milterproto_reply *reply, struct why *why);

/* Puts the step if it is wanted; reads its answer if it is answered, else the reply is 'c'. */
int milterproto_step(struct milterproto *m, char kind, struct span data,
		     struct milterproto_reply *reply, struct why *why);

#endif

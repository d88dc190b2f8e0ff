/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How a case gets from a worker to the process of the second opinion and an answer back. There is
 * one socket pair (SOCK_SEQPACKET) for all workers, of which the supervisor keeps both ends, so
 * that cases wait in it while the process is replaced. A packet is one octet with two files: sealed
 * memory that holds the case, and an end of a socket pair that belongs to this case alone, over
 * which the answer comes as one packet. When the process ends in the middle of a case, that socket
 * is closed without an answer, which tells its worker which case it was.
 */
#ifndef OPINION_LINK_H
#define OPINION_LINK_H

#include <stdbool.h>

#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/span.h"
#include "lib/why.h"

enum link_end { LINK_WORKER, LINK_PROCESS };

bool link_is_built(void); /* this system has what it takes */
int link_open(int ends[2]);

/* ---- in a worker: never waits ---- */

struct link_case {
	int data;  /* the case */
	int reply; /* readable when the answer is there, or will not come */
};

/* -1: it cannot be handed over now. */
int link_send(int end, struct span text, struct link_case *sent);
void link_close(struct link_case *sent);

/* The answer, in ARENA. False: the process ended, or said what cannot be an answer. */
bool link_take_answer(int reply, struct arena *arena, struct span *answer);

/* ---- in either: the case, in ARENA ---- */
int link_read(int data, struct arena *arena, struct span *text, struct why *why);

/* ---- in the process ---- */

/* Waits for a case for MS milliseconds at most. False: none came. */
bool link_receive(int end, int ms, struct link_case *received);
void link_answer(int reply, struct span answer);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How much a logo draws. An element <use> stands for a copy of another one, which may have such
 * elements in it, too: a few lines can draw billions of elements, or never end.
 */
#ifndef BIMI_USES_H
#define BIMI_USES_H

#include "lib/arena.h"

enum { USES_DRAWN_MAX = 10000 /* elements, copies included; 32 KB have up to 8000 without */ };

enum uses_result { USES_FINE, USES_TOO_MANY, USES_LOOP };

struct uses;

struct uses *uses_new(struct arena *arena);

/* An element begins. ID: its name; TARGET: the name of what it is a copy of; each is NULL or lives
 * in the arena. */
void uses_open(struct uses *uses, const char *id, const char *target);
void uses_close(struct uses *uses);

/* After the last element. */
enum uses_result uses_judge(struct uses *uses);

#endif

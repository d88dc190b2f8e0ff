/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The messages of a benchmark: a list of lines
 *
 *     FILE CLIENT-IP HELO MAIL-FROM RCPT-TO FIELD TEXT
 *
 * FILE is below the list's directory; the filter must insert a field FIELD whose value holds TEXT
 * ("-": nothing is expected). '#' begins a comment line.
 */
#ifndef T_BENCH_MAILSET_H
#define T_BENCH_MAILSET_H

#include "lib/arena.h"
#include "lib/span.h"

struct mail_field {
	struct span packet[2]; /* as header packets: without and with the value's first blank */
};

struct mail {
	const char *ip, *helo, *mail_from, *rcpt;
	const char *field, *text; /* expected; NULL: nothing */
	struct mail_field *fields;
	unsigned field_count;
	struct span body;
};

struct mailset {
	struct mail *mails;
	unsigned count;
};

/* Ends the program with a message when something is wrong with it. */
void mailset_load(struct mailset *set, struct arena *arena, const char *path);

#endif

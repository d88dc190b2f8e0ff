/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The record of what `countersign setup` has changed in the MTA, from which `setup --undo` takes it
 * out again. A text file of root's beside countersign.conf; a line is a kind and its words, divided
 * by tabs:
 *
 *     filter   ADDRESS                      ours, as the MTA has it
 *     file     PATH COPY SUM                the copy made before the first change; what cksum(1)
 *                                           says of the file after the last, or "-"
 *     copy     PATH COPY                    one more copy of such a file, which undo removes
 *     setting  DIRECTORY NAME BEFORE AFTER  of main.cf, or SERVICE/TYPE/NAME of master.cf; BEFORE
 * is
 *                                           "=VALUE", or "-" where it was not set
 *     line     PATH TEXT                    added to the file (sendmail.mc)
 *     unit     NAME                         enabled for systemd
 */
#ifndef ADMIN_SETUP_RECORD_H
#define ADMIN_SETUP_RECORD_H

#include <stdbool.h>

#include "lib/arena.h"
#include "lib/why.h"

enum { RECORD_MAX = 64 };

struct record_file {
	const char *path, *copy;
	const char *sum; /* "-": somebody else has changed the file between two runs of setup;
			  * NULL: to be taken when the record is written */
};

struct record_setting {
	const char *directory, *name;
	const char *before; /* NULL: it was not set */
	const char *after;
};

struct record_line {
	const char *path, *text;
};

struct record_copy {
	const char *path, *copy;
};

struct record {
	const char *filter, *unit; /* or NULL */
	struct record_file files[RECORD_MAX];
	struct record_setting settings[RECORD_MAX];
	struct record_line lines[RECORD_MAX];
	struct record_copy copies[RECORD_MAX];
	unsigned file_count, setting_count, line_count, copy_count;
};

/* Reads PATH; without it, the record is empty. -1 with the reason: it cannot be read, is not root's
 * alone to write, or has a line that is not one of the above. */
int record_read(struct arena *arena, const char *path, struct record *record, struct why *why);

bool record_is_empty(const struct record *record);

/* Each adds what is not there yet; a change of what is there keeps its first BEFORE. -1: there are
 * more than RECORD_MAX. */
int record_add_setting(struct record *record, struct record_setting setting);
int record_add_line(struct record *record, struct record_line line);

/* The command for a shell that writes it to PATH. */
const char *record_command(struct arena *arena, const struct record *record, const char *path);

/* The file PATH is about to be changed by setup after COPY of it is made: adds that, with the sum
 * that tells undo whether anybody else has changed the file in between. For a file that is there
 * already the first copy stays the one that undo puts back; COPY is one more. */
int record_change_file(struct arena *arena, struct record *record, const char *path,
		       const char *copy);

/* What cksum says of PATH; NULL: it cannot be read. */
const char *record_sum(struct arena *arena, const char *path);

#endif

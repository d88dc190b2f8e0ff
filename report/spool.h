/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Received reports between the worker that took them and the process that reads them: a directory
 * with one file for each mail, which is a head of SPOOL_HEAD bytes and the message. A file is
 * written under a name that begins with "tmp.", synchronized, and renamed: what has its name is
 * complete, also after a kill or a power failure.
 */
#ifndef REPORT_SPOOL_H
#define REPORT_SPOOL_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/arena.h"
#include "lib/span.h"
#include "lib/why.h"

enum { SPOOL_HEAD = 256, SPOOL_TRUST_MAX = 32 };

/* The directory beside the ledger's file LEDGER. */
const char *spool_directory(struct arena *arena, const char *ledger);

/* ---- writing: any thread ---- */

/* What the spool may hold at most. */
struct spool_limits {
	int64_t bytes;
	int64_t files;
	int64_t message; /* bytes of one of them */
};

struct spool_file;

/* Begins a file; makes the directory (mode 0700) where it is absent. NULL with WHY: also when the
 * spool is full. */
struct spool_file *spool_begin(const char *directory, const struct spool_limits *limits,
			       struct why *why);

/* Errors and a message that is too large are told at the end. */
void spool_write(struct spool_file *file, struct span bytes);

/* The head with TRUST (struct received_report), and the name. 0: it is on the disk; -1. Frees
 * FILE. */
int spool_finish(struct spool_file *file, const char *trust, struct why *why);
void spool_abandon(struct spool_file *file); /* NULL is OK */

/* ---- reading: one process ---- */

/* FD: the file, whose message is bytes SPOOL_HEAD to SIZE. TRUST NULL: its head is damaged. */
struct spool_item {
	const char *name;
	int fd;
	int64_t size;
	int64_t came; /* wall seconds */
	const char *trust;
};

/* 0: the file may go; 1: it stays for later; -1: it stays, and the reading ends. */
typedef int spool_visit(void *arg, const struct spool_item *item, struct why *why);

/* Visits all files, the oldest first. A file during whose visit this process died three times is
 * renamed to "failed." and its name, and FAILED (or NULL) is told. How many are left, or -1. */
typedef void spool_failed(void *arg, const char *name);
int64_t spool_each(const char *directory, spool_visit *visit, spool_failed *failed, void *arg,
		   struct why *why);

/* What it holds now; an absent directory holds nothing. */
void spool_measure(const char *directory, int64_t *files, int64_t *bytes);

#endif

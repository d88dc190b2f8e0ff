/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where reports lie: a file with one message, a mailbox (mbox), a Maildir, a directory of files, or
 * standard input.
 */
#ifndef REPORT_INBOX_SOURCE_H
#define REPORT_INBOX_SOURCE_H

#include "lib/why.h"

#include <stdint.h>

/* One message or bare file: bytes FROM to TO of FD. */
struct source_item {
	const char *path; /* "-" for standard input */
	uint64_t number;  /* 1 for the first message of a mailbox; 0: the file is not a mailbox */
	int fd;
	int64_t from, to;
	uint64_t file, files; /* this is file number FILE of FILES */
};

/* A value other than 0 ends the reading. */
typedef int source_visit(void *arg, const struct source_item *item);

/* Files of a directory come in the order of their names; names that begin with "." are passed over.
 * A file that cannot be opened is told to FAULT (NULL: it ends the reading) and left out. 0; what
 * VISIT returned if that was not 0; -1 with WHY. */
typedef void source_fault(void *arg, const char *path, const char *reason);
int source_each(const char *path, source_visit *visit, source_fault *fault, void *arg,
		struct why *why);

#endif

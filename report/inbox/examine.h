/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is in one message or bare file: decides by the first bytes, never by the subject. This runs
 * in the helper process (report/inbox/reader.c), and in tests.
 */
#ifndef REPORT_INBOX_EXAMINE_H
#define REPORT_INBOX_EXAMINE_H

#include "report/inbox/aggregate.h"
#include "report/inbox/writer.h"

#define EXAMINE_BYTES_OUT INT64_C(134217728) /* unpacked from one message, read twice */

/* Before the process gives up its rights: loads what reading this file needs. */
void examine_prepare(int fd, int64_t from, int64_t to);

/* Bytes FROM to TO (-1: the end) of FD. Each report goes to WRITER and is ended there; where there
 * is none, one end of kind INBOX_NOTHING has the reason. */
void examine(struct inbox_writer *writer, int fd, int64_t from, int64_t to,
	     const struct inbox_hint *hint);

#endif

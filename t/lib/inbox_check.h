/* SPDX-License-Identifier: BSD-2-Clause */
/* A visitor of received reports that checks what it is told. */
#ifndef T_LIB_INBOX_CHECK_H
#define T_LIB_INBOX_CHECK_H

#include "lib/buf.h"
#include "report/inbox/record.h"

struct inbox_check {
	struct arena *arena;
	struct buf text;  /* the same as text, a record each line: see inbox_check_text() */
	unsigned records; /* since the last restart or end */
	unsigned heads, ends;
};

/* For an inbox_writer: asserts that each record can be written and read again, and is the same. */
int inbox_check_visit(void *check, enum inbox_part part, const void *record);

/* Likewise, and appends "part name=value ...\n" of what is not NULL to TEXT, which the caller has
 * made. */
int inbox_check_text(void *check, enum inbox_part part, const void *record);

#endif

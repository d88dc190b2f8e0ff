/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Mail that a policy quarantines is marked by a field (QUARANTINE_FIELD, policy/forged.h) and
 * delivered: it lands in the inbox unless a mailbox filter sorts by that field. Whether one does
 * can be seen only as far as its rules are files of this host: Dovecot's settings and global Sieve
 * scripts, procmail's, maildrop's and the MTA's tables. Rules of single users are not looked for.
 */
#ifndef ADMIN_DOCTOR_MARKS_H
#define ADMIN_DOCTOR_MARKS_H

#include "lib/arena.h"
#include "store/ledger.h"

/* The first of these files which names the field outside of a comment; NULL: none that can be read.
 */
const char *marks_sorter(struct arena *arena);

/* How many messages of the days from FROM to TO were quarantined. 0, or -1 with a reason. */
int marks_count(struct ledger *ledger, int32_t from, int32_t to, int64_t *count, struct why *why);

/* The Sieve rule that sorts them. */
extern const char marks_rule[];

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * When records were first seen, kept between runs in the directory audit.state: DNS does not tell
 * how long a record has been there, and a change has to wait for the caches.
 */
#ifndef ADMIN_AUDIT_MEMORY_H
#define ADMIN_AUDIT_MEMORY_H

#include "admin/admin.h"

struct memory;

/* What is in DIRECTORY; nothing where there is none yet. Lives in ADMIN's arena. NULL after the
 * error was printed: the file cannot be read. */
struct memory *memory_open(struct admin *admin, const char *directory);

/* Wall seconds; 0: never. For struct audit_change. */
int64_t memory_since(const void *memory, const char *record);

/* RECORD is there NOW. One that was not seen for 30 days is forgotten. */
void memory_note(struct memory *memory, const char *record, int64_t now);

/* Writes what has changed; -1 with WHY. */
int memory_save(struct memory *memory, int64_t now, struct why *why);

#endif

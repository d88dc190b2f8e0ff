/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is kept of a domain's facts, to see what has changed when it is audited again: lines of a
 * key, a subject and a value. A part that could not be looked at keeps what was known of it.
 */
#ifndef AUDIT_WATCH_SUMMARY_H
#define AUDIT_WATCH_SUMMARY_H

#include "audit/rules.h"
#include "lib/buf.h"

enum { SUMMARY_ITEMS_MAX = 2000, SUMMARY_VALUE_MAX = 4096 };

/* Printable ASCII without tabs. */
struct summary_item {
	const char *key;     /* "mx", "spf", "policy.p", "ends" ... */
	const char *subject; /* the name that has it */
	const char *value;
};

struct summary {
	struct arena *arena;
	unsigned count, unknown_count;
	struct summary_item *items; /* sorted */
	const char *unknown[32];    /* keys of which nothing is known now */
};

/* OLD: what was kept, or NULL. All live in ARENA. */
struct summary *summary_make(const struct audit_settings *settings, const struct audit_facts *facts,
			     const struct summary *old, struct arena *arena);

void summary_write(const struct summary *summary, struct buf *out);

/* NULL with WHY: TEXT is not what summary_write() writes. */
struct summary *summary_read(struct arena *arena, struct span text, struct why *why);

/* What became worse or otherwise, as findings of the rules watch.* and sts.id-not-changed. */
struct audit_findings summary_compare(const struct audit_settings *settings,
				      const struct summary *before, const struct summary *after,
				      struct arena *arena);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the last audit found about one of our domains, as `audit --watch` keeps it for the page: a
 * file in audit.state.
 */
#ifndef REPORT_PAGE_POSTURE_H
#define REPORT_PAGE_POSTURE_H

#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/span.h"
#include "lib/why.h"

enum { POSTURE_MAX = 200, POSTURE_BYTES_MAX = 1 << 20 };

/* Texts have neither control characters nor ends of lines. */
struct posture_finding {
	const char *level; /* "error" "warn" */
	const char *rule;  /* its id */
	const char *text;
	const char *remedy; /* the record to publish; NULL: none is known */
};

struct posture {
	const char *domain;
	int64_t at; /* wall seconds */
	struct posture_finding *items;
	unsigned count;
	unsigned hints; /* further findings */
};

/* The file for DOMAIN, in ARENA. NULL: no file may have its name. */
const char *posture_path(struct arena *arena, const char *directory, const char *domain);

/* Control characters become '?'; those past POSTURE_MAX are left out. */
void posture_write(struct buf *out, const struct posture *posture);

/* All but the domain, in ARENA. -1 with WHY: TEXT is not what posture_write() writes. */
int posture_read(struct arena *arena, struct span text, struct posture *posture, struct why *why);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What each of the daemon's processes may do once it has started (lib/system/confine.h), and what
 * of that the system lets it give up. Each process confines itself, before it reads what is
 * hostile; the supervisor sees what became of it in memory that they share.
 *
 *     supervisor       anything but execute: reloads open what the settings name
 *     worker           reads files, writes the ledger's directory; DNS; no stream socket but TCP to
 *                      the DNS servers' ports. On libmilter, which makes sockets to itself: less
 *     launcher         forks, reads files
 *     key process      nothing but its open sockets
 *     shipper          reads files, writes the ledger's directory; sockets
 *     key copier       the same
 *     report sender    the same, and temporary files
 *     exporter         nothing but its open sockets
 *     page server      reads files, writes the ledger's directory (SQLite's shared memory); DNS;
 *                      PostgreSQL with store.shared
 *     report intake    reads files, writes the ledger's directory and temporary files; forks
 *     report receiver  (of posted reports) writes the spool's directory
 *     policy service   (of TLS, for Postfix) reads files, writes the ledger's directory; sockets
 *     fetcher          (of its policies) reads files; sockets
 *     BIMI fetcher     reads files, writes the ledger's directory; sockets; forks
 *     second opinion   nothing but its open sockets
 */
#ifndef DAEMON_CONFINED_H
#define DAEMON_CONFINED_H

#include "conf/conf.h"
#include "lib/buf.h"
#include "lib/system/confine.h"

enum confined_kind {
	CONFINED_SUPERVISOR,
	CONFINED_WORKER,
	CONFINED_LAUNCHER,
	CONFINED_KEYS,
	CONFINED_SHIPPER,
	CONFINED_REPORTS,
	CONFINED_EXPORTER,
	CONFINED_INTAKE,
	CONFINED_POLICY,
	CONFINED_FETCHER,
	CONFINED_BIMI,
	CONFINED_OPINION,
	CONFINED_COUNTER,
	CONFINED_RECEIVER,
	CONFINED_PAGES,
	CONFINED_COPIER,
	CONFINED_KINDS
};

/* Makes the shared memory. Once, before any fork; in a process without it, nothing is shared. */
void confined_open(void);

/* This process is a KIND from now on. CONF: its settings; may be NULL where they do not matter.
 * Returns what holds (enum confine_limit), and logs once for each kind when it is too little. */
unsigned confined_enter(enum confined_kind kind, const struct conf *conf);

/* A process that shares no memory with the supervisor has told what holds. */
void confined_note(enum confined_kind kind, unsigned limits);

/* Whether a worker that was confined for BEFORE can do all that AFTER wants. */
bool confined_covers(const struct conf *before, const struct conf *after);

/* A line "confined KIND LIMITS" for each kind that has entered. */
void confined_write(struct buf *out);

#endif

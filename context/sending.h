/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * All that sending reports needs, made of settings: used by both programs, so it knows neither
 * libmilter nor processes.
 */
#ifndef CONTEXT_SENDING_H
#define CONTEXT_SENDING_H

#include "conf/conf.h"
#include "report/sender.h"

struct sending {
	struct sender sender; /* the caller has set tell, go_on, look and arg */
	struct sender_settings settings;
	struct context *context;
	struct arena *arena;
	const char *warning; /* why reports will hardly be accepted, or NULL */
};

enum sending_state {
	SENDING_READY,
	SENDING_CONFIG,      /* the settings do not allow it */
	SENDING_BUSY,        /* another process does it */
	SENDING_UNAVAILABLE, /* the ledger cannot be used */
};

/* Also stores what became of a mail of an earlier run, and tells it (sender_resume). A dry run
 * opens no socket and changes nothing. CONF outlives it. KEYS: our public keys as text
 * (keys/publickeys.h); NULL: from their files, where they may be read. Unless READY there is
 * nothing to close, and WHY says why. */
enum sending_state sending_open(struct sending *sending, const struct conf *conf, const char *keys,
				bool dry_run, struct why *why);
void sending_close(struct sending *sending);

/* What the member WARNING would have, in ARENA; NULL also where CONF sends no reports, and where
 * keys cannot be read here, which says nothing of the daemon. */
const char *sending_check(const struct conf *conf, struct arena *arena);

#endif

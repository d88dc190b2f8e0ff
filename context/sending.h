/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * All that sending reports needs, made of settings: used by both programs, so it knows neither
 * libmilter nor processes.
 */
#ifndef CONTEXT_SENDING_H
#define CONTEXT_SENDING_H

#include "conf/conf.h"
#include "report/notice.h"
#include "report/sender.h"

struct sending {
	struct sender sender; /* the caller has set tell, go_on, look and arg */
	struct sender_settings settings;
	struct context *context;
	struct arena *arena;
	const char *keys;    /* those of sending_open() */
	bool tls;            /* TLS reports, too */
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

/* Sends NOTICE to TO at once. 0, or -1 with WHY. */
int sending_notice(const struct conf *conf, const char *to, const struct notice *notice,
		   struct why *why);

/* Puts it into the outbox, from which the daemon sends it to ADDRESSES. NAME tells it from others
 * of the day. As notice_put(). */
int sending_put_notice(const struct conf *conf, const char *name, const struct notice *notice,
		       const struct conf_strings *addresses, struct why *why);

/* What the member WARNING would have, in ARENA; NULL also where CONF sends no reports, and where
 * keys cannot be read here, which says nothing of the daemon. */
const char *sending_check(const struct conf *conf, struct arena *arena);

#endif

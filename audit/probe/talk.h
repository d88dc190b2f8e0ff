/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A conversation in lines with a server: bounded in time, line length and number of lines.
 */
#ifndef AUDIT_PROBE_TALK_H
#define AUDIT_PROBE_TALK_H

#include "audit/probe/reply.h"
#include "lib/crypto/session.h"
#include "lib/ip.h"

enum talk_way {
	TALK_OPEN,
	TALK_REFUSED, /* the host says that nobody listens there */
	TALK_NO_WAY   /* no route, no answer: not known whose fault that is */
};

struct talk {
	int fd;
	struct session *session; /* or NULL */
	int64_t deadline;        /* clock_mono(), for all of it */
	size_t begin, end;       /* of what came and was not taken yet */
	char buffer[REPLY_LINE_MAX];
};

enum talk_way talk_open(struct talk *talk, const struct ip *ip, unsigned port, int64_t deadline,
			struct why *why);
void talk_close(struct talk *talk);

bool talk_say(struct talk *talk, struct span bytes);

/* The next line without its end; it is gone with the next call. False: there is none, or it is too
 * long. */
bool talk_line(struct talk *talk, struct span *line);

/* At least COUNT bytes, which stay; false: they do not come. COUNT: at most REPLY_LINE_MAX. */
bool talk_bytes(struct talk *talk, size_t count, struct span *bytes);

/* Whether something comes within NANOSECONDS, or is there. */
bool talk_hears(struct talk *talk, int64_t nanoseconds);

/* What came before is dropped. */
int talk_secure(struct talk *talk, const struct session_settings *settings, struct why *why);

/* A whole reply of SMTP; LINE(ARG, text) is called with each of its lines. 0: there was none. */
unsigned talk_reply(struct talk *talk, void (*line)(void *arg, unsigned i, struct span text),
		    void *arg);

#endif

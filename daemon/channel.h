/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The protocol between the supervisor and another process, over a socket pair: frames of a kind, a
 * text, and perhaps a file. Nothing blocks: what cannot be written now waits in the channel until
 * channel_flush().
 */
#ifndef DAEMON_CHANNEL_H
#define DAEMON_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/buf.h"

enum channel_kind {
	/* to the worker */
	CHANNEL_PREPARE = 'P', /* text: settings; the answer is YES or NO */
	CHANNEL_COMMIT = 'C',  /* use what was prepared; the answer is DONE */
	CHANNEL_ABORT = 'A',   /* forget it */
	CHANNEL_DRAIN = 'D',   /* take no new connections, end when the messages have */
	CHANNEL_QUIT = 'Q',    /* end now */
	CHANNEL_PING = 'p',    /* the answer is PONG */
	CHANNEL_FLUSH = 'f',   /* empty a cache; text: "dns", "keys", "all" */
	CHANNEL_KEYS = 'k',    /* for what is prepared next; text: public keys; file: who signs */
	CHANNEL_REKEY = 'K',   /* the same, from now on: another key process takes over */
	/* to the supervisor */
	CHANNEL_READY = 'R',   /* accepts connections */
	CHANNEL_FAILED = 'F',  /* text: why it could not start; it ends */
	CHANNEL_YES = 'Y',     /* prepared */
	CHANNEL_NO = 'N',      /* text: why not */
	CHANNEL_DONE = 'd',    /* uses what was prepared */
	CHANNEL_LEAVING = 'L', /* drains by itself: another should take its place */
	CHANNEL_PONG = 'o',
	/* between supervisor, launcher and key process: daemon/keys/process.h */
	CHANNEL_LAUNCH = 'S',   /* text: which keys; file: the channel of the key process */
	CHANNEL_SERVE = 's',    /* file: a connection of a worker */
	CHANNEL_RETIRE = 'r',   /* end when all connections have */
	CHANNEL_LOADED = 'l',   /* text: public keys */
	CHANNEL_NOTE = 'n',     /* text: for the log */
	CHANNEL_CONFINED = 'x', /* text: enum confine_limit; from the launcher, too */
	CHANNEL_COUNTS = 'c'    /* text: requests since the last, a number for each outcome */
};

enum { CHANNEL_FILES = 64 }; /* on their way at once */

/* Files that are to be sent, each with the byte of OUT at AT; or that were received, in order. */
struct channel_files {
	struct {
		int fd;
		size_t at;
	} items[CHANNEL_FILES];
	unsigned count;
};

struct channel {
	int fd;           /* -1: the other side is gone */
	bool takes_files; /* from the other side, which is trusted so far */
	struct buf in;
	struct buf out;
	size_t taken; /* of IN: frames already handed out */
	size_t sent;  /* of OUT */
	struct channel_files files_in, files_out;
};

struct channel_frame {
	char kind;
	const char *text; /* NUL-terminated; until the next call on this channel */
	int fd;           /* the receiver's; -1: none */
};

int channel_pair(int fds[2]); /* close-on-exec, not blocking; -1 with errno */

/* LIMIT: longest text that is taken from the other side; a longer one ends the channel. */
void channel_init(struct channel *channel, int fd, size_t limit);
void channel_free(struct channel *channel); /* closes it; may be called again */

void channel_send(struct channel *channel, enum channel_kind kind, const char *text);
void channel_send_file(struct channel *channel, enum channel_kind kind, const char *text,
		       int fd); /* takes FD; -1: none */
void channel_flush(struct channel *channel);
bool channel_waits(const struct channel *channel); /* something is still to be written */

/* Reads what is there, without waiting. channel_next() then takes the whole frames one by one. */
void channel_fill(struct channel *channel);
bool channel_next(struct channel *channel, struct channel_frame *frame);

#endif

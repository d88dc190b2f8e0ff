/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is said over the control socket. The client says one line, gets one answer, and both close.
 *
 *     request = verb [ SP argument ] LF          verb: see control_verbs; argument: 1*63VCHAR
 *     answer  = code SP length LF body           length: of the body, in bytes
 *
 * Used by the daemon and by the command.
 */
#ifndef MILTER_PROTOCOL_CONTROL_TEXT_H
#define MILTER_PROTOCOL_CONTROL_TEXT_H

#include "lib/buf.h"
#include "lib/name.h"
#include "lib/why.h"

enum control_verb {
	CONTROL_STATUS,     /* body: see daemon/status.h */
	CONTROL_METRICS,    /* body: Prometheus text format */
	CONTROL_RELOAD,     /* answered when it is decided; body: what was refused, a line each */
	CONTROL_LOG_LEVEL,  /* argument: of log_level_names */
	CONTROL_CACHE_FLUSH /* argument: "dns", "keys", "all" */
};
extern const struct name_code control_verbs[];

enum control_code {
	CONTROL_OK,
	CONTROL_NO,     /* understood, not done; body: why */
	CONTROL_DENIED, /* not for this user */
	CONTROL_BAD     /* not understood */
};
extern const struct name_code control_codes[];

enum { CONTROL_REQUEST_MAX = 128, CONTROL_ARGUMENT_MAX = 64, CONTROL_ANSWER_MAX = 4 << 20 };

struct control_request {
	enum control_verb verb;
	char argument[CONTROL_ARGUMENT_MAX]; /* "" : none */
};

/* LINE without its LF. -1 with the reason. */
int control_parse_request(struct span line, struct control_request *request, struct why *why);
void control_put_request(struct buf *out, enum control_verb verb, const char *argument);

void control_put_answer(struct buf *out, enum control_code code, struct span body);

/* 1: TEXT is a whole answer; BODY points into it. 0: it may become one. -1: it is none. */
int control_parse_answer(struct span text, enum control_code *code, struct span *body);

#endif

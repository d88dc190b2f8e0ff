/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The one line that is logged for a message: fixed order of keys, values from the network bounded.
 */
#ifndef MILTER_LOGLINE_H
#define MILTER_LOGLINE_H

#include "lib/arena.h"
#include "lib/log.h"
#include "policy/origin.h"
#include "policy/outbound.h"
#include "policy/result/verdict.h"

struct logline_facts {
	const char *queue_id; /* or NULL */
	enum origin origin;
	struct ip client; /* that is connected */
	const char *client_name;
	const char *helo;
	const char *mail_from;
	const char *login;       /* or NULL */
	const char *message_id;  /* as the message has it, <> and all; or NULL */
	const char *recipients;  /* "<a@example.com>,<b@example.com>", or NULL: not logged */
	int64_t recipient_count; /* may be more than are listed */
	uint64_t size;           /* bytes of header and body as seen */
	unsigned lookups;
	int64_t nanoseconds; /* from the end of the message to our answer */
	const char *note;    /* something else that went wrong, or NULL */
};

const struct log_record *logline_inbound(struct arena *arena, const struct logline_facts *facts,
					 const struct verdict *verdict);
const struct log_record *logline_outbound(struct arena *arena, const struct logline_facts *facts,
					  const struct outbound_result *result, enum action action);

/* A message from a relay that is skipped: neither judged nor signed. */
const struct log_record *logline_skipped(struct arena *arena, const struct logline_facts *facts,
					 enum action action);

/* A message beyond a bound, which was neither judged nor signed. */
const struct log_record *logline_refused(struct arena *arena, const char *queue_id,
					 enum origin origin, enum action action, const char *why);

#endif

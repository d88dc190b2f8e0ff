/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What received reports show that somebody should act on.
 */
#ifndef REPORT_SOURCES_FINDINGS_H
#define REPORT_SOURCES_FINDINGS_H

#include "report/sources/gather.h"

enum finding_kind {
	FINDING_UNSIGNED_HOST,     /* mail of an own host fails */
	FINDING_FOREIGN_KEY,       /* a selector in DNS that somebody else uses */
	FINDING_PARTNER_UNALIGNED, /* mail of a partner, by decision, fails */
	FINDING_SPF_ONLY,          /* mail of a host that SPF names fails */
	FINDING_OLD_KEY,           /* a key that is revoked or gone is still in use */
	FINDING_REPLAY,            /* more passes of a selector than signatures */
	FINDING_TLS,               /* TLS sessions to an MX failed */
	FINDING_COMPLAINTS,        /* 0.1 % of a stream or more */
	FINDING_COMPLAINTS_HIGH,   /* 0.3 % */
	FINDING_NOT_AUTHORIZED,    /* our address is in a domain that has not agreed to reports */
	FINDING_NOT_ASKED,         /* reports about a domain that does not ask for them here */
	FINDING_KINDS
};
extern const struct name_code finding_kind_names[];

struct finding {
	enum finding_kind kind;
	const char *domain;
	const char *subject; /* a flow, an MX, DOMAIN/SELECTOR */
	int64_t messages;    /* that it is about: failed ones, sessions, complaints */
	const char *text;    /* for people */
};

/* A flow. False: nothing is to be done. Texts live in ARENA. */
bool finding_of_flow(const struct flow *flow, struct arena *arena, struct finding *finding);

/* Reporters counted PASSED messages with a selector, which SIGNED messages here in the same time:
 * more than 100 more, and over 120 %. Forwarding to many looks the same. */
bool finding_is_replay(int64_t passed, int64_t signatures);

/* Whether COMPLAINTS about a stream of MESSAGES, at least 100, are too many; *KIND is one of the
 * two. The levels are those that large receivers publish. */
bool finding_of_complaints(int64_t complaints, int64_t messages, enum finding_kind *kind);

#endif

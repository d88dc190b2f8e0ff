/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The SPF record, RFC 7208 sections 4.5, 4.6.1, 5, 6 and 12: checked as a whole first, then read
 * term by term. Nothing is allocated, however long the record is; the work is linear in its length.
 */
#ifndef POLICY_SPF_RECORD_H
#define POLICY_SPF_RECORD_H

#include <stdbool.h>

#include "lib/ip.h"
#include "lib/span.h"
#include "lib/why.h"

enum spf_kind {
	SPF_TERM_ALL,
	SPF_TERM_INCLUDE,
	SPF_TERM_A,
	SPF_TERM_MX,
	SPF_TERM_PTR,
	SPF_TERM_IP4,
	SPF_TERM_IP6,
	SPF_TERM_EXISTS,
	SPF_TERM_REDIRECT,
	SPF_TERM_EXP,
	SPF_TERM_UNKNOWN_MODIFIER
};

struct spf_term {
	enum spf_kind kind;
	char qualifier;       /* '+', '-', '?' or '~'; also when the term does not write it */
	struct span text;     /* the term as written */
	struct span domain;   /* its domain-spec; empty: it has none */
	struct ip network;    /* ip4, ip6 */
	uint8_t bits4, bits6; /* cidr-length; 32 and 128 when not written */
};

struct spf_record {
	struct span text;
	struct span terms;    /* what follows the version */
	struct span redirect; /* the domain-specs of the two modifiers; empty: not there */
	struct span exp;
	unsigned count; /* terms */
	bool has_all;   /* then redirect is ignored (section 5.1) */
};

/* Does TEXT begin with a version section (section 4.5)? */
bool spf_record_is(struct span text);

/* Checks TEXT, for which spf_record_is() holds. -1 and a reason with term and place: permerror. */
int spf_record_parse(struct span text, struct spf_record *record, struct why *why);

/* Takes the next term off REST, which begins as the `terms` of a parsed record; false at the end.
 */
bool spf_record_next(struct span *rest, struct spf_term *term);

/* Does a term that needs no DNS (all, ip4, ip6) match? False for every other term. */
bool spf_term_matches(const struct spf_term *term, const struct ip *client);

/* Of the terms that cause a lookup (section 4.6.4)? */
bool spf_term_needs_dns(const struct spf_term *term);

const char *spf_kind_section(enum spf_kind kind); /* of RFC 7208: "5.2" */

/* A part of a record for a message to people: printable, cut. */
enum { SPF_SHOW_MAX = 80 };
const char *spf_show(struct span text, char out[SPF_SHOW_MAX]);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading Authentication-Results fields (RFC 8601 section 2.2): whose one is, and what an
 * ARC-Authentication-Results field (RFC 8617 section 4.1.1) says.
 */
#ifndef MAIL_AUTHRES_READ_H
#define MAIL_AUTHRES_READ_H

#include <stdbool.h>

#include "lib/arena.h"
#include "lib/span.h"

/* RFC 2045 section 5.1: a token of printable ASCII. */
bool authres_is_token(struct span s);

/*
 * Must an inbound field be removed (section 5)? True when its authserv-id is OURS (either case; an
 * A-label is the same as its U-label; a final dot does not matter), when its version is not 1, or
 * when the field cannot be read, so that no other reader can take it for ours. An id with bytes
 * beyond ASCII which is not a domain name (U+00A0, bytes that are not UTF-8) cannot be read.
 */
bool authres_is_ours(struct span value, const char *ours);

/* Texts are lower case but for values, which are as they stood, without quotes. */
struct authres_property {
	const char *ptype; /* "smtp" "header" ...; "" where some write none */
	const char *name;
	const char *value;
};

struct authres_result {
	const char *method, *result; /* "dmarc", "pass" */
	const struct authres_property *properties;
	unsigned property_count;
};

struct authres_results {
	const struct authres_result *items;
	unsigned count;
};

/*
 * The results of a field's value: false when it cannot be read as a whole, or has more than 100 of
 * them. Read more widely than the grammar where big senders write otherwise: a pvalue goes on to
 * the next blank, ";" or "(", and a property may have no ptype.
 */
bool authres_parse(struct arena *arena, struct span value, struct authres_results *out);

/* The first result of METHOD, or NULL; the value of a property of RESULT, or NULL. */
const struct authres_result *authres_find(const struct authres_results *results,
					  const char *method);
const char *authres_value(const struct authres_result *result, const char *ptype, const char *name);

/* Takes "i=N;" off the front of an ARC-Authentication-Results field's value (RFC 8617 section
 * 3.9); 0 when it is not there or not from 1 to 50. */
unsigned authres_instance(struct span *value);

#endif

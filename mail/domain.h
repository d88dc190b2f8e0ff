/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Domain names as mail uses them: ASCII (A-labels), lower case, no final dot. libidn2 is used here
 * and nowhere else.
 */
#ifndef MAIL_DOMAIN_H
#define MAIL_DOMAIN_H

#include <stdbool.h>

#include "lib/arena.h"
#include "lib/span.h"
#include "lib/why.h"

/*
 * The A-label form of TEXT (U-labels are converted: IDNA2008 with UTS #46 mapping; a final dot is
 * dropped), or NULL when it cannot be a domain name: empty, an empty label, a label over 63 or a
 * name over 253 bytes, a byte that no host or DNS name in mail has (only letters, digits, "-", "_"
 * are accepted), not UTF-8, an address literal.
 */
const char *domain_to_ascii(struct arena *arena, struct span text);

/* The same for a setting or an argument: NULL with "..." is not a valid domain as the reason. */
const char *domain_parse(struct arena *arena, struct span text, struct why *why);

/* Whether NAME is made of labels of 1 to 63 bytes, at most 253 with the dots between them, and each
 * byte but the dots IS_ALLOWED. */
bool domain_has_labels(struct span name, bool (*is_allowed)(int c));

/* The rest work on names that domain_to_ascii returned. */
unsigned domain_labels(const char *domain);                   /* "example.com" -> 2 */
const char *domain_last(const char *domain, unsigned labels); /* its last LABELS (> 0) labels; a
								 pointer into DOMAIN */
const char *domain_parent(const char *domain);                /* without the first label, or NULL */
bool domain_equal(const char *a, const char *b);              /* either case */
bool domain_is_below(const char *domain, const char *parent); /* strictly below; either case */
bool domain_within(const char *domain, const char *parent);   /* equal or below */

/* Which domains a setting names: "example.com", "*.example.com" (it and what is below), "*". */
struct domain_pattern {
	const char *domain; /* in the form of domain_to_ascii; NULL: every domain */
	bool below;
};
bool domain_pattern_parse(struct arena *arena, struct span text, struct domain_pattern *pattern);
bool domain_pattern_matches(const struct domain_pattern *pattern, const char *domain);

/* The domain of an envelope address without <>, in the form of domain_to_ascii: what follows the
 * last "@" outside quotes. NULL: there is none, or it is not a domain name. */
const char *domain_of_address(struct arena *arena, const char *address);

#endif
